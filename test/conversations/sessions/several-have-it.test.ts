import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

// What becomes of a message that more than one resource was given when one of them ends without acknowledging it.

const SM = 'urn:xmpp:sm:3';
const CARBONS = "<enable xmlns='urn:xmpp:carbons:2'/>";

let core: CoreUnderTest;
let romeo: RawClient;
before(async () => {
  core = await CoreUnderTest.start();
  romeo = await core.online(await account('romeo'), 'orchard');
});
after(() => core.stop());

async function account(name: string): Promise<string> {
  await core.addUsers(name);
  return name;
}

/** Available, with stream management; it acknowledges nothing. */
async function silent(user: string, resource: string, priority = 0): Promise<RawClient> {
  const client = await core.login(user, resource);
  await client.goOnline(`<presence><priority>${priority}</priority></presence>`);
  client.send(`<enable xmlns='${SM}' resume='true'/>`);
  await client.stanza((stanza) => stanza.name === 'enabled');
  return client;
}

/** Until all that romeo sent, and what became of it, has been handled. */
async function settled(): Promise<void> {
  for (let times = 0; times < 3; times++) await romeo.ping();
}

function messages(client: RawClient): (string | undefined)[] {
  return client.received.flatMap((item) =>
    item.kind === 'element' && item.stanza.name === 'message' ? [item.stanza.id] : [],
  );
}

/** Sends presence again, which asks for what is stored, and returns the ids of all messages that have come. */
async function afterPresence(client: RawClient): Promise<(string | undefined)[]> {
  client.received.length = 0;
  client.send('<presence><status>back</status></presence>');
  for (let times = 0; times < 3; times++) await client.ping();
  return messages(client);
}

test('RFC 6121 §8.5.2.1.1: what one of several resources has is not refused for another that ends', async () => {
  const user = await account('juliet');
  const phone = await silent(user, 'phone');
  const desk = await core.online(user, 'desk');
  romeo.send(
    `<message to='${user}@localhost' type='chat' id='hint'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>`,
  );
  for (const client of [phone, desk]) await client.stanza((stanza) => stanza.id === 'hint');
  await phone.close();
  await settled();
  assert.deepEqual(messages(romeo), []);
  // the last that had it: now nobody has
  const other = await silent(user, 'other', 1);
  romeo.send(
    `<message to='${user}@localhost' type='chat' id='none'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>`,
  );
  await other.stanza((stanza) => stanza.id === 'none');
  await other.close();
  const refused = await romeo.stanza((stanza) => stanza.id === 'none');
  assert.equal(refused.type, 'error');
  await desk.close();
});

test('XEP-0198 §5: what is kept for a resource that ended is not given twice to one that has it', async () => {
  const user = await account('nurse');
  const phone = await silent(user, 'phone');
  const desk = await core.online(user, 'desk');
  romeo.send(`<message to='${user}@localhost' type='chat' id='both'><body>x</body></message>`);
  for (const client of [phone, desk]) await client.stanza((stanza) => stanza.id === 'both');
  await phone.close();
  assert.deepEqual(await afterPresence(desk), []);
  const again = await core.online(user, 'phone');
  assert.deepEqual(await afterPresence(desk), []);
  await again.stanza((stanza) => stanza.id === 'both');
  await again.close();
  await desk.close();
});

test('XEP-0160: what two ended resources leave of one message is given once to who comes', async () => {
  const user = await account('tybalt');
  const both = [await silent(user, 'phone'), await silent(user, 'desk')];
  romeo.send(`<message to='${user}@localhost' type='chat' id='left'><body>x</body></message>`);
  for (const client of both) {
    await client.stanza((stanza) => stanza.id === 'left');
    await client.close();
  }
  const heir = await core.online(user, 'heir');
  await heir.stanza((stanza) => stanza.id === 'left');
  for (let times = 0; times < 3; times++) await heir.ping();
  assert.deepEqual(messages(heir), []);
  await heir.close();
});

test('XEP-0198 §5, XEP-0280: nor to one that has a copy of it', async () => {
  const user = await account('benvolio');
  const phone = await silent(user, 'phone');
  const desk = await core.online(user, 'desk');
  await desk.iq('set', CARBONS);
  romeo.send(`<message to='${user}@localhost/phone' type='chat' id='copied'><body>x</body></message>`);
  await phone.stanza((stanza) => stanza.id === 'copied');
  await desk.stanza((stanza) => stanza.hasChild('received', 'urn:xmpp:carbons:2'));
  await phone.close();
  assert.deepEqual(await afterPresence(desk), []);
  const again = await core.online(user, 'phone');
  await again.stanza((stanza) => stanza.id === 'copied');
  await again.close();
  await desk.close();
});

test('XEP-0198 §5: what only the ended resource had goes to another that is there, at once', async () => {
  const user = await account('mercutio');
  const phone = await silent(user, 'phone', 5);
  const desk = await core.online(user, 'desk');
  for (const id of ['m1', 'm2', 'm3']) {
    romeo.send(`<message to='${user}@localhost' type='chat' id='${id}'><body>x</body></message>`);
    await phone.stanza((stanza) => stanza.id === id);
  }
  await phone.close();
  romeo.send(`<message to='${user}@localhost' type='chat' id='m4'><body>x</body></message>`);
  for (const id of ['m1', 'm2', 'm3', 'm4']) {
    const next = await desk.stanza((stanza) => stanza.name === 'message');
    assert.equal(next.id, id);
    assert.equal(next.hasChild('delay', 'urn:xmpp:delay'), id !== 'm4');
  }
  await desk.close();
});
