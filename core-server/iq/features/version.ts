import { createRequire } from 'node:module';
import { xml } from '../../../shared/xml/element.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { defineFeature } from '../../feature.js';

/** Software version of the server (XEP-0092). The operating system is nobody's business (§5). */
export const version = defineFeature({
  name: 'software version',
  xeps: [{ id: '0092', version: '1.1', status: 'complete' }],
  setup(core) {
    core.disco.feature('server', NS.version);
    core.iq.on('server', 'get', NS.version, 'query', () =>
      xml('query', { xmlns: NS.version }, xml('name', {}, 'Entourage'), xml('version', {}, ownVersion)),
    );
  },
});

/** The version in package.json, wherever the compiled files lie below it. */
export const ownVersion: string = (() => {
  const require = createRequire(import.meta.url);
  for (const path of ['../../../package.json', '../../../../package.json']) {
    try {
      return String(require(path).version);
    } catch {
      // compiled files lie one folder deeper than the sources
    }
  }
  return 'unknown';
})();
