import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';

test('RFC 6120 §13.12: a client beyond its rate is read more slowly, loses nothing, and delays nobody else', async (t) => {
  const core = await CoreUnderTest.start({ LIMIT_BYTES_PER_SECOND: '80000' });
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet', 'nurse');
  const juliet = await core.online('juliet');
  const nurse = await core.login('nurse');
  const romeo = await core.login('romeo');
  const began = performance.now();
  const count = 40;
  for (let i = 0; i < count; i++)
    romeo.send(`<message to='juliet@localhost/test' id='${i}'><body>${'x'.repeat(8000)}</body></message>`);
  // somebody else is served meanwhile
  for (let i = 0; i < 5; i++) await nurse.ping();
  const others = performance.now() - began;
  for (let i = 0; i < count; i++)
    assert.equal((await juliet.stanza((stanza) => stanza.name === 'message')).id, String(i));
  const all = performance.now() - began;
  // 320 kB: two seconds' worth may come at once, and one read of 64 KiB more; the rest takes its time
  assert.ok(all > 800, `all of it came in ${Math.round(all)} ms`);
  assert.ok(others < all / 2, `others waited ${Math.round(others)} of ${Math.round(all)} ms`);
});

test('RFC 6120 §8.4, XEP-0205: a stanza of many small elements and attributes goes through whole, at its limits', async (t) => {
  const core = await CoreUnderTest.start({ LIMIT_XML_DEPTH: '20', LIMIT_XML_ATTRIBUTES: '16' });
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet');
  const juliet = await core.online('juliet');
  const romeo = await core.login('romeo');
  const nested = `${'<a>'.repeat(15)}${'</a>'.repeat(15)}`;
  const attributes = Array.from({ length: 14 }, (_, i) => `a${i}='${i}'`).join(' ');
  romeo.send(
    `<message to='juliet@localhost/test' id='n'><x xmlns='urn:example:x' ${attributes}>${nested}</x></message>`,
  );
  const message = await juliet.element('message');
  assert.ok(message.source.includes(nested));
  romeo.send(`<message to='juliet@localhost/test'>${'<a>'.repeat(25)}${'</a>'.repeat(25)}</message>`);
  await romeo.expectStreamError('policy-violation');
});

test('RFC 6120 §13.12: what is larger before log-in than after it is refused before it', async (t) => {
  const core = await CoreUnderTest.start({
    LIMIT_STANZA_BYTES_UNAUTHENTICATED: '10000',
    LIMIT_STANZA_BYTES: '40000',
  });
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet');
  const early = await core.connect();
  await early.open('localhost');
  early.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${'A'.repeat(12_000)}`);
  await early.expectStreamError('policy-violation');
  const juliet = await core.online('juliet');
  const romeo = await core.login('romeo');
  romeo.send(`<message to='juliet@localhost/test' id='l'><body>${'x'.repeat(30_000)}</body></message>`);
  assert.equal((await juliet.element('message')).id, 'l');
});
