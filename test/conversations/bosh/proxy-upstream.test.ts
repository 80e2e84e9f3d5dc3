import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { ProxyUpstream } from '../../../components/bosh/upstreams/proxy/proxy.js';
import { type Attributes, BoshClient } from '../../tools/bosh-client.js';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';
import { Frames, open } from '../../tools/frames.js';
import { recordingLogger } from '../../tools/silent-logger.js';

// `BOSH_UPSTREAM=xmpp://…` before a server whose every byte is the test's.

const header =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='s1' from='example.com' version='1.0'>";
const features = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";

/** One connection of the upstream, with all that it has said. */
class Connection {
  readonly socket: Socket;
  received = '';
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      this.received += chunk;
      this.#wake();
    });
  }

  async until(pattern: RegExp): Promise<void> {
    const timer = setTimeout(() => this.socket.destroy(), 8_000);
    while (!pattern.test(this.received)) {
      assert.ok(!this.socket.destroyed, `no ${pattern} in: ${this.received}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.socket.once('close', resolve);
      });
    }
    clearTimeout(timer);
  }
}

let server: Server;
let bosh: TestBosh;
const waiting: Connection[] = [];
let wake: () => void = () => undefined;

async function accepted(): Promise<Connection> {
  while (waiting.length === 0) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  return waiting.shift() as Connection;
}

before(async () => {
  server = createServer((socket) => {
    waiting.push(new Connection(socket));
    wake();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const upstream = new ProxyUpstream({
    address: { host: '127.0.0.1', port, directTls: false },
    domains: [],
    routes: [],
    tls: 'none',
    ca: undefined,
    allowPlain: false,
    stanzaBytes: 20_000,
    log: recordingLogger(),
    patience: 1_500,
  });
  bosh = await startBosh({ wait: 10, polling: 0 }, { upstream });
});
after(async () => {
  await bosh.stop();
  server.close();
});

/** A session whose server has opened its stream. */
async function opened(attributes?: Attributes): Promise<{ client: BoshClient; connection: Connection }> {
  const client = new BoshClient(bosh.port);
  const created = client.create(attributes);
  const connection = await accepted();
  await connection.until(/<stream:stream/);
  connection.socket.write(header + features);
  await created;
  return { client, connection };
}

test('what clients send before the server has opened its stream is sent when it has', async () => {
  const client = new BoshClient(bosh.port);
  await client.create({ wait: 0 });
  const connection = await accepted();
  await connection.until(/<stream:stream[^>]*to='example.com'[^>]*>/);
  const first = client.send({}, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'>1</auth>");
  const second = client.send({}, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'>2</auth>");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.doesNotMatch(connection.received, /<auth/);
  connection.socket.write(header + features);
  await connection.until(/<auth.*>1<\/auth><auth.*>2<\/auth>/);
  const answers = [await first, await second, await client.send()].map(({ text }) => text).join('');
  assert.match(answers, /from='example\.com' authid='s1'.*<stream:features/);

  const frames = new Frames(bosh.port);
  await once(frames.socket, 'open');
  frames.socket.send(open);
  frames.socket.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'>3</auth>");
  frames.socket.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'>4</auth>");
  const other = await accepted();
  await other.until(/<stream:stream/);
  other.socket.write(header + features);
  await other.until(/<auth.*>3<\/auth><auth.*>4<\/auth>/);
  frames.socket.terminate();
  await client.send({ type: 'terminate' });
});

test('a server that never answers is remote-connection-failed, and its connection is closed', async () => {
  const client = new BoshClient(bosh.port);
  const created = client.create();
  const connection = await accepted();
  const closed = once(connection.socket, 'close');
  const { body } = await created;
  assert.equal(body.attrs['condition'], 'remote-connection-failed');
  await closed;
});

test('a server that is none, and one that breaks off, are remote-connection-failed', async () => {
  for (const answer of [
    'HTTP/1.1 400 Bad Request\r\n\r\n',
    '<html/>',
    `${header}<broken`,
    `${header}<a></b>`,
  ]) {
    const client = new BoshClient(bosh.port);
    const created = client.create();
    const connection = await accepted();
    await connection.until(/<stream:stream/);
    connection.socket.end(answer);
    const { body } = await created;
    const { condition } = body.attrs;
    assert.equal(condition, 'remote-connection-failed', answer);
  }
});

test('a stream error of the server reaches the client whole, even when the stream stays open', async () => {
  const { client, connection } = await opened();
  const held = client.send();
  connection.socket.write(
    "<message from='x@example.com'><body>before</body></message>" +
      "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>[2001:db8::1]:5222</see-other-host></stream:error>",
  );
  const { text, body } = await held;
  assert.equal(body.attrs['condition'], 'remote-stream-error');
  assert.match(text, /before.*<stream:error xmlns:stream=.*see-other-host/);
  await connection.until(/<\/stream:stream>/);
  connection.socket.end('</stream:stream>');
});

test('whatever the client did not get is answered for, in order', async () => {
  const { client, connection } = await opened({ wait: 1 });
  connection.socket.write(
    "<message from='a@example.com/1' to='b@example.com' id='m'><body>1</body></message>" +
      "<presence from='a@example.com/1' to='b@example.com'/>" +
      "<iq from='a@example.com/1' to='b@example.com' type='get' id='g'><ping xmlns='urn:xmpp:ping'/></iq>" +
      "<iq from='a@example.com/1' to='b@example.com' type='result' id='r'/>" +
      "<message from='a@example.com/1' to='b@example.com' type='error' id='e'><body>2</body></message>",
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  await client.send({ type: 'terminate' });
  await connection.until(/<\/stream:stream>/);
  const answers = connection.received.slice(connection.received.indexOf('>', 30) + 1);
  assert.match(
    answers,
    /<message[^>]*id='m'[^>]*type='error'.*recipient-unavailable.*<iq[^>]*id='g'.*service-unavailable/,
  );
  assert.doesNotMatch(answers, /<presence|id='r'|id='e'/);
  connection.socket.end('</stream:stream>');
});

test('a server that sends more than a client fetches is made to wait', async () => {
  const { client, connection } = await opened({ wait: 1 });
  const large = (k: number) =>
    `<message id='${k}' from='x@example.com'><body>${'x'.repeat(100_000)}</body></message>`;
  const count = 200;
  let written = 0;
  for (let k = 0; k < count; k++) connection.socket.write(large(k), () => written++);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(written < count, 'what is not fetched stays with the server');
  let got = '';
  while (!got.includes(`id='${count - 1}'`)) {
    const { text, body } = await client.send();
    assert.equal(body.attrs['type'], undefined);
    assert.ok(text.length < 2_000_000, 'one response holds a window, not all of it');
    got += text.replace(/x{1000}/g, '');
  }
  assert.deepEqual(
    [...got.matchAll(/<message[^>]* id='(\d+)'/g)].map(([, id]) => Number(id)),
    Array.from({ length: count }, (_, k) => k),
  );
  await client.send({ type: 'terminate' });
  connection.socket.destroy();
});
