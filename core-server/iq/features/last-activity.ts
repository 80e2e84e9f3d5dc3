import { z } from 'zod';
import { child, type Element, xml } from '../../../shared/xml/element.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { defineFeature } from '../../feature.js';
import { isStranger } from '../strangers.js';

const lastSchema = z.object({ at: z.number(), status: z.string().optional() });

/** Last activity of the server (its uptime) and of accounts (XEP-0012). */
export const lastActivity = defineFeature({
  name: 'last activity',
  xeps: [{ id: '0012', version: '2.0', status: 'complete' }],
  setup(core) {
    const collection = core.storage.keyval({ name: 'last', schema: lastSchema, schemaVersion: 1 });
    const started = performance.now();
    core.disco.feature('server', NS.last);
    core.disco.feature('account', NS.last);

    core.iq.on('server', 'get', NS.last, 'query', () => seconds((performance.now() - started) / 1000));

    core.iq.on('account', 'get', NS.last, 'query', async (request): Promise<Element> => {
      const { account } = request;
      // §4: `forbidden` for those who may not see the presence; local-domain.ts says the same where there is no account
      if (account === null || isStranger(request)) throw new StanzaError('forbidden');
      if (account.availableSessions().length > 0) return seconds(0);
      const last = await collection.get(account.bare);
      if (last === undefined) throw new StanzaError('item-not-found');
      return seconds((Date.now() - last.value.at) / 1000, last.value.status);
    });

    core.hooks.sessionUnavailable.on((session, presence) => {
      if (session.account.availableSessions().some((other) => other !== session)) return;
      const status = child(presence.element, 'status')?.text();
      const at = Date.now();
      session.account.lastUnavailable = new Date(at);
      collection
        .put(session.account.bare, status === undefined || status === '' ? { at } : { at, status })
        .catch((error: unknown) => {
          core.log.warn({ code: 'storage.last-unwritable', error }, 'last activity could not be stored');
        });
    });
    core.hooks.accountRemoved.on((account) => {
      collection.delete(account).catch(() => {});
    });
  },
});

function seconds(value: number, status?: string): Element {
  const attributes = { xmlns: NS.last, seconds: String(Math.max(0, Math.floor(value))) };
  return status === undefined ? xml('query', attributes) : xml('query', attributes, status);
}
