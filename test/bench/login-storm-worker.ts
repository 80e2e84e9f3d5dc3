import { pbkdf2Sync } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { HASH_OCTETS, NODE_HASH } from '../../core-server/accounts/password-hasher.js';
import { RawClient } from '../tools/raw-client.js';
import { ScramClient } from '../tools/sasl.js';

export interface StormOrder {
  readonly host: string;
  readonly port: number;
  /** Their passwords are `secret`. */
  readonly users: readonly string[];
  readonly mechanism: 'PLAIN' | 'SCRAM';
  /** Log-ins begun each second, whether or not earlier ones are done. */
  readonly rate: number;
  readonly seconds: number;
}

export interface StormReport {
  readonly perSecond: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
}

const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
/** SaltedPasswords by salt: a client that comes again keeps its own (RFC 5802 §3). */
const known = new Map<string, Buffer>();

async function login({ host, port, mechanism }: StormOrder, user: string, resource: string): Promise<void> {
  const client = await RawClient.connect(host, port);
  try {
    await client.open('localhost');
    if (mechanism === 'PLAIN') await client.authenticate(user, 'secret', 'localhost');
    else await scram(client, user);
    await client.bind(resource);
    await client.goOnline();
  } finally {
    client.socket.end('</stream:stream>');
  }
}

async function scram(client: RawClient, username: string): Promise<void> {
  const scram = new ScramClient({
    username,
    password: 'secret',
    salted(password, salt, iterations, hash) {
      const key = salt.toString('base64');
      const salted =
        known.get(key) ?? pbkdf2Sync(password, salt, iterations, HASH_OCTETS[hash], NODE_HASH[hash]);
      known.set(key, salted);
      return salted;
    },
  });
  const encoded = (text: string) => Buffer.from(text).toString('base64');
  client.send(`<auth xmlns='${SASL}' mechanism='SCRAM-SHA-256'>${encoded(scram.first())}</auth>`);
  const challenge = Buffer.from((await client.element('challenge')).element.text(), 'base64').toString();
  client.send(`<response xmlns='${SASL}'>${encoded(scram.final(challenge))}</response>`);
  await client.element('success');
  await client.open('localhost');
}

async function storm(order: StormOrder): Promise<StormReport> {
  const times: number[] = [];
  let failed = 0;
  const running = new Set<Promise<void>>();
  const begin = performance.now();
  const total = order.rate * order.seconds;
  for (let count = 0; count < total; count++) {
    const due = begin + (count * 1000) / order.rate;
    const wait = due - performance.now();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
    const user = order.users[count % order.users.length] ?? '';
    const one = login(order, user, `storm${count}`)
      .then(
        () => void times.push(performance.now() - due),
        () => void failed++,
      )
      .finally(() => running.delete(one));
    running.add(one);
  }
  await Promise.all(running);
  const took = (performance.now() - begin) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { perSecond: times.length / took, failed, p50: at(0.5), p99: at(0.99) };
}

parentPort?.on('message', (order: StormOrder) => {
  void storm(order).then((report) => parentPort?.postMessage(report));
});
