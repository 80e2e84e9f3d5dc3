import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { composeVcard } from '../../../components/vcard/vcard.js';
import { StorageError } from '../../../shared/storage/storage.js';
import type { Element } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { componentBefore } from '../../tools/component.js';
import { createMemoryStorage } from '../../tools/memory-storage.js';

const JULIET = 'juliet@capulet.lit/balcony';
const CARD = '<FN>Juliet</FN><N><FAMILY>Capulet</FAMILY><GIVEN>Juliet</GIVEN><MIDDLE/></N>';

/** The vcard component before a fake server, and a way to ask it as an account of that server. */
async function vcards(t: TestContext) {
  const { component, server } = await componentBefore(t);
  const storage = createMemoryStorage();
  composeVcard(component, storage, { admins: ['prince@capulet.lit'], maxBytes: 512 * 1024 });
  void component.start();
  const stream = await server.accept();
  await stream.establish();

  let answered: Element | undefined;
  /** The answer: the vCard's content, `''` for none in a result, or the error as `condition/type`. */
  const ask = async (type: 'get' | 'set', from: string, to: string | null, card = ''): Promise<string> => {
    const vcard = /^<([a-z]+:)?vCard/.test(card) ? card : `<vCard xmlns='vcard-temp'>${card}</vCard>`;
    stream.write(
      "<iq from='capulet.lit' to='vcard.capulet.lit' id='d' type='set'><delegation xmlns='urn:xmpp:delegation:2'>" +
        `<forwarded xmlns='urn:xmpp:forward:0'><iq xmlns='jabber:client' id='v' type='${type}' from='${from}'` +
        `${to === null ? '' : ` to='${to}'`}>${vcard}</iq></forwarded></delegation></iq>`,
    );
    const outer = await stream.next();
    assert.equal(outer.type, 'result', outer.text);
    const iq = outer.element
      .getChild('delegation', 'urn:xmpp:delegation:2')
      ?.getChild('forwarded', 'urn:xmpp:forward:0')
      ?.getChild('iq', 'jabber:client');
    assert.ok(iq);
    const inner = Stanza.fromElement(iq);
    assert.deepEqual([inner.id, inner.to, inner.from], ['v', from, to ?? from.split('/')[0]]);
    if (inner.type === 'error') {
      const error = StanzaError.fromStanza(inner);
      return `${error.condition}/${error.type}`;
    }
    const answer = iq.getChild('vCard', 'vcard-temp') ?? iq.getChildElements()[0];
    answered = answer;
    return answer === undefined ? 'result' : answer.children.map(String).join('');
  };
  return { ask, stream, storage, answer: () => answered };
}

test('XEP-0054 §3.1: one’s own vCard, also while there is none', async (t) => {
  const { ask } = await vcards(t);
  assert.equal(await ask('get', JULIET, null), '');
  assert.equal(await ask('get', JULIET, 'juliet@capulet.lit'), '');
  assert.equal(await ask('set', JULIET, null, CARD), 'result');
  assert.equal(await ask('get', 'juliet@capulet.lit/chamber', null), CARD);
  assert.equal(await ask('get', JULIET, 'juliet@capulet.lit'), CARD);
});

test('XEP-0054 §3.2: an update replaces the whole vCard, also by an empty one; the server removes it', async (t) => {
  const { ask } = await vcards(t);
  await ask('set', JULIET, null, CARD);
  assert.equal(await ask('set', JULIET, 'juliet@capulet.lit', '<DESC>only</DESC>'), 'result');
  assert.equal(await ask('get', JULIET, null), '<DESC>only</DESC>');
  assert.equal(await ask('set', JULIET, null, ''), 'result');
  assert.equal(await ask('get', JULIET, null), '');
  assert.equal(await ask('get', 'romeo@montague.lit/o', 'juliet@capulet.lit'), '');
  // As the account itself, without a resource: the server, which removes the account.
  assert.equal(await ask('set', 'juliet@capulet.lit', null, ''), 'result');
  assert.equal(await ask('get', 'romeo@montague.lit/o', 'juliet@capulet.lit'), 'service-unavailable/cancel');
});

test('XEP-0054 §3.2: nobody sets another’s vCard, and nobody learns who exists', async (t) => {
  const { ask } = await vcards(t);
  await ask('set', JULIET, null, CARD);
  for (const to of ['juliet@capulet.lit', 'nobody@capulet.lit']) {
    assert.equal(await ask('set', 'nurse@capulet.lit/x', to, '<FN>Evil</FN>'), 'forbidden/auth');
    assert.equal(await ask('set', 'prince@capulet.lit/x', to, '<FN>Evil</FN>'), 'forbidden/auth');
    assert.equal(await ask('set', 'juliet@montague.lit/x', to, ''), 'forbidden/auth');
  }
  assert.equal(await ask('get', JULIET, null), CARD);
});

test('XEP-0054 §3.3: another’s vCard; no vCard and no such account are the same', async (t) => {
  const { ask } = await vcards(t);
  await ask('set', JULIET, null, CARD);
  assert.equal(await ask('get', 'romeo@montague.lit/orchard', 'juliet@capulet.lit'), CARD);
  assert.equal(
    await ask('get', 'romeo@montague.lit/orchard', 'nurse@capulet.lit'),
    'service-unavailable/cancel',
  );
  assert.equal(
    await ask('get', 'romeo@montague.lit/orchard', 'nobody@capulet.lit'),
    'service-unavailable/cancel',
  );
});

