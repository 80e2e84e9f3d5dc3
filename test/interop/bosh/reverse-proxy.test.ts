import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { BoshClient, type PostOptions, post } from '../../tools/bosh-client.js';
import { type BoshInstance, startInstance } from '../../tools/bosh-instances.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { connectStrophe, connectXmppClient } from '../../tools/web-clients.js';
import { type ProxyKind, startWebProxy, type WebProxy } from '../../tools/web-proxies.js';

// Real reverse proxies, with the configurations of docs/web.md, before one instance and before several.

// Foreign client libraries cannot be told a root certificate of their own; what checks it here is the raw client.
process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
process.removeAllListeners('warning');

const kinds: readonly [ProxyKind, string][] = [
  ['nginx', 'nginx'],
  ['haproxy', 'HAProxy'],
];
const proxies = new Map<string, WebProxy>();
let core: CoreUnderTest;
const instances: BoshInstance[] = [];

const publicUrl = { BOSH_PUBLIC_URL: 'https://chat.example.com' };
const bosh2 = { BOSH_DOMAIN: 'bosh2.localhost', BOSH_SECRET: 'another-secret', ...publicUrl };

before(async () => {
  core = await CoreUnderTest.start({
    // As docs/web.md says for several instances.
    COMPONENTS: 'bosh',
    COMPONENT_BOSH_SECRET: 'between-us',
    COMPONENT_BOSH2_DOMAIN: 'bosh2.localhost',
    COMPONENT_BOSH2_SECRET: 'another-secret',
    COMPONENT_BOSH2_GRANTS: 'client-link',
    C2S_REQUIRE_TLS: 'true',
  });
  await core.addUsers('juliet', 'romeo');
  instances.push(await startInstance(core, 'a'), await startInstance(core, 'b', bosh2));
  const [a, b] = instances;
  const one = { '127.0.0.1:5280': `127.0.0.1:${a?.port}` };
  const two = { '10.0.0.1:5280': `127.0.0.1:${a?.port}`, '10.0.0.2:5280': `127.0.0.1:${b?.port}` };
  for (const [kind, heading] of kinds) {
    const single = await startWebProxy(kind, heading, one);
    if (single !== undefined) proxies.set(kind, single);
    const balancer = await startWebProxy(kind, `${heading}, several instances`, two);
    if (balancer !== undefined) proxies.set(`${kind} before several`, balancer);
  }
});
after(async () => {
  for (const proxy of proxies.values()) await proxy.stop();
  for (const instance of instances) await instance.stop();
  await core?.stop();
});

const urls = ({ port }: WebProxy) => ({
  origin: `https://localhost:${port}`,
  bosh: `https://localhost:${port}/http-bind`,
  websocket: `wss://localhost:${port}/xmpp-websocket`,
});

/** A client through the proxy, which has to show its certificate. */
function through({ port, ca }: WebProxy, options: PostOptions = {}): BoshClient {
  return new BoshClient(port, 1_573_741_820, { ca, ...options });
}

test("nginx: the domain's own web site says where the chat is", async (t) => {
  const port = instances[1]?.port;
  const site = await startWebProxy('nginx', 'Found by the domain', { '127.0.0.1:5280': `127.0.0.1:${port}` });
  if (site === undefined) return t.skip('nginx is not installed');
  try {
    const get = (path: string) => post(site.port, '', { ca: site.ca, method: 'GET', path });
    const { text } = await get('/.well-known/host-meta.json');
    assert.deepEqual(
      JSON.parse(text).links.map(({ href }: { href: string }) => href),
      ['https://chat.example.com/http-bind', 'wss://chat.example.com/xmpp-websocket'],
    );
    assert.match((await get('/.well-known/host-meta')).text, /^<\?xml version='1\.0'/);
    assert.equal((await get('/http-bind')).status, 404);
  } finally {
    await site.stop();
  }
});

/** Answered at once, whatever is waited for otherwise. */
const refusedAuth = (text = '') =>
  `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'>${text}</auth>`;

