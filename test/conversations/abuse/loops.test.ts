import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Bystanders, growthDuring } from '../../tools/bystanders.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { sleep } from '../../tools/flood.js';
import type { RawClient } from '../../tools/raw-client.js';
import { joinComponent } from '../../tools/raw-component.js';

// XMPP counts no hops: two that answer everything answer each other for ever. The core cannot know that they should not;
// what it owes everybody else is that such a loop does not grow by its doing, and costs others nothing (RFC 6120 §8.3.1:
// errors are never answered).

const MEGABYTE = 1024 * 1024;
const LOOPING_MILLISECONDS = 800;
let core: CoreUnderTest;
let bystanders: Bystanders;

before(async () => {
  core = await CoreUnderTest.start({
    LOG_LEVEL: 'info',
    COMPONENTS: 'one,two,muc',
    COMPONENT_ONE_SECRET: 'secret',
    COMPONENT_TWO_SECRET: 'secret',
    COMPONENT_MUC_SECRET: 'secret',
  });
  await core.component('muc', { LOG_LEVEL: 'info' });
  await core.addUsers('writer', 'reader', 'parrot', 'owner');
  bystanders = await Bystanders.start(core);
});
after(async () => {
  await bystanders.stop();
  await core.stop();
});

/** Answers everything that comes by `answer`, at once; counts. */
function echoing(
  component: RawClient,
  answer: (stanza: { name: string; from: string; to: string; type: string | undefined }) => string,
): { hops: number; errors: number } {
  const counts = { hops: 0, errors: 0 };
  component.socket.on('data', () => {
    component.transcript = '';
    let text = '';
    for (const item of component.received.splice(0)) {
      if (item.kind !== 'element') continue;
      const { name, from = '', to = '', type } = item.stanza;
      counts.hops++;
      if (type === 'error') counts.errors++;
      text += answer({ name, from, to, type });
    }
    if (text !== '') component.send(text);
  });
  return counts;
}

async function pair(): Promise<readonly [RawClient, RawClient]> {
  return [await joinComponent(core, 'one.localhost'), await joinComponent(core, 'two.localhost')];
}

async function loop(what: string, run: () => Promise<void>): Promise<void> {
  const growth = await growthDuring(core.process, () => bystanders.unhurtBy(what, run));
  assert.ok(growth < 150 * MEGABYTE, `${what}: ${growth} bytes more`);
}

test('two components that echo every message: nothing is added, bystanders go on, and it ends with one of them', async () => {
  const [one, two] = await pair();
  const echo = ({ name, from, to }: { name: string; from: string; to: string }) =>
    name === 'message'
      ? `<message from='${to}' to='${from}' id='loop'><body>${'x'.repeat(100)}</body></message>`
      : '';
  const [first, second] = [echoing(one, echo), echoing(two, echo)];
  const started = 300;
  await loop('echoing components', async () => {
    for (let k = 0; k < started; k++)
      one.send(`<message from='a@one.localhost' to='b@two.localhost' id='loop'><body>x</body></message>`);
    await sleep(LOOPING_MILLISECONDS);
  });
  assert.ok(first.hops > started && second.hops > started, `${first.hops} and ${second.hops} hops`);
  // one of them leaves: what is on its way comes back as errors, which the other echoes to nobody for ever
  one.socket.removeAllListeners('data');
  two.send('</stream:stream>');
  await core.process.said(/"code":"component\.down","domain":"two\.localhost"/);
  await bystanders.during(() => sleep(100));
  one.cut();
  two.cut();
});

test('errors are not answered: two components that bounce everything stop at once', async () => {
  const [one, two] = await pair();
  const bounce = ({ name, from, to }: { name: string; from: string; to: string }) =>
    `<${name} from='${to}' to='${from}' type='error' id='e'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></${name}>`;
  // whoever bounces errors, too, loops by himself; the core adds none
  const polite = (stanza: { name: string; from: string; to: string; type: string | undefined }) =>
    stanza.type === 'error' || stanza.type === 'result' ? '' : bounce(stanza);
  const [first, second] = [echoing(one, polite), echoing(two, polite)];
  for (let k = 0; k < 100; k++) {
    one.send("<message from='one.localhost' to='two.localhost' id='m'><body>x</body></message>");
    one.send("<iq from='one.localhost' to='two.localhost' type='get' id='i'><q xmlns='urn:example:q'/></iq>");
    one.send("<presence from='one.localhost' to='two.localhost'/>");
  }
  await sleep(300);
  assert.equal(second.hops, 300);
  assert.equal(first.hops, 300, 'one answer each');
  // errors to nobody, and to those who are away, vanish
  two.send('</stream:stream>');
  await sleep(200);
  const before = first.hops;
  for (const to of ['two.localhost', 'nobody@localhost', 'nobody@localhost/x', 'localhost', 'a@nowhere.test'])
    for (const name of ['message', 'presence', 'iq'])
      one.send(
        `<${name} from='one.localhost' to='${to}' type='error' id='e'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></${name}>`,
      );
  for (const to of ['two.localhost', 'nobody@localhost/x', 'localhost'])
    one.send(`<iq from='one.localhost' to='${to}' type='result' id='r'/>`);
  await sleep(300);
  assert.equal(first.hops, before, 'no error and no result was answered');
  one.cut();
  two.cut();
});

test('a component that doubles everything at another that echoes is held back, not the core', async () => {
  const [one, two] = await pair();
  const message = (from: string, to: string) =>
    `<message from='${from}' to='${to}' id='loop'><body>${'x'.repeat(500)}</body></message>`;
  echoing(one, ({ name, from, to, type }) =>
    name === 'message' && type !== 'error' ? message(to, from).repeat(2) : '',
  );
  echoing(two, ({ name, from, to, type }) =>
    name === 'message' && type !== 'error' ? message(to, from) : '',
  );
  await loop('a loop that doubles', async () => {
    one.send(message('a@one.localhost', 'b@two.localhost').repeat(50));
    await sleep(LOOPING_MILLISECONDS);
  });
  one.cut();
  two.cut();
  await sleep(300);
});

test('an occupant that repeats what he hears in a room hears himself: others go on', async () => {
  const ROOM = 'parrots@conference.localhost';
  const owner = await core.online('owner');
  owner.send(`<presence to='${ROOM}/owner'><x xmlns='http://jabber.org/protocol/muc'/></presence>`);
  await owner.stanza((stanza) => stanza.source.includes("code='110'"));
  owner.send(
    `<iq type='set' to='${ROOM}' id='c'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>`,
  );
  await owner.stanza((stanza) => stanza.id === 'c');
  const parrot = await core.online('parrot');
  parrot.send(`<presence to='${ROOM}/parrot'><x xmlns='http://jabber.org/protocol/muc'/></presence>`);
  await parrot.stanza((stanza) => stanza.source.includes("code='110'"));
  const counts = echoing(parrot, ({ name, type }) =>
    name === 'message' && type === 'groupchat'
      ? `<message to='${ROOM}' type='groupchat'><body>again</body></message>`
      : '',
  );
  owner.socket.removeAllListeners('data');
  owner.socket.resume();
  await loop('a parrot in a room', async () => {
    for (let k = 0; k < 20; k++)
      parrot.send(`<message to='${ROOM}' type='groupchat'><body>again</body></message>`);
    await sleep(LOOPING_MILLISECONDS);
  });
  assert.ok(counts.hops > 20);
  parrot.cut();
  owner.cut();
});
