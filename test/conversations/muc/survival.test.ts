import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { FakeWorld } from '../../tools/muc/fake-world.js';
import { coven, ID, JOIN, SID, user } from './sections/coven.js';

async function fake(t: TestContext, environment: Record<string, string> = {}): Promise<FakeWorld> {
  const world = await FakeWorld.start(environment);
  t.after(() => world.stop());
  return world;
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`a restart by ${signal} is silent: occupants, roles, subject, history and configuration are as before`, async (t) => {
    const world = await fake(t);
    const { room, first, second, third } = await coven(world, 'restart', {
      'muc#roomconfig_moderatedroom': '1',
    });
    first.send(`<message to='${room}' type='groupchat' id='s'><subject>Spells</subject></message>`);
    first.send(`<message to='${room}' type='groupchat' id='m'><body>before</body></message>`);
    third.send(`<presence to='${room}/thirdwitch'><show>away</show></presence>`);
    for (const client of [first, second, third]) await client.skip(room);

    // what was said is marked as delivered a moment later: without that it would be said again after SIGKILL
    await new Promise((resolve) => setTimeout(resolve, 200));
    await world.restart(signal);
    for (const client of [first, second, third]) await client.nothing(room);

    const hecate = await world.login('hecate', 'broom');
    await hecate.ask(
      `<presence to='${room}/hecate'>${JOIN}</presence>`,
      `<presence from='${room}/firstwitch' to='${hecate.jid}'>${user("<item affiliation='owner' role='moderator'/>")}${ID}</presence>`,
      `<presence from='${room}/secondwitch' to='${hecate.jid}'>${user("<item affiliation='admin' role='moderator'/>")}${ID}</presence>`,
      `<presence from='${room}/thirdwitch' to='${hecate.jid}'><show>away</show>${user("<item affiliation='none' role='visitor'/>")}${ID}</presence>`,
      `<presence from='${room}/hecate' to='${hecate.jid}'>${user("<item affiliation='none' role='visitor'/>", 110)}${ID}</presence>`,
      `<message type='groupchat' id='m' from='${room}/firstwitch' to='${hecate.jid}'><body>before</body>${SID}${ID}<delay xmlns='urn:xmpp:delay' from='${room}' stamp='*'/></message>`,
      `<message type='groupchat' id='s' from='${room}/firstwitch' to='${hecate.jid}'><subject>Spells</subject>${SID}${ID}<delay xmlns='urn:xmpp:delay' from='${room}' stamp='*'/></message>`,
    );
    for (const client of [first, second, third]) await client.next('hecate');
    second.send(`<message to='${room}' type='groupchat' id='after'><body>after</body></message>`);
    for (const client of [first, second, third, hecate])
      await client.expect(
        `<message type='groupchat' id='after' from='${room}/secondwitch' to='${client.jid}'><body>after</body>${SID}${ID}</message>`,
      );
  });
}

test('a message that the server has not confirmed when the process dies is sent again, with the same ids', async (t) => {
  const world = await fake(t);
  const { room, first, second } = await coven(world, 'journal');
  world.answersPings = false;
  first.send(`<message to='${room}' type='groupchat' id='m1'><body>one</body></message>`);
  const [seen] = [await first.next()];
  await second.next();
  await world.end('SIGKILL');
  world.answersPings = true;
  await world.begin();
  const again = await second.next('the message again');
  assert.equal(again.text, seen.readdress({ to: second.jid }).text);
  await first.next('the message again');
  await first.nothing(room);

  // Confirmed meanwhile: not sent a third time.
  await world.restart('SIGTERM');
  await first.nothing(room);
  await second.nothing(room);
});

test('a message that came while the process was away reaches everybody', async (t) => {
  const world = await fake(t);
  const { room, first, second, third } = await coven(world, 'away');
  await world.end('SIGKILL');
  third.send(`<message to='${room}' type='groupchat' id='m1'><body>one</body></message>`);
  await world.begin();
  for (const client of [first, second, third])
    await client.expect(
      `<message type='groupchat' id='m1' from='${room}/thirdwitch' to='${client.jid}'><body>one</body>${SID}${ID}</message>`,
    );
});

test('a message that was on a lost link is sent again when there is another', async (t) => {
  const world = await fake(t);
  const { room, first, second } = await coven(world, 'link');
  world.answersPings = false;
  first.send(`<message to='${room}' type='groupchat' id='m1'><body>one</body></message>`);
  const seen = await second.next();
  world.answersPings = true;
  await world.cut();
  const again = await second.next('the message again');
  assert.equal(again.text, seen.text);
});

