import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type Element, xml } from '../../../shared/xml/element.js';
import {
  capsElement,
  capsHash,
  capsOf,
  isWellFormedInfo,
  verificationString,
  verifyCaps,
} from '../../../shared/xmpp/caps.js';
import { infoElement, itemsElement, parseInfo } from '../../../shared/xmpp/disco.js';
import { NS } from '../../../shared/xmpp/namespaces.js';

const features = [
  'http://jabber.org/protocol/disco#info',
  'http://jabber.org/protocol/disco#items',
  'http://jabber.org/protocol/muc',
  'http://jabber.org/protocol/caps',
];
const exodus = { identities: [{ category: 'client', type: 'pc', name: 'Exodus 0.9.1' }], features };

function field(name: string, values: readonly string[], type?: string): Element {
  return xml('field', { var: name, type }, ...values.map((value) => xml('value', {}, value)));
}
function form(...fields: Element[]): Element {
  return xml('x', { xmlns: NS.dataForms, type: 'result' }, ...fields);
}

const psi = {
  identities: [
    { category: 'client', type: 'pc', name: 'Psi 0.11', lang: 'en' },
    { category: 'client', type: 'pc', name: '\u03A8 0.11', lang: 'el' },
  ],
  features,
  forms: [
    form(
      field('FORM_TYPE', ['urn:xmpp:dataforms:softwareinfo'], 'hidden'),
      field('ip_version', ['ipv6', 'ipv4'], 'text-multi'),
      field('os', ['Mac']),
      field('os_version', ['10.5.1']),
      field('software', ['Psi']),
      field('software_version', ['0.11']),
    ),
  ],
};

test('XEP-0115 §5.2: the simple example', () => {
  const query = infoElement(exodus);
  assert.equal(
    verificationString(query),
    'client/pc//Exodus 0.9.1<http://jabber.org/protocol/caps<http://jabber.org/protocol/disco#info<' +
      'http://jabber.org/protocol/disco#items<http://jabber.org/protocol/muc<',
  );
  assert.equal(capsHash(query), 'QgayPKawpkPSDYmwT/WM94uAlu0=');
});

test('XEP-0115 §5.3: the complex example', () => {
  const query = infoElement(psi, 'http://psi-im.org#q07IKJEyjvHSyhy//CH0CxmKi8w=');
  assert.equal(
    verificationString(query),
    'client/pc/el/\u03A8 0.11<client/pc/en/Psi 0.11<http://jabber.org/protocol/caps<' +
      'http://jabber.org/protocol/disco#info<http://jabber.org/protocol/disco#items<http://jabber.org/protocol/muc<' +
      'urn:xmpp:dataforms:softwareinfo<ip_version<ipv4<ipv6<os<Mac<os_version<10.5.1<software<Psi<software_version<0.11<',
  );
  assert.equal(capsHash(query), 'q07IKJEyjvHSyhy//CH0CxmKi8w=');
});

test('other hash functions, and none that we do not know', () => {
  const query = infoElement(exodus);
  const expected = createHash('sha256').update(verificationString(query)).digest('base64');
  assert.equal(capsHash(query, 'sha-256'), expected);
  assert.throws(() => capsHash(query, 'md5'), TypeError);
  assert.throws(() => capsHash(query, 'constructor'), TypeError);
});

test('sorting is by octets, not by UTF-16 units', () => {
  const query = infoElement({ features: ['\u{1F600}', '\uFF5E', 'b', 'B', 'a'] });
  assert.equal(verificationString(query), 'B<a<b<\uFF5E<\u{1F600}<');
});

test('identities are sorted by category, then type, then language', () => {
  const query = xml(
    'query',
    { xmlns: NS.discoInfo },
    xml('identity', { category: 'b', type: 'a' }),
    xml('identity', { category: 'a', type: 'b', 'xml:lang': 'en' }),
    xml('identity', { category: 'a', type: 'b', 'xml:lang': 'de', name: 'z' }),
    xml('identity', { category: 'a', type: 'a' }),
    xml('identity', { category: 'a' }),
  );
  assert.equal(verificationString(query), 'a/a//<a/b/de/z<a/b/en/<b/a//<');
});

test('a "<" in a value does not pass for a separator', () => {
  const one = infoElement({ features: ['a<b'] });
  const two = infoElement({ features: ['a', 'b'] });
  assert.equal(verificationString(one), 'a&lt;b<');
  assert.notEqual(capsHash(one), capsHash(two));
});

