import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { LinkFront } from '../../tools/link-front.js';
import type { RawClient } from '../../tools/raw-client.js';

// Everybody comes through a proxy that says their address (PROXY protocol).

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({
    C2S_PROXIES: '127.0.0.0/8',
    COMPONENTS: 'bosh',
    COMPONENT_BOSH_SECRET: 'between-us',
    CLIENT_LINK_ALLOW_PLAIN: 'true',
    ADMINS: 'prince@localhost',
    BANNED_ADDRESSES: '198.51.100.0/24,2001:db8:bad::/48',
    LIMIT_EXEMPT_ADDRESSES: '192.0.2.128/25',
    LIMIT_CONNECTIONS_PER_ADDRESS: '2',
    LOGIN_FAILURES_PER_ADDRESS: '4',
    LOGIN_FAILURES_PER_ACCOUNT: '6',
    SASL_TRIES: '3',
    LIMIT_ACCOUNT_STANZAS_PER_SECOND: '10',
    LIMIT_ACCOUNT_BYTES_PER_SECOND: '20K',
    METRICS_PORT: 'auto',
  });
  await core.addUsers('juliet', 'romeo', 'nurse', 'prince', 'paris', 'tybalt', 'peter');
});
after(() => core.stop());

async function from(address: string): Promise<RawClient> {
  const client = await core.connect();
  const family = address.includes(':') ? 'TCP6' : 'TCP4';
  const ours = family === 'TCP6' ? '2001:db8::1' : '203.0.113.1';
  client.send(`PROXY ${family} ${address} ${ours} 40000 5222\r\n`);
  return client;
}

