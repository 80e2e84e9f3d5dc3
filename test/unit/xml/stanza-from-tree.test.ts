import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { child, type Element, textOf, xml } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { only, STREAMS } from './received.js';

describe('a stanza from a tree', () => {
  test('what the element says', () => {
    const stanza = Stanza.fromElement(
      xml(
        'iq',
        { type: 'result', to: 'a@b', id: 7, 'xml:lang': 'en', from: undefined },
        xml('query', 'urn:q', xml('item', { n: `"'&<>` }), 'te<xt&'),
      ),
    );
    assert.equal(stanza.name, 'iq');
    assert.equal(stanza.namespace, 'jabber:client');
    assert.equal(stanza.id, '7');
    assert.equal(stanza.from, undefined);
    assert.deepEqual(stanza.payload, { name: 'query', namespace: 'urn:q' });
    assert.equal(
      stanza.text,
      `<iq to='a@b' id='7' type='result' xml:lang='en'><query xmlns='urn:q'><item n='&quot;&apos;&amp;&lt;&gt;'/>te&lt;xt&amp;</query></iq>`,
    );
    assert.equal(Stanza.parse(stanza.text).text, stanza.text);
  });

  test('namespaces come out neutral', () => {
    assert.equal(
      Stanza.fromElement(xml('message', 'jabber:server', xml('body', 'jabber:client'))).text,
      '<message><body/></message>',
    );
    assert.equal(Stanza.fromElement(xml('r', { xmlns: 'urn:sm' })).text, `<r xmlns='urn:sm'/>`);
    assert.equal(
      Stanza.fromElement(xml('stream:error', { 'xmlns:stream': STREAMS }, xml('reset', 'urn:e'))).text,
      `<stream:error xmlns:stream='${STREAMS}'><reset xmlns='urn:e'/></stream:error>`,
    );
    const forwarded = xml(
      'message',
      {},
      xml('forwarded', 'urn:f', xml('message', 'jabber:client', xml('body'))),
    );
    assert.equal(
      Stanza.fromElement(forwarded).text,
      `<message><forwarded xmlns='urn:f'><message xmlns='jabber:client'><body/></message></forwarded></message>`,
    );
  });

  test('characters that XML cannot hold never reach the wire', () => {
    const text = Stanza.fromElement(
      xml('message', { id: 'a\u0000\ud800' }, xml('body', {}, 'x\u0001\uffff\udc00y\r')),
    ).text;
    assert.equal(text, `<message id='a\ufffd\ufffd'><body>x\ufffd\ufffd\ufffdy&#13;</body></message>`);
    assert.equal(textOf(child(only(text).element, 'body')), 'x\ufffd\ufffd\ufffdy\r');
  });

  test('an element of a larger tree takes with it what it inherits', () => {
    const { element } = only(
      `<iq xmlns:p='urn:p' xmlns:q='urn:q'><a xmlns='urn:a'><b><p:c/></b></a><d/></iq>`,
    );
    const inner = element.getChild('a')?.getChild('b') as Element;
    assert.equal(Stanza.fromElement(inner).text, `<b xmlns='urn:a' xmlns:p='urn:p'><p:c/></b>`);
    assert.equal(Stanza.fromElement(element.getChild('d') as Element).text, '<d/>');
    assert.equal(element.toString().includes(`<b><p:c/></b>`), true, 'the tree is left alone');
  });

  test('names that are none are refused', () => {
    for (const name of ['', 'a b', '1', 'a:b:c', ':a', 'a/', 'a>', 'x\ud800', '\u0000']) {
      assert.throws(() => Stanza.fromElement(xml('message', {}, xml(name))), TypeError, JSON.stringify(name));
      assert.throws(
        () => Stanza.fromElement(xml('message', { [name]: 'x' })),
        TypeError,
        JSON.stringify(name),
      );
    }
    assert.equal(
      Stanza.fromElement(xml('message', {}, xml('é\u{10000}'))).text,
      '<message><é\u{10000}/></message>',
    );
  });

  test('xml() leaves the attributes it is given alone', () => {
    const attributes = { a: null, b: 1 };
    assert.deepEqual(xml('x', attributes).attrs, { b: '1' });
    assert.deepEqual(attributes, { a: null, b: 1 });
  });
});
