import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deployment } from '../tools/deployment.js';
import { loopbackAddress, S2S_TEST_PORT, startFederated } from '../tools/federation.js';
import { LedgerClient } from '../tools/ledger/client.js';
import { FULL } from '../tools/long-mode.js';
import { Storm } from '../tools/storm.js';

const SESSIONS = 2000;
/** What a client may be told that makes it come again; anything else would be for good. */
const FOR_NOW = new Set([
  'temporary-auth-failure',
  'system-shutdown',
  'resource-constraint',
  'the connection was lost while it was negotiated',
  'the connection was given up',
]);

test('2,000 sessions, five components and another server come back at once', async (t) => {
  const [here, there] = [loopbackAddress(), loopbackAddress()];
  const deployment = await Deployment.start({
    core: {
      LISTEN_HOST: here,
      S2S_PORT: String(S2S_TEST_PORT),
      S2S_ROUTES: `there.example=${there}:${S2S_TEST_PORT}`,
      LOG_LEVEL: 'warn',
      LIMIT_UNAUTHENTICATED: '20000',
    },
    components: { LOG_LEVEL: 'warn' },
  });
  t.after(() => deployment.stop());
  const other = await startFederated('there.example', there, { localhost: here });
  t.after(() => other.core.stop());
  const users = Array.from({ length: SESSIONS }, (_, i) => `storm${i}`);
  await deployment.core.addUsers('writer', 'reader', 'far', ...users);
  await other.core.addUsers('abroad@there.example');
  const { core } = deployment;
  const storm = await Storm.gather(
    {
      name: 'entourage',
      address: deployment.address(),
      pid: () => deployment.process('core').child.pid ?? 0,
      kill: () => deployment.kill('core'),
      start: () => deployment.begin('core'),
    },
    SESSIONS,
  );
  t.after(() => storm.stop());

  // somebody on another server who writes to somebody here all the time
  const heard = new Set<string>();
  const far = new LedgerClient({
    address: deployment.address,
    user: 'far',
    resource: 'r',
    up: () => far.send('<presence/>'),
    stanza: (stanza) => stanza.name === 'message' && stanza.type === 'chat' && heard.add(stanza.id ?? ''),
  });
  await far.start();
  t.after(() => far.stop(false));
  const abroad = await other.core.login('abroad', 'r', 'there.example');
  let sequence = 0;
  const writing = setInterval(() => {
    sequence++;
    abroad.send(
      `<message to='far@localhost' type='chat' id='s${sequence}'><body>${sequence}</body></message>`,
    );
  }, 100);
  t.after(() => clearInterval(writing));
  const federated = async (): Promise<void> => {
    const from = sequence + 1;
    const end = performance.now() + 60_000;
    while (![...heard].some((id) => Number(id.slice(1)) >= from)) {
      assert.ok(performance.now() < end, 'the other server does not come back');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await federated();

  for (let round = 0; round < (FULL ? 3 : 1); round++) {
    const result = await storm.strike();
    const begin = performance.now();
    await federated();
    // every component serves again
    const probe = await core.login('reader', `probe${round}`);
    for (const [payload, to] of [
      ["<query xmlns='http://jabber.org/protocol/disco#info'/>", 'conference.localhost'],
      ["<vCard xmlns='vcard-temp'/>", undefined],
      ["<blocklist xmlns='urn:xmpp:blocking'/>", undefined],
      ["<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='none'/></pubsub>", undefined],
      ["<query xmlns='http://jabber.org/protocol/disco#info'/>", 'bosh.localhost'],
    ] as const) {
      for (const end = performance.now() + 30_000; ; ) {
        const answer = await probe.iq('get', payload, to);
        if (!answer.source.includes('service-unavailable')) break;
        assert.ok(performance.now() < end, answer.source);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    await probe.close();
    const { ready, half, most, all, peak, before, messages, refusals } = result;
    console.log(
      `restart storm: ready after ${ready.toFixed(0)} ms; half of ${SESSIONS} sessions back after ${half.toFixed(0)} ms, 99 % after ` +
        `${most.toFixed(0)}, all after ${all.toFixed(0)}; memory ${mebibytes(before)} MiB before, peak ${mebibytes(peak)}; ` +
        `${messages.count} messages meanwhile, p50 ${messages.median.toFixed(1)}, p99 ${messages.p99.toFixed(1)} ms; components and ` +
        `the other server ${(performance.now() - begin).toFixed(0)} ms after that; refusals ${JSON.stringify([...refusals])}`,
    );
    for (const reason of refusals.keys())
      assert.ok(FOR_NOW.has(reason) || /ECONNREFUSED|ECONNRESET|EPIPE/.test(reason), reason);
    assert.ok(messages.count > 0);
    // those who are back are served while the others come: a part of the time that all take, on whatever machine
    assert.ok(messages.p99 < Math.max(300, all / 4), `p99 of messages ${messages.p99} ms, storm ${all} ms`);
  }
});

function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(0);
}
