import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ProcessUnderTest } from '../tools/core-harness.js';
import { isRequest } from '../tools/fuzz/client.js';
import { anySteps, worldOf } from '../tools/fuzz/client-door.js';
import { corePayloads, privacyPayloads, vcardPayloads } from '../tools/fuzz/core-payloads.js';
import { caseSeed, Dice } from '../tools/fuzz/dice.js';
import { Findings } from '../tools/fuzz/findings.js';
import { HostingServer } from '../tools/fuzz/hosting-server.js';
import { mucPayloads } from '../tools/fuzz/muc-payloads.js';
import { pubsubPayloads } from '../tools/fuzz/pubsub-payloads.js';
import { Speaker } from '../tools/fuzz/speaker.js';
import { element, render, withAttribute } from '../tools/fuzz/tree.js';
import { anyJid } from '../tools/fuzz/world.js';
import { mutateText, mutateTree } from '../tools/fuzz/xml-mutations.js';
import { attackMilliseconds, chosenSeed } from '../tools/long-mode.js';

// Our components run on servers that others wrote. Whatever such a server says, a component answers each request once and
// lives; what it cannot read costs it a stream.

const seed = chosenSeed();
const PAYLOADS = {
  muc: mucPayloads,
  pep: pubsubPayloads,
  vcard: vcardPayloads,
  privacy: privacyPayloads,
} as const;
const DOMAINS = {
  muc: 'conference.localhost',
  pep: 'pep.localhost',
  vcard: 'vcard.localhost',
  privacy: 'privacy.localhost',
} as const;

/** What the server hands over: something for the component's domain, or a request that it has delegated. */
function anyHandedOver(dice: Dice, name: keyof typeof PAYLOADS): string {
  const domain = DOMAINS[name];
  const from = dice.chance(0.9)
    ? dice.pick(['a0@localhost/x', 'a1@localhost/y', 'x@attacker.test/z', 'localhost'])
    : anyJid(dice, worldOf('a0@localhost/x'));
  const world = { ...worldOf(from), rooms: [0, 1, 2].map((n) => `r${n}@${DOMAINS.muc}`) };
  if (name === 'muc' ? dice.chance(0.8) : dice.chance(0.3)) {
    // Addressed to itself.
    const [step = ''] = anySteps(dice, world, 'host', from);
    return typeof step === 'string'
      ? step.replaceAll(/ to='[^']*localhost([/'])/g, (whole, end: string) =>
          dice.chance(0.6) ? ` to='${name === 'muc' ? `r${dice.below(3)}@` : ''}${domain}${end}` : whole,
        )
      : '';
  }
  const { type, node, to } = dice.pick(dice.chance(0.9) ? PAYLOADS[name] : corePayloads)(dice, world);
  const inner = element(
    'iq',
    {
      xmlns: dice.chance(0.97) ? 'jabber:client' : 'jabber:server',
      type,
      id: dice.maybe(0.97, `i${dice.below(1e6)}`),
      from: dice.maybe(0.97, from),
      to: dice.maybe(0.9, to ?? dice.pick(['localhost', from.replace(/\/.*/s, '')])),
    },
    node,
  );
  const mutated = dice.chance(0.4) ? mutateTree(dice, inner) : inner;
  const outer = element(
    'iq',
    { type: 'set', id: `host-${dice.below(1e9)}`, from: dice.chance(0.96) ? 'localhost' : from, to: domain },
    element(
      'delegation',
      { xmlns: `urn:xmpp:delegation:${dice.chance(0.9) ? 2 : 1}` },
      element('forwarded', { xmlns: 'urn:xmpp:forward:0' }, mutated),
    ),
  );
  const text = render(
    dice.chance(0.1) ? mutateTree(dice, outer) : withAttribute(outer, 'x', dice.maybe(0.01, 'y')),
  );
  return dice.chance(0.02) ? mutateText(dice, text) : text;
}

for (const name of ['muc', 'pep', 'vcard', 'privacy'] as const) {
  test(`${name} on a server that says anything`, async (t) => {
    t.diagnostic(`ENTOURAGE_SEED=${seed}`);
    console.log(`# fuzzing ${name} from its server: ENTOURAGE_SEED=${seed}`);
    const findings = new Findings();
    const domain = DOMAINS[name];
    const folder = mkdtempSync(join(tmpdir(), 'entourage-fuzz-'));
    const server = await HostingServer.start(domain);
    const component = new ProcessUnderTest(name, folder, {
      XMPP_DOMAINS: 'localhost',
      CORE_HOST: '127.0.0.1',
      CORE_PORT: String(server.port),
      LOG_LEVEL: 'warn',
      NODE_OPTIONS: '--max-old-space-size=320',
      [`${name.toUpperCase()}_SECRET`]: 'hush',
      ...(name === 'privacy' ? { ALLOW_UNENFORCED: 'true' } : {}),
    });
    after(async () => {
      await component.stop();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    const speaker = new Speaker(
      {
        name: `${name}-server`,
        namespace: 'jabber:component:accept',
        pingAddresses: ` from='a0@localhost/x' to='${domain}'`,
        answersFrom: true,
        answers: HostingServer.answer,
        expects: (said) =>
          isRequest(said, 'jabber:component:accept') &&
          /^(?:a[01]@localhost\/[xy]|localhost|x@attacker\.test\/z)$/.test(said.attributes['from'] ?? '') &&
          (said.attributes['to'] ?? '') === domain,
        connect: () => server.next(20_000),
      },
      findings,
    );
    await speaker.connect();
    const end = performance.now() + attackMilliseconds({ short: 1.5 / 60, full: 0.25 });
    let cases = 0;
    while (performance.now() < end && findings.list.length === 0) {
      const dice = new Dice(caseSeed(seed, name, cases++));
      const text = anyHandedOver(dice, name);
      await speaker.say(text, dice, `case ${cases - 1} of ENTOURAGE_SEED=${seed}: ${text.slice(0, 3000)}`);
      if (component.child.exitCode !== null || component.child.signalCode !== null)
        findings.add(`${name} ended`, `${text.slice(0, 3000)} ${component.output.slice(-3000)}`);
    }
    await speaker.stop();
    for (const line of component.output.split('\n'))
      if (line.includes('"level":"error"') || /"type":"(?:Type|Range|Reference|Syntax)Error"/.test(line))
        findings.add(`${name} logged an error`, line);
    console.log(
      `# ${name} from its server: ${cases} cases (${speaker.asked} requests answered, ${speaker.streams} streams)`,
    );
    assert.equal(findings.list.length, 0, 'findings: see above');
  });
}
