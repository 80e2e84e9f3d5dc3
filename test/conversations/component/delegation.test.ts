import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOT_MINE } from '../../../shared/component/component.js';
import { xml } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { componentBefore } from '../../tools/component.js';
import { type FakeStream, within } from '../../tools/fake-server.js';

const MICROBLOG = 'http://jabber.org/protocol/pubsub';

function advertise(generation: number, namespaces: readonly string[], from = 'capulet.lit'): string {
  const delegated = namespaces.map((namespace) => `<delegated namespace='${namespace}'/>`).join('');
  return (
    `<message from='${from}' to='vcard.capulet.lit' id='12345'>` +
    `<delegation xmlns='urn:xmpp:delegation:${generation}'>${delegated}</delegation></message>`
  );
}

function forward(generation: number, inner: string, from = 'capulet.lit'): string {
  return (
    `<iq from='${from}' to='vcard.capulet.lit' id='delegate1' type='set'>` +
    `<delegation xmlns='urn:xmpp:delegation:${generation}'><forwarded xmlns='urn:xmpp:forward:0'>${inner}` +
    '</forwarded></delegation></iq>'
  );
}

const MOOD =
  "<iq from='juliet@capulet.lit/balcony' id='pep1' type='set' xmlns='jabber:client'>" +
  `<pubsub xmlns='${MICROBLOG}'><publish node='mood'/></pubsub></iq>`;

/** The inner answer of an outer result, as XEP-0355 §4.3 has it. */
async function innerAnswer(stream: FakeStream, generation: number): Promise<Stanza> {
  const outer = await stream.next();
  assert.deepEqual(
    [outer.type, outer.id, outer.from, outer.to],
    ['result', 'delegate1', 'vcard.capulet.lit', 'capulet.lit'],
  );
  const forwarded = outer.element
    .getChild('delegation', `urn:xmpp:delegation:${generation}`)
    ?.getChild('forwarded', 'urn:xmpp:forward:0');
  const iq = forwarded?.getChild('iq', 'jabber:client');
  assert.ok(iq, outer.text);
  assert.equal(forwarded?.getChildElements().length, 1);
  return Stanza.fromElement(iq);
}

for (const generation of [1, 2]) {
  test(`XEP-0355 :${generation}: advertisement, forwarded request, answer`, async (t) => {
    const { component, server } = await componentBefore(t, { expect: { delegations: [MICROBLOG] } });
    const seen: unknown[] = [];
    component.onIq('set', MICROBLOG, 'pubsub', (request) => {
      seen.push([request.from.full, request.to.full, request.type, request.id, request.delegated]);
      return xml('pubsub', { xmlns: MICROBLOG }, xml('publish', { node: 'mood' }));
    });
    const started = component.start();
    const stream = await server.accept();
    await stream.establish();
    assert.equal(component.server.delegations.size, 0);
    stream.write(advertise(generation, [MICROBLOG, 'urn:xmpp:mam:2']));
    await within(started, 'start');
    assert.deepEqual(component.server.delegations.get(MICROBLOG), {
      generation,
      namespace: MICROBLOG,
      filteringAttributes: [],
    });

    stream.write(forward(generation, MOOD));
    const inner = await innerAnswer(stream, generation);
    assert.deepEqual(
      [inner.type, inner.id, inner.to, inner.from],
      ['result', 'pep1', 'juliet@capulet.lit/balcony', 'juliet@capulet.lit'],
    );
    assert.deepEqual(inner.children(), [{ name: 'pubsub', namespace: MICROBLOG }]);
    assert.deepEqual(seen, [
      [
        'juliet@capulet.lit/balcony',
        'juliet@capulet.lit',
        'set',
        'pep1',
        { namespace: MICROBLOG, server: 'capulet.lit' },
      ],
    ]);
  });
}

