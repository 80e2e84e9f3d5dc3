/**
 * How much memory the pep process takes for accounts that are online: `node dist/test/bench/pep-memory.js [ACCOUNTS]
 * [CONTACTS]`. Ends with 1 where it is more than 200 MiB (for 10,000 accounts with 20 contacts each, the promise of
 * docs/conformance/xep-0163.md).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProcessUnderTest } from '../tools/core-harness.js';
import { Interests } from '../tools/pep/interested-client.js';
import { publishRequest } from '../tools/pep/pubsub.js';
import { ScriptedServer } from '../tools/pep/scripted-server.js';

const [accounts = 10_000, contacts = 20] = process.argv.slice(2).map(Number);
const LIMIT_MEBIBYTES = 200;
const MOOD = 'http://jabber.org/protocol/mood';
/** Kinds of client that are in use. */
const kinds = Array.from({ length: 50 }, (_, i) => new Interests(MOOD, `urn:example:kind-${i}`));
const name = (i: number): string => `user${((i % accounts) + accounts) % accounts}@capulet.lit`;

const server = await ScriptedServer.listen({
  roster: (account) => {
    const index = Number(/\d+/.exec(account)?.[0] ?? 0);
    return Array.from(
      { length: contacts },
      (_, i) =>
        // Half of them before, half after: who is my contact has me as a contact.
        `<item jid='${name(index + (i % 2 === 0 ? 1 + i / 2 : -(i + 1) / 2))}' name='Contact ${i}' subscription='both'><group>Group ${i % 3}</group></item>`,
    ).join('');
  },
  info: (_client, node) => kinds.find(({ ver }) => node.endsWith(ver))?.info(node),
});
server.keepMessages = false;
const folder = mkdtempSync(join(tmpdir(), 'pep-bench-'));
const pep = new ProcessUnderTest('pep', folder, {
  CORE_PORT: String(server.port),
  CORE_DOMAIN: 'capulet.lit',
  PEP_DOMAIN: 'pep.capulet.lit',
  PEP_SECRET: 'secret',
  LOG_LEVEL: 'warn',
});
try {
  await pep.ready();
  const empty = residentMebibytes();
  const item = `<item id='current'><mood xmlns='${MOOD}'><happy/></mood></item>`;
  // One account in ten has published something.
  for (let i = 0; i < accounts; i += 10) {
    await server.delegated('set', `${name(i)}/home`, name(i), publishRequest(MOOD, item));
  }
  const started = performance.now();
  for (let i = 0; i < accounts; i += 1) {
    const kind = kinds[i % kinds.length] ?? new Interests(MOOD);
    server.presence(
      `${name(i)}/home`,
      `<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='${kind.node}' ver='${kind.ver}'/>`,
    );
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await server.until(() => server.rosterGets >= accounts, 'every roster', 120_000);
  // Of each published item, once for the account and once for each of its contacts.
  const publishers = Math.ceil(accounts / 10);
  await server.until(() => server.messageCount >= publishers * (contacts + 1), 'every last item', 120_000);
  const seconds = (performance.now() - started) / 1000;
  const resident = residentMebibytes();
  console.log(
    JSON.stringify({
      accounts,
      contacts,
      residentMebibytes: resident,
      emptyMebibytes: empty,
      seconds: Number(seconds.toFixed(1)),
      rosterGets: server.rosterGets,
      capabilityQuestions: server.infoGets.length,
      notifications: server.messageCount,
    }),
  );
  if (resident > LIMIT_MEBIBYTES) process.exitCode = 1;
} finally {
  await pep.stop();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}

/** The process's resident memory as the system counts it. */
function residentMebibytes(): number {
  const status = readFileSync(`/proc/${pep.child.pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
}