test('after a loss of the link: who has vanished is removed, who is there stays, whether it knows ping or not', async (t) => {
  const world = await fake(t);
  const { room, first, second, third } = await coven(world, 'ghosts');
  const hecate = await world.login('hecate', 'broom');
  await hecate.join(room, 'hecate');
  for (const client of [first, second, third]) await client.skip(room);
  // secondwitch knows no ping, hecate's stream is being resumed, thirdwitch is gone.
  second.answersPings = false;
  hecate.answersPings = false;
  third.vanish();
  await world.cut();
  const ping = await second.next('a ping');
  assert.equal(ping.payload?.namespace, 'urn:xmpp:ping');
  const refuse = (id: string | undefined): void =>
    second.send(
      `<iq type='error' to='${room}' id='${id}'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    );
  refuse(ping.id);
  // What arrives next depends on whose turn it is: the removal of thirdwitch, and the second probe.
  const seen: string[] = [];
  while (seen.length < 3) {
    const stanza = await second.next('the second probe and the removal');
    if (stanza.name === 'iq') refuse(stanza.id);
    seen.push(stanza.name === 'presence' ? stanza.text : stanza.name);
  }
  assert.deepEqual(
    seen.filter((one) => !one.startsWith('<')),
    ['message', 'iq'],
  );
  await first.expect(
    `<presence type='unavailable' from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='none'/>`, 333)}${ID}</presence>`,
  );
  await first.nothing(room);
  const stays = await hecate.next('a ping, not answered');
  assert.equal(stays.payload?.namespace, 'urn:xmpp:ping');
  await hecate.until((stanza) => stanza.name === 'presence', 'the removal of thirdwitch');
  await hecate.nothing(room);
});

test('§18.1.2: a delivery error removes the resource that it came from, not the other session of the account', async (t) => {
  const world = await fake(t);
  const { room, first, third } = await coven(world, 'bounce');
  const phone = await world.login('hag66', 'phone');
  await phone.join(room, 'thirdwitch');
  for (const client of [first, third]) await client.skip(room);
  const bounce = (condition: string) =>
    `<message type='error' to='${room}/firstwitch' id='x'><error type='cancel'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`;
  // Not one of the delivery errors: nothing happens.
  phone.send(bounce('not-allowed'));
  await first.nothing(room);
  phone.send(bounce('recipient-unavailable'));
  await phone.expect(
    `<presence type='unavailable' from='${room}/thirdwitch' to='${phone.jid}'>${user("<item affiliation='none' role='none'/>", 110, 333)}${ID}</presence>`,
  );
  await first.expect(
    `<presence from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='participant'/>`)}${ID}</presence>`,
  );
  await third.skip(room);
  third.send(bounce('remote-server-not-found'));
  await first.expect(
    `<presence type='unavailable' from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='none'/>`, 333)}${ID}</presence>`,
  );
});

test('presence of the room that an occupant returns with an error removes that resource, unless it may pass', async (t) => {
  const world = await fake(t);
  const { room, first, third } = await coven(world, 'refusal');
  const refusal = (content: string) =>
    `<presence type='error' to='${room}/thirdwitch' id='x'>${content}</presence>`;
  third.send(
    refusal("<error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"),
  );
  await first.nothing(room);
  third.send(refusal(''));
  await third.expect(
    `<presence type='unavailable' from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='none' role='none'/>", 110, 333)}${ID}</presence>`,
  );
  await first.expect(
    `<presence type='unavailable' from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='none'/>`, 333)}${ID}</presence>`,
  );
});

test('a groupchat message that comes back with service-unavailable leads to a probe, and that to the removal', async (t) => {
  const world = await fake(t);
  const { room, first, third } = await coven(world, 'suspicion');
  third.vanish();
  first.send(`<message to='${room}' type='groupchat' id='m1'><body>one</body></message>`);
  await first.next('the message');
  await first.expect(
    `<presence type='unavailable' from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='none'/>`, 333)}${ID}</presence>`,
  );
});

test('persistent rooms outlast their occupants and restarts, temporary ones do not', async (t) => {
  const world = await fake(t);
  const room = `persistent@${world.muc}`;
  const crone = await world.login('crone1', 'desktop');
  await crone.join(room, 'firstwitch');
  await crone.configure(room, { 'muc#roomconfig_persistentroom': '1', 'muc#roomconfig_roomname': 'Heath' });
  crone.send(`<message to='${room}' type='groupchat' id='m'><body>still here</body></message>`);
  await crone.next();
  crone.send(`<presence type='unavailable' to='${room}/firstwitch'/>`);
  await crone.next();
  await world.restart('SIGKILL');
  crone.send(`<presence to='${room}/firstwitch'>${JOIN}</presence>`);
  await crone.expect(
    `<presence from='${room}/firstwitch' to='${crone.jid}'>${user(`<item affiliation='owner' jid='${crone.jid}' role='moderator'/>`, 110)}${ID}</presence>`,
    `<message type='groupchat' id='m' from='${room}/firstwitch' to='${crone.jid}'><body>still here</body>${SID}${ID}<delay xmlns='urn:xmpp:delay' from='${room}' stamp='*'/></message>`,
    `<message type='groupchat' from='${room}' to='${crone.jid}'><subject/></message>`,
  );
});

let shared: FakeWorld;
before(async () => {
  shared = await FakeWorld.start({ MUC_PING_AFTER: '0' });
});
after(() => shared.stop());

test('a stanza to a room that is being loaded waits its turn', async () => {
  const { room, first, third } = await coven(shared, 'loading');
  await shared.restart('SIGKILL');
  for (let number = 0; number < 20; number++)
    third.send(`<message to='${room}' type='groupchat' id='n${number}'><body>${number}</body></message>`);
  for (let number = 0; number < 20; number++) {
    const message = await first.next();
    assert.equal(message.id, `n${number}`);
  }
});
