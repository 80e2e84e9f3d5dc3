import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { NOT_MINE } from '../../../shared/component/component.js';
import { xml } from '../../../shared/xml/element.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { componentBefore } from '../../tools/component.js';
import { within } from '../../tools/fake-server.js';

const ROSTER_GET = xml(
  'iq',
  { type: 'get', to: 'juliet@capulet.lit', id: 'r1' },
  xml('query', { xmlns: 'jabber:iq:roster' }),
);

test('XEP-0114 §3: header, handshake, and then the component is up', async (t) => {
  const { component, server } = await componentBefore(t);
  const ups: string[] = [];
  component.onUp((link) => ups.push([...link.features].join()));
  const started = component.start();
  const stream = await server.accept();

  const header = await stream.header();
  assert.equal(header.to, 'vcard.capulet.lit');
  assert.equal(header.defaultNamespace, 'jabber:component:accept');
  assert.equal(header.namespace, 'http://etherx.jabber.org/streams');
  stream.open('3BF96D32');
  const handshake = await stream.next();
  assert.equal(
    handshake.element.getText(),
    createHash('sha1').update('3BF96D32Öffne dich', 'utf8').digest('hex'),
    'a secret beyond ASCII is hashed as UTF-8',
  );
  assert.equal(component.server.connected, false);
  stream.write('<handshake/>');

  const disco = await stream.next();
  assert.equal(disco.to, 'capulet.lit');
  assert.equal(disco.from, 'vcard.capulet.lit');
  stream.write(
    `<iq type='result' id='${disco.id}' from='capulet.lit' to='vcard.capulet.lit'>` +
      "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:ping'/></query></iq>",
  );
  await within(started, 'start');
  assert.deepEqual(ups, ['urn:xmpp:ping']);
  assert.equal(component.health.connected, true);
});

test('a server that does not say its features does not hold up the component', async (t) => {
  const { component, server } = await componentBefore(t);
  const started = component.start();
  const stream = await server.accept();
  await stream.header();
  stream.open();
  await stream.next();
  stream.write('<handshake/>');
  const disco = await stream.next();
  stream.write(
    `<iq type='error' id='${disco.id}' from='capulet.lit' to='vcard.capulet.lit'><error type='cancel'>` +
      "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
  );
  await within(started, 'start');
  assert.equal(component.server.features.size, 0);
});

