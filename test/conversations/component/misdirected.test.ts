import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorReply, StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { componentBefore } from '../../tools/component.js';

// XEP-0114 §3: a component speaks for its own domain, whatever a server hands it.

test('what is for another domain, or for no address, is no error of ours, and is never answered in its name', async (t) => {
  const { component, server, log } = await componentBefore(t);
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const from = "from='juliet@capulet.lit/balcony'";
  const ping = "<ping xmlns='urn:xmpp:ping'/>";
  stream.write(
    `<iq type='get' id='1' ${from} to='romeo@montague.lit'>${ping}</iq>` +
      `<message id='2' ${from} to='juliet@capulet.lit'><body>x</body></message>` +
      `<iq type='get' id='3' ${from}>${ping}</iq>` +
      `<iq type='get' id='4' ${from} to='a b@vcard.capulet.lit'>${ping}</iq>` +
      `<iq type='get' id='5' ${from} to='vcard.capulet.lit'>${ping}</iq>`,
  );
  const answers = [await stream.next(), await stream.next(), await stream.next()];
  assert.deepEqual(
    answers.map(({ id, from: by, type }) => [id, by, type]),
    [
      ['3', 'vcard.capulet.lit', 'error'],
      ['4', 'vcard.capulet.lit', 'error'],
      ['5', 'vcard.capulet.lit', 'result'],
    ],
  );
  assert.deepEqual(
    log.lines.filter(({ level }) => level === 'error' || level === 'warn'),
    [],
  );
});

test('our domain written otherwise is ours (RFC 7622 §3.2): the answer, also one that a handler sends, is from it as prepared', async (t) => {
  const { component, server, log } = await componentBefore(t);
  component.onMessage((message) => {
    const refusal = errorReply(message, new StanzaError('service-unavailable'));
    if (refusal !== null) component.send(refusal);
  });
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const from = "from='juliet@capulet.lit/balcony'";
  stream.write(
    `<message id='1' ${from} to='Room@vcard.Capulet.LIT/Nick'><body>x</body></message>` +
      `<iq type='get' id='2' ${from} to='VCARD.capulet.lit'><query xmlns='urn:nobody'/></iq>`,
  );
  const answers = [await stream.next(), await stream.next()];
  assert.deepEqual(
    answers.map(({ id, from: by, type }) => [id, by, type]),
    [
      ['1', 'room@vcard.capulet.lit/Nick', 'error'],
      ['2', 'vcard.capulet.lit', 'error'],
    ],
  );
  assert.deepEqual(
    log.lines.filter(({ level }) => level === 'error' || level === 'warn'),
    [],
  );
});