test('an error goes as an inner error in an outer result, with nothing but payload and error inside', async (t) => {
  const { component, server } = await componentBefore(t);
  component.onIq('set', MICROBLOG, 'pubsub', () => {
    throw new StanzaError('conflict', {
      application: xml('precondition-not-met', { xmlns: `${MICROBLOG}#errors` }),
    });
  });
  component.onIq('get', MICROBLOG, 'pubsub', () => NOT_MINE);
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  stream.write(forward(2, MOOD.replace("id='pep1'", "id='pep1' to='nurse@capulet.lit'")));
  const inner = await innerAnswer(stream, 2);
  assert.deepEqual(
    [inner.type, inner.from, inner.to],
    ['error', 'nurse@capulet.lit', 'juliet@capulet.lit/balcony'],
  );
  assert.deepEqual(
    inner.children().map(({ name }) => name),
    ['error'],
  );
  const error = StanzaError.fromStanza(inner);
  assert.equal(error.condition, 'conflict');
  assert.equal(error.application?.getName(), 'precondition-not-met');

  for (const payload of [`<pubsub xmlns='${MICROBLOG}'/>`, "<what xmlns='urn:example:unknown'/>"]) {
    stream.write(
      forward(
        2,
        `<iq from='a@b/c' to='nurse@capulet.lit' id='x' type='get' xmlns='jabber:client'>${payload}</iq>`,
      ),
    );
    assert.equal(StanzaError.fromStanza(await innerAnswer(stream, 2)).condition, 'service-unavailable');
  }
});

test('only the served domains delegate, and only for themselves', async (t) => {
  const { component, server, log } = await componentBefore(t, {
    serverDomains: ['capulet.lit', 'verona.lit'],
  });
  let handled = 0;
  component.onIq('set', MICROBLOG, 'pubsub', () => {
    handled += 1;
    return undefined;
  });
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  await stream.next(); // disco#info of the second domain
  const condition = async (stanza: string): Promise<string> => {
    stream.write(stanza);
    const outer = await stream.next();
    return outer.type === 'error' ? StanzaError.fromStanza(outer).condition : (outer.type ?? '');
  };
  const to = (address: string): string => MOOD.replace("type='set'", `type='set' to='${address}'`);

  assert.equal(await condition(forward(2, MOOD, 'evil.lit')), 'forbidden');
  assert.equal(await condition(forward(2, MOOD, 'juliet@capulet.lit')), 'forbidden');
  assert.equal(await condition(forward(2, MOOD, 'capulet.lit/x')), 'forbidden');
  assert.equal(await condition(forward(2, to('romeo@montague.lit'))), 'bad-request');
  assert.equal(await condition(forward(2, to('juliet@verona.lit'))), 'bad-request');
  assert.equal(await condition(forward(2, to('juliet@capulet.lit/balcony'))), 'bad-request');
  assert.equal(await condition(forward(2, '')), 'bad-request');
  assert.equal(await condition(forward(2, MOOD + MOOD)), 'bad-request');
  assert.equal(await condition(forward(2, MOOD.replace("type='set'", "type='result'"))), 'bad-request');
  assert.equal(await condition(forward(2, "<message xmlns='jabber:client'/>")), 'bad-request');
  assert.equal(handled, 0);
  assert.equal(await condition(forward(2, to('juliet@verona.lit'), 'verona.lit')), 'result');
  assert.equal(handled, 1);
  assert.equal(log.lines.filter(({ code }) => code === 'component.delegation-refused').length, 3);

  stream.write(advertise(2, [MICROBLOG], 'evil.lit'));
  assert.equal((await stream.next()).type, 'error', 'a stranger’s advertisement is any message');
  assert.equal(component.server.delegations.size, 0);
  stream.write(advertise(2, [MICROBLOG], 'verona.lit'));
  stream.write(forward(2, to('verona.lit'), 'verona.lit'));
  await stream.next();
  assert.equal(component.server.delegations.size, 0, 'the main domain has granted nothing');
  assert.ok(component.server.domains.get('verona.lit')?.delegations.has(MICROBLOG));
});

test('some examples of XEP-0355 forget the inner namespace: understood all the same', async (t) => {
  const { component, server } = await componentBefore(t);
  component.onIq('set', MICROBLOG, 'pubsub', ({ payload }) => {
    assert.ok(payload.getChild('publish', MICROBLOG));
    return undefined;
  });
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  stream.write(forward(2, MOOD.replace(" xmlns='jabber:client'", '')));
  assert.equal((await innerAnswer(stream, 2)).type, 'result');
});

