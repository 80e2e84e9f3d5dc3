import { Stanza } from '../../shared/xml/stanza.js';
import { stanzaErrorOf } from '../../shared/xmpp/failure.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { defineFeature } from '../feature.js';
import { verdictOf } from '../privacy/verdict.js';
import type { Origin } from '../routing/origin.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import { holdersOf, isElsewhere, isHad, isStored, noteStored } from './holders.js';
import { KeptMessages } from './kept-messages.js';
import { OFFLINE_MESSAGES } from './offline-document.js';
import { ACCOUNT_GONE, type Handed, OfflineStore, PAGE, STORE_FULL } from './offline-store.js';
import { SeenBy } from './seen-by.js';
import { isSilent, stamped, worthStoring } from './stored-message.js';
import { foremost, takesMessages } from './takes-messages.js';
import { WaitingMessages } from './waiting-messages.js';

/** More than this in the session's queue waits for the client before the next message is read from the store. */
const WINDOW_BYTES = 512 * 1024;

/** Messages on their way into the store: a core that stops waits for them. */
const unfinished = new Set<Promise<unknown>>();

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
  async stop() {
    await Promise.allSettled(unfinished);
  },
  setup(core) {
    const archive = core.storage.archive(OFFLINE_MESSAGES);
    const stored = core.metrics.counter('offline_stored_total', 'Messages stored for offline accounts');
    const delivered = core.metrics.counter('offline_delivered_total', 'Stored messages delivered');
    const refused = core.metrics.counter(
      'offline_refused_total',
      'Messages refused because the store of an account is full',
    );
    /** Sessions that are being given stored messages: what comes meanwhile goes behind them. */
    const flooding = new WeakMap<Session, WaitingMessages>();
    /** Accounts whose stored messages are on their way to a session. */
    const busy = new WeakMap<AccountState, Session>();
    /**
     * Who is to get them next: it came, or something was stored that it may have, meanwhile. Where the session that was
     * being given them had ended, what comes for it goes behind them already.
     */
    const heirs = new WeakMap<AccountState, Session>();
    /** Messages handed to a session from the store, and whether that session ended without having received them. */
    const fromStore = new WeakMap<Stanza, boolean>();
    /** Sessions that may have such messages in their queues. */
    const given = new WeakSet<Session>();
    /** Stored messages that wait in the queue of a session without a stream, by their ids; those being stored. */
    const kept = new WeakMap<AccountState, Set<number>>();
    /** Of those, what was removed while stored messages are on their way to a session. */
    const removedMeanwhile = new WeakMap<AccountState, Set<number>>();
    const underWay = new WeakMap<AccountState, Set<Promise<void>>>();
    const seen = new SeenBy();
    /** Accounts of which a session that is ending leaves what nobody has. */
    const left = new WeakSet<AccountState>();
    const limit = core.settings.LIMIT_OFFLINE_MESSAGES;
    const messages = new OfflineStore(archive, limit, core.settings.LIMIT_OFFLINE_BYTES);
    // never so much that the session would be ended for not reading it
    const window = Math.min(WINDOW_BYTES, core.settings.LIMIT_OUTBOUND_BYTES / 2);

    const keptMessages = new KeptMessages({
      core,
      messages,
      seen,
      fromStore,
      given,
      flooding,
      kept,
      removedMeanwhile,
      wayOf,
      unfinished,
      notStored,
      refuse,
      refuseFull: (message) => {
        refused.inc();
        refuse(message, STORE_FULL);
      },
      offer,
      remove,
    });

    core.disco.feature('server', NS.messageOffline);
    core.disco.feature('account', NS.stanzaId);

    core.hooks.messageUndelivered.add(100, (account, message, origin) => {
      if (fromStore.has(message)) {
        // it is still stored
        fromStore.set(message, true);
        if (!isHad(message)) left.add(account);
        return true;
      }
      if (limit === 0 || !worthStoring(message)) return isSilent(message);
      store(account, message, origin);
      return true;
    });

    // some of it may be handed on later; that they are still stored must be known now
    core.hooks.sessionLeaves.on((session, stanzas) => {
      if (!given.has(session)) return;
      for (const stanza of stanzas) if (fromStore.has(stanza)) fromStore.set(stanza, true);
    });

    // who came while it was handed on has not seen it; what nobody has is for who is there
    core.hooks.leavingsHandedOn.on((account, since) => {
      const came = (session: Session) => session.since >= since && takesMessages(session);
      const leaves = left.delete(account) ? foremost(account) : undefined;
      const there = core.directory.peek(account.jid)?.sessions.find(came) ?? leaves;
      if (there !== undefined) void Promise.allSettled([...unfinished]).then(() => flood(there));
    });

    core.hooks.sessionAvailable.on((session) => {
      if (session.priority >= 0) void flood(session);
    });
    // §3 of XEP-0160: also when a negative priority becomes non-negative
    core.hooks.presenceBroadcast.on((session) => {
      if (session.priority >= 0) void flood(session);
    });
    core.hooks.sessionOutbound.add(10, (session, stanza) => {
      const waiting = flooding.get(session);
      if (waiting === undefined || stanza.name !== 'message') return undefined;
      waiting.stanzas.push(stanza);
      waiting.bytes += stanza.source.length;
      // it does not acknowledge the stored ones: all this is handed on as soon as `flood` sees the end
      if (waiting.bytes > core.settings.LIMIT_OUTBOUND_BYTES) {
        if (session.stream === null) core.sessions.end(session);
        else session.stream.fail('resource-constraint', 'the client does not acknowledge what it is sent');
      }
      return true;
    });
    core.hooks.sessionHibernating.on((session) => {
      keptMessages.keepAll(session);
    });
    // what comes for the next one has its place behind what this one leaves, from now on
    core.hooks.sessionEnded.on((session) => {
      const { account } = session;
      const leaves = left.delete(account) ? foremost(account) : undefined;
      if (busy.get(account) !== session) {
        if (leaves !== undefined) void flood(leaves);
        return;
      }
      const heir = heirs.get(account);
      const next = heir !== undefined && takesMessages(heir) ? heir : account.sessions.find(takesMessages);
      if (next !== undefined) inherit(next, session);
    });
    core.hooks.messageDelivered.add(10, (_account, message, sessions, origin) => {
      for (const session of sessions) {
        // one that this very message was too much for has ended, and handed it on: it is stored already
        if ((session.stream === null || flooding.has(session)) && !session.ended)
          keptMessages.keep(session, [message], origin);
      }
      return undefined;
    });
    core.hooks.accountRemoved.on((account) => {
      archive.clear(account).catch((error: unknown) => {
        core.log.error({ code: 'storage.offline-unwritable', error }, 'stored messages could not be removed');
      });
    });

    /** One that nobody has: it is not kept from others who are there and had no copy (XEP-0198 §5). */
    function offer(account: AccountState, message: Stanza): void {
      if (isHad(message)) return;
      const there = foremost(account);
      if (there !== undefined) void flood(there);
    }

    function refuse(message: Stanza, error: StanzaError): void {
      if (!isElsewhere(message)) core.router.bounce(message, error);
    }

    function store(account: AccountState, message: Stanza, origin: Origin): void {
      // a flood is refused at little cost
      if (messages.isFull(account, message.source.length)) {
        refused.inc();
        return refuse(message, STORE_FULL);
      }
      if (!isHad(message)) left.add(account);
      if (isStored(message)) return;
      noteStored(message);
      const release = origin.hold();
      const text = stamped(message, account.bare, account.jid.domain);
      const storing = messages
        .append(account, text)
        .then(
          ({ id }) => {
            stored.inc();
            seen.note(account, id, message);
            offer(account, message);
          },
          (error: unknown) => {
            notStored(error);
            refuse(message, stanzaErrorOf(error));
          },
        )
        .finally(() => {
          unfinished.delete(storing);
          if (had) underWay.get(account)?.delete(storing);
          release();
        });
      unfinished.add(storing);
      // nobody is to be given it before it is known who has it
      const had = holdersOf(message) !== undefined;
      if (had) wayOf(account).add(storing);
    }

    function wayOf(account: AccountState): Set<Promise<void>> {
      const all = underWay.get(account) ?? new Set<Promise<void>>();
      underWay.set(account, all);
      return all;
    }

    function notStored(error: unknown): void {
      if (error === STORE_FULL) refused.inc();
      else if (error !== ACCOUNT_GONE)
        core.log.error({ code: 'storage.offline-unwritable', error }, 'a message could not be stored');
    }

    /** Gives a session what is stored, in order, and removes it once it is acknowledged, or written where the client acknowledges nothing. */
    async function flood(session: Session): Promise<void> {
      const { account } = session;
      // one session at a time gets them: "delivered once"
      const before = busy.get(account);
      if (before !== undefined) {
        return inherit(session, before);
      }
      busy.set(account, session);
      const removed = new Set<number>();
      removedMeanwhile.set(account, removed);
      given.add(session);
      if (!flooding.has(session)) flooding.set(session, new WaitingMessages());
      try {
        let after = 0;
        while (takesMessages(session)) {
          const page = await messages.page(account, after);
          await Promise.all(underWay.get(account) ?? []);
          const handed: Handed[] = [];
          for (const entry of page) {
            // it ended while it was waited for: the rest stays stored
            if (!takesMessages(session)) break;
            after = entry.id;
            // it waits for another session of the account
            if (kept.get(account)?.has(entry.id) === true || removed.has(entry.id)) continue;
            if (seen.has(session, entry.id)) continue;
            const message = Stanza.parse(entry.value.text);
            // blocked since it was stored (XEP-0191 §3.3): kept, since another list or none may apply another time
            if (verdictOf(account, session, 'in', 'message', message.fromJid) !== 'allow') continue;
            fromStore.set(message, false);
            session.enqueue(message);
            handed.push({ id: entry.id, message, size: entry.value.text.length, beyond: false });
            if (session.outbound.bytes > window) await session.delivered();
          }
          const last = page.length < PAGE;
          // what came meanwhile has its place behind them; it does not wait for their acknowledgement
          if (last) letGo(session);
          if (handed.length > 0) {
            core.streamManagement.of(session)?.ask();
            await session.delivered();
            await remove(session, handed);
          }
          if (last) break;
        }
      } catch (error) {
        core.log.error(
          { code: 'storage.offline-unreadable', error },
          'stored messages could not be delivered',
        );
      } finally {
        letGo(session);
        busy.delete(account);
        removedMeanwhile.delete(account);
        // it left in the middle: the rest is for whoever is there
        const heir = heirs.get(account);
        heirs.delete(account);
        const next = heir ?? (takesMessages(session) ? undefined : account.sessions.find(takesMessages));
        if (next !== undefined) void flood(next);
      }
    }

    /** A session is to have what is stored after the one that is being given it. */
    function inherit(session: Session, before: Session): void {
      const { account } = session;
      const heir = heirs.get(account);
      if (heir === undefined || heir.ended) {
        if (heir !== undefined) letGo(heir);
        heirs.set(account, session);
      }
      if (before.ended && heirs.get(account) === session && !flooding.has(session))
        flooding.set(session, new WaitingMessages());
    }

    /** Removes what the client has certainly received: acknowledged (XEP-0198), or without that written to the socket. */
    async function remove(session: Session, handed: readonly Handed[]): Promise<void> {
      const received = !session.ended
        ? handed
        : session.outbound.keeping
          ? handed.filter(({ message }) => fromStore.get(message) !== true)
          : [];
      // should one still wait behind others after all, it is no longer stored, and is to be again
      for (const { message } of received) fromStore.delete(message);
      seen.forget(session.account, received);
      await messages.remove(session.account, received);
      delivered.inc(received.length);
    }

    function letGo(session: Session): void {
      const waiting = flooding.get(session);
      flooding.delete(session);
      const stanzas = waiting?.stanzas ?? [];
      if (session.ended) core.sessions.handOn(session, stanzas);
      else for (const stanza of stanzas) session.deliver(stanza);
      waiting?.letGo();
    }
  },
});