test('the advertisement is made and read', () => {
  const c = capsElement('http://code.google.com/p/exodus', exodus);
  assert.equal(
    c.toString(),
    `<c xmlns="${NS.caps}" hash="sha-1" node="http://code.google.com/p/exodus" ver="QgayPKawpkPSDYmwT/WM94uAlu0="/>`,
  );
  assert.deepEqual(capsOf(xml('presence', {}, c)), {
    node: 'http://code.google.com/p/exodus',
    ver: 'QgayPKawpkPSDYmwT/WM94uAlu0=',
    hash: 'sha-1',
  });
  assert.equal(capsOf(xml('presence')), null);
  assert.equal(capsOf(xml('presence', {}, xml('c', { xmlns: NS.caps, node: 'x' }))), null);
});

test('§5.4: an answer is checked against the advertisement', () => {
  const caps = { node: 'n', ver: 'QgayPKawpkPSDYmwT/WM94uAlu0=', hash: 'sha-1' };
  const query = infoElement(exodus);
  assert.equal(verifyCaps(caps, query), 'valid');
  assert.equal(verifyCaps({ ...caps, ver: 'x' }, query), 'mismatch');
  assert.equal(verifyCaps({ ...caps, hash: undefined }, query), 'unverifiable');
  assert.equal(verifyCaps({ ...caps, hash: 'whirlpool' }, query), 'unverifiable');
  query.append(xml('feature', { var: 'http://jabber.org/protocol/muc' }));
  assert.equal(verifyCaps(caps, query), 'ill-formed');
});

test('§5.4 step 3: ill-formed answers', () => {
  const identity = () => xml('identity', { category: 'client', type: 'pc', name: 'x' });
  const typed = (...types: string[]) => form(field('FORM_TYPE', types, 'hidden'));
  const query = (...nodes: Element[]) => xml('query', { xmlns: NS.discoInfo }, ...nodes);
  assert.equal(isWellFormedInfo(query(identity(), identity())), false);
  assert.equal(
    isWellFormedInfo(query(identity(), xml('identity', { category: 'client', type: 'pc', name: 'y' }))),
    true,
  );
  assert.equal(isWellFormedInfo(query(typed('urn:a'), typed('urn:a'))), false);
  assert.equal(isWellFormedInfo(query(typed('urn:a'), typed('urn:b'))), true);
  assert.equal(isWellFormedInfo(query(typed('urn:a', 'urn:b'))), false);
  assert.equal(isWellFormedInfo(query(typed('urn:a', 'urn:a'))), true);
  // A form without a hidden FORM_TYPE is ignored, in the hash too.
  const loose = form(field('FORM_TYPE', ['urn:a']), field('a', ['b']));
  assert.equal(isWellFormedInfo(query(loose, form(field('a', ['b'])), typed('urn:a'))), true);
  assert.equal(verificationString(query(loose, form(field('a', ['b'])))), '');
});

test('forms are sorted by FORM_TYPE, fields by name, values by text', () => {
  const query = infoElement({
    forms: [
      form(field('z', []), field('FORM_TYPE', ['urn:b'], 'hidden'), field('a', ['2', '10', '1'])),
      form(field('FORM_TYPE', ['urn:a'], 'hidden')),
    ],
  });
  assert.equal(verificationString(query), 'urn:a<urn:b<a<1<10<2<z<');
});

test('disco#info: what is said twice is said once, and is read as it was said', () => {
  const query = infoElement({ ...psi, features: [...features, 'http://jabber.org/protocol/muc'] }, 'node');
  assert.equal(query.attrs['node'], 'node');
  const info = parseInfo(query);
  assert.deepEqual(info.identities, psi.identities);
  assert.deepEqual(info.features, features);
  assert.equal(info.forms.length, 1);
  assert.equal(psi.forms[0]?.parent, null, 'the form that was given is not taken into the answer');
  const twice = infoElement({
    identities: [...psi.identities, { category: 'client', type: 'pc', lang: 'en' }],
  });
  assert.equal(parseInfo(twice).identities.length, 2);
  assert.equal('node' in infoElement(exodus).attrs, false);
});

test('disco#items are made', () => {
  const items = [
    { jid: 'a@b', node: 'n', name: 'Name' },
    { jid: 'c', node: undefined, name: undefined },
  ];
  const query = itemsElement(items, 'n', xml('set', { xmlns: NS.resultSet }));
  assert.deepEqual(
    query
      .getChildren('item')
      .map(({ attrs }) => ({ jid: attrs['jid'], node: attrs['node'], name: attrs['name'] })),
    items,
  );
  assert.ok(query.getChild('set', NS.resultSet));
});
