import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreUnderTest, type ProcessUnderTest } from '../tools/core-harness.js';
import { openClient } from '../tools/fuzz/client.js';
import { caseSeed, Dice } from '../tools/fuzz/dice.js';
import { Findings } from '../tools/fuzz/findings.js';
import { liveALife, questions } from '../tools/fuzz/stored-life.js';
import { damagedRecord, readStores, type Stored, writeStores } from '../tools/fuzz/stored-records.js';
import { attackMilliseconds, chosenSeed } from '../tools/long-mode.js';

// What the store gives back is damaged: documents cut, of another form, with other types, with text that is no XML. Each
// process either refuses to start and says why, or lives and treats that document as bad; others are served as before.

const seed = chosenSeed();
const COMPONENTS = ['muc', 'pep', 'vcard', 'privacy'] as const;
const PROCESSES = ['core', ...COMPONENTS];
const DAMAGED = 12;
const WHOLE = 3;
const DAMAGED_OWNER = /(?:^|[^a-z])u\d+@localhost|(?:^|[^a-z])s\d@|(?:^|[^a-z])s1[01]@/;
const WHOLE_OWNER = /(?:^|[^a-z])(?:c\d+@localhost|s10\d@)/;

interface Person {
  readonly name: string;
  readonly n: number;
  readonly friend: string;
}

const damagedPeople: Person[] = Array.from({ length: DAMAGED }, (_, n) => ({
  name: `u${n}`,
  n,
  friend: `u${(n + 1) % DAMAGED}`,
}));
const wholePeople: Person[] = Array.from({ length: WHOLE }, (_, n) => ({
  name: `c${n}`,
  n: 100 + n,
  friend: `c${(n + 1) % WHOLE}`,
}));

/** Asks for everything of one account; the type of each answer, or null where it could not log in. */
async function ask(
  core: CoreUnderTest,
  person: Person,
  findings: Findings,
  during: string,
): Promise<Map<string, string> | null> {
  let wire: Awaited<ReturnType<typeof openClient>>;
  try {
    wire = await openClient(core, person.name, 'asks');
  } catch {
    return null;
  }
  const text = questions(person.n, person.friend, 'q');
  const ids = new Set([...text.matchAll(/id='(q-\d+)'/g)].map(([, id = '']) => id));
  const answers = new Map<string, string>();
  wire.onElement = (heard) => {
    const { id = '', type = '' } = heard.attributes;
    if (JSON.stringify(heard).includes('[object Object]'))
      findings.add('nonsense was said', `${JSON.stringify(heard)} ${during}`);
    if (heard.name !== 'iq' || !ids.has(id)) return;
    if (answers.has(id)) findings.add('two answers', `${id} ${during}`);
    answers.set(id, type);
  };
  wire.send(text);
  await wire.until(() => answers.size === ids.size || wire.closed || wire.ended, 15_000);
  if (answers.size < ids.size) {
    const missing = [...ids].filter((id) => !answers.has(id));
    findings.add(
      wire.closed || wire.ended ? `a stream ended with ${wire.streamError}` : 'no answer',
      `${person.name} ${missing.join(' ')} ${wire.tail} ${during}`,
    );
  }
  for (const problem of wire.problems) findings.add('ill-formed output', `${problem} ${during}`);
  await wire.finish(5000);
  return answers;
}

/** What was logged must name what is wrong, and never be an error of ours. */
function judgeLog(process: ProcessUnderTest, findings: Findings, during: string): void {
  const { name, output, child } = process;
  for (const line of output.split('\n')) {
    if (
      /"type":"(?:Type|Range|Reference|Syntax|Assertion|Eval|URI)?Error"/.test(line) ||
      /uncaught|unhandled/.test(line)
    )
      findings.add(`${name} threw`, `${line} ${during}`);
    else if (line !== '' && !line.startsWith('{'))
      findings.add(`${name} wrote no log line`, `${line} ${during}`);
  }
  if (child.exitCode === 70 || child.signalCode !== null)
    findings.add(
      `${name} ended with ${child.exitCode ?? child.signalCode}`,
      `${output.slice(-2000)} ${during}`,
    );
}

async function startAll(
  core: CoreUnderTest,
  findings: Findings,
  during: string,
): Promise<{ processes: ProcessUnderTest[]; refused: string[] }> {
  const refused: string[] = [];
  const processes: ProcessUnderTest[] = [];
  try {
    await core.restart();
    processes.push(core.process);
  } catch {
    judgeLog(core.process, findings, during);
    if (core.process.child.exitCode === null)
      findings.add('core is neither ready nor gone', `${core.process.output.slice(-2000)} ${during}`);
    return { processes, refused: ['core'] };
  }
  await Promise.all(
    COMPONENTS.map(async (name) => {
      try {
        processes.push(await core.component(name, { LOG_LEVEL: 'warn' }));
      } catch (error) {
        refused.push(name);
        const text = String(error);
        // It says what is wrong with what.
        if (
          !/"code":"(?:process\.start-failed|storage\.[a-z-]+|muc\.[a-z-]+)"/.test(text) ||
          /uncaught|unhandled|TypeError/.test(text)
        )
          findings.add(`${name} does not start and does not say why`, `${text.slice(-2500)} ${during}`);
      }
    }),
  );
  return { processes, refused };
}

