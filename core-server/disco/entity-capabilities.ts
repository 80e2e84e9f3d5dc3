import { writeElement } from '../../shared/xml/write.js';
import { capsElement } from '../../shared/xmpp/caps.js';
import { jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Core } from '../core.js';
import { defineFeature } from '../feature.js';
import type { DiscoInfo } from './disco-registry.js';

/** Names the software whose hash follows (XEP-0115 §4). */
const NODE = 'urn:entourage:core';

/** The server's own capabilities as a stream feature (XEP-0115 §6.3): who knows the hash need not ask. */
export const entityCapabilities = defineFeature({
  name: 'entity capabilities',
  xeps: [
    {
      id: '0115',
      version: '1.6.0',
      status: 'complete',
      note: 'The server tells its own as a stream feature; no `caps#optimize`.',
    },
  ],
  setup(core) {
    // §7
    core.disco.feature('server', NS.caps);
    core.disco.dynamicNode((node) =>
      // §6.2: the question names node and hash
      node.startsWith(`${NODE}#`) && node.slice(NODE.length + 1) === current(core).ver
        ? infoForAll(core)
        : null,
    );
    core.streamFeatures.add({
      name: 'entity capabilities',
      namespaces: [],
      offer: (stream) => (stream.account === null ? null : current(core).text),
      receive: () => {},
    });
  },
});

/** What everybody is told who is no component. */
function infoForAll(core: Core): DiscoInfo {
  const server = jid(core.domains[0] ?? 'localhost');
  return core.disco.info('server', { from: server, to: server, account: null });
}

/** The `<c/>` as wire text, and its hash; made once, until what disco says changes. */
function current(core: Core): { readonly text: string; readonly ver: string } {
  const text = core.disco.common('capabilities', 'server', () =>
    writeElement(capsElement(NODE, infoForAll(core))),
  );
  return { text, ver: /ver='([^']*)'/.exec(text)?.[1] ?? '' };
}
