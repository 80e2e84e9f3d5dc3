import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ADDRESSES_KEPT } from '../../../shared/component/address-lists.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { CHAT_AND_MANY } from '../../tools/granted-component.js';
import type { RawClient } from '../../tools/raw-client.js';
import { joinComponent } from '../../tools/raw-component.js';

// Lists of addresses that the core keeps for a granted component (docs/protocols/address-lists.md).
const LISTS = 'urn:entourage:address-lists:1';
const ADDRESS = 'http://jabber.org/protocol/address';
const INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>";

let core: CoreUnderTest;
let romeo: RawClient;
before(async () => {
  core = await CoreUnderTest.start(CHAT_AND_MANY);
  await core.addUsers('romeo', 'juliet');
  romeo = await core.login('romeo', 'orchard');
});
after(() => core?.stop());

const condition = (stanza: Stanza) => StanzaError.fromStanza(stanza).condition;
const list = (attributes: string) => `<list xmlns='${LISTS}' ${attributes}/>`;
const addresses = (...jids: string[]) =>
  `<addresses xmlns='${ADDRESS}'>${jids.map((jid) => `<address type='bcc' jid='${jid}'/>`).join('')}</addresses>`;
const ROMEO = 'romeo@localhost/orchard';
const JULIET = 'juliet@localhost/balcony';

async function open() {
  const many = await joinComponent(core, 'many.localhost');
  return {
    many,
    say: (content: string) =>
      many.send(`<message from='room@many.localhost/nick' to='localhost' type='chat'>${content}</message>`),
    /** The error that comes back. */
    refused: async (content: string) => {
      many.send(`<message from='room@many.localhost/nick' to='localhost' id='bad'>${content}</message>`);
      return condition(await many.element('message'));
    },
  };
}

const hears = (client: RawClient, jid: string, body: string) =>
  client.expect(
    `<message from='room@many.localhost/nick' to='${jid}' type='chat'><body>${body}</body></message>`,
  );

test('§2: announced to granted components only', async () => {
  const { many } = await open();
  const granted = await many.iq('get', INFO, "localhost' from='many.localhost");
  assert.ok(granted.source.includes(LISTS));
  const chat = await joinComponent(core, 'chat.localhost');
  const others = await chat.iq('get', INFO, "localhost' from='chat.localhost");
  assert.ok(!others.source.includes(LISTS));
  chat.send(`<message from='chat.localhost' to='localhost' id='f'>${list("use='0'")}</message>`);
  assert.equal(condition(await chat.element('message')), 'forbidden');
  await chat.close();
  await many.close();
});

test('§3: a list is kept under its number, used, and replaced, in whatever form it is written', async () => {
  const juliet = await core.login('juliet', 'balcony');
  const { many, say, refused } = await open();
  say(`${list("keep='0'")}${addresses(ROMEO)}<body>1</body>`);
  await hears(romeo, ROMEO, '1');
  say(`${list("keep='4095'")}${addresses(ROMEO, JULIET)}<body>2</body>`);
  for (const body of ['3', '4']) say(`${list("use='0'")}<body>${body}</body>`);
  for (const body of ['2', '3', '4']) await hears(romeo, ROMEO, body);
  say(`${list("use='4095'")}<body>5</body>`);
  for (const body of ['2', '5']) await hears(juliet, JULIET, body);
  say(`<l:list xmlns:l='${LISTS}' use='&#48;'></l:list><body>6</body>`);
  say(`${list('use="0"')}<body>&#55;</body>`);
  for (const body of ['5', '6', '7']) await hears(romeo, ROMEO, body);
  say(`${list("keep='0'")}${addresses(JULIET)}<body>8</body>`);
  say(`${list("use='0'")}<body>9</body>`);
  for (const body of ['8', '9']) await hears(juliet, JULIET, body);
  await romeo.expectNothing();
  await juliet.close();
  // it is a list of addresses, not of sessions
  assert.equal(await refused(`${list("use='0'")}<body>10</body>`), 'service-unavailable');
  await many.close();
});

test('§4: what is wrong is refused, and keeps nothing', async () => {
  const { many, say, refused } = await open();
  say(`${list("keep='1'")}${addresses(ROMEO)}<body>kept</body>`);
  await hears(romeo, ROMEO, 'kept');
  assert.equal(await refused(list("use='0'")), 'item-not-found');
  for (const wrong of ["use='-1'", "use='4096'", "use='x'", "use='1' keep='2'", "of='1'"])
    assert.equal(await refused(list(wrong) + addresses(ROMEO)), 'bad-request', wrong);
  assert.equal(await refused(list("use='1'") + addresses(ROMEO)), 'bad-request');
  assert.equal(await refused(list("use='1'") + list("use='1'")), 'bad-request');
  assert.equal(await refused(`<other xmlns='${LISTS}' use='1'/>`), 'bad-request');
  assert.equal(await refused(list("keep='2'")), 'not-acceptable');
  assert.equal(
    await refused(
      `${list("keep='2'")}<addresses xmlns='${ADDRESS}'><address type='to' jid='x'/></addresses>`,
    ),
    'bad-request',
  );
  assert.equal(await refused(list("use='2'")), 'item-not-found');
  await romeo.expectNothing();
  await many.close();
});

test('§5: a list lives as long as its stream, and all together are bounded', async () => {
  const first = await open();
  first.say(`${list("keep='0'")}${addresses(ROMEO)}<body>a</body>`);
  await hears(romeo, ROMEO, 'a');
  await first.many.close();
  const { many, refused, say } = await open();
  assert.equal(await refused(list("use='0'")), 'item-not-found');
  const full = addresses(...Array.from({ length: 2000 }, () => 'localhost'));
  const silent = (place: number) =>
    many.send(
      `<presence from='many.localhost' to='localhost' type='unavailable'>${list(`keep='${place}'`)}${full}</presence>`,
    );
  // the server has nothing to say to that
  for (let place = 0; place < ADDRESSES_KEPT / 2000; place++) silent(place);
  assert.equal(
    await refused(`${list("keep='4000'")}${addresses(ROMEO)}<body>b</body>`),
    'resource-constraint',
  );
  say(`${list("keep='3'")}${addresses(ROMEO)}<body>c</body>`);
  await hears(romeo, ROMEO, 'c');
  await many.close();
});
