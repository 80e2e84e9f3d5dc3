import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Bystanders, growthDuring } from '../../tools/bystanders.js';
import type { FederatedCore } from '../../tools/federation.js';
import { deafen, pour } from '../../tools/flood.js';
import type { RawClient } from '../../tools/raw-client.js';
import { joinComponent, openComponent } from '../../tools/raw-component.js';
import { RawServer } from '../../tools/raw-server.js';
import { besiegeAmongBystanders, ECHO, type SiegeAmongBystanders } from '../../tools/siege.js';

// The same hostile XML at every door that reads XML: before and after who it is is known. RFC 6120 §11.1 and §4.9.3.

let siege: SiegeAmongBystanders;
let peer: RawServer;
let capulet: FederatedCore;
let bystanders: Bystanders;

before(async () => {
  siege = await besiegeAmongBystanders(
    {
      ...ECHO,
      LIMIT_XML_ELEMENTS: '1000',
    },
    ['mallory'],
  );
  ({ peer, capulet, bystanders } = siege);
});
after(() => siege?.stop());

const LAUGHS =
  "<!DOCTYPE lolz [<!ENTITY lol 'lol'>" +
  Array.from({ length: 9 }, (_, k) => `<!ENTITY lol${k + 1} '${`&lol${k || ''};`.repeat(10)}'>`).join('') +
  ']>';

/** Who has proved to be whom at this door. */
const doors: Readonly<Record<string, () => Promise<RawClient>>> = {
  async 'a client before log-in'() {
    const client = await capulet.core.connect();
    await client.open('capulet.test');
    return client;
  },
  'a client': () => capulet.core.login('mallory', 'xml', 'capulet.test'),
  async 'another server before dialback'() {
    return (await RawServer.openTo(capulet, 'montague.test')).stream;
  },
  async 'another server'() {
    const { stream } = await RawServer.openTo(capulet, 'montague.test');
    stream.send("<db:result from='montague.test' to='capulet.test'>any key</db:result>");
    const verify = await peer.answerVerify('valid');
    await stream.element('db:result');
    verify.stream.cut();
    return stream;
  },
  async 'a component before its handshake'() {
    return (await openComponent(capulet.core, 'echo.capulet.test')).component;
  },
  'a component': () => joinComponent(capulet.core, 'echo.capulet.test'),
};

/** [what, text, stream error] */
const texts: readonly (readonly [what: string, text: string, condition: string])[] = [
  ['billion laughs', LAUGHS, 'restricted-xml'],
  ['an external entity', "<!DOCTYPE x SYSTEM 'file:///etc/passwd'>", 'restricted-xml'],
  ['a parameter entity', "<!DOCTYPE x [<!ENTITY % p SYSTEM 'http://192.0.2.1/'> %p;]>", 'restricted-xml'],
  ['an entity of a DTD that was not there', '<message>&lol9;</message>', 'restricted-xml'],
  [
    'CDATA that hides markup',
    '<message><body><![CDATA[<!DOCTYPE x>]]></body><!-- --></message>',
    'restricted-xml',
  ],
  ['a hundred thousand levels', `<message>${'<a>'.repeat(100_000)}`, 'policy-violation'],
  [
    'a thousand attributes',
    `<message ${Array.from({ length: 1000 }, (_, k) => `a${k}='${k}'`).join(' ')}/>`,
    'policy-violation',
  ],
  [
    'a thousand namespaces',
    `<message ${Array.from({ length: 1000 }, (_, k) => `xmlns:n${k}='urn:${k}'`).join(' ')}/>`,
    'policy-violation',
  ],
  ['an attribute of 2 MB', `<message id='${'x'.repeat(2_000_000)}'/>`, 'policy-violation'],
  ['a name of 2 MB', `<${'m'.repeat(2_000_000)}`, 'policy-violation'],
  ['a stanza of 2 MB', `<message><body>${'x'.repeat(2_000_000)}</body></message>`, 'policy-violation'],
];

for (const [door, open] of Object.entries(doors)) {
  describe(`${door} sends`, () => {
    for (const [what, text, condition] of texts) {
      test(`${what}: ${condition}`, async () => {
        const client = await open();
        client.send(text);
        const error = await client.stanza((stanza) => stanza.name === 'error', 8000);
        assert.ok(error.hasChild(condition, 'urn:ietf:params:xml:ns:xmpp-streams'), error.source);
        client.cut();
      });
    }
  });
}

test('more elements than a stanza may have: policy-violation; as many as it may have go through', async () => {
  const client = await capulet.core.login('mallory', 'wide', 'capulet.test');
  const wide = (elements: number) =>
    `<message to='capulet.test' type='chat' id='w'><x xmlns='urn:example:x'>${'<a/>'.repeat(elements - 2)}</x></message>`;
  client.send(wide(1000));
  assert.equal((await client.element('message')).type, 'error', 'nobody is there, but it was read');
  client.send(wide(1001));
  await client.expectStreamError('policy-violation');
});

test('what is hostile costs no memory, and bystanders nothing', async () => {
  let bytes = 0;
  const growth = await growthDuring(capulet.core.process, () =>
    bystanders.unhurtBy('deep, wide and large XML', async () => {
      const until = performance.now() + 1500;
      while (performance.now() < until) {
        for (const text of [LAUGHS, `<a>${'<a>'.repeat(50_000)}`, `<a b='${'x'.repeat(400_000)}`]) {
          const client = await capulet.core.login('mallory', 'xml', 'capulet.test');
          bytes += await pour(deafen(client), text, 20);
          client.cut();
        }
      }
    }),
  );
  assert.ok(growth < 100_000_000, `${growth} bytes more for ${bytes} sent`);
});
