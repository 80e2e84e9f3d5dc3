import { NS } from '../../../shared/xmpp/namespaces.js';
import { defineFeature } from '../../feature.js';
import { refuseStranger } from '../strangers.js';

/** XMPP ping, answered for the server and on behalf of accounts (XEP-0199 §4.1–4.4). */
export const ping = defineFeature({
  name: 'ping',
  xeps: [{ id: '0199', version: '2.0.1', status: 'complete' }],
  setup(core) {
    core.disco.feature('server', NS.ping);
    core.disco.feature('account', NS.ping);
    core.iq.on('server', 'get', NS.ping, 'ping', () => undefined);
    core.iq.on('account', 'get', NS.ping, 'ping', (request) => {
      // RFC 6120 §10.2: an answer would tell a stranger that the account exists
      refuseStranger(request);
      return undefined;
    });
    // Clients try ad-hoc commands (XEP-0050) with the one that Prosody has for everybody: the list is not empty for them
    core.commands.add({
      node: 'ping',
      name: 'Ping',
      allowed: () => true,
      run: () => ({ note: { type: 'info', text: `Pong\n${new Date().toISOString()}` } }),
    });
  },
});
