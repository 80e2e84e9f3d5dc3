import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { BoshClient } from '../../tools/bosh-client.js';
import { BoshUser } from '../../tools/bosh-user.js';
import { CoreUnderTest, type ProcessUnderTest } from '../../tools/core-harness.js';
import { Frames } from '../../tools/frames.js';
import type { RawClient } from '../../tools/raw-client.js';

// How sessions end, with our core behind: who is told, and what becomes of what a client did not get (XEP-0206).

let core: CoreUnderTest;
let bosh: ProcessUnderTest;
let port = 0;
let romeo: RawClient;

before(async () => {
  core = await CoreUnderTest.start({
    COMPONENTS: 'bosh',
    COMPONENT_BOSH_SECRET: 'between-us',
    CLIENT_LINK_ALLOW_PLAIN: 'true',
    // Or it is this limit that keeps a flood from others.
    LIMIT_BYTES_PER_SECOND: '0',
  });
  await core.addUsers('juliet', 'romeo', 'nurse', 'flooder');
  bosh = await core.component('bosh', { BOSH_PORT: 'auto', BOSH_INACTIVITY: '1', BOSH_POLLING: '0' });
  port = Number(/:(\d+)$/.exec((await bosh.ready())['http'] ?? '')?.[1]);
  romeo = await core.online('romeo');
});
after(() => core?.stop());

/** Juliet over BOSH, whose presence Romeo sees. */
async function juliet(resource: string): Promise<BoshUser> {
  const user = await new BoshUser(port).login('juliet', resource);
  await user.client.send({}, `<presence xmlns='jabber:client' to='${romeo.jid}'/>`);
  await romeo.stanza(({ name, from, type }) => name === 'presence' && from === user.jid && !type);
  return user;
}

const unavailable = (jid: string) =>
  romeo.stanza(({ name, from, type }) => name === 'presence' && from === jid && type === 'unavailable');