test('a later :2 advertisement replaces the grants, :1 adds to them, and the stream’s end ends them', async (t) => {
  const { component, server } = await componentBefore(t);
  const changes: string[] = [];
  component.onGrantsChanged((link) => changes.push([...link.delegations.keys()].join()));
  const started = component.start();
  const stream = await server.accept();
  await stream.establish();
  await started;
  const settle = async (stanza: string): Promise<string> => {
    stream.write(stanza);
    stream.write(
      "<iq type='get' id='p' from='a@b' to='vcard.capulet.lit'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    await stream.next();
    return [...component.server.delegations.keys()].join();
  };
  assert.equal(await settle(advertise(2, ['a', 'b'])), 'a,b');
  assert.equal(await settle(advertise(2, ['b'])), 'b');
  assert.equal(await settle(advertise(2, [])), '');
  assert.equal(await settle(advertise(1, ['c'])), 'c');
  assert.equal(await settle(advertise(1, ['d'])), 'c,d');
  assert.deepEqual(changes, ['a,b', 'b', '', 'c', 'c,d']);
  const down = new Promise<void>((resolve) => component.onDown(resolve));
  stream.socket.destroy();
  await within(down, 'the loss of the stream');
  assert.equal(component.server.delegations.size, 0);
});

test('without the grants it needs, a component says so and is up after a bounded wait', async (t) => {
  const { component, server, log } = await componentBefore(t, {
    expect: { delegations: [MICROBLOG], privileges: true },
    timing: { advertisementMilliseconds: 30 },
  });
  const started = component.start();
  const stream = await server.accept();
  await stream.establish();
  await within(started, 'start');
  assert.ok(log.lines.some(({ code, level }) => code === 'component.grants-missing' && level === 'warn'));
});

test('nested disco: the nodes of both generations, for the server and its accounts (XEP-0355 §7.2)', async (t) => {
  const { component, server } = await componentBefore(t);
  component.disco.nestedServer(MICROBLOG, { features: [MICROBLOG, `${MICROBLOG}#publish`] });
  component.disco.nestedAccount(MICROBLOG, {
    identities: [{ category: 'pubsub', type: 'pep' }],
    features: [`${MICROBLOG}#auto-create`],
    forms: [
      xml(
        'x',
        { xmlns: 'jabber:x:data', type: 'result' },
        xml('field', { var: 'FORM_TYPE' }, xml('value', {}, 'f')),
      ),
    ],
  });
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const ask = async (node: string): Promise<string[]> => {
    stream.write(
      "<iq from='capulet.lit' id='disco2' to='vcard.capulet.lit' type='get'>" +
        `<query xmlns='http://jabber.org/protocol/disco#info' node='${node}'/></iq>`,
    );
    const query = (await stream.next()).element.getChild('query', 'http://jabber.org/protocol/disco#info');
    assert.equal(query?.attrs['node'], node);
    return (query?.getChildElements() ?? []).map((child) => child.attrs['var'] ?? child.attrs['type'] ?? '');
  };
  for (const prefix of ['urn:xmpp:delegation:1', 'urn:xmpp:delegation:2']) {
    // Twice: what is nested is not used up.
    for (let k = 0; k < 2; k += 1) {
      assert.deepEqual(await ask(`${prefix}::${MICROBLOG}`), [MICROBLOG, `${MICROBLOG}#publish`]);
      assert.deepEqual(await ask(`${prefix}:bare:${MICROBLOG}`), [
        'pep',
        `${MICROBLOG}#auto-create`,
        'result',
      ]);
    }
    assert.deepEqual(await ask(`${prefix}::urn:other`), [], 'an empty answer, not an error');
  }
  stream.write(
    "<iq from='capulet.lit' id='disco3' to='vcard.capulet.lit' type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
  );
  const own = (await stream.next()).element.getChild('query', 'http://jabber.org/protocol/disco#info');
  const features = own?.getChildren('feature').map(({ attrs }) => attrs['var']);
  assert.ok(features?.includes('urn:xmpp:delegation:2'));
});

test('disco requests that the server delegates go to the component’s own handler (XEP-0355 §7.2.4)', async (t) => {
  const { component, server } = await componentBefore(t);
  component.onIq('get', 'http://jabber.org/protocol/disco#info', 'query', ({ payload, delegated }) =>
    xml('query', {
      xmlns: 'http://jabber.org/protocol/disco#info',
      node: payload.attrs['node'],
      by: delegated?.server,
    }),
  );
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  stream.write(
    forward(
      2,
      "<iq from='juliet@capulet.lit/balcony' id='disco1' to='juliet@capulet.lit' type='get' xmlns='jabber:client'>" +
        "<query xmlns='http://jabber.org/protocol/disco#info' node='urn:xmpp:microblog:0'/></iq>",
    ),
  );
  const query = (await innerAnswer(stream, 2)).element.getChildElements()[0];
  assert.deepEqual([query?.attrs['node'], query?.attrs['by']], ['urn:xmpp:microblog:0', 'capulet.lit']);
});
