import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { RawClient } from '../../tools/raw-client.js';
import { handshake, joinComponent, openComponent } from '../../tools/raw-component.js';

let core: CoreUnderTest;
let romeo: RawClient;
before(async () => {
  core = await CoreUnderTest.start({
    COMPONENTS: 'chat,refusing,replacing,sharing',
    COMPONENT_GRACE_SECONDS: '2',
    LIMIT_STANZA_BYTES_COMPONENT: '50000',
    ...Object.fromEntries(
      ['chat', 'refusing', 'replacing', 'sharing'].flatMap((name) => [
        [`COMPONENT_${name.toUpperCase()}_DOMAIN`, `${name}.localhost`],
        [`COMPONENT_${name.toUpperCase()}_SECRET`, 'secret'],
      ]),
    ),
    COMPONENT_REFUSING_CONFLICT: 'refuse',
    COMPONENT_REPLACING_CONFLICT: 'replace',
    COMPONENT_SHARING_CONFLICT: 'share',
  });
  await core.addUsers('romeo', 'nurse');
  romeo = await core.login('romeo', 'orchard');
});
after(() => core?.stop());

const condition = (stanza: Stanza) => StanzaError.fromStanza(stanza).condition;

describe('the component port (XEP-0114)', () => {
  test('§3: header with an id, handshake, and stanzas both ways', async () => {
    const { component, header } = await openComponent(core, 'chat.localhost');
    assert.equal(header.from, 'chat.localhost');
    assert.equal(header.defaultNamespace, 'jabber:component:accept');
    assert.ok((header.id ?? '').length >= 16);
    component.send(handshake(header.id, 'secret'));
    await component.expect('<handshake/>');
    component.jid = 'chat.localhost';
    component.send(
      "<message from='bot@chat.localhost/x' to='romeo@localhost/orchard' id='c1'><body>hi</body></message>",
    );
    await romeo.expect(
      "<message from='bot@chat.localhost/x' to='romeo@localhost/orchard' id='c1'><body>hi</body></message>",
    );
    romeo.send("<message to='bot@chat.localhost/x' id='c2' type='chat'><body>ho</body></message>");
    await component.expect(
      "<message from='romeo@localhost/orchard' to='bot@chat.localhost/x' id='c2' type='chat'><body>ho</body></message>",
    );
    romeo.send(
      "<presence to='room@chat.localhost/nick'/><iq type='get' id='c3' to='chat.localhost'><q xmlns='x'/></iq>",
    );
    await component.expect("<presence from='romeo@localhost/orchard' to='room@chat.localhost/nick'/>");
    await component.expect(
      "<iq type='get' id='c3' from='romeo@localhost/orchard' to='chat.localhost'><q xmlns='x'/></iq>",
    );
    component.send("<iq type='result' id='c3' to='romeo@localhost/orchard' from='chat.localhost'/>");
    await romeo.expect("<iq type='result' id='c3' from='chat.localhost' to='romeo@localhost/orchard'/>");
    // a component may ask a client, and the server
    component.send(
      "<iq type='get' id='c4' from='chat.localhost' to='romeo@localhost/orchard'><q xmlns='x'/></iq>",
    );
    assert.equal((await romeo.element('iq')).id, 'c4');
    component.send(
      "<iq type='get' id='c5' from='chat.localhost' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    await component.expect("<iq type='result' id='c5' from='localhost' to='chat.localhost'/>");
    // without `from` it is the component itself
    component.send("<message to='romeo@localhost/orchard' id='c6'><body>x</body></message>");
    assert.equal((await romeo.element('message')).from, 'chat.localhost');
    const items = await romeo.iq(
      'get',
      "<query xmlns='http://jabber.org/protocol/disco#items'/>",
      'localhost',
    );
    assert.match(items.source, /<item jid='chat\.localhost'\/>/);
    romeo.send("<presence to='room@chat.localhost/nick' type='unavailable'/>");
    await component.element('presence');
    await component.close();
  });

  const before: readonly (readonly [what: string, domain: string, sent: string, condition: string])[] = [
    ['a wrong secret', 'chat.localhost', '<handshake>0000</handshake>', 'not-authorized'],
    ['an empty handshake', 'chat.localhost', '<handshake/>', 'not-authorized'],
    [
      'a stanza instead of a handshake',
      'chat.localhost',
      "<message to='romeo@localhost'/>",
      'not-authorized',
    ],
    ['a domain nobody knows', 'nobody.localhost', '', 'host-unknown'],
    ['our own domain', 'localhost', '', 'host-unknown'],
    ['no domain', '', '', 'host-unknown'],
    ['bad XML', 'chat.localhost', '<handshake></stream:stream>', 'not-well-formed'],
    ['a comment', 'chat.localhost', '<!-- x -->', 'restricted-xml'],
  ];
  for (const [what, domain, sent, expected] of before) {
    test(`§3: ${what}: ${expected}`, async () => {
      const { component } = await openComponent(core, domain);
      component.send(sent);
      await component.expectStreamError(expected);
      await romeo.ping();
    });
  }
  test('§3: the secret of another stream is of no use', async () => {
    const one = await openComponent(core, 'chat.localhost');
    const two = await openComponent(core, 'chat.localhost');
    two.component.send(handshake(one.header.id, 'secret'));
    await two.component.expectStreamError('not-authorized');
    one.component.cut();
  });
  test('another namespace: invalid-namespace', async () => {
    const { host, port } = core.address('component');
    for (const namespace of ['jabber:client', 'jabber:component:connect']) {
      const component = await RawClient.connect(host, port);
      component.send(
        `<stream:stream xmlns='${namespace}' xmlns:stream='http://etherx.jabber.org/streams' to='chat.localhost'>`,
      );
      await component.header();
      await component.expectStreamError('invalid-namespace');
    }
  });

  const joined: readonly (readonly [what: string, sent: string, condition: string])[] = [
    [
      'a `from` outside its domain',
      "<message from='juliet@localhost' to='romeo@localhost/orchard'><body>x</body></message>",
      'invalid-from',
    ],
    [
      'a `from` of another component',
      "<presence from='x@refusing.localhost' to='romeo@localhost'/>",
      'invalid-from',
    ],
    [
      'a `from` below its domain',
      "<message from='a@sub.chat.localhost' to='romeo@localhost/orchard'/>",
      'invalid-from',
    ],
    ['a `from` that is no address', "<message from='@' to='romeo@localhost'/>", 'invalid-from'],
    ['no `to`', "<message from='chat.localhost'><body>x</body></message>", 'improper-addressing'],
    [
      'a stanza of clients',
      "<message xmlns='jabber:client' from='chat.localhost' to='romeo@localhost'/>",
      'invalid-namespace',
    ],
    ['an element that is no stanza', "<foo xmlns='http://example.org/'/>", 'unsupported-stanza-type'],
    [
      'a stanza beyond the limit',
      `<message to='romeo@localhost'><body>${'x'.repeat(60_000)}</body></message>`,
      'policy-violation',
    ],
    ['bad XML', '<message><body></message>', 'not-well-formed'],
  ];
  for (const [what, sent, expected] of joined) {
    test(`§3: after the handshake ${what}: ${expected}`, async () => {
      const component = await joinComponent(core, 'chat.localhost');
      component.send(sent);
      await component.expectStreamError(expected);
      await romeo.expectNothing();
    });
  }
  test('RFC 7622 §4: a `from` in another form is passed on in the mapped one', async () => {
    const component = await joinComponent(core, 'chat.localhost');
    component.send("<message from='Room@Chat.LocalHost./Nick' to='romeo@localhost/orchard' id='f'/>");
    await romeo.expect("<message from='room@chat.localhost/Nick' to='romeo@localhost/orchard' id='f'/>");
    await component.close();
  });
  test('a `to` that is no address is jid-malformed, and the stream lives', async () => {
    const component = await joinComponent(core, 'chat.localhost');
    component.send(
      "<message from='chat.localhost' to='@' id='j'/><iq from='chat.localhost' type='get' id='k' to='localhost'/>",
    );
    assert.equal(condition(await component.element('message')), 'jid-malformed');
    assert.equal(condition(await component.element('iq')), 'bad-request');
    await component.close();
  });
});

describe('a second connection for one domain', () => {
  test('refuse: conflict for the newcomer', async () => {
    const first = await joinComponent(core, 'refusing.localhost');
    const { component, header } = await openComponent(core, 'refusing.localhost');
    component.send(handshake(header.id, 'secret'));
    await component.expectStreamError('conflict');
    await first.close();
  });

  test('replace: conflict while the first answers a ping; else the first is replaced', async () => {
    const first = await joinComponent(core, 'replacing.localhost');
    const second = await openComponent(core, 'replacing.localhost');
    second.component.send(handshake(second.header.id, 'secret'));
    const ping = await first.element('iq');
    assert.ok(ping.hasChild('ping', 'urn:xmpp:ping'));
    first.send(`<iq type='result' id='${ping.id}' from='replacing.localhost' to='localhost'/>`);
    await second.component.expectStreamError('conflict');
    const third = await openComponent(core, 'replacing.localhost');
    third.component.send(handshake(third.header.id, 'secret'));
    await first.element('iq'); // and no answer
    await third.component.element('handshake');
    await first.expectStreamError('conflict');
    romeo.send("<message to='replacing.localhost' id='r'><body>x</body></message>");
    assert.equal((await third.component.element('message')).id, 'r');
    await third.component.close();
  });

  test('share: each stanza to one connection, one recipient’s always to the same', async () => {
    const streams = [await joinComponent(core, 'sharing.localhost')];
    const shareOf = async (stream: RawClient | undefined) => {
      const share = (await stream?.element('message'))?.element.getChild('share', 'urn:entourage:share:1');
      return `${share?.attrs['index']} of ${share?.attrs['of']}`;
    };
    assert.equal(await shareOf(streams[0]), '0 of 1');
    streams.push(await joinComponent(core, 'sharing.localhost'));
    assert.deepEqual([await shareOf(streams[0]), await shareOf(streams[1])], ['0 of 2', '1 of 2']);
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 20; i++) romeo.send(`<message to='u${i}@sharing.localhost' id='${round}'/>`);
    await romeo.ping();
    const seen = streams.map(() => [] as string[]);
    const end = performance.now() + 8000;
    const total = () => seen.reduce((sum, each) => sum + each.length, 0);
    while (total() < 40 && performance.now() < end) {
      for (const [index, stream] of streams.entries()) {
        for (const item of stream.received.splice(0))
          if (item.kind === 'element') seen[index]?.push(item.stanza.to ?? '');
      }
      await romeo.ping();
    }
    assert.equal(total(), 40);
    const [one, two] = seen.map((each) => new Set(each));
    assert.ok(one && two && one.size > 0 && two.size > 0);
    assert.deepEqual(
      [...one].filter((to) => two.has(to)),
      [],
    );
    // an answer goes to the one that asked, although both have the same address
    for (const [index, stream] of streams.entries()) {
      stream.send(
        `<iq type='get' id='who${index}' from='sharing.localhost' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`,
      );
      assert.equal((await stream.element('iq')).id, `who${index}`);
    }
    // one leaves: the other serves all
    await streams[0]?.close();
    assert.equal(await shareOf(streams[1]), '0 of 1');
    for (let i = 0; i < 20; i++) romeo.send(`<message to='u${i}@sharing.localhost' id='3'/>`);
    for (let i = 0; i < 20; i++)
      assert.equal((await streams[1]?.element('message'))?.to, `u${i}@sharing.localhost`);
    await streams[1]?.close();
  });
});

