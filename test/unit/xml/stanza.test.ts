import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { child, childElements, Element, textOf } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { jid } from '../../../shared/xmpp/jid.js';
import { only, STREAMS } from './received.js';

describe('the root', () => {
  test('attributes are decoded', () => {
    const stanza = only(
      `<message id='a&#10;b&amp;' to='juliet@example.org/&quot;😀"' from="it's" type='\tchat\n' xml:lang='de' foo='&lt;' x:y='z' xmlns:x='urn:x'/>`,
    );
    assert.equal(stanza.name, 'message');
    assert.equal(stanza.namespace, 'jabber:client');
    assert.equal(stanza.to, 'juliet@example.org/"😀"');
    assert.equal(stanza.from, "it's");
    assert.equal(stanza.id, 'a\nb&');
    assert.equal(stanza.type, ' chat ');
    assert.equal(stanza.lang, 'de');
    for (const [name, value] of Object.entries({
      to: stanza.to,
      from: stanza.from,
      id: stanza.id,
      type: stanza.type,
      'xml:lang': 'de',
      foo: '<',
      'x:y': 'z',
      none: undefined,
      y: undefined,
    })) {
      assert.equal(stanza.attribute(name), value, name);
    }
  });

  test('addresses are parsed when asked for', () => {
    const stanza = only(`<message to='Juliet@Example.org/Balcony' from='@'/>`);
    assert.equal(stanza.toJid?.full, 'juliet@example.org/Balcony');
    assert.equal(stanza.toJid, stanza.toJid);
    assert.equal(stanza.fromJid, null);
    assert.equal(only('<message/>').toJid, undefined);
  });

  test('an empty attribute is not an absent one', () => {
    const stanza = only(`<iq id='' to=''/>`);
    assert.equal(stanza.id, '');
    assert.equal(stanza.toJid, null);
    assert.equal(stanza.text, `<iq to='' id=''/>`);
  });
});

describe('children', () => {
  test('names and namespaces without a tree', () => {
    const stanza = only(
      `<iq xmlns:r='urn:root'> x<![CDATA[<no/>]]>` +
        `<query xmlns = "urn:a" x='>' y="/>'"><deep><deeper a='/query>'/></deep><![CDATA[</query>]]></query>` +
        `<r:two/><p:three xmlns:p='urn:p&amp;q' xmlns='urn:not'></p:three><four x="xmlns='urn:no'"/><five xmlns=''/></iq>`,
    );
    const expected = [
      { name: 'query', namespace: 'urn:a' },
      { name: 'two', namespace: 'urn:root' },
      { name: 'three', namespace: 'urn:p&q' },
      { name: 'four', namespace: 'jabber:client' },
      { name: 'five', namespace: '' },
    ];
    assert.deepEqual(stanza.payload, expected[0]);
    assert.deepEqual(stanza.children(), expected);
    assert.deepEqual(
      childElements(stanza.element).map((one) => ({ name: one.getName(), namespace: one.getNS() ?? '' })),
      expected.map((one) => (one.name === 'five' ? { ...one, namespace: 'jabber:client' } : one)),
      'the tree says the same, but that ltx does not know an undeclared default namespace',
    );
    assert.ok(stanza.hasChild('four', 'jabber:server'));
    assert.ok(stanza.hasChild('two', 'urn:root'));
    assert.ok(!stanza.hasChild('two', 'urn:a'));
    assert.deepEqual(stanza.attributesOf('query', 'urn:a', 'x'), ['>']);
    assert.deepEqual(stanza.attributesOf('query', 'urn:b', 'x'), []);
    assert.deepEqual(stanza.attributesOf('two', 'urn:root', 'x'), []);
  });

  test('an attribute of each of several, decoded', () => {
    const two = only(
      `<message><a by='x&amp;y' xmlns='urn:a'/><b by='no'/><p:a xmlns:p='urn:a' id='1' by="&#x7a;"><a by='deep'/></p:a></message>`,
    );
    assert.deepEqual(two.attributesOf('a', 'urn:a', 'by'), ['x&y', 'z']);
    assert.equal(two.children().length, 3);
  });

  test('none', () => {
    for (const text of ['<iq/>', '<iq></iq>', '<iq>text &lt;a/&gt;</iq>', '<iq><![CDATA[<a/>]]></iq>']) {
      assert.equal(only(text).payload, null);
      assert.deepEqual(only(text).children(), []);
    }
  });
});

