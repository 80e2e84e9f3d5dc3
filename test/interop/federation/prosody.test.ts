import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { DIRECT_TLS_TEST_PORT } from '../../tools/foreign/federation.js';
import { converse, federationTests, OURS, THEIRS, withPeer } from './common.js';

federationTests('prosody');

test('prosody: one stream for both directions (XEP-0288)', (t) =>
  withPeer('prosody', { signed: 'both', peer: { bidi: true } }, t.skip.bind(t), async (world) => {
    await converse(world);
    const { in: incoming, out } = (
      (await world.core.control('status')) as {
        s2s: { in: unknown[]; out: unknown[] };
      }
    ).s2s;
    assert.equal(incoming.length + out.length, 1, 'whoever was first: there is one stream');
  }));

test('prosody: a component of ours is reached, and reaches', (t) =>
  withPeer(
    'prosody',
    {
      signed: 'neither',
      core: {
        COMPONENTS: 'rooms',
        COMPONENT_ROOMS_DOMAIN: `rooms.${OURS}`,
        COMPONENT_ROOMS_SECRET: 'secret',
      },
    },
    t.skip.bind(t),
    async ({ core, peer, dns }) => {
      const host = dns.zone.srv?.[`_xmpp-server._tcp.${OURS}`] ?? [];
      dns.zone = { ...dns.zone, srv: { ...dns.zone.srv, [`_xmpp-server._tcp.rooms.${OURS}`]: host } };
      const component = await core.connect('component');
      component.send(
        `<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='rooms.${OURS}'>`,
      );
      const { id } = await component.header();
      const digest = createHash('sha1').update(`${id}secret`).digest('hex');
      component.send(`<handshake>${digest}</handshake>`);
      await component.element('handshake');
      const romeo = await peer.login('romeo', 'orchard');
      romeo.send(`<message to='hall@rooms.${OURS}' id='m1'><body>x</body></message>`);
      assert.equal((await component.stanza((stanza) => stanza.id === 'm1')).from, romeo.jid);
      component.send(
        `<message from='hall@rooms.${OURS}/juliet' to='romeo@${THEIRS}/orchard' id='m2'><body>x</body></message>`,
      );
      assert.equal((await romeo.stanza((stanza) => stanza.id === 'm2')).from, `hall@rooms.${OURS}/juliet`);
      component.cut();
      await romeo.close();
    },
  ));

test('prosody: TLS from the first byte, where SRV records say so (XEP-0368)', (t) =>
  withPeer(
    'prosody',
    { signed: 'both', core: { S2S_TLS_PORT: String(DIRECT_TLS_TEST_PORT) } },
    t.skip.bind(t),
    async (world) => {
      const records = Object.entries(world.dns.zone.srv ?? {});
      const srv = records.map(([name, [record]]) => [
        name.replace('_xmpp-', '_xmpps-'),
        [{ ...record, port: DIRECT_TLS_TEST_PORT }],
      ]);
      world.dns.zone = { ...world.dns.zone, srv: Object.fromEntries(srv) };
      await converse(world);
      assert.ok(/"code":"s2s.connected"[^\n]*"by":"EXTERNAL"/.test(world.core.process.output));
      assert.ok(
        !world.dns.asked.some((name) => name.startsWith('A ') && name.endsWith(` ${OURS}`)),
        'no fall-back',
      );
    },
  ));
