import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';
import { answerTo, forwarded, joinComponent } from '../../tools/raw-component.js';

const INFO = 'http://jabber.org/protocol/disco#info';
let core: CoreUnderTest;
let juliet: RawClient;
let romeo: RawClient;

before(async () => {
  core = await CoreUnderTest.start({
    COMPONENTS: 'two,one,nobody',
    COMPONENT_GRACE_SECONDS: '1',
    COMPONENT_TWO_DOMAIN: 'two.localhost',
    COMPONENT_TWO_SECRET: 'secret',
    COMPONENT_TWO_GRANTS:
      'delegate:urn:example:two delegate:urn:example:filtered[node] ' +
      'delegate:urn:xmpp:delegation:2:bare:disco#info:* delegate:urn:xmpp:delegation:2:bare:disco#items:*',
    COMPONENT_ONE_DOMAIN: 'one.localhost',
    COMPONENT_ONE_SECRET: 'secret',
    COMPONENT_ONE_GRANTS: 'delegate:urn:example:one',
    COMPONENT_ONE_NAMESPACE_VERSION: '1',
    COMPONENT_NOBODY_DOMAIN: 'nobody.localhost',
    COMPONENT_NOBODY_SECRET: 'secret',
  });
  await core.addUsers('juliet', 'romeo');
  juliet = await core.login('juliet', 'balcony');
  romeo = await core.login('romeo', 'orchard');
});
after(() => core.stop());

const condition = (answer: Stanza) =>
  answer.type === 'error' ? StanzaError.fromStanza(answer).condition : String(answer.type);

const isRequest = (stanza: Stanza) =>
  stanza.name === 'iq' && stanza.hasChild('delegation', 'urn:xmpp:delegation:2');

/** Joins, takes the advertisement, and answers the core's nested disco questions. */
async function managing(
  name: 'two' | 'one',
  features: Readonly<Record<string, string>> = {},
): Promise<{ component: RawClient; advertisement: Stanza }> {
  const component = await joinComponent(core, `${name}.localhost`);
  const advertisement = await component.element('message');
  const questions = name === 'two' ? 4 : 2;
  for (let i = 0; i < questions; i++) {
    const question = await component.stanza((stanza) => stanza.hasChild('query', INFO));
    const node = question.element.getChild('query', INFO)?.attrs['node'] ?? '';
    component.send(
      `<iq type='result' id='${question.id}' from='${name}.localhost' to='${question.from}'><query xmlns='${INFO}' node='${node}'>${features[node] ?? ''}</query></iq>`,
    );
  }
  return { component, advertisement };
}

