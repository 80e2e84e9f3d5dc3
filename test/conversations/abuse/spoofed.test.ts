import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { FederatedCore } from '../../tools/federation.js';
import { LinkFront } from '../../tools/link-front.js';
import type { RawClient } from '../../tools/raw-client.js';
import { answerTo, forwarded, joinComponent } from '../../tools/raw-component.js';
import { RawServer } from '../../tools/raw-server.js';
import { besiege, type Siege } from '../../tools/siege.js';

// Everybody speaks only as himself: one victim, and at each door everything that could make her believe otherwise.
// RFC 6120 §8.1.2.1, §8.1.2.2; XEP-0114 §2; XEP-0355 §4.3; XEP-0356 §4, §5, §6.

let siege: Siege;
let peer: RawServer;
let capulet: FederatedCore;
let juliet: RawClient;

before(async () => {
  siege = await besiege(
    {
      COMPONENTS: 'plain,other,managing,front',
      ...Object.fromEntries(
        ['plain', 'other', 'managing', 'front'].flatMap((name) => [
          [`COMPONENT_${name.toUpperCase()}_DOMAIN`, `${name}.capulet.test`],
          [`COMPONENT_${name.toUpperCase()}_SECRET`, 'secret'],
        ]),
      ),
      COMPONENT_PLAIN_GRANTS: '',
      COMPONENT_MANAGING_GRANTS: 'delegate:urn:example:managed message:outgoing roster:get',
      COMPONENT_FRONT_GRANTS: 'client-link',
      CLIENT_LINK_ALLOW_PLAIN: 'true',
    },
    ['juliet', 'romeo', 'mallory'],
  );
  ({ peer, capulet } = siege);
  juliet = await capulet.core.online('juliet', 'balcony', 'capulet.test');
});
after(() => siege?.stop());

const message = (from: string, to = 'juliet@capulet.test/balcony') =>
  `<message from='${from}' to='${to}' type='chat' id='spoof'><body>I am somebody else</body></message>`;

/** [door, who may speak there, whom it claims to be] */
const claims: readonly (readonly [door: 'client' | 'server' | 'component' | 'link', from: string])[] = [
  ['client', 'romeo@capulet.test'],
  ['client', 'romeo@capulet.test/orchard'],
  ['client', 'mallory@capulet.test/other'],
  ['client', 'capulet.test'],
  ['client', 'plain.capulet.test'],
  ['client', 'romeo@montague.test'],
  // what looks like the same name is another, or none
  ['client', 'm\u0430llory@capulet.test'],
  ['client', 'mallory@capulet.test/spoof\u200b'],
  ['server', 'romeo@capulet.test/orchard'],
  ['server', 'capulet.test'],
  ['server', 'romeo@paris.test'],
  ['server', 'romeo@sub.montague.test'],
  ['server', 'plain.capulet.test'],
  ['component', 'romeo@capulet.test/orchard'],
  ['component', 'capulet.test'],
  ['component', 'somebody@other.capulet.test'],
  ['component', 'romeo@montague.test'],
  ['component', 'romeo@sub.plain.capulet.test'],
  ['link', 'romeo@capulet.test/orchard'],
  ['link', 'mallory@capulet.test/other'],
];

async function server(): Promise<RawClient> {
  const { stream } = await RawServer.openTo(capulet, 'montague.test');
  stream.send("<db:result from='montague.test' to='capulet.test'>key</db:result>");
  const verify = await peer.answerVerify('valid');
  await stream.element('db:result');
  verify.stream.cut();
  return stream;
}

describe('a stanza in somebody else’s name: invalid-from, the end of the stream, and nobody gets it', () => {
  for (const [door, from] of claims) {
    test(`${door}: ${JSON.stringify(from)}`, async () => {
      if (door === 'link') {
        const front = await LinkFront.connect(
          capulet.core.address('component'),
          'front.capulet.test',
          'secret',
          'capulet.test',
        );
        await front.negotiate();
        await front.login('s1', 'mallory');
        front.data('s1', message(from).replace('<message ', "<message xmlns='jabber:client' "));
        await front.content('s1', /<invalid-from /);
        front.raw.send('</stream:stream>');
        front.raw.cut();
      } else {
        const client =
          door === 'client'
            ? await capulet.core.login('mallory', 'spoof', 'capulet.test')
            : door === 'server'
              ? await server()
              : await joinComponent(capulet.core, 'plain.capulet.test');
        client.send(message(from));
        await client.expectStreamError('invalid-from');
      }
      await juliet.expectNothing();
    });
  }

  test('the operator can read who did it', async () => {
    await capulet.core.process.said(/"code":"s2s\.invalid-from"/);
    await capulet.core.process.said(/"code":"component\.invalid-from"/);
  });
});

