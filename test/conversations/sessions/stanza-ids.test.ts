import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';

const SID = 'urn:xmpp:sid:0';

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start();
  await core.addUsers('romeo', 'juliet');
});
after(() => core.stop());

test('XEP-0359 §2.1: what is stored gets an id of the account, and forged ids of it are taken off', async () => {
  const romeo = await core.online('romeo', 'orchard');
  const forged = `<stanza-id xmlns='${SID}' by='juliet@localhost' id='forged'/>`;
  const hidden = [
    `<stanza-id xmlns='${SID}' by='juliet&#64;localhost' id='forged'/>`,
    `<stanza-id xmlns='urn:xmpp&#58;sid:0' by='juliet@localhost' id='forged'/>`,
    `<s:stanza-id xmlns:s='${SID}' by='juliet@localhost' id='forged'/>`,
  ];
  const foreign = `<stanza-id xmlns='${SID}' by='room@conference.localhost' id='foreign'/>`;
  const send = (id: string) =>
    romeo.send(
      `<message to='juliet@localhost' type='chat' id='${id}'><body>x</body>${forged}${foreign}</message>`,
    );
  send('stored');
  await romeo.expectNothing();
  const juliet = await core.online('juliet', 'balcony');
  send('live');
  const stored = await juliet.stanza((stanza) => stanza.id === 'stored');
  const ids = stored.element.getChildren('stanza-id', SID);
  assert.equal(ids.length, 2, stored.source);
  assert.notEqual(ids.find((each) => each.attrs['by'] === 'juliet@localhost')?.attrs['id'], 'forged');
  const live = await juliet.stanza((stanza) => stanza.id === 'live');
  assert.deepEqual(
    live.element.getChildren('stanza-id', SID).map((each) => each.attrs['id']),
    ['foreign'],
  );
  for (const each of hidden) {
    romeo.send(
      `<message to='juliet@localhost' type='chat' id='hidden'><body>x</body>${each}${foreign}</message>`,
    );
    const message = await juliet.stanza((stanza) => stanza.id === 'hidden');
    assert.ok(!message.source.includes('forged'), message.source);
    assert.ok(message.source.includes('foreign'));
  }
  await juliet.close();
  await romeo.close();
});

test('XEP-0203 §5: only we say that we have delayed a message', async () => {
  const romeo = await core.online('romeo', 'orchard');
  const juliet = await core.online('juliet', 'balcony');
  const delay = (from: string, namespace = 'urn:xmpp:delay') =>
    `<delay xmlns='${namespace}' from='${from}' stamp='2002-09-10T23:08:25Z'/>`;
  const others = delay('romeo@localhost/orchard') + delay('room@conference.localhost');
  for (const forged of [
    delay('localhost'),
    delay('LOCALHOST'),
    delay('local&#104;ost'),
    delay('localhost', 'urn:xmpp&#58;delay'),
  ]) {
    romeo.send(
      `<message to='juliet@localhost' type='chat' id='delayed'><body>x</body>${forged}${others}</message>`,
    );
    const message = await juliet.stanza((stanza) => stanza.id === 'delayed');
    assert.deepEqual(
      message.element.getChildren('delay', 'urn:xmpp:delay').map((each) => each.attrs['from']),
      ['romeo@localhost/orchard', 'room@conference.localhost'],
      message.source,
    );
  }
  await juliet.close();
  await romeo.close();
});
