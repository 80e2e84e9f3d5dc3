// BOSH sessions under load: our core and bosh component, Prosody's mod_bosh and ejabberd's, in turn, in one run.
//   node dist/test/bench/bosh.js [--sessions 1000] [--seconds 8] [--repeats 2] [--only entourage,prosody,ejabberd] [--no-latency]
// Pairs of sessions hand one message to and fro: each message is one request, and each session always has one open.
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { parseArgs, promisify } from 'node:util';
import { CoreUnderTest } from '../tools/core-harness.js';
import { startEjabberd } from '../tools/foreign/ejabberd.js';
import { startProsody } from '../tools/foreign/prosody.js';

const { values } = parseArgs({
  allowNegative: true,
  options: {
    sessions: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '8' },
    repeats: { type: 'string', default: '2' },
    only: { type: 'string', default: 'prosody,ejabberd,entourage' },
    latency: { type: 'boolean', default: true },
  },
});
const sessionCount = Number(values.sessions);
const seconds = Number(values.seconds);

interface Server {
  readonly port: number;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

const starters: Record<string, () => Promise<Server | undefined>> = {
  async prosody() {
    const prosody = await startProsody({
      modules: ['offline', 'smacks', 'bosh', 'register', 'register_ibr'],
      plain: true,
      global: 'consider_bosh_secure = true\nallow_registration = true\nbosh_max_inactivity = 300\n',
    });
    return prosody && { port: prosody.httpPort, pids: [prosody.pid], stop: () => prosody.stop() };
  },
  async ejabberd() {
    const ejabberd = await startEjabberd({ modules: '  mod_offline: {}\n' });
    return ejabberd && { port: ejabberd.httpPort, pids: [ejabberd.pid], stop: () => ejabberd.stop() };
  },
  async entourage() {
    const core = await CoreUnderTest.start({
      COMPONENTS: 'bosh',
      COMPONENT_BOSH_SECRET: 'secret',
      REGISTRATION: 'open',
      REGISTRATIONS_PER_ADDRESS: '1000000',
      LIMIT_CONNECTIONS_PER_ADDRESS: '100000',
      LOG_LEVEL: 'warn',
    });
    const bosh = await core.component('bosh', {
      BOSH_PORT: 'auto',
      LOG_LEVEL: 'warn',
      BOSH_MAX_SESSIONS_PER_ADDRESS: '100000',
      BOSH_INACTIVITY: '300',
    });
    const port = Number(/:(\d+)$/.exec((await bosh.ready())['http'] ?? '')?.[1]);
    return { port, pids: [core.process.child.pid ?? 0, bosh.child.pid ?? 0], stop: () => core.stop() };
  },
};

/** One session on one keep-alive connection. */
class Session {
  readonly user: string;
  readonly #port: number;
  #socket: Socket | undefined;
  #rid = 1_000_000 + Math.floor(Math.random() * 1e9);
  #sid = '';
  #received = '';
  #resolve: ((body: string) => void) | undefined;
  jid = '';

  constructor(port: number, user: string) {
    this.#port = port;
    this.user = user;
  }

