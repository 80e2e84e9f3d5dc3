import { versionAnswer } from '../../../shared/entity/answers.js';
import { softwareVersion } from '../../../shared/entity/software.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { defineFeature } from '../../feature.js';

/** Software version of the server (XEP-0092). */
export const version = defineFeature({
  name: 'software version',
  xeps: [{ id: '0092', version: '1.1', status: 'complete' }],
  setup(core) {
    const software = { name: 'Entourage', version: softwareVersion() };
    core.disco.feature('server', NS.version);
    core.iq.on('server', 'get', NS.version, 'query', () => versionAnswer(software));
  },
});