test('the server’s own vCard is set by its administrators and read by everyone', async (t) => {
  const { ask } = await vcards(t);
  assert.equal(await ask('get', JULIET, 'capulet.lit'), 'item-not-found/cancel');
  assert.equal(await ask('set', JULIET, 'capulet.lit', CARD), 'forbidden/auth');
  assert.equal(await ask('set', 'prince@capulet.lit/hall', 'capulet.lit', '<FN>Capulet</FN>'), 'result');
  assert.equal(await ask('get', 'romeo@montague.lit', 'capulet.lit'), '<FN>Capulet</FN>');
});

test('a photo of 256 KiB fits; what is too large is refused and changes nothing', async (t) => {
  const { ask } = await vcards(t);
  const photo = (bytes: number): string =>
    `<PHOTO><TYPE>image/png</TYPE><BINVAL>${Buffer.alloc(bytes, 7).toString('base64')}</BINVAL></PHOTO>`;
  assert.equal(await ask('set', JULIET, null, CARD + photo(256 * 1024)), 'result');
  assert.equal(await ask('set', JULIET, null, photo(400 * 1024)), 'policy-violation/modify');
  assert.equal(await ask('get', JULIET, null), CARD + photo(256 * 1024));
});

test('what is stored is what was sent: attributes, foreign elements, prefixes from outside, entities', async (t) => {
  const { ask, answer } = await vcards(t);
  const cards = [
    "<vCard xmlns='vcard-temp' version='3.0'><FN>A &amp; B &lt;é\u{1d11e}&gt;</FN></vCard>",
    "<vCard xmlns='vcard-temp'><x:more xmlns:x='urn:example:x' x:a='1'><FN/></x:more><y xmlns='urn:example:y'/></vCard>",
    "<v:vCard xmlns:v='vcard-temp'><v:FN>prefixed</v:FN></v:vCard>",
  ];
  for (const card of cards) {
    assert.equal(await ask('set', JULIET, null, card), 'result');
    await ask('get', JULIET, null);
    const [sent, kept] = [Stanza.parse(card).element, answer()];
    assert.deepEqual([kept?.getName(), kept?.getNS()], ['vCard', 'vcard-temp']);
    assert.equal(kept?.attrs['version'], sent.attrs['version']);
    assert.deepEqual(
      kept?.getChildElements().map((child) => [child.getName(), child.getNS(), child.getText()]),
      sent.getChildElements().map((child) => [child.getName(), child.getNS(), child.getText()]),
    );
  }
});

test('a vCard that leans on a prefix declared around it is still whole when it is asked for', async (t) => {
  const { stream, ask, answer } = await vcards(t);
  stream.write(
    "<iq from='capulet.lit' to='vcard.capulet.lit' id='d' type='set' xmlns:z='urn:example:z'>" +
      "<delegation xmlns='urn:xmpp:delegation:2'><forwarded xmlns='urn:xmpp:forward:0'>" +
      `<iq xmlns='jabber:client' id='v' type='set' from='${JULIET}'><vCard xmlns='vcard-temp'><z:more/></vCard>` +
      '</iq></forwarded></delegation></iq>',
  );
  assert.equal((await stream.next()).type, 'result');
  await ask('get', JULIET, null);
  assert.equal(answer()?.getChildElements()[0]?.getNS(), 'urn:example:z');
});

test('whoever writes to the component itself gets no vCard', async (t) => {
  const { stream } = await vcards(t);
  for (const type of ['get', 'set']) {
    stream.write(
      `<iq type='${type}' id='q' from='a@b/c' to='vcard.capulet.lit'><vCard xmlns='vcard-temp'/></iq>`,
    );
    assert.equal(StanzaError.fromStanza(await stream.next()).condition, 'service-unavailable');
  }
});

test('the feature is nested into the server’s and its accounts’ disco#info', async (t) => {
  const { stream } = await vcards(t);
  for (const node of ['urn:xmpp:delegation:2::vcard-temp', 'urn:xmpp:delegation:2:bare:vcard-temp']) {
    stream.write(
      "<iq type='get' id='q' from='capulet.lit' to='vcard.capulet.lit'>" +
        `<query xmlns='http://jabber.org/protocol/disco#info' node='${node}'/></iq>`,
    );
    const query = (await stream.next()).element.getChild('query', 'http://jabber.org/protocol/disco#info');
    assert.deepEqual(
      query?.getChildElements().map(({ attrs }) => attrs['var']),
      ['vcard-temp'],
    );
  }
});

test('while the store is away requests fail, and work again with it', async (t) => {
  const { ask, storage } = await vcards(t);
  await ask('set', JULIET, null, CARD);
  storage.failWith(new StorageError('unavailable', 'gone fishing'));
  assert.equal(await ask('get', JULIET, null), 'internal-server-error/wait');
  assert.equal(await ask('set', JULIET, null, '<FN>x</FN>'), 'internal-server-error/wait');
  storage.failWith();
  assert.equal(await ask('get', JULIET, null), CARD);
});