describe('powers that were not given', () => {
  const privileged = (from: string, inner: string, to = 'capulet.test') =>
    `<message from='${from}' to='${to}' id='p'><privilege xmlns='urn:xmpp:privilege:2'><forwarded xmlns='urn:xmpp:forward:0'>${inner}</forwarded></privilege></message>`;
  const inner = (from: string) =>
    `<message xmlns='jabber:client' from='${from}' to='juliet@capulet.test/balcony'><body>x</body></message>`;

  test('a component without the privilege cannot send as a user, nor read a roster', async () => {
    const plain = await joinComponent(capulet.core, 'plain.capulet.test');
    plain.send(privileged('plain.capulet.test', inner('romeo@capulet.test')));
    assert.match((await plain.element('message')).source, /<(forbidden|service-unavailable) /);
    plain.send(
      "<iq type='get' id='r' from='plain.capulet.test' to='juliet@capulet.test'><query xmlns='jabber:iq:roster'/></iq>",
    );
    assert.match((await plain.element('iq')).source, /type=['"]error['"]/);
    plain.send('</stream:stream>');
    await juliet.expectNothing();
  });

  test('one that may send as users of this server may not as others, nor as their resources of other domains', async () => {
    const managing = await joinComponent(capulet.core, 'managing.capulet.test');
    await managing.element('message');
    for (const from of ['romeo@montague.test', 'x@plain.capulet.test', 'not an address@']) {
      managing.send(privileged('managing.capulet.test', inner(from)));
      const answer = await managing.stanza((stanza) => stanza.name === 'message' && stanza.type === 'error');
      assert.match(answer.source, /<(forbidden|bad-request|not-acceptable) /, from);
    }
    await juliet.expectNothing();
    managing.send('</stream:stream>');
    managing.cut();
  });

  test('a managing component’s answer in another account’s name is service-unavailable', async () => {
    const managing = await joinComponent(capulet.core, 'managing.capulet.test');
    await managing.element('message');
    const mallory = await capulet.core.login('mallory', 'delegated', 'capulet.test');
    for (const from of ['romeo@capulet.test', 'capulet.test', 'romeo@montague.test']) {
      mallory.send("<iq type='get' id='d'><query xmlns='urn:example:managed'/></iq>");
      const request = await managing.stanza(
        (stanza) => stanza.name === 'iq' && stanza.hasChild('delegation', 'urn:xmpp:delegation:2'),
      );
      const { id } = forwarded(request).attrs;
      managing.send(
        answerTo(
          request,
          `<iq xmlns='jabber:client' type='result' id='${id}' from='${from}' to='juliet@capulet.test/balcony'><query xmlns='urn:example:managed'/></iq>`,
        ),
      );
      assert.match((await mallory.element('iq')).source, /<service-unavailable /, from);
    }
    await juliet.expectNothing();
    mallory.cut();
    managing.cut();
  });

  test('the client link is for who was granted it: nobody else opens streams for clients', async () => {
    const front = await LinkFront.connect(
      capulet.core.address('component'),
      'plain.capulet.test',
      'secret',
      'capulet.test',
    );
    assert.match((await front.negotiate()).source, /<service-unavailable /);
    front.open('s1');
    const answer = await front.raw.stanza((stanza) => stanza.name === 'message');
    assert.match(answer.source, /<service-unavailable /);
    front.raw.cut();
  });

  test('an IQ result that nobody asked for, and one with the right id from the wrong place, change nothing', async () => {
    const mallory = await capulet.core.login('mallory', 'results', 'capulet.test');
    for (let k = 0; k < 20; k++) {
      mallory.send(`<iq type='result' id='e${k.toString(36)}' to='capulet.test'/>`);
      mallory.send(`<iq type='result' id='push${k.toString(36)}' to='juliet@capulet.test/balcony'/>`);
    }
    await mallory.ping();
    mallory.cut();
    // results to a full JID are delivered (RFC 6121 §8.5.3.1): her client tells them by id and sender
    const forged = (await juliet.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'capulet.test')).from;
    assert.equal(forged, 'capulet.test');
  });
});
