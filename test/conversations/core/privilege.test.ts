import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';
import { joinComponent } from '../../tools/raw-component.js';

let core: CoreUnderTest;
let juliet: RawClient;
before(async () => {
  core = await CoreUnderTest.start({
    COMPONENTS: 'full,old,reader,writer,watcher,plain',
    ...Object.fromEntries(
      ['full', 'old', 'reader', 'writer', 'watcher', 'plain'].flatMap((name) => [
        [`COMPONENT_${name.toUpperCase()}_DOMAIN`, `${name}.localhost`],
        [`COMPONENT_${name.toUpperCase()}_SECRET`, 'secret'],
      ]),
    ),
    COMPONENT_FULL_GRANTS:
      'roster:both message:outgoing presence:roster iq:urn:xmpp:ping=get iq:jabber:iq:private=both',
    COMPONENT_OLD_GRANTS: 'roster:get roster-push:off message:outgoing presence:managed_entity',
    COMPONENT_OLD_NAMESPACE_VERSION: '1',
    COMPONENT_READER_GRANTS: 'roster:get',
    COMPONENT_WRITER_GRANTS: 'roster:set',
    COMPONENT_WATCHER_GRANTS: 'presence:managed_entity',
  });
  await core.addUsers('juliet', 'romeo', 'nurse');
  juliet = await core.login('juliet', 'balcony');
});
after(() => core.stop());

const condition = (answer: Stanza) =>
  answer.type === 'error' ? StanzaError.fromStanza(answer).condition : String(answer.type);

async function privileged(name: string): Promise<{ component: RawClient; advertisement: Stanza }> {
  const component = await joinComponent(core, `${name}.localhost`);
  return { component, advertisement: await component.element('message') };
}
const message = (inner: string, namespace = 'urn:xmpp:privilege:2') =>
  `<privilege xmlns='${namespace}'><forwarded xmlns='urn:xmpp:forward:0'>${inner}</forwarded></privilege>`;

