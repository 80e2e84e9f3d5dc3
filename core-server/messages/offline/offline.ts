import { NS } from '../../../shared/xmpp/namespaces.js';
import { defineFeature } from '../../feature.js';
import { Flood } from './flood.js';
import { HandedMessages } from './handed-messages.js';
import { KeptMessages } from './kept-messages.js';
import { OFFLINE_MESSAGES } from './offline-document.js';
import { OfflineStore } from './offline-store.js';
import { SeenBy } from './seen-by.js';
import { isSilent, worthStoring } from './stored-message.js';
import { Storing } from './storing.js';
import { Unfinished } from './unfinished.js';

/** A core that stops, of which a process has one, waits for them. */
const unfinished = new Unfinished();

/** Messages for accounts nobody is at (XEP-0160, RFC 6121 §8.5.2.2.1). */
export const offline = defineFeature({
  name: 'offline messages',
  specifications: ['RFC 6121 §8.5.2.2.1'],
  xeps: [
    { id: '0160', version: '1.0.1', status: 'complete' },
    { id: '0203', version: '2.0', status: 'complete' },
    { id: '0359', version: '0.7.0', status: 'partial', note: 'ids on what the core stores' },
  ],
  metrics: [
    { name: 'offline_stored_total', kind: 'counter', help: 'Messages stored for offline accounts' },
    { name: 'offline_delivered_total', kind: 'counter', help: 'Stored messages delivered' },
    {
      name: 'offline_refused_total',
      kind: 'counter',
      help: 'Messages refused because the store of an account is full',
    },
  ],
  stop: () => unfinished.all(),
  setup(core) {
    const archive = core.storage.archive(OFFLINE_MESSAGES);
    const limit = core.settings.LIMIT_OFFLINE_MESSAGES;
    const store = new OfflineStore(archive, limit, core.settings.LIMIT_OFFLINE_BYTES);
    const seen = new SeenBy();
    const delivered = core.metrics.counter('offline_delivered_total', 'Stored messages delivered');
    const handed = new HandedMessages(store, seen, delivered);
    const flood = new Flood(core, store, handed, seen, unfinished);
    const storing = new Storing(core, store, seen, unfinished, flood);
    const kept = new KeptMessages({ core, store, handed, seen, unfinished, flood, storing });

    core.disco.feature('server', NS.messageOffline);
    core.disco.feature('account', NS.stanzaId);

    core.hooks.messageUndelivered.add(100, (account, message, origin) => {
      if (handed.has(message)) {
        // it is still stored
        handed.noteLeft(message);
        flood.leave(account, message);
        return true;
      }
      if (limit === 0 || !worthStoring(message)) return isSilent(message);
      storing.store(account, message, origin);
      return true;
    });
    core.hooks.sessionLeaves.on((session, stanzas) => handed.noteAllLeft(session, stanzas));
    core.hooks.leavingsHandedOn.on((account, since) => flood.handedOn(account, since));

    core.hooks.sessionAvailable.on((session) => {
      if (session.priority >= 0) void flood.give(session);
    });
    // §3 of XEP-0160: also when a negative priority becomes non-negative
    core.hooks.presenceBroadcast.on((session) => {
      if (session.priority >= 0) void flood.give(session);
    });
    core.hooks.sessionOutbound.add(10, (session, stanza) =>
      stanza.name === 'message' && flood.putBehind(session, stanza) ? true : undefined,
    );
    core.hooks.sessionEnded.on((session) => flood.sessionEnded(session));

    core.hooks.sessionHibernating.on((session) => kept.keepAll(session));
    core.hooks.messageDelivered.add(10, (_account, message, sessions, origin) => {
      for (const session of sessions) {
        // one that this very message was too much for has ended, and handed it on: it is stored already
        if ((session.stream === null || flood.behind(session) !== undefined) && !session.ended)
          kept.keep(session, [message], origin);
      }
      return undefined;
    });

    core.hooks.accountRemoved.on((account) => {
      archive.clear(account).catch((error: unknown) => {
        core.log.error({ code: 'storage.offline-unwritable', error }, 'stored messages could not be removed');
      });
    });
  },
});
