import { parentPort, workerData } from 'node:worker_threads';
import { RawClient } from './raw-client.js';

// Two clients that chat at a steady pace, in a thread of their own: what the attacker's end costs the test does not
// count. Each message that arrives is told to the test with the time it took.

interface Place {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
}

const EVERY_MILLISECONDS = 5;

const { host, port, domain } = workerData as Place;
const [writer, reader] = await Promise.all(
  ['writer', 'reader'].map(async (name) => {
    const client = await RawClient.connect(host, port);
    await client.login(name, 'secret', domain, 'bystander');
    await client.goOnline();
    return client;
  }),
);
const sentAt = new Map<string, number>();
let count = 0;
setInterval(() => {
  const id = `b${++count}`;
  sentAt.set(id, performance.now());
  writer?.send(`<message to='${reader?.jid}' type='chat' id='${id}'><body>all is well</body></message>`);
  parentPort?.postMessage({ sent: 1 });
}, EVERY_MILLISECONDS);
reader?.socket.on('data', () => {
  for (const item of reader.received.splice(0)) {
    const id = item.kind === 'element' ? (item.stanza.id ?? '') : '';
    const since = sentAt.get(id);
    if (since === undefined) continue;
    sentAt.delete(id);
    parentPort?.postMessage({ milliseconds: performance.now() - since });
  }
});
parentPort?.postMessage({ ready: true });