describe('a component that is away', () => {
  const talk = () =>
    romeo.send(
      "<message to='a@chat.localhost' id='h1'><body>1</body></message><presence to='a@chat.localhost'/>" +
        "<iq type='get' id='h2' to='chat.localhost'><q xmlns='x'/></iq><message to='a@chat.localhost' id='h3'><body>3</body></message>",
    );
  const refused = async () => {
    for (const id of ['h1', 'h2', 'h3']) {
      const error = await romeo.element();
      assert.deepEqual([error.id, condition(error)], [id, 'service-unavailable']);
    }
    await romeo.expectNothing(); // presence: silence
  };
  const held = async (component: RawClient) => {
    assert.equal((await component.element('message')).id, 'h1');
    await component.element('presence');
    assert.equal((await component.element('iq')).id, 'h2');
    assert.equal((await component.element('message')).id, 'h3');
    component.send("<iq type='result' id='h2' from='chat.localhost' to='romeo@localhost/orchard'/>");
    assert.equal((await romeo.element('iq')).type, 'result');
    romeo.send("<presence to='a@chat.localhost' type='unavailable'/>");
    await component.element('presence');
  };

  test('closed: it left, and everything that wants an answer gets it at once', async () => {
    await (await joinComponent(core, 'chat.localhost')).close();
    talk();
    await refused();
    romeo.send("<presence to='a@chat.localhost' type='unavailable'/>");
    await romeo.expectNothing();
  });

  test('cut: it comes back in time, and gets everything in order', async () => {
    const first = await joinComponent(core, 'chat.localhost');
    first.cut();
    // the core has to see the cut: it has, when the list says so
    await disconnected('chat');
    talk();
    await romeo.ping();
    await held(await rejoined());
  });

  test('<reset/>: the same', async () => {
    const first = await joinComponent(core, 'chat.localhost');
    first.send(
      "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
    );
    for (;;) if ((await first.next()).kind === 'lost') break;
    talk();
    await romeo.ping();
    await held(await rejoined());
  });

  test('cut and not back in time: answered when the grace is over', async () => {
    const first = await joinComponent(core, 'chat.localhost');
    first.cut();
    await disconnected('chat');
    talk();
    await refused();
    romeo.send("<presence to='a@chat.localhost' type='unavailable'/>");
    await romeo.expectNothing();
  });

  async function rejoined(): Promise<RawClient> {
    const component = await joinComponent(core, 'chat.localhost');
    leftovers.push(component);
    return component;
  }
  const leftovers: RawClient[] = [];
  async function disconnected(name: string): Promise<void> {
    const end = performance.now() + 5000;
    for (;;) {
      const list = (await core.control('component.list')) as { name: string; connected: boolean }[];
      if (list.find((each) => each.name === name)?.connected === false) return;
      assert.ok(performance.now() < end);
    }
  }
  afterEach(async () => {
    for (const component of leftovers.splice(0)) await component.close();
  });
});