describe('privileged entities (XEP-0356), the server’s side', () => {
  test('§4.2: permissions are told at once, in the generation that the component speaks', async () => {
    const full = await privileged('full');
    assert.deepEqual([full.advertisement.from, full.advertisement.to], ['localhost', 'full.localhost']);
    assert.match(
      full.advertisement.source,
      /<privilege xmlns='urn:xmpp:privilege:2'><perm access='roster' type='both' push='true'\/><perm access='message' type='outgoing'\/><perm access='iq'><namespace ns='urn:xmpp:ping' type='get'\/><namespace ns='jabber:iq:private' type='both'\/><\/perm><perm access='presence' type='roster'\/><\/privilege>/,
    );
    const old = await privileged('old');
    assert.match(
      old.advertisement.source,
      /<privilege xmlns='urn:xmpp:privilege:1'><perm access='roster' type='get' push='false'\/><perm access='message' type='outgoing'\/><perm access='presence' type='managed_entity'\/>/,
    );
    const plain = await joinComponent(core, 'plain.localhost');
    plain.send(
      "<iq type='get' id='p' from='plain.localhost' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    assert.equal((await plain.element()).id, 'p', 'without grants there is nothing to tell');
    for (const component of [full.component, old.component, plain]) await component.close();
  });

  test('§4.3, §4.4: rosters read, written and pushed as far as granted; forbidden otherwise', async () => {
    const { component } = await privileged('full');
    const ask = (client: RawClient, from: string, type: string, content: string, to = 'juliet@localhost') => {
      client.send(
        `<iq type='${type}' id='r' from='${from}' to='${to}'><query xmlns='jabber:iq:roster'>${content}</query></iq>`,
      );
      return client.stanza((stanza) => stanza.name === 'iq' && stanza.id === 'r');
    };
    await juliet.iq('get', "<query xmlns='jabber:iq:roster'/>");
    assert.equal(
      condition(
        await ask(
          component,
          'full.localhost',
          'set',
          "<item jid='nurse@localhost' name='N'><group>S</group></item>",
        ),
      ),
      'result',
    );
    const item = "<item jid='nurse@localhost' name='N' subscription='none'><group>S</group></item>";
    await juliet.expect(
      `<iq type='set' id='*' to='juliet@localhost/balcony'><query xmlns='jabber:iq:roster' ver='*'>${item}</query></iq>`,
    );
    await component.expect(
      `<iq type='set' id='*' from='juliet@localhost' to='full.localhost'><query xmlns='jabber:iq:roster' ver='*'>${item}</query></iq>`,
    );
    const got = await ask(component, 'full.localhost', 'get', '');
    assert.match(got.source, /nurse@localhost/);
    assert.equal(
      condition(await ask(component, 'full.localhost', 'set', '')),
      'bad-request',
      'the rules of RFC 6121 hold',
    );
    assert.equal(
      condition(await ask(component, 'full.localhost', 'get', '', 'nobody@localhost')),
      'item-not-found',
    );
    assert.equal(
      condition(await ask(component, 'full.localhost', 'get', '', 'juliet@localhost/balcony')),
      'forbidden',
    );
    assert.equal(
      condition(
        await juliet.iq(
          'set',
          "<query xmlns='jabber:iq:roster'><item jid='nurse@localhost' subscription='remove'/></query>",
        ),
      ),
      'result',
    );
    await component.expect(
      "<iq type='set' id='*' from='juliet@localhost' to='full.localhost'><query xmlns='jabber:iq:roster' ver='*'><item jid='nurse@localhost' subscription='remove'/></query></iq>",
    );
    await component.close();
    juliet.received.length = 0;
    for (const [name, get, set] of [
      ['reader', 'result', 'forbidden'],
      ['writer', 'forbidden', 'result'],
      ['plain', 'forbidden', 'forbidden'],
    ] as const) {
      const other = await joinComponent(core, `${name}.localhost`);
      assert.equal(condition(await ask(other, `${name}.localhost`, 'get', '')), get, name);
      assert.equal(
        condition(await ask(other, `${name}.localhost`, 'set', "<item jid='nurse@localhost'/>")),
        set,
        name,
      );
      await other.close();
    }
    await juliet.ping();
    juliet.received.length = 0;
  });

  test('§5: messages in the name of an account or the server, whole; anything else is forbidden', async () => {
    const { component } = await privileged('full');
    const send = (inner: string, to = 'localhost') =>
      component.send(`<message from='full.localhost' to='${to}' id='pm'>${message(inner)}</message>`);
    for (const [written, from] of [
      ['romeo@localhost', 'romeo@localhost'],
      ['localhost', 'localhost'],
      // RFC 7622 §4
      ['Romeo@LocalHost.', 'romeo@localhost'],
      ['localhost.', 'localhost'],
    ]) {
      send(
        `<message xmlns='jabber:client' from='${written}' to='juliet@localhost/balcony' id='in' type='headline'><x xmlns='urn:example:x'/></message>`,
      );
      await juliet.expect(
        `<message from='${from}' to='juliet@localhost/balcony' id='in' type='headline'><x xmlns='urn:example:x'/></message>`,
      );
    }
    const refused = async () => {
      const error = await component.element('message');
      assert.deepEqual([error.id, condition(error)], ['pm', 'forbidden']);
      await juliet.expectNothing();
    };
    for (const from of [
      'romeo@localhost/orchard',
      'romeo@remote.example',
      'nobody@localhost',
      'full.localhost',
      '@',
    ]) {
      send(
        `<message xmlns='jabber:client' from='${from}' to='juliet@localhost/balcony'><body>x</body></message>`,
      );
      await refused();
    }
    send("<message xmlns='jabber:client' to='juliet@localhost/balcony'><body>x</body></message>");
    await refused();
    send("<message xmlns='urn:other' from='romeo@localhost' to='juliet@localhost/balcony'/>");
    await refused();
    send("<presence xmlns='jabber:client' from='romeo@localhost' to='juliet@localhost/balcony'/>");
    await refused();
    await component.close();
    // not granted, or in the other generation
    const { component: reader } = await privileged('reader');
    reader.send(
      `<message from='reader.localhost' to='localhost' id='pm'>${message("<message xmlns='jabber:client' from='romeo@localhost' to='juliet@localhost/balcony'/>")}</message>`,
    );
    assert.equal(condition(await reader.element('message')), 'forbidden');
    await reader.close();
    const { component: old } = await privileged('old');
    const inner =
      "<message xmlns='jabber:client' from='romeo@localhost' to='juliet@localhost/balcony' id='o'><body>x</body></message>";
    old.send(
      `<message from='old.localhost' to='localhost' id='pm'>${message(inner, 'urn:xmpp:privilege:1')}</message>`,
    );
    assert.equal((await juliet.element('message')).id, 'o');
    // privileges do not take away the ordinary right to send (§1)
    old.send(
      "<message from='x@old.localhost' to='juliet@localhost/balcony' id='plain'><body>x</body></message>",
    );
    assert.equal((await juliet.element('message')).from, 'x@old.localhost');
    await old.close();
  });

  test('§6: IQs as an account: result and error come back wrapped; each violated rule is forbidden', async () => {
    const { component } = await privileged('full');
    const ask = async (inner: string, type = 'get', to = 'juliet@localhost') => {
      component.send(
        `<iq from='full.localhost' to='${to}' type='${type}' id='pi'><privileged_iq xmlns='urn:xmpp:privilege:2'>${inner}</privileged_iq></iq>`,
      );
      return component.element('iq');
    };
    const ping = "<ping xmlns='urn:xmpp:ping'/>";
    await ask(
      `<iq xmlns='jabber:client' type='get' id='in' to='localhost' from='juliet@localhost'>${ping}</iq>`,
    ).then((answer) => {
      assert.deepEqual([answer.type, answer.id, answer.from], ['result', 'pi', 'juliet@localhost']);
      assert.match(
        answer.source,
        /<privilege xmlns='urn:xmpp:privilege:2'><forwarded xmlns='urn:xmpp:forward:0'><iq [^>]*type='result'/,
      );
      assert.match(answer.source, /id='in'/);
      assert.match(answer.source, /from='localhost'/);
    });
    const error = await ask(
      "<iq xmlns='jabber:client' type='get' id='in' to='romeo@localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    assert.equal(error.type, 'result');
    assert.match(error.source, /<iq [^>]*type='error'.*service-unavailable/);
    const forbidden: readonly (readonly [what: string, answer: Promise<Stanza> | (() => Promise<Stanza>)])[] =
      [
        [
          'a namespace that is not granted',
          () => ask("<iq xmlns='jabber:client' type='get' id='in'><query xmlns='jabber:iq:version'/></iq>"),
        ],
        [
          'a type that is not granted',
          () => ask(`<iq xmlns='jabber:client' type='set' id='in'>${ping}</iq>`, 'set'),
        ],
        ['types that differ', () => ask(`<iq xmlns='jabber:client' type='get' id='in'>${ping}</iq>`, 'set')],
        [
          'another namespace of the IQ',
          () => ask(`<iq xmlns='jabber:server' type='get' id='in'>${ping}</iq>`),
        ],
        ['an IQ without a namespace of its own', () => ask(`<iq type='get' id='in'>${ping}</iq>`)],
        [
          'another `from`',
          () => ask(`<iq xmlns='jabber:client' type='get' id='in' from='romeo@localhost'>${ping}</iq>`),
        ],
        [
          'a full JID',
          () =>
            ask(
              `<iq xmlns='jabber:client' type='get' id='in'>${ping}</iq>`,
              'get',
              'juliet@localhost/balcony',
            ),
        ],
        [
          'the server',
          () => ask(`<iq xmlns='jabber:client' type='get' id='in'>${ping}</iq>`, 'get', 'localhost'),
        ],
        [
          'an account that does not exist',
          () =>
            ask(
              `<iq xmlns='jabber:client' type='get' id='in' to='localhost'>${ping}</iq>`,
              'get',
              'nobody@localhost',
            ),
        ],
        ...['juliet@elsewhere.example', 'juliet@reader.localhost'].map(
          (to) =>
            [to, () => ask(`<iq xmlns='jabber:client' type='get' id='in'>${ping}</iq>`, 'get', to)] as const,
        ),
        ['nothing', () => ask('')],
      ];
    for (const [what, answer] of forbidden)
      assert.equal(condition(await (typeof answer === 'function' ? answer() : answer)), 'forbidden', what);
    await component.close();
    const reader = (await privileged('reader')).component;
    reader.send(
      `<iq from='reader.localhost' to='juliet@localhost' type='get' id='pi'><privileged_iq xmlns='urn:xmpp:privilege:2'><iq xmlns='jabber:client' type='get' id='in'>${ping}</iq></privileged_iq></iq>`,
    );
    assert.equal(condition(await reader.element('iq')), 'forbidden');
    await reader.close();
  });

  test('§7: presence: initial and unavailable of accounts, all of it with the roster grant, and who is there already', async () => {
    const romeo = await core.online('romeo', 'orchard');
    const { component: watcher } = await privileged('watcher');
    const there = async (component: RawClient) => {
      const { from, type } = await component.element('presence');
      assert.deepEqual([from, type], ['romeo@localhost/orchard', undefined]); // §9 1
    };
    await there(watcher);
    const { component: full } = await privileged('full');
    await there(full);
    const nurse = await core.login('nurse', 'house');
    nurse.send("<presence id='i'><show>chat</show></presence>");
    for (const [component, to] of [
      [watcher, 'watcher.localhost'],
      [full, 'full.localhost'],
    ] as const)
      await component.expect(
        `<presence from='nurse@localhost/house' to='${to}' id='i'><show>chat</show></presence>`,
      );
    nurse.send("<presence id='s'><show>away</show></presence><presence to='juliet@localhost'/>");
    await full.expect(
      "<presence from='nurse@localhost/house' to='full.localhost' id='s'><show>away</show></presence>",
    );
    nurse.send("<presence type='unavailable' id='u'/>");
    for (const [component, to] of [
      [watcher, 'watcher.localhost'],
      [full, 'full.localhost'],
    ] as const)
      await component.expect(`<presence type='unavailable' from='nurse@localhost/house' to='${to}' id='u'/>`);
    await nurse.close();
    // contacts elsewhere: the roster grant only
    const plain = await joinComponent(core, 'plain.localhost');
    romeo.send("<presence type='subscribe' to='bot@plain.localhost'/>");
    await plain.element('presence');
    plain.send(
      "<presence type='subscribed' from='bot@plain.localhost' to='romeo@localhost'/><presence from='bot@plain.localhost/x' to='romeo@localhost'><show>dnd</show></presence>",
    );
    await full.stanza((stanza) => stanza.name === 'presence' && stanza.from === 'bot@plain.localhost/x');
    await romeo.close();
    const gone = await watcher.element('presence');
    assert.deepEqual([gone.from, gone.type], ['romeo@localhost/orchard', 'unavailable']);
    for (const component of [watcher, full, plain]) await component.close();
  });
});