test('a client that asks no more: unavailable; its IQs are answered, messages stored, presence dropped', async () => {
  const user = await juliet('balcony');
  romeo.send(
    `<presence to='${user.jid}' id='p'/>` +
      `<iq to='${user.jid}' type='get' id='q'><query xmlns='jabber:iq:version'/></iq>` +
      `<iq to='${user.jid}' type='result' id='r'/>` +
      `<message to='${user.jid}' type='chat' id='m'><body>are you there?</body></message>` +
      `<message to='${user.jid}' type='headline' id='h'><body>news</body></message>`,
  );
  // In whatever order: the answer, and that she is gone.
  const seen: string[] = [];
  while (seen.length < 2) {
    const { source, name } = await romeo.stanza(({ from }) => from === user.jid);
    seen.push(name);
    if (name === 'iq')
      assert.match(
        source,
        /id='q'.*type='error'.*<service-unavailable|type='error'.*id='q'.*<service-unavailable/,
      );
    else assert.match(source, /type='unavailable'/);
  }
  assert.deepEqual(seen.sort(), ['iq', 'presence']);
  await romeo.expectNothing();
  const { body } = await user.client.send();
  assert.equal(body.attrs['condition'], 'item-not-found', 'as if it had never been');
  const again = await new BoshUser(port).login('juliet', 'later');
  const text = await again.until(/are you there/, "<presence xmlns='jabber:client'/>");
  assert.match(text, /<delay xmlns=['"]urn:xmpp:delay/);
  assert.doesNotMatch(text, /news|id='r'/);
  await again.client.send({ type: 'terminate' });
});

test('a client that terminates: with its own last words, or without', async () => {
  const spoken = await juliet('one');
  await spoken.client.send(
    { type: 'terminate' },
    `<message xmlns='jabber:client' to='${romeo.jid}' id='last'><body>good night</body></message>` +
      "<presence xmlns='jabber:client' type='unavailable'><status>parting</status></presence>",
  );
  assert.match((await romeo.stanza(({ name }) => name === 'message')).source, /good night/);
  assert.match((await unavailable(spoken.jid)).source, /<status>parting<\/status>/);
  const silent = await juliet('two');
  await silent.client.send({ type: 'terminate' });
  await unavailable(silent.jid);
  await romeo.expectNothing();
});

test('a client whose WebSocket breaks, and one that breaks a rule, are unavailable at once', async () => {
  const frames = new Frames(port);
  await once(frames.socket, 'open');
  const plain = Buffer.from('\0juliet\0secret').toString('base64');
  const open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";
  frames.socket.send(open);
  await frames.frame(1);
  frames.socket.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
  assert.match(await frames.frame(2), /<success /);
  frames.socket.send(open);
  await frames.frame(4);
  frames.socket.send(
    "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>ws</resource></bind></iq>",
  );
  assert.match(await frames.frame(5), /juliet@localhost\/ws/);
  frames.socket.send(`<presence xmlns='jabber:client' to='${romeo.jid}'/>`);
  await romeo.stanza(({ from }) => from === 'juliet@localhost/ws');
  frames.socket.terminate();
  await unavailable('juliet@localhost/ws');

  const user = await juliet('rude');
  assert.equal((await user.client.send({}, '<not well-formed')).body.attrs['condition'], 'bad-request');
  await unavailable(user.jid);
});

test('a restart without `to`, one before authentication, and a bind before a restart', async () => {
  const user = new BoshUser(port);
  await user.client.create({ to: 'localhost' });
  const plain = Buffer.from('\0juliet\0secret').toString('base64');
  await user.until(
    /<success /,
    `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`,
  );
  assert.match((await user.client.send({ 'xmpp:restart': 'true' })).text, /<bind /);
  await user.bind('restarted');
  await user.client.send({ type: 'terminate' });

  const early = new BoshClient(port);
  await early.create({ to: 'localhost' });
  const { text, body } = await early.send({ 'xmpp:restart': 'true', to: 'localhost' });
  assert.equal(body.attrs['condition'], 'remote-stream-error');
  assert.match(text, /<stream:error xmlns:stream='http:\/\/etherx\.jabber\.org\/streams'><[a-z-]+ xmlns=/);
});

test('XEP-0198: what cannot be resumed is failed, and a session is bound instead; what can be goes on', async () => {
  const sm = "xmlns='urn:xmpp:sm:3'";
  const user = await new BoshUser(port).authenticate('nurse');
  const failed = await user.until(/<failed /, `<resume ${sm} previd='nothing' h='0'/>`);
  assert.match(failed, /<item-not-found /);
  await user.bind('first');
  const enabled = await user.until(/<enabled /, `<enable ${sm} resume='true'/>`);
  const id = /<enabled [^>]*\bid=['"]([^'"]*)/.exec(enabled)?.[1];
  assert.ok(id, enabled);
  // She asks no more; within `inactivity` a message comes, and her stream is lost.
  const lost = /"code":"bosh.session-ended"[^\n]*inactivity/g;
  const before = bosh.output.match(lost)?.length ?? 0;
  romeo.send(`<message to='${user.jid}' type='chat' id='kept'><body>kept</body></message>`);
  await bosh.waitFor(lost, before + 1);
  const again = await new BoshUser(port).authenticate('nurse');
  const resumed = await again.until(/<message/, `<resume ${sm} previd='${id}' h='0'/>`);
  assert.match(resumed, /<resumed .*<message.*kept/);
  await again.client.send({ type: 'terminate' });
});

test('a flood over WebSocket takes no more than its share of the link', async () => {
  const user = await new BoshUser(port).login('nurse', 'patient');
  const open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";
  const socket = new WebSocket(`ws://127.0.0.1:${port}/xmpp-websocket`, ['xmpp']);
  await once(socket, 'open');
  let received = 0;
  const got: string[] = [];
  socket.on('message', (data) => {
    const text = String(data);
    if (text.startsWith('<message')) received++;
    else got.push(text);
  });
  const said = async (pattern: RegExp) => {
    const deadline = performance.now() + 8_000;
    while (!got.some((text) => pattern.test(text))) {
      assert.ok(performance.now() < deadline, got.join('\n'));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    got.length = 0;
  };
  const plain = Buffer.from('\0flooder\0secret').toString('base64');
  socket.send(open);
  await said(/<mechanisms/);
  socket.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
  await said(/<success/);
  socket.send(open);
  await said(/<bind/);
  socket.send(
    "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>f</resource></bind></iq>",
  );
  await said(/flooder@localhost\/f/);
  const flood = `<message xmlns='jabber:client' to='flooder@localhost/f'><body>${'x'.repeat(10_000)}</body></message>`;
  const count = 500;
  for (let i = 0; i < count; i++) socket.send(flood);
  let pings = 0;
  while (received < count) {
    const ping = `<iq xmlns='jabber:client' to='localhost' type='get' id='p${pings}'><ping xmlns='urn:xmpp:ping'/></iq>`;
    await user.until(/<iq[^>]*type='result'/, ping);
    pings++;
  }
  // Each waits for a few windows of the flood. Behind all of it, only the first would be answered before its end.
  assert.ok(pings >= 5, `${pings} pings beside ${count} messages`);
  socket.terminate();
  await user.client.send({ type: 'terminate' });
});