describe('namespace delegation (XEP-0355), the server’s side', () => {
  test('§4.2: what is delegated is told at once, with its filtering attributes', async () => {
    const { component, advertisement } = await managing('two');
    assert.deepEqual([advertisement.from, advertisement.to], ['localhost', 'two.localhost']);
    assert.match(
      advertisement.source,
      /<delegation xmlns='urn:xmpp:delegation:2'><delegated namespace='urn:example:two'\/><delegated namespace='urn:example:filtered'><attribute name='node'\/><\/delegated>/,
    );
    await component.close();
    const none = await joinComponent(core, 'nobody.localhost');
    none.send(
      "<iq type='get' id='p' from='nobody.localhost' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    assert.equal((await none.element()).id, 'p', 'without grants nothing is advertised');
    await none.close();
  });

  for (const [name, namespace] of [
    ['two', 'urn:xmpp:delegation:2'],
    ['one', 'urn:xmpp:delegation:1'],
  ] as const) {
    test(`§4.3: forwarded and answered (${namespace}): to oneself, to another's bare JID, to the server`, async () => {
      const { component } = await managing(name);
      for (const to of [undefined, 'juliet@localhost', 'romeo@localhost', 'localhost']) {
        const address = to === undefined ? '' : ` to='${to}'`;
        juliet.send(
          `<iq type='set' id='d1'${address}><q xmlns='urn:example:${name}' a='&amp;'>text</q></iq>`,
        );
        const request = await component.element('iq');
        assert.deepEqual([request.type, request.from, request.to], ['set', 'localhost', `${name}.localhost`]);
        const inner = forwarded(request, namespace);
        assert.deepEqual(
          [inner.attrs['from'], inner.attrs['to'], inner.attrs['id'], inner.attrs['type']],
          ['juliet@localhost/balcony', to ?? 'juliet@localhost', 'd1', 'set'],
        );
        assert.equal(inner.getChild('q')?.getText(), 'text');
        component.send(
          answerTo(
            request,
            `<iq xmlns='jabber:client' type='result' id='d1' from='${to ?? 'juliet@localhost'}' to='juliet@localhost/balcony'><r xmlns='urn:example:r'/></iq>`,
            namespace,
          ),
        );
        await juliet.expect(
          `<iq type='result' id='d1' from='${to ?? 'juliet@localhost'}' to='juliet@localhost/balcony'><r xmlns='urn:example:r'/></iq>`,
        );
      }
      await component.close();
    });
  }

  // What a managing entity may answer, and what the client hears of it (§4.3 N.B.).
  const OK =
    "xmlns='jabber:client' type='result' id='e' from='juliet@localhost' to='juliet@localhost/balcony'";
  const answers: readonly (readonly [what: string, inner: string, expected: string])[] = [
    ['a result', `<iq ${OK}/>`, 'result'],
    ['a result without `from`', `<iq ${OK.replace("from='juliet@localhost' ", '')}/>`, 'result'],
    [
      'an error inside',
      `<iq ${OK.replace('result', 'error')}><error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
      'forbidden',
    ],
    ['an error without its reason', `<iq ${OK.replace('result', 'error')}/>`, 'service-unavailable'],
    ['another `id`', `<iq ${OK.replace("id='e'", "id='x'")}/>`, 'service-unavailable'],
    [
      'another `to`',
      `<iq ${OK.replace('juliet@localhost/balcony', 'romeo@localhost/orchard')}/>`,
      'service-unavailable',
    ],
    ['another `from`', `<iq ${OK.replace("from='juliet", "from='romeo")}/>`, 'service-unavailable'],
    ['no `to`', `<iq ${OK.replace("to='juliet@localhost/balcony'", '')}/>`, 'service-unavailable'],
    ['a request inside', `<iq ${OK.replace('result', 'set')}><q xmlns='x'/></iq>`, 'service-unavailable'],
    ['no namespace', `<iq ${OK.replace('jabber:client', 'urn:other')}/>`, 'service-unavailable'],
    [
      'a message inside',
      "<message xmlns='jabber:client' to='juliet@localhost/balcony'/>",
      'service-unavailable',
    ],
    ['nothing inside', '', 'service-unavailable'],
  ];
  test('§4.3: answers are checked: right ones pass, the others become service-unavailable', async () => {
    const { component } = await managing('two');
    for (const [what, inner, expected] of answers) {
      juliet.send("<iq type='get' id='e'><q xmlns='urn:example:two'/></iq>");
      component.send(answerTo(await component.element('iq'), inner));
      const answer = await juliet.element('iq');
      assert.deepEqual([answer.id, condition(answer)], ['e', expected], what);
    }
    juliet.send("<iq type='get' id='e'><q xmlns='urn:example:two'/></iq>");
    const request = await component.element('iq');
    component.send(
      `<iq type='error' id='${request.id}' from='two.localhost' to='localhost'><error type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    );
    assert.equal(condition(await juliet.element('iq')), 'not-acceptable', 'an outer error passes');
    await romeo.expectNothing();
    await component.close();
  });

  test('§4.3 N.B.₃: without the filtering attribute the server does as if nothing were delegated', async () => {
    const { component } = await managing('two');
    assert.equal(
      condition(await juliet.iq('get', "<q xmlns='urn:example:filtered'/>")),
      'service-unavailable',
    );
    juliet.send("<iq type='get' id='f'><q xmlns='urn:example:filtered' node='n'/></iq>");
    const request = await component.element('iq');
    component.send(answerTo(request, `<iq ${OK.replace("'e'", "'f'")}/>`));
    assert.equal((await juliet.element('iq')).type, 'result');
    await component.close();
  });

  test('§4.3: full JIDs and clients’ requests of the delegation namespace are not forwarded', async () => {
    const { component } = await managing('two');
    juliet.send("<presence to='romeo@localhost'/>");
    romeo.send("<iq type='get' id='full' to='juliet@localhost/balcony'><q xmlns='urn:example:two'/></iq>");
    await juliet.expect(
      "<iq type='get' id='full' from='romeo@localhost/orchard' to='juliet@localhost/balcony'><q xmlns='urn:example:two'/></iq>",
    );
    assert.equal(
      condition(await juliet.iq('set', "<delegation xmlns='urn:xmpp:delegation:2'/>")),
      'service-unavailable',
    );
    // RFC 6120 §13.11: of a name that nobody has, what the component says of accounts that have nothing
    const nobody = juliet.iq('get', "<q xmlns='urn:example:two'/>", 'nobody@localhost', 'no');
    const asked = await component.stanza(isRequest);
    assert.equal(forwarded(asked).attrs['to'], 'nobody@localhost');
    const refusal =
      "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    component.send(
      answerTo(
        asked,
        `<iq xmlns='jabber:client' type='error' id='no' from='nobody@localhost' to='juliet@localhost/balcony'>${refusal}</iq>`,
      ),
    );
    assert.equal(condition(await nobody), 'item-not-found');
    component.send(
      "<iq type='get' id='p' from='two.localhost' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    assert.equal((await component.element('iq')).id, 'p');
    juliet.send("<presence to='romeo@localhost' type='unavailable'/>");
    await component.close();
  });

  test('§4.3.1: what the managing entity asks itself is not forwarded to it', async () => {
    const { component } = await managing('two');
    component.send(
      "<iq type='get' id='own' from='two.localhost' to='juliet@localhost'><q xmlns='urn:example:two'/></iq>",
    );
    const answer = await component.element('iq');
    assert.deepEqual([answer.id, condition(answer)], ['own', 'service-unavailable']);
    await component.close();
  });

  test('more than 32 waiting requests of one session are refused; nothing else of it waits', async () => {
    const { component } = await managing('two');
    for (let i = 0; i < 33; i++) juliet.send(`<iq type='get' id='w${i}'><q xmlns='urn:example:two'/></iq>`);
    const refused = await juliet.element('iq');
    assert.deepEqual([refused.id, condition(refused)], ['w32', 'resource-constraint']);
    await juliet.expectNothing();
    for (let i = 0; i < 32; i++) {
      const request = await component.element('iq');
      assert.equal(forwarded(request).attrs['id'], `w${i}`, 'in order');
      component.send(answerTo(request, `<iq ${OK.replace("'e'", `'w${i}'`)}/>`));
    }
    for (let i = 0; i < 32; i++) assert.equal((await juliet.element('iq')).type, 'result');
    await component.close();
  });

  test('a restart in the middle: asked again, with the same id, and answered once', async () => {
    const { component } = await managing('two');
    juliet.send("<iq type='get' id='again'><q xmlns='urn:example:two'/></iq>");
    const first = await component.element('iq');
    component.cut();
    const back = await joinComponent(core, 'two.localhost');
    const second = await back.stanza((stanza) => stanza.id === first.id);
    assert.equal(forwarded(second).attrs['id'], 'again');
    back.send(answerTo(second, `<iq ${OK.replace("'e'", "'again'")}/>`));
    assert.equal((await juliet.element('iq')).type, 'result');
    back.send(answerTo(second, `<iq ${OK.replace("'e'", "'again'")}/>`));
    await back.close();
    await juliet.expectNothing();
  });

  test('a change that was under way when its component was lost is not made again', async () => {
    const { component } = await managing('two');
    juliet.send("<iq type='set' id='change'><q xmlns='urn:example:two'/></iq>");
    await component.stanza(isRequest);
    component.cut();
    const answer = await juliet.element('iq');
    assert.deepEqual([answer.id, condition(answer)], ['change', 'service-unavailable']);
    assert.match(answer.source, /type='wait'.*interrupted/);
    const back = await joinComponent(core, 'two.localhost');
    await back.stanza((stanza) => stanza.hasChild('query', INFO));
    assert.ok(
      back.received.every((item) => item.kind !== 'element' || !item.stanza.source.includes("id='change'")),
    );
    await back.close();
  });

  test('… unless the component has said that it had finished, or it had not been given to it', async () => {
    const { component } = await managing('two');
    juliet.send("<iq type='set' id='moved'><q xmlns='urn:example:two'/></iq>");
    const first = await component.stanza(isRequest);
    component.send(
      "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
    );
    while ((await component.next()).kind !== 'lost');
    juliet.send("<iq type='set' id='held'><q xmlns='urn:example:two'/></iq>");
    await juliet.ping();
    const back = await joinComponent(core, 'two.localhost');
    const second = await back.stanza(isRequest);
    const third = await back.stanza(isRequest);
    assert.deepEqual(
      [second.id, forwarded(second).attrs['id'], forwarded(third).attrs['id']],
      [first.id, 'moved', 'held'],
    );
    for (const [request, id] of [
      [second, 'moved'],
      [third, 'held'],
    ] as const) {
      back.send(answerTo(request, `<iq ${OK.replace("'e'", `'${id}'`)}/>`));
      assert.equal((await juliet.element('iq')).id, id);
    }
    await back.close();
    await juliet.expectNothing();
  });

  test('§4.3 N.B.₁: without its managing entity a delegated namespace is service-unavailable', async () => {
    assert.equal(condition(await juliet.iq('get', "<q xmlns='urn:example:two'/>")), 'service-unavailable');
    const { component } = await managing('two');
    juliet.send("<iq type='get' id='left'><q xmlns='urn:example:two'/></iq>");
    await component.element('iq');
    await component.close();
    const answer = await juliet.element('iq');
    assert.deepEqual(
      [answer.id, condition(answer)],
      ['left', 'service-unavailable'],
      'left while it was asked',
    );
  });
});

