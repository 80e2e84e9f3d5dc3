import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start();
  await core.addUsers('romeo', 'juliet');
});
after(() => core.stop());

test('XEP-0086: errors of the server carry the old code beside the condition', async () => {
  const romeo = await core.online('romeo', 'orchard');
  const cases: [string, string, string][] = [
    ["<iq type='get' id='e' to='localhost'><x xmlns='urn:unknown'/></iq>", 'service-unavailable', '503'],
    [
      "<iq type='get' id='e' to='juliet@localhost/x'><x xmlns='urn:unknown'/></iq>",
      'service-unavailable',
      '503',
    ],
    ["<iq type='get' id='e'/>", 'bad-request', '400'],
    ["<message id='e' to='nowhere.invalid'><body>x</body></message>", 'remote-server-not-found', '404'],
    ["<message id='e' to='@localhost'><body>x</body></message>", 'jid-malformed', '400'],
  ];
  for (const [stanza, condition, code] of cases) {
    romeo.send(stanza);
    const answer = await romeo.stanza((one) => one.id === 'e');
    const error = answer.element.getChild('error');
    assert.ok(error?.getChild(condition, 'urn:ietf:params:xml:ns:xmpp-stanzas'), answer.source);
    assert.equal(error?.attrs['code'], code, answer.source);
  }
  await romeo.close();
});

test('XEP-0086: an error between others is relayed as it is, old or new', async () => {
  const romeo = await core.online('romeo', 'orchard');
  const juliet = await core.online('juliet', 'balcony');
  for (const [id, error] of [
    ['old', "<error code='404'>Not Found</error>"],
    ['new', "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"],
  ]) {
    juliet.send(`<message type='error' id='${id}' to='romeo@localhost/orchard'>${error}</message>`);
    await romeo.expect(
      `<message type='error' id='${id}' from='juliet@localhost/balcony' to='romeo@localhost/orchard'>${error}</message>`,
    );
  }
  await romeo.close();
  await juliet.close();
});
