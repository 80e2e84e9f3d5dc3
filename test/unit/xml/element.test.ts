import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  child,
  children,
  clone,
  type Element,
  namespaceOf,
  textOf,
  xml,
} from '../../../shared/xml/element.js';
import { escapeAttribute, escapeText } from '../../../shared/xml/escape.js';
import { only } from './received.js';

describe('helpers of elements', () => {
  const { element } = only(
    `<iq xmlns:p='urn:p'><a xmlns='urn:a'><b/><b xmlns='urn:b'/></a><a/><p:c><d/></p:c></iq>`,
  );

  test('child and children', () => {
    assert.equal(namespaceOf(element), 'jabber:client');
    assert.equal(child(element, 'a'), element.children[1]);
    assert.equal(child(element, 'a', 'urn:a'), element.children[0]);
    assert.equal(child(element, 'a', 'jabber:component:accept'), element.children[1]);
    assert.equal(child(element, 'a', 'urn:other'), undefined);
    assert.equal(children(element.children[0] as Element, 'b').length, 1);
    assert.equal(child(element, 'c', 'urn:p'), element.children[2]);
    assert.ok(child(xml('message', {}, xml('body')), 'body'));
    assert.equal(textOf(undefined), '');
  });

  test('a clone means the same elsewhere and is independent', () => {
    const copy = clone(element.children[2] as Element);
    assert.equal(copy.parent, null);
    assert.equal(copy.toString(), '<p:c xmlns="jabber:client" xmlns:p="urn:p"><d/></p:c>');
    copy.attrs['x'] = 'y';
    (copy.children[0] as Element).name = 'e';
    assert.equal((element.children[2] as Element).toString(), '<p:c><d/></p:c>');
  });

  test('escaping', () => {
    assert.equal(escapeText(`a<b>&"'\r\n\t`), `a&lt;b&gt;&amp;"'&#13;\n\t`);
    assert.equal(escapeAttribute(`a<b>&"'\r\n\t`), `a&lt;b&gt;&amp;&quot;&apos;&#13;&#10;&#9;`);
    assert.equal(escapeText('é😀\u0085'), 'é😀\u0085');
    for (const lone of ['\ud83d', '\ude00', 'x\ud83dy', '\ude00\ud83d']) {
      assert.ok(!/[\ud800-\udfff]/.test(escapeText(lone)), JSON.stringify(lone));
      assert.ok(!/[\ud800-\udfff]/.test(escapeAttribute(lone)), JSON.stringify(lone));
    }
  });
});
