import { escapeAttribute } from '../../shared/xml/escape.js';
import { writeElement } from '../../shared/xml/write.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { defineFeature } from '../feature.js';
import type { IqRequest } from '../iq/iq-registry.js';
import type { AccountState } from '../sessions/account-state.js';
import { itemElement } from './roster-service.js';

/** Reading and changing the roster (RFC 6121 §2.1–2.6). */
export const roster = defineFeature({
  name: 'roster',
  specifications: ['RFC 6121 §2'],
  xeps: [{ id: '0237', version: '1.3', status: 'complete', note: 'as RFC 6121 §2.6' }],
  setup(core) {
    core.directory.part((account) => core.roster.load(account));
    // no clause asks for it; clients and servers in the field look for it
    core.disco.feature('server', NS.roster);
    core.streamFeatures.add({
      name: 'roster versioning',
      namespaces: [],
      // RFC 6121 §2.6.1, §3.4.1: informational, after authentication
      offer: (stream) =>
        stream.account === null
          ? null
          : `<ver xmlns='${NS.rosterVersioning}'/><sub xmlns='${NS.preApproval}'/>`,
      receive: () => {},
    });

    core.iq.on('account', 'get', NS.roster, 'query', (request) => {
      const account = own(request);
      const session = request.origin.session;
      const version = request.payload.attrs['ver'];
      if (session !== null) session.interested = true;
      // §2.6.3: an empty result says that nothing has changed
      if (version !== undefined && version !== '' && version === core.roster.versionOf(account))
        return undefined;
      // SHOULD also be told to who did not ask for it
      return rosterText(account, core.roster.versionOf(account));
    });

    core.iq.on('account', 'set', NS.roster, 'query', async (request) => {
      await core.rosterEditor.set(own(request), request.stanza);
      return undefined;
    });
  },
});

/** §2.1.3: the whole roster, as wire text: no tree of what may be thousands of items. */
function rosterText(account: AccountState, version: string): string {
  const start = `<query xmlns='${NS.roster}' ver='${escapeAttribute(version)}'`;
  if (account.roster.items.size === 0) return `${start}/>`;
  let text = `${start}>`;
  for (const item of account.roster.items.values()) text += writeElement(itemElement(item));
  return `${text}</query>`;
}

/** §2.1.5, §2.3.3: only the account's own resources touch its roster. */
function own(request: IqRequest): AccountState {
  if (request.account === null || request.from.bare !== request.account.bare)
    throw new StanzaError('forbidden');
  return request.account;
}
