import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';

// What a stream header declares is written into each stanza that uses it: a few bytes in must not be many out.

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ COMPONENTS: 'gate', COMPONENT_GATE_SECRET: 'secret' });
  await core.addUsers('juliet');
});
after(() => core?.stop());

const plain = Buffer.from('\0juliet\0secret').toString('base64');
const declared = (characters: number) => ` xmlns:a='urn:${'x'.repeat(characters)}'`;

test('a header with long declarations is policy-violation, before log-in and after it', async () => {
  const stranger = await core.connect();
  stranger.send(header('jabber:client', declared(1_100)));
  await stranger.header();
  await stranger.expectStreamError('policy-violation');

  const babbler = await core.connect();
  babbler.send(header('jabber:client', ` xml:lang='${'x'.repeat(1_100)}'`));
  await babbler.header();
  await babbler.expectStreamError('policy-violation');

  const juliet = await core.connect();
  await juliet.open('localhost');
  juliet.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
  await juliet.element('success');
  juliet.expectRestart();
  juliet.send(header('jabber:client', declared(200_000)));
  await juliet.header();
  await juliet.expectStreamError('policy-violation');

  const component = await core.connect('component');
  component.send(header('jabber:component:accept', declared(1_100), 'gate.localhost'));
  await component.header();
  await component.expectStreamError('policy-violation');
});

test('a header with as many as anybody has is taken, and its stanzas carry what they use', async () => {
  const juliet = await core.connect();
  await juliet.open('localhost');
  juliet.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
  await juliet.element('success');
  await juliet.open('localhost', { attributes: declared(500) });
  const jid = await juliet.bind('balcony');
  juliet.send(`<message to='${jid}'><a:b/></message>`);
  const message = await juliet.stanza(({ name }) => name === 'message');
  assert.ok(message.hasChild('b', `urn:${'x'.repeat(500)}`), message.source);
  await juliet.close();
});

function header(namespace: string, more: string, to = 'localhost'): string {
  return `<stream:stream xmlns='${namespace}' xmlns:stream='http://etherx.jabber.org/streams'${more} to='${to}' version='1.0'>`;
}