for (const [kind] of kinds) {
  const missing = `${kind} is not installed`;

  test(`${kind}: the client's address and its TLS are believed, what it claims itself is not`, async (t) => {
    const proxy = proxies.get(kind);
    if (proxy === undefined) return t.skip(missing);
    const forged = {
      'X-Forwarded-For': '203.0.113.9',
      'X-Forwarded-Proto': 'http',
      'X-Forwarded-Host': 'evil.example',
    };
    const client = through(proxy, { headers: forged, localAddress: '127.0.0.2' });
    const { text, body } = await client.create({ to: 'localhost' });
    // The core offers mechanisms only where the client's own hop is encrypted.
    assert.match(text, /<mechanism>SCRAM-SHA-256<\/mechanism>/);
    await instances[0]?.process.said(/"address":"127\.0\.0\.2"/);
    assert.doesNotMatch(instances[0]?.process.output ?? '', /203\.0\.113\.9/);
    assert.ok(body.attrs['sid']);

    for (const [path, kindOfText] of [
      ['/.well-known/host-meta', 'xrd+xml'],
      ['/.well-known/host-meta.json', 'json'],
    ] as const) {
      const meta = await post(proxy.port, '', { ca: proxy.ca, method: 'GET', path, headers: forged });
      assert.equal(meta.status, 200);
      assert.match(String(meta.headers['content-type']), new RegExp(kindOfText.replace('+', '\\+')));
      assert.equal(meta.headers['access-control-allow-origin'], '*');
      assert.ok(meta.text.includes(`https://127.0.0.1:${proxy.port}/http-bind`), meta.text);
      assert.ok(meta.text.includes(`wss://127.0.0.1:${proxy.port}/xmpp-websocket`), meta.text);
      assert.doesNotMatch(meta.text, /evil/);
    }
  });

  test(`${kind}: a page of the proxy's own origin may use both, one of another neither`, async (t) => {
    const proxy = proxies.get(kind);
    if (proxy === undefined) return t.skip(missing);
    const { origin, websocket } = urls(proxy);
    const page = await post(proxy.port, '', { ca: proxy.ca, method: 'GET', path: '/' });
    assert.equal(page.status, 200);
    const Host = `localhost:${proxy.port}`;
    const own = await through(proxy, { headers: { Host, Origin: origin } }).create({ to: 'localhost' });
    assert.ok(own.body.attrs['sid'], own.text);
    const foreign = { Host, Origin: 'https://evil.example' };
    assert.equal((await through(proxy, { headers: foreign }).create({ to: 'localhost' })).status, 403);
    const socket = new WebSocket(websocket, ['xmpp'], { origin, ca: proxy.ca, rejectUnauthorized: true });
    await once(socket, 'open');
    socket.terminate();
    const stranger = new WebSocket(websocket, ['xmpp'], { origin: 'https://evil.example', ca: proxy.ca });
    stranger.on('error', () => undefined);
    const [, response] = (await once(stranger, 'unexpected-response')) as [unknown, { statusCode: number }];
    assert.equal(response.statusCode, 403);
    stranger.terminate();
  });

  // Before one instance a browser does the same: browser.test.ts.
  test(`${kind} before several: messages both ways, small and large, over BOSH and WebSocket`, async (t) => {
    const proxy = proxies.get(`${kind} before several`);
    if (proxy === undefined) return t.skip(missing);
    const { bosh, websocket } = urls(proxy);
    const juliet = await connectStrophe(bosh, 'juliet@localhost', 'secret');
    const romeo = await connectXmppClient(websocket, 'localhost', 'romeo', 'secret');
    for (let i = 0; i < 6; i++) {
      juliet.sendMessage(romeo.jid, `to romeo ${i} 👋`);
      assert.equal((await romeo.next()).body, `to romeo ${i} 👋`);
      romeo.sendMessage(juliet.jid, `to juliet ${i}`);
      assert.equal((await juliet.next()).body, `to juliet ${i}`);
    }
    // Larger than the buffers of either proxy.
    juliet.sendMessage(romeo.jid, 'ü'.repeat(100_000));
    assert.equal((await romeo.next()).body, 'ü'.repeat(100_000));
    romeo.sendMessage(juliet.jid, 'é'.repeat(100_000));
    assert.equal((await juliet.next()).body, 'é'.repeat(100_000));
    await Promise.all([juliet.stop(), romeo.stop()]);
  });
}

