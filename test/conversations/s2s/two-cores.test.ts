import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type FederatedCore, startPair } from '../../tools/federation.js';
import { joinComponent } from '../../tools/raw-component.js';

// Two cores with self-signed certificates: TLS, then dialback in each direction (XEP-0220).
let capulet: FederatedCore;
let montague: FederatedCore;
before(async () => {
  [capulet, montague] = await startPair(
    {
      domain: 'capulet.test',
      settings: {
        COMPONENTS: 'feed',
        COMPONENT_FEED_DOMAIN: 'feed.capulet.test',
        COMPONENT_FEED_SECRET: 'secret',
        COMPONENT_FEED_GRANTS: 'roster:get presence:roster',
        COMPONENT_GRACE_SECONDS: '0',
        S2S_IDLE_SECONDS: '1',
        METRICS_PORT: 'auto',
      },
    },
    { domain: 'montague.test', settings: { S2S_IDLE_SECONDS: '1' } },
  );
  await capulet.core.addUsers('juliet@capulet.test');
  await montague.core.addUsers('romeo@montague.test');
});
after(async () => {
  await capulet?.core.stop();
  await montague?.core.stop();
});

test('XEP-0220: messages both ways, in order, after dialback inside TLS', async () => {
  const juliet = await capulet.core.online('juliet', 'balcony', 'capulet.test');
  const romeo = await montague.core.online('romeo', 'orchard', 'montague.test');
  for (let k = 0; k < 50; k++) {
    juliet.send(
      `<message to='romeo@montague.test/orchard' type='chat' id='m${k}'><body>Wherefore ${k}</body></message>`,
    );
  }
  for (let k = 0; k < 50; k++) {
    await romeo.expect(
      `<message from='juliet@capulet.test/balcony' to='romeo@montague.test/orchard' type='chat' id='m${k}'><body>Wherefore ${k}</body></message>`,
    );
  }
  romeo.send(
    "<message to='juliet@capulet.test/balcony' type='chat' id='r1'><body>Shall I hear more?</body></message>",
  );
  await juliet.expect(
    "<message from='romeo@montague.test/orchard' to='juliet@capulet.test/balcony' type='chat' id='r1'><body>Shall I hear more?</body></message>",
  );
  // and the picture of the core says so
  const { host, port } = capulet.core.address('metrics');
  const page = (await (await fetch(`http://${host}:${port}/status.json`)).json()) as {
    neighbours: { name: string; kind: string; up: boolean; stanzas: number }[];
  };
  const peer = page.neighbours.find(({ kind }) => kind === 'peer');
  assert.deepEqual([peer?.name, peer?.up, peer?.stanzas], ['montague.test', true, 51]);
  await juliet.close();
  await romeo.close();
});

test('RFC 6120 §10.4.3: an IQ to the other server is answered, one to a domain that cannot be found is returned', async () => {
  const juliet = await capulet.core.online('juliet', 'balcony', 'capulet.test');
  const pong = await juliet.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'montague.test');
  assert.equal(pong.type, 'result', pong.source);
  const lost = await juliet.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'nowhere.invalid');
  assert.equal(lost.type, 'error');
  assert.ok(lost.source.includes('<remote-server-not-found'), lost.source);
  assert.ok(lost.source.includes("code='404'"), lost.source);
  await juliet.close();
});

test('an idle stream is closed in order, and opened again when it is needed', async () => {
  const romeo = await montague.core.online('romeo', 'orchard', 'montague.test');
  const streams = async () => {
    const { s2s } = (await montague.core.control('status')) as { s2s: { in: unknown[]; out: unknown[] } };
    return s2s.in.length + s2s.out.length;
  };
  assert.equal((await romeo.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'capulet.test')).type, 'result');
  assert.ok((await streams()) > 0);
  const end = performance.now() + 10_000;
  while ((await streams()) > 0) {
    assert.ok(performance.now() < end, 'the stream stays open');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal((await romeo.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'capulet.test')).type, 'result');
  await romeo.close();
});

/** Whose presence a component with that privilege is told when it connects (XEP-0356). */
async function presenceAtConnection(): Promise<(string | undefined)[]> {
  const component = await joinComponent(capulet.core, 'feed.capulet.test');
  await component.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'capulet.test');
  const shown = component.received.flatMap((item) =>
    item.kind === 'element' && item.stanza.name === 'presence' ? [item.stanza.from] : [],
  );
  component.cut();
  return shown;
}

test('what is known of remote presence is forgotten when the streams from there break', async () => {
  const juliet = await capulet.core.online('juliet', 'balcony', 'capulet.test');
  const romeo = await montague.core.online('romeo', 'orchard', 'montague.test');
  juliet.send("<presence to='romeo@montague.test' type='subscribe'/>");
  await romeo.stanza((stanza) => stanza.type === 'subscribe');
  romeo.send("<presence to='juliet@capulet.test' type='subscribed'/>");
  await juliet.stanza((stanza) => stanza.name === 'presence' && stanza.from === romeo.jid);
  assert.deepEqual(new Set(await presenceAtConnection()), new Set([juliet.jid, romeo.jid]));
  await montague.core.process.stop('SIGKILL');
  await juliet.ping();
  assert.deepEqual(await presenceAtConnection(), [juliet.jid]);
  juliet.cut();
});
