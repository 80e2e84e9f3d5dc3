import { children } from '../../../shared/xml/element.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { defineFeature } from '../../feature.js';
import type { ClientStream } from '../client-stream.js';

const METHOD = 'zlib';

/**
 * Stream compression (XEP-0138), after SASL (XEP-0170). By default only without TLS: who can make a client send chosen
 * text beside a secret, and sees how long the compressed and encrypted result is, can guess the secret (as CRIME did).
 */
export const compression = defineFeature({
  name: 'compression',
  xeps: [{ id: '0138', version: '2.1', status: 'complete', note: 'zlib' }],
  setup(core) {
    const allowed = core.settings.COMPRESSION;
    const possible = ({ account, session, transport }: ClientStream): boolean =>
      allowed !== 'off' &&
      account !== null &&
      session === null &&
      transport.startCompression !== undefined &&
      !transport.compressed &&
      (allowed === 'on' || !transport.secure);

    core.streamFeatures.add({
      name: 'compression',
      namespaces: [NS.compress],
      offer: (stream) =>
        possible(stream)
          ? `<compression xmlns='${NS.compressFeature}'><method>${METHOD}</method></compression>`
          : null,
      receive(stream, element) {
        if (element.name !== 'compress') return stream.fail('unsupported-stanza-type');
        // §2: a failure of the negotiation does not end the stream
        if (!possible(stream)) return refuse(stream, 'setup-failed');
        const methods = children(element.element, 'method', NS.compress).map((one) => one.getText().trim());
        if (methods.length === 0) return refuse(stream, 'setup-failed');
        if (!methods.includes(METHOD)) return refuse(stream, 'unsupported-method');
        stream.state = { step: 'opening' };
        stream.transport.startCompression?.(`<compressed xmlns='${NS.compress}'/>`);
      },
    });
  },
});

function refuse(stream: ClientStream, condition: 'setup-failed' | 'unsupported-method'): void {
  stream.send(`<failure xmlns='${NS.compress}'><${condition}/></failure>`);
}
