import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Element, xml } from '../../../shared/xml/element.js';
import { componentOf } from '../../tools/component.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { BLOCKING, block, outcome, PRIVACY_ONLY } from '../../tools/privacy.js';

// A core whose rule store is empty while the component is configured refuses log-ins until the first comparison.
async function attempt(core: CoreUnderTest): Promise<string> {
  const client = await core.connect();
  try {
    await client.open('localhost');
    const message = Buffer.from('\0romeo\0secret').toString('base64');
    client.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${message}</auth>`);
    const answer = await client.element();
    return answer.name === 'success' ? 'success' : (answer.payload?.name ?? answer.name);
  } finally {
    client.cut();
  }
}

/** Asks until the answer is this one. */
async function eventually(core: CoreUnderTest, expected: string): Promise<void> {
  const end = performance.now() + 10_000;
  let last = '';
  while (performance.now() < end) {
    last = await attempt(core);
    if (last === expected) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(last, expected);
}

test('Log-ins wait for the first comparison; a restarted core with rules does not wait again', async () => {
  const core = await CoreUnderTest.start({ ...PRIVACY_ONLY, PRIVACY_SYNC_TIMEOUT: '600' });
  try {
    await core.addUsers('romeo');
    assert.equal(await attempt(core), 'temporary-auth-failure');
    const component = await core.component('privacy');
    await eventually(core, 'success');
    await component.stop();
    await core.restart('SIGKILL');
    assert.equal(await attempt(core), 'success');
  } finally {
    await core.stop();
  }
});

test('Log-ins wait for the end of the comparison, not for its beginning: rules may still be on their way', async () => {
  const core = await CoreUnderTest.start({ ...PRIVACY_ONLY, PRIVACY_SYNC_TIMEOUT: '600' });
  const component = componentOf(core, 'privacy');
  try {
    await core.addUsers('romeo');
    await component.start();
    const ask = (type: 'get' | 'set', payload: Element) =>
      component.request(xml('iq', { type, to: 'localhost' }, payload));
    const xmlns = 'urn:entourage:privacy-enforcement:1';
    await assert.rejects(ask('get', xml('hello', { xmlns, min: '2', max: '3' })), /not-acceptable/);
    await ask('get', xml('hello', { xmlns, min: '1', max: '1' }));
    await ask('get', xml('states', { xmlns, after: '' }));
    assert.equal(await attempt(core), 'temporary-auth-failure');
    const rules = (attributes: Record<string, string>) =>
      ask(
        'set',
        xml(
          'rules',
          { xmlns, account: 'romeo@localhost', epoch: 'e', expect: '0', sequence: '1', ...attributes },
          xml('list', { name: 'l' }, xml('item', { action: 'deny', order: '1' })),
        ),
      );
    await assert.rejects(rules({ account: 'nobody@localhost' }), /item-not-found/);
    await assert.rejects(rules({ default: 'unknown' }), /item-not-found/);
    await assert.rejects(rules({ expect: '3' }), /conflict/);
    await rules({ default: 'l' });
    await assert.rejects(rules({ epoch: 'another' }), /conflict/);
    await rules({ epoch: 'another', restore: 'true' });
    const { element } = await ask('get', xml('states', { xmlns, after: '' }));
    assert.deepEqual(element.getChild('states')?.getChild('state')?.attrs, {
      account: 'romeo@localhost',
      epoch: 'another',
      sequence: '1',
    });
    assert.equal(await attempt(core), 'temporary-auth-failure');
    await ask('set', xml('synchronised', { xmlns }));
    assert.equal(await attempt(core), 'success');
  } finally {
    await component.stop('leaving');
    await core.stop();
  }
});

for (const [fail, expected] of [
  ['open', 'success'],
  ['closed', 'temporary-auth-failure'],
] as const) {
  test(`After PRIVACY_SYNC_TIMEOUT without a component: PRIVACY_FAIL=${fail}`, async () => {
    const core = await CoreUnderTest.start({
      ...PRIVACY_ONLY,
      PRIVACY_SYNC_TIMEOUT: '2',
      PRIVACY_FAIL: fail,
    });
    try {
      await core.addUsers('romeo');
      assert.equal(await attempt(core), 'temporary-auth-failure');
      if (fail === 'open') await eventually(core, expected);
      else {
        await new Promise((resolve) => setTimeout(resolve, 2500));
        assert.equal(await attempt(core), expected);
      }
    } finally {
      await core.stop();
    }
  });
}

test('With the component stopped rules stay, and list IQs get an error at most a second after the grace', async () => {
  const core = await CoreUnderTest.start({ ...PRIVACY_ONLY, COMPONENT_GRACE_SECONDS: '2' });
  try {
    await core.addUsers('romeo', 'tybalt');
    const component = await core.component('privacy');
    const romeo = await core.online('romeo');
    await block(romeo, 'tybalt@localhost');
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await component.stop(signal);
      const begun = performance.now();
      const answers = await Promise.all([
        romeo.iq('get', `<blocklist xmlns='${BLOCKING}'/>`),
        romeo.iq('set', "<query xmlns='jabber:iq:privacy'><active/></query>"),
      ]);
      assert.deepEqual(answers.map(outcome), ['service-unavailable', 'service-unavailable']);
      assert.ok(performance.now() - begun < 3000, `${performance.now() - begun} ms`);
    }
    const tybalt = await core.online('tybalt');
    tybalt.send("<message to='romeo@localhost' type='chat' id='x'><body>x</body></message>");
    assert.equal(outcome(await tybalt.stanza((stanza) => stanza.id === 'x')), 'service-unavailable');
    await core.component('privacy');
    assert.equal((await romeo.iq('get', `<blocklist xmlns='${BLOCKING}'/>`)).type, 'result');
    await romeo.close();
    await tybalt.close();
  } finally {
    await core.stop();
  }
});

test('The load of enforcement cannot be shared: the core says so and does not start', async () => {
  await assert.rejects(
    CoreUnderTest.start({ ...PRIVACY_ONLY, COMPONENT_PRIVACY_CONFLICT: 'share' }),
    /"name":"COMPONENT_PRIVACY_CONFLICT","expected":"expected refuse or replace: two instances/,
  );
});

test('Each of several domains is asked where its accounts stand, side by side with the others', async () => {
  const core = await CoreUnderTest.start({ ...PRIVACY_ONLY, XMPP_DOMAINS: 'localhost,example.net' });
  const component = componentOf(core, 'privacy', ['localhost', 'example.net']);
  try {
    await core.addUsers('romeo', 'juliet@example.net');
    await component.start();
    const xmlns = 'urn:entourage:privacy-enforcement:1';
    const ask = (type: 'get' | 'set', to: string, payload: Element) =>
      component.request(xml('iq', { type, to }, payload));
    const standing = async (domain: string): Promise<(string | undefined)[]> => {
      const { element } = await ask('get', domain, xml('states', { xmlns, after: '' }));
      const states = element.getChild('states')?.getChildren('state') ?? [];
      return states.map((state) => state.attrs['account']);
    };
    for (const [account, domain] of [
      ['romeo@localhost', 'localhost'],
      ['juliet@example.net', 'example.net'],
    ] as const) {
      await ask('get', domain, xml('hello', { xmlns, min: '1', max: '1' }));
      const list = xml('list', { name: 'l' }, xml('item', { action: 'deny', order: '1' }));
      await ask(
        'set',
        domain,
        xml('rules', { xmlns, account, epoch: 'e', expect: '0', sequence: '1' }, list),
      );
    }
    for (let time = 0; time < 10; time++) {
      assert.deepEqual(await Promise.all([standing('localhost'), standing('example.net')]), [
        ['romeo@localhost'],
        ['juliet@example.net'],
      ]);
    }
  } finally {
    await component.stop('leaving');
    await core.stop();
  }
});
