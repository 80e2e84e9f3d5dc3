import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ServerWorld } from '../../../tools/muc/server-world.js';
import { coven, ID, user } from './coven.js';

/**
 * XEP-0045 §18.1.2 on a real server: a resource that went while muc was away, whose unavailable presence is therefore
 * lost, is told from a client that does not know ping, although the server and that client answer a ping alike.
 */
export function ghostsOf(server: 'core' | 'prosody' | 'ejabberd', what: string): void {
  test(`XEP-0045 §18.1.2 Ghost Users behind ${what}`, async (t: TestContext) => {
    const world = await ServerWorld.behind(server, { COMPONENT_GRACE_SECONDS: '0' });
    if (world === undefined) return t.skip(`${what} is not installed`);
    t.after(() => world.stop());
    const { room, first, second, third } = await coven(world, 'ghosts');
    second.answersPings = false;
    await world.end('SIGKILL');
    await third.vanish();
    await world.begin();
    await first.expect(
      `<presence type='unavailable' from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='none'/>`, 333)}${ID}</presence>`,
    );
    // The client without ping has been probed twice: it is in the room when the probes are over.
    const probe = await second.until((stanza) => stanza.name === 'message', 'the second probe');
    assert.equal(probe.type, 'groupchat');
    await second.skip(room);
    first.send(`<message to='${room}' type='groupchat' id='m1'><body>who is here?</body></message>`);
    for (const client of [first, second]) {
      const message = await client.next('the message');
      assert.equal(message.id, 'm1');
    }
    await first.nothing(room);
  });
}
