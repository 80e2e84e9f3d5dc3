import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type FederatedCore, startPair } from '../../tools/federation.js';

// Two cores with self-signed certificates: TLS, then dialback in each direction (XEP-0220).
let capulet: FederatedCore;
let montague: FederatedCore;
before(async () => {
  [capulet, montague] = await startPair({ domain: 'capulet.test' }, { domain: 'montague.test' });
  await capulet.core.addUsers('juliet@capulet.test');
  await montague.core.addUsers('romeo@montague.test');
});
after(async () => {
  await capulet?.core.stop();
  await montague?.core.stop();
});

test('XEP-0220: messages both ways, in order, after dialback inside TLS', async () => {
  const juliet = await capulet.core.online('juliet', 'balcony', 'capulet.test');
  const romeo = await montague.core.online('romeo', 'orchard', 'montague.test');
  for (let k = 0; k < 50; k++) {
    juliet.send(
      `<message to='romeo@montague.test/orchard' type='chat' id='m${k}'><body>Wherefore ${k}</body></message>`,
    );
  }
  for (let k = 0; k < 50; k++) {
    await romeo.expect(
      `<message from='juliet@capulet.test/balcony' to='romeo@montague.test/orchard' type='chat' id='m${k}'><body>Wherefore ${k}</body></message>`,
    );
  }
  romeo.send(
    "<message to='juliet@capulet.test/balcony' type='chat' id='r1'><body>Shall I hear more?</body></message>",
  );
  await juliet.expect(
    "<message from='romeo@montague.test/orchard' to='juliet@capulet.test/balcony' type='chat' id='r1'><body>Shall I hear more?</body></message>",
  );
  await juliet.close();
  await romeo.close();
});

test('RFC 6120 §10.4.3: an IQ to the other server is answered, one to a domain that cannot be found is returned', async () => {
  const juliet = await capulet.core.online('juliet', 'balcony', 'capulet.test');
  const pong = await juliet.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'montague.test');
  assert.equal(pong.type, 'result', pong.source);
  const lost = await juliet.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'nowhere.invalid');
  assert.equal(lost.type, 'error');
  assert.ok(lost.source.includes('<remote-server-not-found'), lost.source);
  assert.ok(lost.source.includes("code='404'"), lost.source);
  await juliet.close();
});