describe('RFC 6121 with contacts behind a component', () => {
  test('§3.1.2: an unanswered request is sent again at the next log-in; §4.3.1: contacts are probed', async () => {
    const component = await joinComponent(core, 'chat.localhost');
    const nurse = await core.online('nurse', 'house');
    nurse.send("<presence type='subscribe' to='bot@chat.localhost' id='s'/>");
    await component.expect(
      "<presence type='subscribe' from='nurse@localhost' to='bot@chat.localhost' id='s'/>",
    );
    await nurse.close();
    const again = await core.online('nurse', 'house');
    await component.expect(
      "<presence type='subscribe' from='nurse@localhost' to='bot@chat.localhost' id='*'/>",
    );
    component.send("<presence type='subscribed' from='bot@chat.localhost' to='nurse@localhost'/>");
    assert.equal(
      (await again.stanza((stanza) => stanza.name === 'presence' && stanza.type === 'subscribed')).from,
      'bot@chat.localhost',
    );
    await again.close();
    const third = await core.online('nurse', 'house');
    await component.expect("<presence type='probe' from='nurse@localhost' to='bot@chat.localhost' id='*'/>");
    // and the other direction: our account is asked, answered for, and tells its presence
    component.send("<presence type='probe' from='bot@chat.localhost' to='nurse@localhost' id='p'/>");
    await component.expect(
      "<presence type='unsubscribed' from='nurse@localhost' to='bot@chat.localhost' id='p'/>",
    );
    component.send("<presence type='subscribe' from='bot@chat.localhost/here' to='nurse@localhost' id='q'/>");
    await third.stanza((stanza) => stanza.type === 'subscribe' && stanza.from === 'bot@chat.localhost');
    third.send("<presence type='subscribed' to='bot@chat.localhost'/>");
    await component.expect("<presence type='subscribed' from='nurse@localhost' to='bot@chat.localhost'/>");
    await component.expect("<presence from='nurse@localhost/house' to='bot@chat.localhost'/>");
    component.send("<presence type='probe' from='bot@chat.localhost' to='nurse@localhost'/>");
    await component.expect("<presence from='nurse@localhost/house' to='bot@chat.localhost'/>");
    // table 6, note 2
    component.send("<presence type='subscribe' from='bot@chat.localhost' to='nurse@localhost' id='r'/>");
    await component.expect(
      "<presence type='subscribed' from='nurse@localhost' to='bot@chat.localhost' id='r'/>",
    );
    // table 7, and §3.3.3
    component.send("<presence type='unsubscribe' from='bot@chat.localhost' to='nurse@localhost' id='u'/>");
    const one = await component.element('presence');
    const two = await component.element('presence');
    assert.deepEqual([one.type, two.type].sort(), ['unavailable', 'unsubscribed']);
    await third.stanza((stanza) => stanza.type === 'unsubscribe');
    await third.close();
    await component.close();
  });
});
