import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start();
  await core.addUsers('romeo', 'juliet');
});
after(() => core.stop());

test('RFC 6121 §5.2: a chat message reaches the full JID, stamped with the sender', async () => {
  const romeo = await core.online('romeo', 'orchard');
  const juliet = await core.online('juliet', 'balcony');
  romeo.send(
    "<message to='juliet@localhost/balcony' type='chat' id='m1'><body>Art thou not Romeo?</body></message>",
  );
  await juliet.expect(
    "<message from='romeo@localhost/orchard' to='juliet@localhost/balcony' type='chat' id='m1'><body>Art thou not Romeo?</body></message>",
  );
  await romeo.close();
  await juliet.close();
});

test('XEP-0160: a message to an account without sessions is stored and delivered once, with its delay', async () => {
  const romeo = await core.online('romeo', 'orchard');
  romeo.send("<message to='juliet@localhost' type='chat' id='m2'><body>Later</body></message>");
  await romeo.expectNothing();
  const juliet = await core.online('juliet', 'balcony');
  const message = await juliet.stanza((stanza) => stanza.name === 'message');
  assert.equal(message.id, 'm2');
  assert.ok(message.hasChild('delay', 'urn:xmpp:delay'), message.source);
  await juliet.close();
  const again = await core.online('juliet', 'balcony');
  await again.expectNothing();
  await again.close();
  await romeo.close();
});
