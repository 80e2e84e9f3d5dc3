import { custom } from '../../shared/settings/kinds.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { AddressList } from '../streams/address-list.js';

/** An address or a network, as an AddressList takes it. */
export const address = custom('an address or a network (`192.0.2.0/24`)', (value) => {
  try {
    new AddressList([value]);
    return value;
  } catch {
    return undefined;
  }
});

/** The bare JID of an account, prepared. */
export const account = custom('the bare JID of an account', (value) => {
  const jid = parseJid(value);
  return jid?.isBare && jid.local !== '' ? jid.bare : undefined;
});