describe('nested disco (XEP-0355 §7)', () => {
  const features = async (client: RawClient, to?: string) => {
    const answer = await client.iq('get', `<query xmlns='${INFO}'/>`, to);
    return answer.source;
  };

  test('§7.1: the server announces the protocol', async () => {
    assert.match(await features(juliet, 'localhost'), /<feature var='urn:xmpp:delegation:2'\/>/);
  });

  test('§7.2: the answers of a managing entity are part of the server’s and the accounts’ own', async () => {
    const { component } = await managing('two', {
      'urn:xmpp:delegation:2::urn:example:two': "<feature var='urn:example:server-side'/>",
      'urn:xmpp:delegation:2:bare:urn:example:two':
        "<identity category='pubsub' type='pep'/><feature var='urn:example:account-side'/>",
    });
    const wait = performance.now() + 5000;
    while (!(await features(juliet, 'localhost')).includes('urn:example:server-side'))
      assert.ok(performance.now() < wait);
    assert.doesNotMatch(await features(juliet, 'localhost'), /account-side/);
    const own = await features(juliet);
    assert.match(own, /urn:example:account-side/);
    assert.match(own, /<identity category='pubsub' type='pep'\/>/);
    assert.doesNotMatch(own, /server-side/);
    // §7.2.4, §7.2.5: nodes and items of bare JIDs go to the managing entity itself
    for (const payload of [
      `<query xmlns='${INFO}' node='n'/>`,
      "<query xmlns='http://jabber.org/protocol/disco#items'/>",
    ]) {
      juliet.send(`<iq type='get' id='n' to='juliet@localhost'>${payload}</iq>`);
      const request = await component.element('iq');
      assert.equal(forwarded(request).attrs['to'], 'juliet@localhost');
      component.send(
        answerTo(
          request,
          "<iq xmlns='jabber:client' type='result' id='n' from='juliet@localhost' to='juliet@localhost/balcony'/>",
        ),
      );
      assert.equal((await juliet.element('iq')).type, 'result');
    }
    // nodes of the server are no remaining ones: who asks his own account for them is answered by the core
    const commands = 'http://jabber.org/protocol/commands';
    for (const what of ['info', 'items']) {
      const query = `<query xmlns='http://jabber.org/protocol/disco#${what}' node='${commands}'/>`;
      assert.equal((await juliet.iq('get', query, 'juliet@localhost')).type, 'result', what);
    }
    await component.close();
    // gone with it
    while ((await features(juliet, 'localhost')).includes('urn:example:server-side'))
      assert.ok(performance.now() < wait);
  });
});