  async #connect(): Promise<void> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#resolve?.("<body type='terminate' condition='closed'/>"));
    socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
      const end = this.#received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(this.#received.slice(0, end))?.[1] ?? Number.NaN);
      if (Number.isNaN(length)) throw new Error(`no length: ${this.#received.slice(0, 300)}`);
      if (this.#received.length < end + 4 + length) return;
      const body = this.#received.slice(end + 4, end + 4 + length);
      this.#received = this.#received.slice(end + 4 + length);
      this.#resolve?.(body);
    });
  }

  /** Sends one request; resolves with the body of its response. */
  request(attributes: string, payload = ''): Promise<string> {
    const sid = this.#sid === '' ? '' : ` sid='${this.#sid}'`;
    const body = `<body xmlns='http://jabber.org/protocol/httpbind' rid='${this.#rid++}'${sid}${attributes}>${payload}</body>`;
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#socket?.write(
        `POST /http-bind HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    });
  }

  /** Asks again until the response matches. */
  async #until(pattern: RegExp, first: Promise<string>): Promise<string> {
    let body = await first;
    for (let i = 0; i < 20 && !pattern.test(body); i++) {
      if (body.includes("type='terminate'") || body.includes('type="terminate"')) throw new Error(body);
      body = await this.request('');
    }
    if (!pattern.test(body)) throw new Error(`expected ${pattern}, got ${body}`);
    return body;
  }

  async create(): Promise<void> {
    await this.#connect();
    const attributes =
      " to='localhost' wait='60' hold='1' ver='1.6' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'";
    const created = await this.request(attributes);
    this.#sid = /sid=['"]([^'"]+)/.exec(created)?.[1] ?? '';
    if (this.#sid === '') throw new Error(created);
    await this.#until(/mechanism/, Promise.resolve(created));
  }

  async register(): Promise<void> {
    await this.create();
    await this.#until(
      /<iq[^>]+(result|error)/,
      this.request(
        '',
        `<iq xmlns='jabber:client' type='set' id='r'><query xmlns='jabber:iq:register'><username>${this.user}</username><password>secret</password></query></iq>`,
      ),
    );
    await this.request(" type='terminate'");
    this.#socket?.destroy();
  }

  async login(): Promise<void> {
    await this.create();
    const nonce = randomBytes(18).toString('base64');
    const bare = `n=${this.user},r=${nonce}`;
    const sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";
    const challenge = await this.#until(
      /<challenge[^>]*>/,
      this.request(
        '',
        `<auth ${sasl} mechanism='SCRAM-SHA-1'>${Buffer.from(`n,,${bare}`).toString('base64')}</auth>`,
      ),
    );
    const server = Buffer.from(/<challenge[^>]*>([^<]+)/.exec(challenge)?.[1] ?? '', 'base64').toString();
    const [, both = '', salt = '', rounds = ''] = /r=([^,]+),s=([^,]+),i=(\d+)/.exec(server) ?? [];
    const salted = await promisify(pbkdf2)('secret', Buffer.from(salt, 'base64'), Number(rounds), 20, 'sha1');
    const hmac = (key: Buffer, text: string) => createHmac('sha1', key).update(text).digest();
    const clientKey = hmac(salted, 'Client Key');
    const message = `${bare},${server},c=biws,r=${both}`;
    const signature = hmac(createHash('sha1').update(clientKey).digest(), message);
    const proof = Buffer.from(clientKey.map((byte, k) => byte ^ (signature[k] ?? 0))).toString('base64');
    const final = Buffer.from(`c=biws,r=${both},p=${proof}`).toString('base64');
    await this.#until(/<success/, this.request('', `<response ${sasl}>${final}</response>`));
    await this.#until(
      /<bind/,
      this.request(" to='localhost' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'"),
    );
    const bound = await this.#until(
      /<jid>/,
      this.request(
        '',
        "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>",
      ),
    );
    this.jid = /<jid>([^<]+)/.exec(bound)?.[1] ?? '';
    await this.#until(
      /id=['"]s['"]/,
      this.request(
        '',
        "<iq xmlns='jabber:client' type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
      ),
    );
    await this.#until(/<presence/, this.request('', "<presence xmlns='jabber:client'/>"));
  }

  message(to: string, text: string): string {
    return `<message xmlns='jabber:client' to='${to}' type='chat'><body>${text}</body></message>`;
  }

  close(): void {
    this.#resolve = undefined;
    this.#socket?.destroy();
  }
}

async function inBatches<T>(
  items: readonly T[],
  size: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < items.length; i += size) await Promise.all(items.slice(i, i + size).map(work));
}

/** CPU time of processes so far, in microseconds; memory in KiB. */
function usage(pids: readonly number[]): { cpu: number; memory: number } {
  let ticks = 0;
  let memory = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
    memory += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  }
  return { cpu: ticks * 10_000, memory };
}

interface Result {
  readonly messages: number;
  readonly cpu: number;
  readonly memory: number;
  readonly p50: number;
  readonly p99: number;
}

async function measure(server: Server): Promise<Result> {
  const sessions = Array.from({ length: sessionCount }, (_, k) => new Session(server.port, `user${k}`));
  await inBatches(sessions, 10, (session) => new Session(server.port, session.user).register());
  const before = usage(server.pids).memory;
  await inBatches(sessions, 20, (session) => session.login());
  const memory = (usage(server.pids).memory - before) / sessionCount;

  const pairs = Array.from(
    { length: sessionCount / 2 },
    (_, k) => [sessions[2 * k], sessions[2 * k + 1]] as [Session, Session],
  );
  let running = true;
  let count = 0;
  const latencies: number[] = [];
  /** One side of a pair: answers what comes with the next message, which is also its next request. */
  const play = async (self: Session, other: Session, begins: boolean, pause: () => Promise<void>) => {
    let body = begins ? 'go' : await self.request('');
    while (running) {
      const sentAt = Number(/<body>(\d+\.?\d*)<\/body>/.exec(body)?.[1]);
      if (body !== 'go' && Number.isNaN(sentAt)) {
        if (body.includes('terminate')) throw new Error(body);
        body = await self.request('');
        continue;
      }
      if (body !== 'go') {
        count++;
        latencies.push(performance.now() - sentAt);
      }
      await pause();
      if (!running) return;
      body = await self.request('', self.message(other.jid, performance.now().toFixed(3)));
    }
  };
  const run = async (forSeconds: number, pause: () => Promise<void>) => {
    running = true;
    count = 0;
    latencies.length = 0;
    for (const [one, other] of pairs) {
      play(other, one, false, pause).catch(failed);
      play(one, other, true, pause).catch(failed);
    }
    await sleep(1_000);
    count = 0;
    latencies.length = 0;
    const start = { at: performance.now(), ...usage(server.pids) };
    await sleep(forSeconds * 1000);
    const end = usage(server.pids);
    running = false;
    const elapsed = (performance.now() - start.at) / 1000;
    const sorted = [...latencies].sort((a, b) => a - b);
    const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
    return { rate: count / elapsed, cpu: (end.cpu - start.cpu) / count, p50: at(0.5), p99: at(0.99) };
  };
  // Latency first, at a rate that no server minds: each session rests two seconds before it answers.
  let fresh = sessions;
  let calm = { p50: Number.NaN, p99: Number.NaN };
  if (values.latency) {
    calm = await run(seconds, () => sleep(1_000 + Math.random() * 2_000));
    for (const session of sessions) session.close();
    // A session that was closed in the middle cannot go on: the full load takes new ones.
    fresh = Array.from({ length: sessionCount }, (_, k) => new Session(server.port, `user${k}`));
    await inBatches(fresh, 20, (session) => session.login());
    pairs.length = 0;
    for (let k = 0; k + 1 < fresh.length; k += 2) pairs.push([fresh[k], fresh[k + 1]] as [Session, Session]);
  }
  const full = await run(seconds, () => Promise.resolve());
  for (const session of fresh) session.close();
  return { messages: full.rate, cpu: full.cpu, memory, p50: calm.p50, p99: calm.p99 };
}

function failed(error: unknown): void {
  console.error(error);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

const results = new Map<string, Result[]>();
for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
  for (const name of values.only.split(',')) {
    const server = await starters[name]?.();
    if (server === undefined) {
      console.log(`${name} is not installed`);
      continue;
    }
    try {
      const result = await measure(server);
      results.set(name, [...(results.get(name) ?? []), result]);
      console.error(name, JSON.stringify(result));
    } catch (error) {
      console.error(name, error);
    } finally {
      await server.stop();
    }
  }
}
const median = (list: readonly number[]) =>
  [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
console.log(`\n${sessionCount} BOSH sessions, ${values.repeats} runs, medians\n`);
console.log('| server | messages/s | server CPU µs/message | memory KiB/session | latency p50 ms | p99 ms |');
console.log('|---|---|---|---|---|---|');
for (const [name, list] of results) {
  const cell = (pick: (result: Result) => number, digits = 0) => median(list.map(pick)).toFixed(digits);
  console.log(
    `| ${name} | ${cell((r) => r.messages)} | ${cell((r) => r.cpu)} | ${cell((r) => r.memory)} | ${cell((r) => r.p50, 1)} | ${cell((r) => r.p99, 1)} |`,
  );
}
process.exit(0);