describe('the tree', () => {
  test('text: references, CDATA, line ends, astral characters', () => {
    const { element } = only(
      `<message><body>a\r\nb\rc&#13;&#xA;&lt;<![CDATA[&lt;\r\n]]]]><![CDATA[>]]>😀&#x1f600;</body><e a='x\r\ny\tz&#9;'/></message>`,
    );
    assert.equal(textOf(child(element, 'body')), 'a\nb\nc\r\n<&lt;\n]]>😀😀');
    assert.equal(child(element, 'body')?.children.length, 1);
    assert.equal(child(element, 'e')?.attrs['a'], 'x y z\t');
  });

  test('it is made of the one element class, with parents', () => {
    const { element } = only('<message><a><b/></a></message>');
    const b = element.getChild('a')?.getChild('b');
    assert.ok(b instanceof Element && element instanceof Element);
    assert.equal(b.root(), element);
    assert.equal(element.parent, null);
    assert.equal(b.getNS(), 'jabber:client');
  });

  test('an attribute named __proto__ is an attribute', () => {
    const { element } = only(`<message><a __proto__='x'/></message>`);
    assert.equal(element.toString(), `<message xmlns="jabber:client"><a __proto__="x"/></message>`);
    assert.equal(Stanza.fromElement(element).text, `<message><a __proto__='x'/></message>`);
  });

  test('it is built once, and anew for other addresses', () => {
    const stanza = only(`<message to='a@b'><body/></message>`);
    assert.equal(stanza.element, stanza.element);
    const other = stanza.readdress({ to: 'c@d', from: "x'<&" });
    assert.equal(other.element.attrs['to'], 'c@d');
    assert.equal(other.element.attrs['from'], "x'<&");
    assert.equal(stanza.element.attrs['to'], 'a@b');
  });
});