test('damaged documents in the stores', async (t) => {
  t.diagnostic(`ENTOURAGE_SEED=${seed}`);
  console.log(`# fuzzing stored documents: ENTOURAGE_SEED=${seed}`);
  const findings = new Findings();
  const secrets = Object.fromEntries(
    COMPONENTS.map((name) => [`COMPONENT_${name.toUpperCase()}_SECRET`, 'hush']),
  );
  const core = await CoreUnderTest.start({
    COMPONENTS: COMPONENTS.join(','),
    ...secrets,
    LOG_LEVEL: 'warn',
    PASSWORD_STORAGE: 'plain',
  });
  t.after(() => core.stop());
  const first: ProcessUnderTest[] = [];
  for (const name of COMPONENTS) first.push(await core.component(name, { LOG_LEVEL: 'warn' }));
  const people = [...damagedPeople, ...wholePeople];
  await core.addUsers(...people.map(({ name }) => name));
  for (const { name, n, friend } of people) await liveALife(core, name, n, [friend]);
  for (const process of first) await process.stop();
  await core.process.stop();
  const whole = await readStores(core.dataFolder, PROCESSES);
  assert.ok(whole.length > DAMAGED * 10, `only ${whole.length} records`);

  // Undamaged, once: what is to be answered.
  const begun = await startAll(core, findings, 'undamaged');
  const usual = new Map<string, Map<string, string>>();
  for (const person of wholePeople)
    usual.set(person.name, (await ask(core, person, findings, 'undamaged')) ?? new Map());
  for (const process of begun.processes) await process.stop();
  assert.deepEqual(begun.refused, []);
  assert.ok(
    [...usual.values()].every(
      (answers) => [...answers.values()].filter((type) => type === 'result').length > 12,
    ),
  );
  const common = await readStores(core.dataFolder, PROCESSES);
  assert.ok(common.length >= whole.length);

  const end = performance.now() + attackMilliseconds({ short: 8 / 60, full: 1 });
  let round = Number(process.env['ENTOURAGE_FUZZ_CASE'] ?? 0);
  let damaged = 0;
  let refusals = 0;
  const refusedLogins = new Set<string>();
  do {
    const dice = new Dice(caseSeed(seed, 'stored', round));
    const report: string[] = [];
    const service = dice.chance(0.3)
      ? dice.pick(
          whole.filter(({ record }) => !DAMAGED_OWNER.test(record.owner) && !WHOLE_OWNER.test(record.owner)),
        )
      : undefined;
    const written: Stored[] = [];
    for (const stored of whole) {
      const { owner } = stored.record;
      const hurt =
        stored === service || (DAMAGED_OWNER.test(owner) && !WHOLE_OWNER.test(owner) && dice.chance(0.35));
      const record = hurt ? damagedRecord(dice, stored.record) : stored.record;
      if (hurt) {
        damaged++;
        report.push(
          `${stored.process} ${stored.collection.name} ${owner}: ${JSON.stringify(record).slice(0, 300)}`,
        );
      }
      if (record !== null) written.push({ ...stored, record });
    }
    await writeStores(core.dataFolder, written);
    const during = `round ${round} of ENTOURAGE_SEED=${seed}\n${service === undefined ? '' : `${service.collection.name} ${service.record.owner}\n`}${report.join('\n')}`;
    const { processes, refused } = await startAll(core, findings, during);
    refusals += refused.length;
    if (refused.length > 0 && service === undefined)
      findings.add(`${refused.join(' ')} refuses to start`, during);
    if (!refused.includes('core')) {
      for (const person of damagedPeople)
        if ((await ask(core, person, findings, during)) === null)
          refusedLogins.add(`${round} ${person.name}`);
      for (const person of wholePeople) {
        const answers = await ask(core, person, findings, during);
        if (service !== undefined) continue;
        assert.deepEqual(answers, usual.get(person.name), `${person.name} is not served: ${during}`);
      }
    }
    for (const process of processes) {
      judgeLog(process, findings, during);
      if (process.child.exitCode !== null)
        findings.add(`${process.name} ended`, `${process.output.slice(-2000)} ${during}`);
      await process.stop();
      judgeLog(process, findings, during);
    }
    round++;
  } while (performance.now() < end && findings.list.length === 0);
  console.log(
    `# stored documents: ${damaged} damaged in ${round} rounds, ${refusedLogins.size} log-ins and ${refusals} starts refused`,
  );
  assert.equal(findings.list.length, 0, 'findings: see above');
});
