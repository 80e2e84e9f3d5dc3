import type { Stanza } from '../../../shared/xml/stanza.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { defineFeature } from '../../feature.js';
import type { ClientStream } from '../client-stream.js';

/** STARTTLS on client streams (RFC 6120 §5, RFC 7590). */
export const starttls = defineFeature({
  name: 'starttls',
  specifications: ['RFC 6120 §5', 'RFC 7590'],
  setup(core) {
    const possible = (stream: ClientStream) =>
      !stream.secure && stream.account === null && stream.transport.startTls !== undefined;
    const requirement = core.settings.C2S_REQUIRE_TLS ? '<required/>' : '';
    core.streamFeatures.add({
      name: 'starttls',
      namespaces: [NS.tls],
      offer: (stream) => (possible(stream) ? `<starttls xmlns='${NS.tls}'>${requirement}</starttls>` : null),
      receive(stream: ClientStream, element: Stanza): void {
        if (element.name !== 'starttls') return stream.fail('unsupported-stanza-type');
        if (!possible(stream)) {
          // §5.4.2.2: a failure is followed by the end of the stream
          stream.send(`<failure xmlns='${NS.tls}'/>`);
          return stream.close();
        }
        stream.state = { step: 'opening' };
        // RFC 7590 §3.5: `to` says which certificate a client without SNI wants
        stream.transport.startTls?.(`<proceed xmlns='${NS.tls}'/>`, stream.domain);
      },
    });
  },
});