test('UTF-8 cut anywhere arrives whole', async (t) => {
  const { component, server } = await componentBefore(t);
  const bodies: string[] = [];
  const all = new Promise<void>((resolve) => {
    component.onMessage((message) => {
      bodies.push(message.element.getChildText('body') ?? '');
      if (bodies.length === 4) resolve();
    });
  });
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const text = 'é–\u{1d11e}ß\u{1f469}\u200d\u{1f680}';
  const bytes = Buffer.from(`<message from='a@b' to='vcard.capulet.lit'><body>${text}</body></message>`);
  stream.socket.setNoDelay(true);
  for (const size of [1, 2, 3, 5]) {
    for (let at = 0; at < bytes.length; at += size) {
      stream.write(bytes.subarray(at, at + size));
      // A turn of the event loop each, so that chunks stay apart.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await within(all, 'four messages');
  assert.deepEqual(bodies, [text, text, text, text]);
});

test('bad XML ends the stream with the right error, not the process, and the component comes back', async (t) => {
  const table: readonly (readonly [string, string])[] = [
    ["<message from='a@b' to='vcard.capulet.lit'><body>&bogus;</body></message>", 'restricted-xml'],
    ["<message from='a@b' to='vcard.capulet.lit'><body></message>", 'not-well-formed'],
    ['<!-- hello -->', 'restricted-xml'],
    ["<message from='a@b' from='c@d'/>", 'not-well-formed'],
    ['<x:message/>', 'not-well-formed'],
  ];
  const { component, server, log } = await componentBefore(t);
  void component.start();
  for (const [bad, condition] of table) {
    const stream = await server.accept();
    await stream.establish();
    stream.write(bad);
    const error = await stream.next();
    assert.equal(error.name, 'error');
    assert.equal(error.namespace, 'http://etherx.jabber.org/streams');
    const found = error.element.getChildElements().map((child) => child.getName());
    assert.deepEqual(found, [condition], bad);
    assert.equal(await stream.closed(), 'stream');
    assert.equal(await stream.closed(), 'socket');
  }
  const again = await server.accept();
  await again.establish();
  assert.ok(log.lines.some(({ code, kind }) => code === 'component.lost' && kind === 'invalid'));
});

test('an answer counts only from whom the request went to', async (t) => {
  const { component, server } = await componentBefore(t);
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const others: string[] = [];
  component.onOtherIq((iq) => others.push(iq.from ?? ''));
  let settled = false;
  const answer = component.request(ROSTER_GET).finally(() => {
    settled = true;
  });
  const request = await stream.next();
  assert.equal(request.id, 'r1');
  const reply = (from: string, to = 'vcard.capulet.lit'): string =>
    `<iq type='result' id='r1' from='${from}' to='${to}'><query xmlns='jabber:iq:roster' ver='${from}'/></iq>`;
  stream.write(reply('evil@example.net'));
  stream.write(reply('juliet@capulet.lit/balcony'));
  stream.write(reply('capulet.lit'));
  stream.write(reply('juliet@capulet.lit', 'other@vcard.capulet.lit'));
  stream.write("<iq type='get' id='p' from='a@b' to='vcard.capulet.lit'><ping xmlns='urn:xmpp:ping'/></iq>");
  assert.equal((await stream.next()).id, 'p', 'all of it has been read');
  assert.equal(settled, false);
  // The same address in another spelling is the same address.
  stream.write(reply('Juliet@CAPULET.lit'));
  const query = (await within(answer, 'the answer')).element.getChild('query', 'jabber:iq:roster');
  assert.equal(query?.attrs['ver'], 'Juliet@CAPULET.lit');
  assert.deepEqual(others, [
    'evil@example.net',
    'juliet@capulet.lit/balcony',
    'capulet.lit',
    'juliet@capulet.lit',
  ]);
});

test('requests fail with their error, after their time, and with the link', async (t) => {
  const { component, server } = await componentBefore(t);
  void component.start();
  const stream = await server.accept();
  await stream.establish();

  const refused = component.request(ROSTER_GET);
  await stream.next();
  stream.write(
    "<iq type='error' id='r1' from='juliet@capulet.lit' to='vcard.capulet.lit'><error type='auth'>" +
      "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
  );
  await assert.rejects(refused, (error) => error instanceof StanzaError && error.condition === 'forbidden');

  const late = component.request(ROSTER_GET, { timeoutMilliseconds: 20 });
  await assert.rejects(
    late,
    (error) => error instanceof StanzaError && error.condition === 'remote-server-timeout',
  );

  const lost = component.request(ROSTER_GET);
  await stream.next();
  stream.socket.destroy();
  await assert.rejects(
    lost,
    (error) => error instanceof StanzaError && error.condition === 'remote-server-timeout',
  );
  await assert.rejects(
    component.request(ROSTER_GET),
    (error) => error instanceof StanzaError && error.type === 'wait',
  );
});

test('ids of requests cannot be guessed and are not used twice', async (t) => {
  const { component, server } = await componentBefore(t);
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const iq = xml('iq', { type: 'get', to: 'capulet.lit' }, xml('ping', { xmlns: 'urn:xmpp:ping' }));
  void component.request(iq).catch(() => undefined);
  void component.request(iq).catch(() => undefined);
  const [one, two] = [await stream.next(), await stream.next()];
  assert.notEqual(one.id, two.id);
  assert.ok((one.id ?? '').length >= 10);
});

test('a component sends only from its own domain', async (t) => {
  const { component, server } = await componentBefore(t);
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  assert.ok(component.send(xml('message', { to: 'a@b', id: '1' })));
  assert.equal((await stream.next()).from, 'vcard.capulet.lit');
  assert.ok(component.send(xml('message', { from: 'room@vcard.capulet.lit/nick', to: 'a@b', id: '2' })));
  assert.equal((await stream.next()).from, 'room@vcard.capulet.lit/nick');
  for (const from of [
    'capulet.lit',
    'x@evil.lit',
    'evil.lit/@vcard.capulet.lit',
    'vcard.capulet.lit.evil.lit',
  ]) {
    assert.throws(() => component.send(xml('message', { from, to: 'a@b' })), TypeError, from);
  }
});

test('every entity answers ping, version, time and disco; the rest is service-unavailable', async (t) => {
  const { component, server } = await componentBefore(t);
  component.disco.identity({ category: 'component', type: 'generic', name: 'Test' });
  component.disco.feature('urn:example:x');
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const ask = async (payload: string, type = 'get', to = 'vcard.capulet.lit') => {
    stream.write(`<iq type='${type}' id='q' from='romeo@montague.lit/o' to='${to}'>${payload}</iq>`);
    const answer = await stream.next();
    assert.equal(answer.id, 'q');
    // an address that is none cannot answer: the component does
    assert.equal(answer.from, to.startsWith('@') ? 'vcard.capulet.lit' : to);
    assert.equal(answer.to, 'romeo@montague.lit/o');
    return answer;
  };
  const condition = async (...question: Parameters<typeof ask>): Promise<string> => {
    const answer = await ask(...question);
    return answer.type === 'error' ? StanzaError.fromStanza(answer).condition : 'a result';
  };

  assert.equal((await ask("<ping xmlns='urn:xmpp:ping'/>")).type, 'result');
  const version = (await ask("<query xmlns='jabber:iq:version'/>")).element.getChild(
    'query',
    'jabber:iq:version',
  );
  assert.deepEqual([version?.getChildText('name'), version?.getChildText('version')], ['test', '1']);
  const time = (await ask("<time xmlns='urn:xmpp:time'/>")).element.getChild('time', 'urn:xmpp:time');
  assert.match(time?.getChildText('tzo') ?? '', /^[+-]\d\d:\d\d$/);
  assert.match(time?.getChildText('utc') ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const info = (await ask("<query xmlns='http://jabber.org/protocol/disco#info'/>")).element;
  const query = info.getChild('query', 'http://jabber.org/protocol/disco#info');
  assert.deepEqual(query?.getChild('identity')?.attrs['name'], 'Test');
  assert.ok(query?.getChildren('feature').some(({ attrs }) => attrs['var'] === 'urn:example:x'));
  assert.equal((await ask("<query xmlns='http://jabber.org/protocol/disco#items'/>")).type, 'result');

  assert.equal(
    await condition("<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>"),
    'item-not-found',
  );
  assert.equal(
    await condition("<query xmlns='http://jabber.org/protocol/disco#items' node='x'/>"),
    'item-not-found',
  );
  assert.equal(await condition("<what xmlns='urn:example:unknown'/>"), 'service-unavailable');
  assert.equal(
    await condition("<ping xmlns='urn:xmpp:ping'/>", 'get', 'user@vcard.capulet.lit'),
    'service-unavailable',
  );
  assert.equal(await condition("<ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/>"), 'bad-request');
  assert.equal(await condition(''), 'bad-request');
  assert.equal(await condition("<ping xmlns='urn:xmpp:ping'/>", 'fetch'), 'bad-request');

  assert.equal(
    await condition("<ping xmlns='urn:xmpp:ping'/>", 'get', '@vcard.capulet.lit'),
    'jid-malformed',
  );

  // RFC 6120 §8.3.1: errors and results are never answered, and messages to nobody are.
  stream.write("<iq type='error' id='e' from='a@b' to='vcard.capulet.lit'/>");
  stream.write("<iq type='result' id='f' from='a@b' to='vcard.capulet.lit'/>");
  stream.write("<message type='error' from='a@b' to='vcard.capulet.lit'><body>x</body></message>");
  stream.write("<message id='m' from='a@b' to='vcard.capulet.lit'><body>x</body></message>");
  const bounced = await stream.next();
  assert.deepEqual([bounced.name, bounced.id, bounced.type], ['message', 'm', 'error']);
  assert.equal(stream.unread, 0);
});

test('a handler of disco#items for accounts leaves the component’s own domain an empty answer', async (t) => {
  const { component, server } = await componentBefore(t);
  component.onIq('get', 'http://jabber.org/protocol/disco#items', 'query', () => NOT_MINE);
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const ask = async (to: string) => {
    stream.write(
      `<iq type='get' id='q' from='a@b' to='${to}'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>`,
    );
    return (await stream.next()).type;
  };
  assert.deepEqual(
    [await ask('vcard.capulet.lit'), await ask('user@vcard.capulet.lit')],
    ['result', 'error'],
  );
});

test('a handler that throws costs one error answer and one log line', async (t) => {
  const { component, server, log } = await componentBefore(t);
  component.onIq('get', 'urn:example:x', 'boom', () => {
    throw new RangeError('secret detail');
  });
  component.onIq('set', 'urn:example:x', 'boom', async () => {
    await new Promise((resolve) => setImmediate(resolve));
    throw new StanzaError('conflict', { text: 'no' });
  });
  component.onMessage(() => {
    throw new RangeError('in a message');
  });
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  stream.write("<message from='a@b' to='vcard.capulet.lit'/>");
  stream.write("<iq type='get' id='1' from='a@b' to='vcard.capulet.lit'><boom xmlns='urn:example:x'/></iq>");
  const one = await stream.next();
  assert.equal(StanzaError.fromStanza(one).condition, 'internal-server-error');
  assert.ok(!one.text.includes('secret detail'));
  stream.write("<iq type='set' id='2' from='a@b' to='vcard.capulet.lit'><boom xmlns='urn:example:x'/></iq>");
  assert.equal(StanzaError.fromStanza(await stream.next()).condition, 'conflict');
  assert.equal(log.lines.filter(({ code }) => code === 'component.handler-failed').length, 2);
});

test('one owner is served in order, others meanwhile', async (t) => {
  const { component, server } = await componentBefore(t);
  const release = new Map<string, () => void>();
  component.onIq('get', 'urn:example:x', 'q', async ({ id }) => {
    if (id.startsWith('slow')) await new Promise<void>((resolve) => release.set(id, resolve));
    return undefined;
  });
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const ask = (id: string, to: string): void =>
    stream.write(
      `<iq type='get' id='${id}' from='a@b' to='${to}@vcard.capulet.lit'><q xmlns='urn:example:x'/></iq>`,
    );
  ask('slow-1', 'one');
  ask('fast-1', 'one');
  ask('fast-2', 'two');
  assert.equal((await stream.next()).id, 'fast-2');
  release.get('slow-1')?.();
  assert.equal((await stream.next()).id, 'slow-1');
  assert.equal((await stream.next()).id, 'fast-1');
});

test('too many requests at once are refused, not kept', async (t) => {
  const { component, server } = await componentBefore(t, { limits: { pending: 2 } });
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  component.onIq('get', 'urn:example:x', 'q', () => held.then(() => undefined));
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  for (const id of ['1', '2', '3']) {
    stream.write(
      `<iq type='get' id='${id}' from='${id}@b' to='vcard.capulet.lit'><q xmlns='urn:example:x'/></iq>`,
    );
  }
  const refused = await stream.next();
  assert.deepEqual([refused.id, StanzaError.fromStanza(refused).condition], ['3', 'resource-constraint']);
  release();
  assert.deepEqual([(await stream.next()).type, (await stream.next()).type], ['result', 'result']);
});
