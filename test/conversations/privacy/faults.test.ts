import assert from 'node:assert/strict';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest, type ProcessUnderTest } from '../../tools/core-harness.js';
import { BLOCKING, block, blockList, outcome, unblock } from '../../tools/privacy.js';
import type { RawClient } from '../../tools/raw-client.js';

// Both processes are killed (SIGKILL) at each step of a change. Afterwards the lists, the rules in force, and what every
// client was told must agree.

let probes = 0;

/** What the wire shows of one account: its list, its enforcement. */
async function standing(
  core: CoreUnderTest,
  client: RawClient,
): Promise<{ listed: boolean; enforced: boolean }> {
  const listed = (await blockList(client)).includes('tybalt@localhost');
  const tybalt = await core.online('tybalt', 'probe');
  const id = `probe${++probes}`;
  tybalt.send(`<message to='${client.jid}' type='chat' id='${id}'><body>x</body></message>`);
  const has = (who: RawClient, fits: (stanza: Stanza) => boolean) =>
    who.received.some((item) => item.kind === 'element' && item.stanza.id === id && fits(item.stanza));
  const refused = () => has(tybalt, (stanza) => outcome(stanza) === 'service-unavailable');
  const arrived = () => has(client, () => true);
  // with a store elsewhere it may take longer than a ping
  await comes(() => refused() || arrived(), `neither an answer nor a message: ${id}`);
  await tybalt.ping();
  await client.ping();
  const enforced = refused();
  assert.equal(arrived(), !enforced);
  await tybalt.close();
  return { listed, enforced };
}

async function comes(condition: () => boolean, otherwise: string): Promise<void> {
  for (const end = performance.now() + 10_000; !condition(); ) {
    assert.ok(performance.now() < end, otherwise);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const isPush = (item: RawClient['received'][number], name: 'block' | 'unblock'): boolean =>
  item.kind === 'element' && item.stanza.type === 'set' && item.stanza.hasChild(name, BLOCKING);

describe('The component is killed, the core is not', () => {
  let core: CoreUnderTest;
  let component: ProcessUnderTest;
  before(async () => {
    core = await CoreUnderTest.start({
      COMPONENTS: 'privacy',
      COMPONENT_PRIVACY_SECRET: 'secret',
      COMPONENT_GRACE_SECONDS: '20',
    });
    await core.addUsers('tybalt');
    component = await core.component('privacy');
  });
  after(() => core?.stop());

  for (const [point, change] of [
    ['privacy.after-intent', 'block'],
    ['privacy.after-enforced', 'block'],
    ['privacy.after-commit', 'block'],
    ['privacy.after-push', 'block'],
    ['privacy.after-enforced', 'unblock'],
    ['privacy.after-commit', 'unblock'],
  ] as const) {
    test(`It dies at ${point} of an ${change}: both resources end up told of what is in force`, async () => {
      const name = `romeo-${point.replace(/.*-/, '')}-${change}`;
      await core.addUsers(name);
      const romeo = await core.online(name, 'one');
      const other = await core.online(name, 'two');
      if (change === 'unblock') await block(romeo, 'tybalt@localhost');
      for (const client of [romeo, other]) await blockList(client);
      await component.stop();
      component = await core.component('privacy', { ENTOURAGE_FAULT: point });
      const died = new Promise((resolve) => component.child.once('exit', resolve));
      romeo.send(
        `<iq type='set' id='change'><${change} xmlns='${BLOCKING}'><item jid='tybalt@localhost'/></${change}></iq>`,
      );
      await died;
      assert.equal(component.child.signalCode, 'SIGKILL', component.output);
      component = await core.component('privacy');
      // the core asks the new process what the old one had not answered
      assert.equal(outcome(await romeo.stanza((stanza) => stanza.id === 'change')), 'result');
      const after = await standing(core, romeo);
      assert.deepEqual(after, { listed: change === 'block', enforced: change === 'block' });
      for (const client of [romeo, other]) {
        const told = () => client.received.some((item) => isPush(item, change));
        await comes(told, `${client.jid} was not told: ${component.output}`);
      }
      await romeo.close();
      await other.close();
    });
  }

  test('Its store is lost: what clients see in their lists is what is in force, when it is back', async (t) => {
    if (process.env['TEST_STORAGE_URL'] !== undefined) return t.skip('its store is no folder here');
    await core.addUsers('romeo');
    const romeo = await core.online('romeo', 'one');
    await block(romeo, 'tybalt@localhost');
    await component.stop('SIGKILL');
    const store = join(core.dataFolder, 'privacy');
    renameSync(store, `${store}-kept`);
    const second = await core.component('privacy');
    await second.waitFor(/privacy\.synchronised/g);
    assert.deepEqual(await standing(core, romeo), { listed: false, enforced: false });
    // with the old store it is as before: that store decides again
    await second.stop();
    rmSync(store, { recursive: true });
    renameSync(`${store}-kept`, store);
    component = await core.component('privacy');
    await component.waitFor(/privacy\.synchronised/g);
    assert.deepEqual(await standing(core, romeo), { listed: true, enforced: true });
    await romeo.close();
  });

  test('An account that is removed takes its lists along: its name’s next owner has none', async () => {
    await core.addUsers('benvolio');
    const benvolio = await core.online('benvolio', 'one');
    await block(benvolio, 'tybalt@localhost');
    await benvolio.iq('get', `<query xmlns='jabber:iq:privacy'/>`);
    await core.control('user.remove', { jid: 'benvolio@localhost' });
    await core.control('user.add', { jid: 'benvolio@localhost', password: 'secret', force: true });
    const next = await core.online('benvolio', 'one');
    assert.deepEqual(await standing(core, next), { listed: false, enforced: false });
    await next.close();
  });
});

for (const [point, expected] of [
  ['privacy.core-before-store', false],
  ['privacy.core-after-store', true],
] as const) {
  test(`The core dies at ${point}: list and rules agree when both are back`, async () => {
    const core = await CoreUnderTest.start({
      COMPONENTS: 'privacy',
      COMPONENT_PRIVACY_SECRET: 'secret',
      ENTOURAGE_FAULT: point,
    });
    try {
      await core.addUsers('romeo', 'tybalt');
      const component = await core.component('privacy');
      const romeo = await core.online('romeo', 'one');
      const died = new Promise((resolve) => core.process.child.once('exit', resolve));
      romeo.send(
        `<iq type='set' id='b'><block xmlns='${BLOCKING}'><item jid='tybalt@localhost'/></block></iq>`,
      );
      await died;
      assert.equal(core.process.child.signalCode, 'SIGKILL', core.process.output);
      await core.restart('SIGKILL', { ENTOURAGE_FAULT: 'nowhere' });
      await component.waitFor(/privacy\.synchronised/g, 2);
      const again = await core.online('romeo', 'one');
      const after = await standing(core, again);
      assert.deepEqual(after, { listed: expected, enforced: expected });
      // and nothing is stuck
      await unblock(again);
      assert.deepEqual(await standing(core, again), { listed: false, enforced: false });
      await again.close();
    } finally {
      await core.stop();
    }
  });
}