describe('the wire text', () => {
  /** [received after a header that declares jabber:client, text] */
  const neutral: readonly (readonly [string, string])[] = [
    [`<message/>`, `<message/>`],
    [`<message ></message >`, `<message></message >`],
    [`<message\n id = "1"\tfoo="'" to='x' />`, `<message to='x' id='1' foo="'"/>`],
    [`<message xmlns='jabber:client'><body/></message>`, `<message><body/></message>`],
    [`<message xmlns='jabber:server'><body/></message>`, `<message><body/></message>`],
    [`<message xmlns='jabber:component:accept'/>`, `<message/>`],
    [
      `<message xmlns='jabber:client'><x xmlns='urn:x'><y/></x></message>`,
      `<message><x xmlns='urn:x'><y/></x></message>`,
    ],
    // RFC 6120 §4.8.5: a prefix for the content namespace is mended before the stanza goes on.
    [
      `<c:message xmlns:c='jabber:client' id='1'><c:body>x</c:body></c:message>`,
      `<message id='1' xmlns:c='jabber:client'><body>x</body></message>`,
    ],
    [`<c:iq xmlns:c='jabber:client'/>`, `<iq xmlns:c='jabber:client'/>`],
    [
      `<c:iq xmlns:c='jabber:client' xmlns='urn:d'><d/><c:e xmlns='urn:f'><g/></c:e></c:iq>`,
      `<iq xmlns:c='jabber:client'><d xmlns='urn:d'/><e><g xmlns='urn:f'/></e></iq>`,
    ],
    [`<message><body xmlns='jabber:client'>x</body></message>`, `<message><body>x</body></message>`],
    [
      `<message><e xmlns='jabber:server'><f xmlns='urn:f'/><g/></e></message>`,
      `<message><e><f xmlns='urn:f'/><g/></e></message>`,
    ],
    // What is forwarded inside an extension keeps what it says.
    [
      `<message><forwarded xmlns='urn:f'><message xmlns='jabber:client'><body/></message></forwarded></message>`,
      `<message><forwarded xmlns='urn:f'><message xmlns='jabber:client'><body/></message></forwarded></message>`,
    ],
    [
      `<c:message xmlns:c='jabber:client'><f xmlns='urn:f'><c:message><c:body/></c:message><h/></f></c:message>`,
      `<message xmlns:c='jabber:client'><f xmlns='urn:f'><c:message><c:body/></c:message><h/></f></message>`,
    ],
    [
      `<message><a xmlns='urn:a'/><body xmlns='jabber:client'/></message>`,
      `<message><a xmlns='urn:a'/><body/></message>`,
    ],
    [`<message><a xmlns=''/></message>`, `<message><a xmlns=''/></message>`],
    // What the stream header declared travels with the stanza.
    [`<message><stream:x/></message>`, `<message xmlns:stream='${STREAMS}'><stream:x/></message>`],
    [`<message><a stream:b=''/></message>`, `<message xmlns:stream='${STREAMS}'><a stream:b=''/></message>`],
    [
      `<stream:features to='x'><a/></stream:features>`,
      `<stream:features to='x' xmlns:stream='${STREAMS}'><a/></stream:features>`,
    ],
    // Another namespace is kept.
    [
      `<auth xmlns='urn:sasl' mechanism='PLAIN'>x</auth>`,
      `<auth xmlns='urn:sasl' mechanism='PLAIN'>x</auth>`,
    ],
    [`<a xmlns=''/>`, `<a xmlns=''/>`],
    [`<p:a xmlns:p='urn:p'><b/></p:a>`, `<p:a xmlns:p='urn:p'><b/></p:a>`],
  ];
  for (const [input, text] of neutral) {
    test(input, () => {
      const stanza = only(input);
      assert.equal(stanza.text, text);
      const again = only(stanza.text);
      assert.equal(again.text, text, 'and it is what it says');
      assert.equal(again.element.toString(), stanza.element.toString());
    });
  }

  test('a stream without content namespace', () => {
    const own = `xmlns='${STREAMS}'`;
    assert.equal(
      only(`<message xmlns='jabber:client'><body/></message>`, own).text,
      '<message><body/></message>',
    );
    assert.equal(only(`<error><a/></error>`, own).text, `<error xmlns='${STREAMS}'><a/></error>`);
    assert.equal(only(`<error><a/></error>`, own).namespace, STREAMS);
    assert.equal(
      only(`<c:message xmlns:c='jabber:client'><body/></c:message>`, own).text,
      `<message xmlns:c='jabber:client'><body xmlns='${STREAMS}'/></message>`,
    );
    assert.equal(only(`<a/>`, '').text, `<a xmlns=''/>`);
    assert.equal(only(`<a/>`, '').namespace, '');
  });

  test('every prefix of the header that is used, and no other, is declared once', () => {
    const stanza = only(
      `<iq type='get'><p:a/><q:b p:c=''/><r:d xmlns:r='urn:mine'/></iq>`,
      `xmlns='jabber:client' xmlns:p='urn:p' xmlns:q='urn:&amp;' xmlns:r='urn:r' xmlns:s='urn:s'`,
    );
    assert.equal(
      stanza.text,
      `<iq type='get' xmlns:p='urn:p' xmlns:q='urn:&amp;'><p:a/><q:b p:c=''/><r:d xmlns:r='urn:mine'/></iq>`,
    );
    assert.deepEqual(stanza.children(), [
      { name: 'a', namespace: 'urn:p' },
      { name: 'b', namespace: 'urn:&' },
      { name: 'd', namespace: 'urn:mine' },
    ]);
    assert.equal(Stanza.parse(stanza.source).text, stanza.text);
  });

  test('addressedTo: the text of the same stanza for another', () => {
    const stanza = only(`<message from='a&amp;b@c' to='x' id='1'><body>é &lt;</body></message>`);
    const addressee = jid('romeo@example/é&');
    const copy = stanza.addressedTo(addressee);
    assert.equal(copy.text, stanza.readdress({ to: addressee.full }).text);
    assert.equal(copy.toJid, addressee);
    assert.equal(stanza.addressedTo(jid('b')).text, stanza.textTo('b'));
    assert.equal(copy.fromJid?.full, stanza.fromJid?.full);
    assert.equal(copy.readdress({ from: 'z' }).fromJid?.full, 'z');
    assert.equal(copy.readdress({ from: 'z' }).text.includes("from='z'"), true);
  });

  test('an address that is changed is read anew, children are not', () => {
    const stanza = only(`<message from='a' to='b'><x xmlns='urn:x'/></message>`);
    assert.equal(stanza.toJid?.full, 'b');
    assert.equal(stanza.children().length, 1);
    const moved = stanza.readdress({ to: 'c' });
    assert.equal(moved.toJid?.full, 'c');
    assert.equal(moved.fromJid?.full, 'a');
    assert.equal(moved.children(), stanza.children());
    assert.equal(stanza.readdress({ to: null }).toJid, undefined);
  });

  test('the beginning of the content', () => {
    const stanza = only(`<message to='a'><l><i>1</i></l><body>b</body></message>`);
    assert.equal(stanza.leading('<l>', '</l>'), '<l><i>1</i></l>');
    assert.equal(stanza.leading('<body>', '</body>'), null);
    assert.equal(only('<message/>').leading('<l>', '</l>'), null);
    assert.equal(stanza.withoutLeading(15).text, "<message to='a'><body>b</body></message>");
    assert.equal(stanza.withoutLeading(15).payload?.name, 'body');
    assert.ok(stanza.mentions('<body>') && !stanza.mentions("to='a'"));
    assert.ok(only(`<message xmlns:p='urn:p'><p:x/></message>`).mentions('urn:p'));
  });

  test('an IQ from text', () => {
    const iq = Stanza.iq({ type: 'result', id: `'<`, from: 'a&b', to: undefined }, `<q xmlns='urn:q'/>`);
    assert.equal(iq.text, `<iq from='a&amp;b' id='&apos;&lt;' type='result'><q xmlns='urn:q'/></iq>`);
    assert.deepEqual(iq.payload, { name: 'q', namespace: 'urn:q' });
    assert.equal(Stanza.iq({ type: 'result', id: '1', from: 'a', to: 'b' }, '').payload, null);
  });

  test('readdress', () => {
    const stanza = only(`<message id="1" from='a' foo='bar' type='chat'><body>x</body></message>`);
    const same = stanza.readdress({});
    assert.equal(same.text, `<message from='a' id='1' type='chat' foo='bar'><body>x</body></message>`);
    const moved = stanza.readdress({ from: `o'x & <y>`, to: 'é😀@x', id: '\n', lang: 'fr' });
    assert.equal(
      moved.text,
      `<message to='é😀@x' from='o&apos;x &amp; &lt;y&gt;' id='&#10;' type='chat' xml:lang='fr' foo='bar'><body>x</body></message>`,
    );
    const parsed = only(moved.text);
    assert.deepEqual(
      [parsed.to, parsed.from, parsed.id, parsed.type, parsed.lang],
      [moved.to, moved.from, moved.id, moved.type, moved.lang],
    );
    assert.equal(moved.readdress({ to: null }).to, undefined);
    assert.equal(moved.readdress({ to: null }).text.includes(' to='), false);
    assert.equal(moved.source, moved.text);
    assert.equal(stanza.text, `<message from='a' id='1' type='chat' foo='bar'><body>x</body></message>`);
  });

  test('textTo', () => {
    const stanza = only(`<message to='room@x' from='a'><body>x</body></message>`);
    assert.equal(stanza.textTo(`it's`), `<message to='it&apos;s' from='a'><body>x</body></message>`);
    assert.equal(stanza.textTo('b'), stanza.readdress({ to: 'b' }).text);
  });

  test('a detached copy says the same', () => {
    for (const text of [`<message to='x' é='1'><body>😀</body></message>`, `<a xmlns='urn:a'/>`]) {
      const stanza = only(text);
      const copy = stanza.detached();
      assert.notEqual(copy, stanza);
      assert.equal(copy.text, stanza.text);
      assert.equal(copy.namespace, stanza.namespace);
    }
  });
});

