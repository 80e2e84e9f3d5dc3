import { NS } from '../../../shared/xmpp/namespaces.js';
import { defineFeature } from '../../feature.js';
import { refuseStranger } from '../../iq/strangers.js';

/** RFC 3921 §3 session establishment: a no-operation that old clients insist on, advertised as optional. */
export const session = defineFeature({
  name: 'session',
  specifications: ['RFC 3920', 'RFC 3921 §3'],
  setup(core) {
    core.streamFeatures.add({
      name: 'session',
      namespaces: [],
      offer: (stream) =>
        stream.account === null || stream.session !== null
          ? null
          : `<session xmlns='${NS.session}'><optional/></session>`,
      receive: () => {},
    });
    core.iq.on('account', 'set', NS.session, 'session', (request) => {
      refuseStranger(request);
      return undefined;
    });
    core.iq.on('server', 'set', NS.session, 'session', () => undefined);
  },
});
