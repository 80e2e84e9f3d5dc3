import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  dataPayload,
  metadataPayload,
  photoOf,
  readData,
  readMetadata,
  withPhoto,
} from '../../../components/pep/avatars/avatar.js';
import { photoHash } from '../../../components/pep/avatars/conversion.js';
import { Stanza } from '../../../shared/xml/stanza.js';

const METADATA = 'urn:xmpp:avatar:metadata';
// SHA-1 of "abc" (FIPS 180-1, appendix A).
const HASH = 'a9993e364706816aba3e25717850c26c9cd0d89d';
const vcard = (content: string) => Stanza.parse(`<vCard xmlns='vcard-temp'>${content}</vCard>`).element;

test('of several infos the one that points nowhere else counts (XEP-0398 §3.1)', () => {
  const info = (id: string, more = ''): string => `<info bytes='3' id='${id}' type='image/gif' ${more}/>`;
  const metadata = (content: string) => readMetadata(`<metadata xmlns='${METADATA}'>${content}</metadata>`);
  assert.deepEqual(metadata(info('111', "url='http://example.org/a.gif'") + info(HASH.toUpperCase())), {
    id: HASH,
    type: 'image/gif',
  });
  assert.equal(metadata(''), null);
  assert.equal(metadata(info('111', "url='http://example.org/a.gif'")), null);
});

test('data counts only if it is what was announced', () => {
  const data = "<data xmlns='urn:xmpp:avatar:data'>\nYW\nJj </data>";
  const avatar = readData(data, { id: HASH, type: 'image/png' });
  assert.deepEqual(avatar, { hash: HASH, type: 'image/png', data: 'YWJj', bytes: 3 });
  assert.equal(readData(data, { id: '0'.repeat(40), type: 'image/png' }), null);
});

test('a photo is put into a vCard, replaced, taken out; the rest stays', () => {
  const avatar = readData(dataPayload({ hash: HASH, type: 'image/png', data: 'YWJj', bytes: 3 }), {
    id: HASH,
    type: 'image/png',
  });
  const old = vcard('<FN>J</FN><PHOTO><TYPE>image/jpeg</TYPE><BINVAL>eA==</BINVAL></PHOTO><NOTE>n</NOTE>');
  assert.equal(
    String(withPhoto(old, avatar)),
    '<vCard xmlns="vcard-temp"><FN>J</FN><NOTE>n</NOTE><PHOTO><TYPE>image/png</TYPE><BINVAL>YWJj</BINVAL></PHOTO></vCard>',
  );
  assert.equal(photoOf(vcard(withPhoto(old, avatar).children.map(String).join('')))?.hash, HASH);
  assert.equal(String(withPhoto(old, null)), '<vCard xmlns="vcard-temp"><FN>J</FN><NOTE>n</NOTE></vCard>');
  assert.equal(String(withPhoto(undefined, null)), '<vCard xmlns="vcard-temp"/>');
  assert.equal(photoOf(vcard('<PHOTO><EXTVAL>http://example.org/a.gif</EXTVAL></PHOTO>')), null);
});

test('metadata as it is published', () => {
  assert.equal(metadataPayload(null), `<metadata xmlns='${METADATA}'/>`);
  const avatar = { hash: HASH, type: "image/'png", data: 'YWJj', bytes: 3 };
  assert.deepEqual(readMetadata(metadataPayload(avatar)), { id: HASH, type: "image/'png" });
});

test('of what presence says of a photo only a hash is remembered (XEP-0153 §4.1)', () => {
  const says = (photo: string) =>
    photoHash(Stanza.parse(`<presence><x xmlns='vcard-temp:x:update'>${photo}</x></presence>`));
  const hash = '01b87fcd030b72895ff8e88db57ec525450f000d';
  assert.equal(says(`<photo> ${hash.toUpperCase()} </photo>`), hash);
  assert.equal(says('<photo/>'), '');
  assert.equal(says(''), undefined);
  assert.equal(says(`<photo>${'a'.repeat(100_000)}</photo>`), undefined);
});
