import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Canary } from '../tools/fuzz/canary.js';
import { clientDoor } from '../tools/fuzz/client-door.js';
import { componentDoor } from '../tools/fuzz/component-door.js';
import { attack, type OpenDoor } from '../tools/fuzz/door.js';
import { Findings } from '../tools/fuzz/findings.js';
import { linkDoor } from '../tools/fuzz/link-door.js';
import { serverDoor } from '../tools/fuzz/server-door.js';
import { ServerPeer } from '../tools/fuzz/server-peer.js';
import { streamDoor } from '../tools/fuzz/stream-door.js';
import { SystemUnderFire } from '../tools/fuzz/system.js';
import { webDoor } from '../tools/fuzz/web-door.js';
import { attackMilliseconds, chosenSeed } from '../tools/long-mode.js';

// Every door of the running system, attacked over real sockets. ENTOURAGE_SEED repeats a run, ENTOURAGE_FUZZ_CASE one case.

const seed = chosenSeed();
const DOMAINS =
  /^(?:[^@]*@)?(?:localhost|(?:conference|pep|vcard|privacy|bosh|evil|trusted|front)\.localhost)(?:\/|$)/s;
const ATTACKERS = /^(?:a[0-9]|nobody[0-9]+)@localhost(?:\/|$)/s;

/** Who may be heard by a victim: attackers as themselves, services, the server. */
function known(jid: string): boolean {
  const local = jid.includes('@localhost');
  return local ? ATTACKERS.test(jid) : DOMAINS.test(jid) || /^(?:[^@/]*@)?attacker\.test(?:\/|$)/s.test(jid);
}

describe('doors under fire', { concurrency: false }, () => {
  const findings = new Findings();
  let system: SystemUnderFire;
  let canary: Canary;
  let peer: ServerPeer;

  before(async () => {
    console.log(`# fuzzing the doors: ENTOURAGE_SEED=${seed}`);
    peer = await ServerPeer.start();
    system = await SystemUnderFire.start(findings, peer.settings());
    canary = new Canary(system, known);
    await canary.start();
  });
  after(async () => {
    await canary?.stop();
    await system?.stop();
    await peer?.stop();
  });

  const doors: [string, OpenDoor, { short: number; full: number }][] = [
    ['clients that are logged in', clientDoor, { short: 8 / 60, full: 1.5 }],
    ['clients from their first byte', streamDoor, { short: 6 / 60, full: 1 }],
    ['components', componentDoor, { short: 6 / 60, full: 1.25 }],
    ['a front with a client link', linkDoor, { short: 5 / 60, full: 0.75 }],
    ['other servers', (fired) => serverDoor(peer)(fired), { short: 6 / 60, full: 1.25 }],
    ['BOSH, HTTP and WebSocket', webDoor, { short: 7 / 60, full: 1.25 }],
  ];
  for (const [what, open, minutes] of doors) {
    test(what, async (t) => {
      t.diagnostic(`ENTOURAGE_SEED=${seed}`);
      const before = findings.list.length;
      const { cases, rounds, told } = await attack(
        system,
        canary,
        open(system),
        seed,
        attackMilliseconds(minutes),
      );
      console.log(
        `# ${what}: ${cases} cases (${told}), the canary sang ${rounds} times (slowest ${Math.round(canary.slowestMilliseconds)} ms)`,
      );
      assert.equal(findings.list.length - before, 0, 'findings: see above');
      assert.ok(rounds > 0);
    });
  }
});
