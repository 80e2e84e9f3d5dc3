import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

// A stranger must not learn which accounts exist (RFC 6120 §6.5.10, §13.10; RFC 5802 §9): not from what is answered,
// nor from how long that takes.

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ SASL_TRIES: '20', LOG_LEVEL: 'info' });
  await core.addUsers('juliet', 'disabled');
  await core.control('user.disable', { jid: 'disabled@localhost' });
});
after(() => core.stop());

const base64 = (text: string) => Buffer.from(text).toString('base64');
const start = (mechanism: string, text: string) =>
  `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='${mechanism}'>${base64(text)}</auth>`;
const response = (text: string) =>
  `<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${base64(text)}</response>`;

async function opened(): Promise<RawClient> {
  const client = await core.connect();
  await client.open('localhost');
  return client;
}

interface Challenge {
  readonly salt: string;
  readonly iterations: string;
  readonly shape: string;
  readonly failure: string;
}

/** Everything that SCRAM says of a name, up to the failure for a wrong proof. */
async function scram(name: string, hash: 'SHA-1' | 'SHA-256'): Promise<Challenge> {
  const client = await opened();
  client.send(start(`SCRAM-${hash}`, `n,,n=${name},r=fyko`));
  const challenge = Buffer.from((await client.element('challenge')).element.getText(), 'base64').toString();
  const [, nonce = '', salt = '', iterations = ''] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(challenge) ?? [];
  const proof = Buffer.alloc(hash === 'SHA-1' ? 20 : 32, 7).toString('base64');
  client.send(response(`c=biws,r=${nonce},p=${proof}`));
  const failure = (await client.element('failure')).source;
  client.cut();
  return { salt, iterations, shape: challenge.replace(/[A-Za-z0-9+/=]/g, 'x'), failure };
}

for (const hash of ['SHA-1', 'SHA-256'] as const) {
  test(`SCRAM-${hash}: salt and iterations of an unknown name are as stable as those of a known one, a restart included`, async () => {
    const names = ['juliet', 'nobody', 'n0body', 'disabled'];
    const first = new Map<string, Challenge>();
    for (const name of names) first.set(name, await scram(name, hash));
    const second = await scram('nobody', hash);
    assert.equal(second.salt, first.get('nobody')?.salt);
    const known = first.get('juliet');
    for (const name of names) {
      const one = first.get(name);
      assert.equal(one?.iterations, known?.iterations, name);
      assert.equal(one?.shape, known?.shape, name);
      assert.equal(one?.failure, known?.failure, `${name}: the same failure`);
      assert.equal(one?.salt.length, known?.salt.length);
    }
    assert.equal(new Set([...first.values()].map(({ salt }) => salt)).size, names.length, 'salts differ');
    if (hash === 'SHA-256') return;
    await core.restart();
    assert.equal((await scram('nobody', hash)).salt, second.salt, 'after a restart');
  });
}

test('PLAIN and XEP-0078: the same answer for a wrong password, an unknown name and an impossible one', async () => {
  const said = new Set<string>();
  for (const name of ['juliet', 'nobody', 'disabled', 'not a name', 'a'.repeat(2000)]) {
    const client = await opened();
    client.send(start('PLAIN', `\0${name}\0wrong`));
    said.add((await client.element('failure')).source);
    client.cut();
  }
  assert.equal(said.size, 1, [...said].join('\n'));
  const answers = new Set<string>();
  for (const name of ['juliet', 'nobody', 'disabled']) {
    const client = await opened();
    client.send(
      `<iq type='set' id='a'><query xmlns='jabber:iq:auth'><username>${name}</username><password>wrong</password><resource>x</resource></query></iq>`,
    );
    answers.add((await client.element('iq')).source);
    client.cut();
  }
  assert.equal(answers.size, 1, [...answers].join('\n'));
});

test('PLAIN takes as long for an unknown name as for a wrong password', async () => {
  const client = await opened();
  const times: Record<'juliet' | 'nobody' | 'not a name', number[]> = {
    juliet: [],
    nobody: [],
    'not a name': [],
  };
  let tries = 0;
  let current = client;
  // one after the other, so that whatever else the machine does hits all alike
  for (let round = 0; round < 45; round++) {
    for (const name of ['juliet', 'nobody', 'not a name'] as const) {
      if (tries++ % 19 === 18) {
        current.cut();
        current = await opened();
      }
      const began = performance.now();
      current.send(start('PLAIN', `\0${name}\0wrong`));
      await current.element('failure');
      if (round >= 5) times[name].push(performance.now() - began);
    }
  }
  current.cut();
  // the quicker ones: what the machine does besides makes some of them slow, and none of them quick
  const usual = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 4)] ?? 0;
  const known = usual(times.juliet);
  for (const name of ['nobody', 'not a name'] as const) {
    const unknown = usual(times[name]);
    assert.ok(
      Math.abs(unknown - known) < Math.max(known, unknown) / 2,
      `${name}: ${unknown.toFixed(2)} ms, a wrong password ${known.toFixed(2)} ms`,
    );
  }
});