// The one that takes a while to trust an instance again goes first.
for (const [kind] of [...kinds].reverse()) {
  test(`${kind}: each session stays on its instance; when that is killed, clients start anew on the other`, async (t) => {
    const proxy = proxies.get(`${kind} before several`);
    if (proxy === undefined) return t.skip(`${kind} is not installed`);
    const clients: BoshClient[] = [];
    const of = (name: string) => clients.filter(({ sid }) => sid?.startsWith(`${name}-`));
    // A proxy may take a moment to see that both are there.
    const patience = performance.now() + 10_000;
    while (of('a').length < 3 || of('b').length < 3) {
      assert.ok(performance.now() < patience, 'both have sessions');
      const client = through(proxy);
      const { body } = await client.create({ to: 'localhost', wait: 2 });
      assert.equal(body.attrs['accept'], undefined, 'a compressed body could not be routed');
      clients.push(client);
      if (clients.length > 6) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(of('a').length + of('b').length, clients.length);
    for (const client of clients) {
      // What a body says further on must not lead it astray, nor how its start is written.
      const other = client.sid?.startsWith('a') ? 'b' : 'a';
      const { text } = await client.send({}, refusedAuth(`<![CDATA[ <body sid='${other}-x'> ]]>`));
      assert.match(text, /invalid-mechanism/);
      const spelled = client.text({}, refusedAuth()).replace(/ sid='([^']*)'/, `\n sid = "$1" `);
      const declared = `<?xml version='1.0' encoding='utf-8'?>\n${spelled}`;
      assert.match((await post(proxy.port, declared, { ca: proxy.ca })).text, /invalid-mechanism/);
    }

    // An empty request is held. The instance dies meanwhile.
    const [a, b] = instances;
    assert.ok(a !== undefined && b !== undefined);
    const held = of('a').map((client) => client.send().catch(() => undefined));
    const kept = of('b').map((client) => client.send());
    const { websocket } = urls(proxy);
    const sockets = Array.from({ length: 4 }, () => new WebSocket(websocket, ['xmpp'], { ca: proxy.ca }));
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    const closed = sockets.map((socket) =>
      once(
        socket.on('error', () => undefined),
        'close',
      ),
    );
    await a.process.said(/"code":"bosh.session-created"/);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await a.process.stop('SIGKILL');
    await Promise.race(closed);
    for (const answer of await Promise.all(held)) {
      assert.ok(answer === undefined || answer.status >= 500 || isGone(answer.text), answer?.text);
    }
    for (const client of of('a')) {
      const deadline = performance.now() + 10_000;
      for (;;) {
        const { status, text } = await client.send();
        if (isGone(text)) break;
        assert.ok(status >= 500 && performance.now() < deadline, text);
      }
    }
    for (const answer of await Promise.all(kept)) assert.equal(answer.body.attrs['type'], undefined);
    for (const client of of('b')) assert.match((await client.send({}, refusedAuth())).text, /invalid-/);
    const again = through(proxy);
    await again.create({ to: 'localhost' });
    assert.match(again.sid ?? '', /^b-/);
    const reconnected = await connectStrophe(urls(proxy).bosh, 'juliet@localhost', 'secret');
    const overWebSocket = await connectXmppClient(websocket, 'localhost', 'romeo', 'secret');
    overWebSocket.sendMessage(reconnected.jid, 'back again');
    assert.equal((await reconnected.next()).body, 'back again');
    await Promise.all([reconnected.stop(), overWebSocket.stop()]);
    for (const socket of sockets) socket.terminate();
    for (const client of of('b')) await client.send({ type: 'terminate' });

    // It comes back at the same place.
    await a.stop();
    instances[0] = await startInstance(core, 'a', { BOSH_PORT: String(a.port) });
  });
}

function isGone(text: string): boolean {
  return text.includes("type='terminate'") && text.includes("condition='item-not-found'");
}
