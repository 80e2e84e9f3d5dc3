import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { CHAT_AND_MANY } from '../../tools/granted-component.js';
import type { RawClient } from '../../tools/raw-client.js';
import { joinComponent } from '../../tools/raw-component.js';

// Multicast for a granted component (XEP-0033).
let core: CoreUnderTest;
let romeo: RawClient;
before(async () => {
  core = await CoreUnderTest.start(CHAT_AND_MANY);
  await core.addUsers('romeo', 'juliet');
  romeo = await core.login('romeo', 'orchard');
});
after(() => core?.stop());

const condition = (stanza: Stanza) => StanzaError.fromStanza(stanza).condition;

const addresses = (...list: string[]) =>
  `<addresses xmlns='http://jabber.org/protocol/address'>${list.join('')}</addresses>`;
const bcc = (jid: string) => `<address type='bcc' jid='${jid}'/>`;

test('§6: announced to it only; one stanza becomes many without their addresses; bounces come from the addressee', async () => {
  const many = await joinComponent(core, 'many.localhost');
  const info = await many.iq(
    'get',
    "<query xmlns='http://jabber.org/protocol/disco#info'/>",
    "localhost' from='many.localhost",
  );
  assert.match(info.source, /protocol\/address/);
  const plain = await romeo.iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", 'localhost');
  assert.doesNotMatch(plain.source, /protocol\/address/);
  const juliet = await core.login('juliet', 'balcony');
  many.send(
    `<message from='room@many.localhost/nick' to='localhost' type='groupchat' id='m'>${addresses(bcc('romeo@localhost/orchard'), bcc('juliet@localhost/balcony'), bcc('nobody@localhost/x'))}<body>all</body></message>`,
  );
  for (const [client, to] of [
    [romeo, 'romeo@localhost/orchard'],
    [juliet, 'juliet@localhost/balcony'],
  ] as const)
    await client.expect(
      `<message from='room@many.localhost/nick' to='${to}' type='groupchat' id='m'><body>all</body></message>`,
    );
  const bounce = await many.element('message');
  assert.deepEqual(
    [bounce.from, bounce.to, condition(bounce)],
    ['nobody@localhost/x', 'room@many.localhost/nick', 'service-unavailable'],
  );
  // what is not ours to do
  const send = async (list: string) => {
    many.send(`<message from='room@many.localhost' to='localhost' id='bad'>${list}<body>x</body></message>`);
    return condition(await many.element('message'));
  };
  assert.equal(await send(addresses("<address type='to' jid='romeo@localhost'/>")), 'bad-request');
  assert.equal(await send(addresses("<address type='bcc'/>")), 'bad-request');
  assert.equal(await send(addresses()), 'not-acceptable');
  await romeo.expectNothing();
  await juliet.close();
  await many.close();
});

test('the same list again, in whatever form it comes', async () => {
  const many = await joinComponent(core, 'many.localhost');
  const list = addresses(bcc('romeo@localhost/orchard'));
  const forms = [
    `${list}<body>1</body>`,
    `${list}<body>2</body>`,
    `${list}${list}<body>3</body>`,
    `${list}<body>4</body>${list}`,
    `${list}<body>5</body><addresses xmlns='http://jabber.org/protocol&#47;address'/>`,
    `<addresses xmlns='http://jabber.org/protocol/address'><address type='bcc' jid='romeo@localhost/orchard'><addresses></addresses></address></addresses><body>6</body>`,
    `<a:addresses xmlns:a='http://jabber.org/protocol/address'><a:address type='bcc' jid='romeo@localhost/orchard'/></a:addresses><body>7</body>`,
  ];
  for (const [index, form] of forms.entries()) {
    many.send(`<message from='room@many.localhost/nick' to='localhost' type='chat'>${form}</message>`);
    await romeo.expect(
      `<message from='room@many.localhost/nick' to='romeo@localhost/orchard' type='chat'><body>${index + 1}</body></message>`,
    );
  }
  many.send(`<message from='room@many.localhost/nick' to='localhost' type='chat'>${list}</message>`);
  await romeo.expect(`<message from='room@many.localhost/nick' to='romeo@localhost/orchard' type='chat'/>`);
  await many.close();
});

test('others are forbidden', async () => {
  const component = await joinComponent(core, 'chat.localhost');
  component.send(
    `<message from='chat.localhost' to='localhost' id='f'>${addresses(bcc('romeo@localhost'))}</message>`,
  );
  assert.equal(condition(await component.element('message')), 'forbidden');
  await component.close();
  romeo.send(`<message to='localhost' id='f'>${addresses(bcc('juliet@localhost'))}</message>`);
  assert.equal(condition(await romeo.element('message')), 'service-unavailable');
});