/** Tries a password once; the answer. The stream stays open unless the core ends it. */
async function attempt(client: RawClient, user: string, password: string): Promise<Stanza> {
  const text = Buffer.from(`\0${user}\0${password}`).toString('base64');
  client.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${text}</auth>`);
  return client.element();
}

async function once(address: string, user: string, password: string): Promise<string> {
  const client = await from(address);
  await client.open('localhost');
  const answer = await attempt(client, user, password);
  if (/temporary-auth-failure/.test(answer.source)) {
    await client.expectStreamError('policy-violation');
    return 'too many';
  }
  client.cut();
  return answer.name;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://${core.addresses['metrics']}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

test('banned addresses and networks are not talked with, of either family', async () => {
  for (const address of ['198.51.100.7', '2001:db8:bad:1::7']) {
    const client = await from(address);
    assert.equal((await client.next()).kind, 'lost');
  }
  await core.process.said(/"c2s\.banned","address":"198\.51\.100\.7"/);
});

test('nor through BOSH and WebSocket', async () => {
  const front = await LinkFront.connect(core.address('component'), 'bosh.localhost', 'between-us');
  await front.negotiate();
  front.say('open', {
    stream: 'x',
    address: '198.51.100.8',
    secure: 'true',
    to: 'localhost',
    credit: '65536',
  });
  const answer = await front.raw.stanza((stanza) => /<close /.test(stanza.source));
  assert.match(answer.source, /policy-violation/);
  await front.raw.close();
});

test('connections per address; of IPv6 per /64; not where the operator excepts a network', async () => {
  const taken = [await from('203.0.113.5'), await from('203.0.113.5')];
  for (const client of taken) await client.open('localhost');
  const third = await from('203.0.113.5');
  await third.header();
  await third.expectStreamError('resource-constraint');
  const six = [await from('2001:db8:1:2::1'), await from('2001:db8:1:2::2')];
  for (const client of six) await client.open('localhost');
  const neighbour = await from('2001:db8:1:2:ffff::3');
  await neighbour.header();
  await neighbour.expectStreamError('resource-constraint');
  const office = [];
  for (let i = 0; i < 4; i++) office.push(await from('192.0.2.200'));
  for (const client of office) await client.open('localhost');
  for (const client of [...taken, ...six, ...office]) client.cut();
});

test('log-ins that fail, from one address: after so many nobody gets in from there, whatever the account', async () => {
  const guesser = '203.0.113.10';
  for (const user of ['juliet', 'romeo', 'nurse', 'paris'])
    assert.equal(await once(guesser, user, 'guess'), 'failure');
  assert.equal(await once(guesser, 'juliet', 'secret'), 'too many', 'not even with the right one');
  assert.equal(await once('203.0.113.11', 'juliet', 'secret'), 'success', 'its neighbour does');
  await core.process.said(/"c2s\.logins-closed","address":"203\.0\.113\.10"/);
  assert.ok((await metric('xmpp_logins_limited_total')) >= 1);
});

test('log-ins that fail at one account: strangers no longer get in, those who were in before do', async () => {
  assert.equal(await once('203.0.113.20', 'paris', 'secret'), 'success');
  for (let i = 0; i < 7; i++) await once(`203.0.113.${30 + i}`, i % 2 === 0 ? 'paris' : 'PARIS', 'guess');
  assert.equal(await once('203.0.113.60', 'paris', 'secret'), 'too many');
  assert.equal(await once('203.0.113.20', 'paris', 'secret'), 'success', 'its owner');
  assert.equal(await once('203.0.113.60', 'nurse', 'secret'), 'success', 'another account');
  await core.process.said(/"c2s\.logins-closed","account":"paris@localhost"/);
});

test('XEP-0078 counts with the others', async () => {
  const iq = (password: string) =>
    `<iq type='set' id='old'><query xmlns='jabber:iq:auth'><username>nurse</username><password>${password}</password><resource>r</resource></query></iq>`;
  for (let i = 0; i < 4; i++) {
    const client = await from('203.0.113.70');
    await client.open('localhost');
    client.send(iq('guess'));
    assert.match((await client.element('iq')).source, /not-authorized/);
    client.cut();
  }
  const client = await from('203.0.113.70');
  await client.open('localhost');
  client.send(iq('secret'));
  assert.match((await client.element('iq')).source, /resource-constraint/);
  await client.expectStreamError('policy-violation');
});

/** How long until the last of `count` messages to itself comes back, in seconds. */
async function flood(client: RawClient, count: number, body: string): Promise<number> {
  const begin = performance.now();
  for (let i = 0; i < count; i++)
    client.send(`<message to='${client.jid}' id='f${i}'><body>${body}</body></message>`);
  for (let i = 0; i < count; i++)
    assert.equal((await client.stanza((stanza) => stanza.name === 'message', 20_000)).id, `f${i}`);
  return (performance.now() - begin) / 1000;
}

async function login(address: string, user: string, resource: string): Promise<RawClient> {
  const client = await from(address);
  await client.login(user, 'secret', 'localhost', resource);
  client.send('<presence/>');
  await client.stanza((stanza) => stanza.name === 'presence');
  return client;
}

test('what an account sends: above its rate it is slow, in all its clients together; nothing is lost; others are not slow', async () => {
  const romeo = [await login('203.0.113.80', 'romeo', 'a'), await login('203.0.113.81', 'romeo', 'b')];
  const juliet = await login('203.0.113.82', 'juliet', 'a');
  const slow = Promise.all(romeo.map((client) => flood(client, 35, 'x')));
  assert.ok((await flood(juliet, 30, 'x')) < 2);
  // seventy with fifty at once and ten a second after that
  assert.ok(Math.max(...(await slow)) > 1);
  await core.process.said(/"c2s\.account-rate","account":"romeo@localhost"/);
  assert.ok((await metric('xmpp_account_rate_pauses_total')) > 0);
  for (const client of [...romeo, juliet]) await client.close();
});

test('what a client has sent too fast is heard also when it hangs up meanwhile', async () => {
  const tybalt = await login('203.0.113.90', 'tybalt', 'a');
  const juliet = await login('203.0.113.91', 'juliet', 'b');
  await juliet.goOnline();
  const messages = Array.from(
    { length: 65 },
    (_, k) => `<message to='juliet@localhost/b' type='chat' id='m${k}'><body>x</body></message>`,
  );
  tybalt.socket.end(messages.join(''));
  const last = await juliet.stanza((stanza) => stanza.id === 'm64');
  assert.equal(last.from, 'tybalt@localhost/a');
  await juliet.close();
});

test('… through BOSH, too', async () => {
  const front = await LinkFront.connect(core.address('component'), 'bosh.localhost', 'between-us');
  await front.negotiate();
  const juliet = await login('203.0.113.92', 'juliet', 'c');
  await juliet.goOnline();
  await front.login('slow', 'peter', { address: '203.0.113.93' });
  for (let k = 0; k < 60; k++)
    front.data(
      'slow',
      `<message xmlns='jabber:client' to='juliet@localhost/c' type='chat' id='w${k}'><body>x</body></message>`,
    );
  front.say('close', { stream: 'slow' });
  await juliet.stanza((stanza) => stanza.id === 'w59');
  await juliet.close();
  front.raw.cut();
});

test('… and in bytes; an administrator sends as fast as he likes', async () => {
  const nurse = await login('203.0.113.83', 'nurse', 'a');
  assert.ok((await flood(nurse, 9, 'x'.repeat(16_000))) > 0.7);
  await nurse.close();
  const prince = await login('203.0.113.84', 'prince', 'a');
  assert.ok((await flood(prince, 200, 'x'.repeat(2_000))) < 5);
  await prince.close();
});

test('the lists are read again on SIGHUP: who is banned then must go', async (t) => {
  const first = core;
  core = await CoreUnderTest.start({ C2S_PROXIES: '127.0.0.0/8' });
  t.after(async () => {
    await core.stop();
    core = first;
  });
  await core.addUsers('juliet');
  const victim = await login('203.0.113.90', 'juliet', 'victim');
  const bystander = await login('203.0.113.91', 'juliet', 'bystander');
  writeFileSync(join(core.dataFolder, '.env'), 'BANNED_ADDRESSES=203.0.113.90/32\n');
  core.process.child.kill('SIGHUP');
  const gone = await victim.stanza((stanza) => stanza.name === 'error');
  assert.match(gone.source, /policy-violation/);
  assert.equal((await (await from('203.0.113.90')).next()).kind, 'lost');
  await bystander.ping();
  writeFileSync(join(core.dataFolder, '.env'), '');
  core.process.child.kill('SIGHUP');
  await core.process.waitFor(/"process\.reloaded"/g, 2);
  const back = await login('203.0.113.90', 'juliet', 'back');
  await back.close();
  await bystander.close();
});
