import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xml } from '../../../shared/xml/element.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { componentBefore } from '../../tools/component.js';

test('what is too large for the server is not sent: it would cost the stream, and everybody on it', async (t) => {
  const { component, server, log } = await componentBefore(t);
  const large = 'ü'.repeat(600_000);
  component.onIq('get', 'urn:list', 'query', () => xml('query', { xmlns: 'urn:list' }, large));
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const from = "from='juliet@capulet.lit/balcony' to='vcard.capulet.lit'";
  stream.write(`<iq type='get' id='1' ${from}><query xmlns='urn:list'/></iq>`);
  const answer = await stream.next();
  assert.deepEqual([answer.id, answer.type, answer.to], ['1', 'error', 'juliet@capulet.lit/balcony']);
  assert.equal(StanzaError.fromStanza(answer).condition, 'resource-constraint');

  // a text that was made for speed is no other
  const to = { from: 'vcard.capulet.lit', to: 'juliet@capulet.lit' };
  assert.equal(
    component.send(`<iq type='result' id='2' from='a@vcard.capulet.lit' to='b@x'><y>${large}</y></iq>`),
    true,
  );
  const second = await stream.next();
  assert.deepEqual([second.id, second.type, second.from], ['2', 'error', 'a@vcard.capulet.lit']);
  assert.equal(component.send(xml('message', to, xml('body', {}, large))), true);
  await assert.rejects(
    component.request(xml('iq', { type: 'set', to: 'capulet.lit' }, xml('x', { xmlns: 'urn:x' }, large))),
    /policy-violation|too large/,
  );
  component.send(xml('message', { ...to, id: 'last' }));
  assert.equal((await stream.next()).id, 'last');
  const said = log.lines.filter(({ code }) => code === 'component.stanza-too-large');
  assert.equal(said.length, 4);
  assert.doesNotMatch(JSON.stringify(said), /ü/);
});