describe('parsing trusted text', () => {
  test('one stanza, white space around it', () => {
    const stanza = Stanza.parse(` \n<message xmlns='jabber:client'><body>é</body></message>\n`);
    assert.equal(stanza.text, '<message><body>é</body></message>');
    assert.equal(Stanza.parse('<message/>', 'jabber:server').namespace, 'jabber:server');
  });

  for (const text of [
    '',
    ' ',
    'x',
    '<a>',
    '<a/><b/>',
    '<a/>x',
    '<a></b>',
    '</a>',
    '<?xml version="1.0"?><a/>',
    '<a>\u0000</a>',
  ]) {
    test(`refused: ${JSON.stringify(text)}`, () => {
      assert.throws(() => Stanza.parse(text), SyntaxError);
      assert.equal(Stanza.parse('<ok/>').text, '<ok/>', 'and the next one is read well');
    });
  }
});

test('on every kind of stream the tree and the children are of jabber:client, the stanza says what it came as', () => {
  for (const namespace of ['jabber:client', 'jabber:server', 'jabber:component:accept']) {
    const stanza = only(
      `<message><body>x</body><error xmlns='${namespace}'/></message>`,
      `xmlns='${namespace}'`,
    );
    assert.equal(stanza.namespace, namespace);
    assert.deepEqual(stanza.children(), [
      { name: 'body', namespace: 'jabber:client' },
      { name: 'error', namespace: 'jabber:client' },
    ]);
    assert.equal(
      stanza.element.toString(),
      '<message xmlns="jabber:client"><body>x</body><error/></message>',
    );
    assert.ok(stanza.hasChild('body', namespace));
    assert.ok(child(stanza.element, 'body', namespace));
  }
});
