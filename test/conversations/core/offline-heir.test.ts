import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

let core: CoreUnderTest;
let romeo: RawClient;
before(async () => {
  core = await CoreUnderTest.start({ LIMIT_OFFLINE_MESSAGES: '1000' });
  await core.addUsers('romeo', 'juliet');
  romeo = await core.login('romeo', 'orchard');
});
after(() => core.stop());

function stored(client: RawClient): readonly (string | undefined)[] {
  return client.received.flatMap((item) =>
    item.kind === 'element' && item.stanza.name === 'message' ? [item.stanza.id] : [],
  );
}

// XEP-0160 §3: whoever comes while the last session is still giving back what it did not read gets that first
test('what is stored comes before what is new, also for who comes in the moment in which another goes', async () => {
  for (let round = 0; round < 25; round++) {
    for (let i = 0; i < 130; i++) {
      romeo.send(
        `<message to='juliet@localhost' type='chat' id='o${i}'><body>${'x'.repeat(200)}</body></message>`,
      );
    }
    await romeo.expectNothing();
    const gone = await core.login('juliet', 'gone');
    const heir = await core.login('juliet', 'heir');
    gone.send('<presence/></stream:stream>');
    heir.send('<presence/>');
    await heir.stanza((stanza) => stanza.name === 'presence' && stanza.from === heir.jid);
    romeo.send(`<message to='${heir.jid}' type='chat' id='live'><body>live</body></message>`);
    await heir.stanza((stanza) => stanza.id === 'live');
    const before = stored(heir);
    await heir.ping();
    await romeo.ping();
    await heir.ping();
    assert.deepEqual(stored(heir), before, `round ${round}`);
    await heir.close();
  }
});
