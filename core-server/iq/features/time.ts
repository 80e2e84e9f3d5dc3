import { timeAnswer } from '../../../shared/entity/answers.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { defineFeature } from '../../feature.js';

/** Entity time of the server (XEP-0202). */
export const time = defineFeature({
  name: 'entity time',
  xeps: [
    { id: '0202', version: '2.0', status: 'complete' },
    { id: '0082', version: '1.1.1', status: 'complete' },
  ],
  setup(core) {
    core.disco.feature('server', NS.time);
    core.iq.on('server', 'get', NS.time, 'time', () => timeAnswer());
  },
});
