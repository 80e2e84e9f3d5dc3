import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { testCertificate, writePair } from '../../tools/certificates.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { DnsServer } from '../../tools/dns-server.js';
import { loopbackAddress, S2S_TEST_PORT } from '../../tools/federation.js';
import {
  type ForeignPeerOptions,
  startEjabberdPeer,
  startProsodyPeer,
} from '../../tools/foreign/federation.js';
import type { ForeignServer } from '../../tools/foreign/server.js';

// not .test: libunbound, which Prosody resolves with, answers for that itself (RFC 6761)
export const OURS = 'capulet.example';
export const THEIRS = 'montague.example';

export interface World {
  readonly core: CoreUnderTest;
  readonly peer: ForeignServer;
  readonly dns: DnsServer;
}

export interface Setting {
  /** Whose certificate is signed by the authority that both trust; the others are self-signed. */
  readonly signed: 'both' | 'neither' | 'ours' | 'theirs';
  readonly core?: Record<string, string>;
  readonly peer?: Partial<ForeignPeerOptions>;
}

const servers = { prosody: startProsodyPeer, ejabberd: startEjabberdPeer } as const;

/** Runs `body` with our core and somebody else's server, found by SRV records of a DNS server of the test. */
export async function withPeer(
  name: keyof typeof servers,
  setting: Setting,
  skip: (why: string) => void,
  body: (world: World) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'federation-'));
  const [here, there] = [loopbackAddress(), loopbackAddress()];
  const authority = testCertificate(['Test Authority'], { authority: true });
  const certificate = (domain: string, signed: boolean) =>
    testCertificate([domain], signed ? { issuer: authority } : {});
  // ejabberd asks its DNS server for SRV records only, and the system for addresses
  const ourHost = name === 'ejabberd' ? here : `xmpp.${OURS}`;
  const dns = await DnsServer.start({
    srv: {
      [`_xmpp-server._tcp.${OURS}`]: [{ port: S2S_TEST_PORT, target: ourHost }],
      [`_xmpp-server._tcp.${THEIRS}`]: [{ port: S2S_TEST_PORT, target: `xmpp.${THEIRS}` }],
    },
    a: { [`xmpp.${OURS}`]: [here], [`xmpp.${THEIRS}`]: [there] },
  });
  let core: CoreUnderTest | undefined;
  let peer: ForeignServer | undefined;
  try {
    peer = await servers[name]({
      domain: THEIRS,
      address: there,
      dns,
      pair: certificate(THEIRS, setting.signed === 'both' || setting.signed === 'theirs'),
      ca: authority.certificate,
      users: ['romeo'],
      ...setting.peer,
    });
    if (peer === undefined) return skip(`${name} is not installed`);
    const files = writePair(
      join(folder, 'core'),
      certificate(OURS, setting.signed === 'both' || setting.signed === 'ours'),
    );
    writeFileSync(join(folder, 'ca.pem'), authority.certificate);
    core = await CoreUnderTest.start({
      XMPP_DOMAINS: OURS,
      LISTEN_HOST: here,
      S2S_PORT: String(S2S_TEST_PORT),
      S2S_DNS_SERVERS: dns.address,
      S2S_CA: `only:${join(folder, 'ca.pem')}`,
      S2S_CONNECT_SECONDS: '10',
      TLS_CERT: files.cert,
      TLS_KEY: files.key,
      ...setting.core,
    });
    await core.addUsers(`juliet@${OURS}`);
    await body({ core, peer, dns });
  } catch (error) {
    if (process.env['SHOW_LOGS'] !== undefined) {
      console.error(
        `--- dns ${dns.asked.join('; ')}\n--- core\n${core?.process.output}\n--- ${name}\n${peer?.output().slice(-30_000)}`,
      );
    }
    throw error;
  } finally {
    await core?.stop();
    await peer?.stop();
    await dns.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Messages, IQ, subscription and probe, each way. */
export async function converse({ core, peer }: World): Promise<void> {
  const juliet = await core.online('juliet', 'balcony', OURS);
  const romeo = await peer.login('romeo', 'orchard');
  await romeo.goOnline();
  for (let k = 0; k < 20; k++)
    juliet.send(`<message to='romeo@${THEIRS}/orchard' type='chat' id='j${k}'><body>${k}</body></message>`);
  for (let k = 0; k < 20; k++) {
    const message = await romeo.stanza((stanza) => stanza.name === 'message');
    assert.equal(message.id, `j${k}`, message.source);
    assert.equal(message.from, juliet.jid);
  }
  for (let k = 0; k < 20; k++)
    romeo.send(`<message to='juliet@${OURS}/balcony' type='chat' id='r${k}'><body>${k}</body></message>`);
  for (let k = 0; k < 20; k++) {
    const message = await juliet.stanza((stanza) => stanza.name === 'message');
    assert.equal(message.id, `r${k}`, message.source);
    assert.equal(message.from, romeo.jid);
  }
  assert.equal((await juliet.iq('get', "<ping xmlns='urn:xmpp:ping'/>", THEIRS)).type, 'result');
  assert.equal((await romeo.iq('get', "<ping xmlns='urn:xmpp:ping'/>", OURS)).type, 'result');
  // RFC 6121 §3: juliet subscribes to romeo's presence
  juliet.send(`<presence to='romeo@${THEIRS}' type='subscribe'/>`);
  const request = await romeo.stanza((stanza) => stanza.type === 'subscribe');
  assert.equal(request.from, `juliet@${OURS}`);
  romeo.send(`<presence to='juliet@${OURS}' type='subscribed'/>`);
  await juliet.stanza((stanza) => stanza.type === 'subscribed');
  const shown = await juliet.stanza(
    (stanza) => stanza.name === 'presence' && stanza.from === romeo.jid && stanza.type === undefined,
  );
  assert.equal(shown.toJid?.bare, `juliet@${OURS}`);
  // and romeo to hers
  romeo.send(`<presence to='juliet@${OURS}' type='subscribe'/>`);
  await juliet.stanza((stanza) => stanza.type === 'subscribe');
  juliet.send(`<presence to='romeo@${THEIRS}' type='subscribed'/>`);
  await romeo.stanza((stanza) => stanza.type === 'subscribed');
  await romeo.stanza(
    (stanza) => stanza.name === 'presence' && stanza.from === juliet.jid && stanza.type === undefined,
  );
  // RFC 6121 §4.3: a new resource of each learns by probe who is there
  const again = await core.online('juliet', 'chamber', OURS);
  await again.stanza((stanza) => stanza.name === 'presence' && stanza.from === romeo.jid);
  const back = await peer.login('romeo', 'street');
  await back.goOnline();
  await back.stanza((stanza) => stanza.name === 'presence' && stanza.from === juliet.jid);
  // unavailable presence crosses too
  await back.close();
  await juliet.stanza((stanza) => stanza.type === 'unavailable' && stanza.from === back.jid);
  for (const client of [again, juliet, romeo]) await client.close();
}

/** What is to work with every other server. */
export function federationTests(name: keyof typeof servers): void {
  test(`${name}: SASL EXTERNAL with valid certificates`, (t) =>
    withPeer(
      name,
      { signed: 'both', core: { S2S_POLICY: 'strict' }, peer: { strict: true } },
      t.skip.bind(t),
      async (world) => {
        await converse(world);
        const log = world.core.process.output;
        assert.ok(/"code":"s2s.connected"[^\n]*"by":"EXTERNAL"/.test(log), 'we authenticate with EXTERNAL');
        assert.ok(log.includes('"code":"s2s.authenticated"'), 'they authenticate with EXTERNAL');
      },
    ));

  test(`${name}: where certificates are self-signed`, (t) =>
    withPeer(
      name,
      { signed: 'neither', core: { COMPONENTS: 'muc', COMPONENT_MUC_SECRET: 'secret' } },
      t.skip.bind(t),
      async (world) => {
        await t.test('dialback', async () => {
          await converse(world);
          const log = world.core.process.output;
          assert.ok(/"code":"s2s.connected"[^\n]*"by":"dialback"/.test(log), 'we authenticate by dialback');
          assert.ok(
            /"code":"s2s.accepted"[^\n]*"certificate":false/.test(log),
            'they authenticate by dialback',
          );
        });
        await t.test('a room of ours is entered from there', () => enterOurRoom(world));
        await t.test('a peer that goes and comes back, and a core that is killed', () =>
          goAndComeBack(world),
        );
      },
    ));

  test(`${name}: refused for its self-signed certificate where the policy is strict`, (t) =>
    withPeer(
      name,
      { signed: 'ours', core: { S2S_POLICY: 'strict' } },
      t.skip.bind(t),
      async ({ core, peer }) => {
        const juliet = await core.online('juliet', 'balcony', OURS);
        const refused = await juliet.iq('get', "<ping xmlns='urn:xmpp:ping'/>", THEIRS);
        assert.equal(refused.type, 'error');
        assert.ok(refused.source.includes('<remote-server-timeout'), refused.source);
        const romeo = await peer.login('romeo', 'orchard');
        const returned = await romeo.iq('get', "<ping xmlns='urn:xmpp:ping'/>", OURS);
        assert.equal(returned.type, 'error', returned.source);
        await juliet.close();
        await romeo.close();
      },
    ));

  test(`${name}: refuses us for our self-signed certificate`, (t) =>
    withPeer(name, { signed: 'theirs', peer: { strict: true } }, t.skip.bind(t), async ({ core, peer }) => {
      const juliet = await core.online('juliet', 'balcony', OURS);
      juliet.send(`<message to='romeo@${THEIRS}' type='chat' id='m'><body>x</body></message>`);
      const returned = await juliet.stanza((stanza) => stanza.id === 'm');
      assert.ok(returned.source.includes('<remote-server-timeout'), returned.source);
      assert.equal(returned.from, `romeo@${THEIRS}`);
      const romeo = await peer.login('romeo', 'orchard');
      assert.equal((await romeo.iq('get', "<ping xmlns='urn:xmpp:ping'/>", OURS)).type, 'error');
      await juliet.close();
      await romeo.close();
    }));
}

/** A room of ours is entered from there. */
async function enterOurRoom({ core, peer, dns }: World): Promise<void> {
  const host = dns.zone.srv?.[`_xmpp-server._tcp.${OURS}`] ?? [];
  dns.zone = { ...dns.zone, srv: { ...dns.zone.srv, [`_xmpp-server._tcp.conference.${OURS}`]: host } };
  await core.component('muc');
  const room = `hall@conference.${OURS}`;
  const juliet = await core.online('juliet', 'balcony', OURS);
  const romeo = await peer.login('romeo', 'orchard');
  await romeo.goOnline();
  const entering = "<x xmlns='http://jabber.org/protocol/muc'/>";
  const self = (nick: string) => (stanza: Stanza) =>
    stanza.name === 'presence' && stanza.from === `${room}/${nick}` && stanza.source.includes("'110'");
  juliet.send(`<presence to='${room}/juliet'>${entering}</presence>`);
  await juliet.stanza(self('juliet'));
  // XEP-0045 §10.1.2: an instant room
  const form = "<x xmlns='jabber:x:data' type='submit'/>";
  await juliet.iq('set', `<query xmlns='http://jabber.org/protocol/muc#owner'>${form}</query>`, room);
  romeo.send(`<presence to='${room}/romeo'>${entering}</presence>`);
  await romeo.stanza(self('romeo'));
  await juliet.stanza((stanza) => stanza.name === 'presence' && stanza.from === `${room}/romeo`);
  for (const [client, nick, id] of [
    [romeo, 'romeo', 'g1'],
    [juliet, 'juliet', 'g2'],
  ] as const) {
    client.send(`<message to='${room}' type='groupchat' id='${id}'><body>${id}</body></message>`);
    for (const hearer of [romeo, juliet]) {
      const heard = await hearer.stanza((stanza) => stanza.source.includes(`<body>${id}</body>`));
      assert.equal(heard.from, `${room}/${nick}`);
    }
  }
  await romeo.close();
  await juliet.stanza((stanza) => stanza.type === 'unavailable' && stanza.from === `${room}/romeo`);
  await juliet.close();
}

/** First they are away, then we are killed: what comes back, and what goes through afterwards. */
async function goAndComeBack({ core, peer }: World): Promise<void> {
  const juliet = await core.online('juliet', 'balcony', OURS);
  let romeo = await peer.login('romeo', 'orchard');
  const send = (id: string) =>
    juliet.send(`<message to='romeo@${THEIRS}/orchard' type='chat' id='${id}'><body>${id}</body></message>`);
  send('before');
  await romeo.stanza((stanza) => stanza.id === 'before');
  // ejabberd would forget its new account, which is in its log only
  await peer.kill(peer.name === 'ejabberd' ? 'SIGTERM' : 'SIGKILL');
  // nobody is there: everything comes back
  for (const id of ['d1', 'd2', 'd3']) send(id);
  for (const id of ['d1', 'd2', 'd3']) {
    const returned = await juliet.stanza((stanza) => stanza.id === id);
    assert.equal(returned.type, 'error', returned.source);
    assert.ok(returned.source.includes('<remote-server-timeout'), returned.source);
  }
  await peer.start();
  romeo = await peer.login('romeo', 'orchard');
  const after = ['a1', 'a2', 'a3', 'a4', 'a5'];
  for (const id of after) send(id);
  for (const id of after) {
    const message = await romeo.stanza((stanza) => stanza.name === 'message');
    assert.equal(message.id, id, 'in order, once');
  }
  romeo.send(`<message to='juliet@${OURS}/balcony' type='chat' id='r1'><body>x</body></message>`);
  await juliet.stanza((stanza) => stanza.id === 'r1');
  juliet.cut();
  await core.restart('SIGKILL');
  const again = await core.online('juliet', 'balcony', OURS);
  again.send(`<message to='romeo@${THEIRS}/orchard' type='chat' id='n1'><body>x</body></message>`);
  await romeo.stanza((stanza) => stanza.id === 'n1');
  romeo.send(`<message to='juliet@${OURS}/balcony' type='chat' id='r2'><body>x</body></message>`);
  // a server may notice only now that its stream is dead: then the message comes back and the next one goes through
  const outcome = await Promise.race([
    again.stanza((stanza) => stanza.id === 'r2').then(() => 'delivered'),
    romeo.stanza((stanza) => stanza.id === 'r2').then(() => 'returned'),
  ]);
  if (outcome === 'returned') {
    romeo.send(`<message to='juliet@${OURS}/balcony' type='chat' id='r3'><body>x</body></message>`);
    await again.stanza((stanza) => stanza.id === 'r3');
  }
  await again.close();
  await romeo.close();
}
