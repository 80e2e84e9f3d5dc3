import type { Dice } from './dice.js';
import { countOf, type Node, replaceAt, withAttribute } from './tree.js';
import { anyValue } from './values.js';

/** Pieces that break, or nearly break, XML, namespaces or the restrictions of XMPP, wherever they are put. */
const PIECES: readonly string[] = [
  '<',
  '>',
  '&',
  '"',
  "'",
  '/',
  '=',
  ' ',
  ':',
  ';',
  '</',
  '/>',
  '<a>',
  '</a>',
  '<a/>',
  '<:a/>',
  '<a:/>',
  '<a:b:c/>',
  '<1/>',
  '<-/>',
  '<é/>',
  '<\u{10000}/>',
  '<\u0300/>',
  '<p:a/>',
  '<xml:a/>',
  '<xmlns:a/>',
  '<xmlns/>',
  "<a b='1' b='2'/>",
  "<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>",
  "<a xmlns:p=''/>",
  "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
  "<a xmlns:xml='urn:x'/>",
  "<a xmlns:xmlns='urn:x'/>",
  "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
  "<a xmlns='&#117;rn:x'/>",
  '<a b=c/>',
  '<a b/>',
  "<a b='<'/>",
  "<a b='&lt;'/>",
  "<a\tb='1'\r\nc='2' />",
  "<a b='1'c='2'/>",
  '<!--x-->',
  '<!-- -- -->',
  '<?xml version="1.0"?>',
  '<?pi x?>',
  '<?xml-stylesheet href="x"?>',
  '<!DOCTYPE a>',
  '<!DOCTYPE a [<!ENTITY b "c">]>',
  '<!ENTITY x "y">',
  '<![CDATA[x]]>',
  '<![CDATA[',
  ']]>',
  '<![CDATA[]]]]><![CDATA[>]]>',
  '<![cdata[x]]>',
  '<![INCLUDE[x]]>',
  '&amp;',
  '&lt;',
  '&b;',
  '&x',
  '&;',
  '&#;',
  '&#x;',
  '&#0;',
  '&#1;',
  '&#9;',
  '&#xD;',
  '&#xD800;',
  '&#xDFFF;',
  '&#xFFFE;',
  '&#xFFFF;',
  '&#x10FFFF;',
  '&#x110000;',
  '&#99999999999999999999;',
  '&#x0000000041;',
  '&#X41;',
  '\u0000',
  '\u0001',
  '\u0008',
  '\u000b',
  '\u001f',
  '\u007f',
  '\u0080',
  '\u0085',
  '\u2028',
  '\ufeff',
  '\ufffe',
  '\uffff',
  '\u{1fffe}',
  '\u{10ffff}',
  '</stream:stream>',
  '</stream>',
  '<stream:stream>',
  '<stream:error/>',
  '<stream:features/>',
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
];

/** Bytes that are not UTF-8, or only if cut right. */
const BYTES: readonly (readonly number[])[] = [
  [0x80],
  [0xbf],
  [0xc0, 0x80],
  [0xc1, 0xbf],
  [0xc0, 0xbc],
  [0xe0, 0x80, 0xbc],
  [0xf0, 0x80, 0x80, 0xbc],
  [0xe0, 0x9f, 0xbf],
  [0xed, 0xa0, 0x80],
  [0xed, 0xbf, 0xbf],
  [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf5, 0x80, 0x80, 0x80],
  [0xf8, 0x88, 0x80, 0x80, 0x80],
  [0xfe],
  [0xff],
  [0xff, 0xfe],
  [0xfe, 0xff],
  [0xef, 0xbb, 0xbf],
  [0xef, 0xbf, 0xbe],
  [0xef, 0xbf, 0xbf],
  [0xc3],
  [0xe2, 0x82],
  [0xf0, 0x9f, 0x98],
  [0xf0, 0x9f, 0x98, 0x80],
  [0xc3, 0xa9],
  [0x00],
  [0x16, 0x03, 0x01, 0x02, 0x00],
  [0x78, 0x9c, 0x03, 0x00],
];

const NAMESPACES: readonly string[] = [
  '',
  'jabber:client',
  'jabber:server',
  'jabber:component:accept',
  'http://etherx.jabber.org/streams',
  'jabber:iq:roster',
  'urn:xmpp:forward:0',
  'urn:xmpp:sm:3',
  'urn:ietf:params:xml:ns:xmpp-stanzas',
  'urn:ietf:params:xml:ns:xmpp-sasl',
  'urn:xmpp:delegation:2',
  'urn:xmpp:privilege:2',
  'urn:entourage:client-link:1',
  'urn:entourage:privacy-enforcement:1',
  'http://jabber.org/protocol/address',
  'jabber:x:data',
  'urn:x',
  'é',
  ' jabber:client',
];

/** One change to the tree that leaves it well-formed (but for names and namespaces, now and then). */
export function mutateTree(dice: Dice, root: Node): Node {
  const at = dice.below(countOf(root));
  const changed = replaceAt(root, at, (node) => {
    // The root stays one element.
    const alone = at === 0;
    switch (dice.below(alone ? 9 : 14)) {
      case 0:
        return [
          withAttribute(
            node,
            dice.pick(['id', 'to', 'from', 'type', 'node', 'jid', 'var', 'xml:lang', 'affiliation', 'x']),
            anyValue(dice),
          ),
        ];
      case 1: {
        const [name] = node.attributes.length > 0 ? dice.pick(node.attributes) : ['x'];
        return [withAttribute(node, name, name === 'xmlns' ? dice.pick(NAMESPACES) : anyValue(dice))];
      }
      case 2: {
        const [name] = node.attributes.length > 0 ? dice.pick(node.attributes) : ['x'];
        return [withAttribute(node, name, undefined)];
      }
      case 3:
        return [withAttribute(node, 'xmlns', dice.pick(NAMESPACES))];
      case 4:
        return [{ ...node, children: [...node.children, anyValue(dice)] }];
      case 5:
        return [{ ...node, children: [] }];
      case 6: {
        const children = [...node.children];
        children.reverse();
        return [{ ...node, children }];
      }
      case 7: {
        // Prefixed instead of declared by default.
        const namespace = node.attributes.find(([name]) => name === 'xmlns')?.[1];
        if (namespace === undefined || alone) return [withAttribute(node, 'y', anyValue(dice))];
        return [
          {
            name: `p:${node.name}`,
            attributes: [...node.attributes.filter(([name]) => name !== 'xmlns'), ['xmlns:p', namespace]],
            children: node.children,
          },
        ];
      }
      case 8: {
        const count = dice.size(dice.chance(0.1) ? 100 : 8);
        const more = Array.from({ length: count }, (_, i) => [`a${i}`, anyValue(dice)] as const);
        return [{ ...node, attributes: [...node.attributes, ...more] }];
      }
      case 9:
        return [];
      case 10:
        return Array.from({ length: 2 + dice.size(dice.chance(0.1) ? 1000 : 20) }, () => node);
      case 11:
        return [
          {
            ...node,
            name: dice.pick([
              'x',
              'query',
              'item',
              'iq',
              'message',
              'presence',
              'error',
              'body',
              'field',
              'q',
            ]),
          },
        ];
      case 12: {
        let deep = node;
        for (let i = dice.size(dice.chance(0.2) ? 150 : 20); i > 0; i--) deep = { ...node, children: [deep] };
        return [deep];
      }
      default:
        return [...node.children];
    }
  });
  const [first] = changed;
  return first !== undefined && typeof first !== 'string' ? first : root;
}

/** A few changes to text, at places where they hurt. */
export function mutateText(dice: Dice, source: string): string {
  // By code points: half a surrogate pair is no text, and cannot be sent.
  let out = [...source];
  for (let i = 1 + dice.below(2); i > 0; i--) {
    const at = dice.chance(0.5) ? dice.below(out.length + 1) : boundary(dice, out);
    switch (dice.below(7)) {
      case 0:
      case 1:
      case 2:
        out.splice(at, 0, ...dice.pick(PIECES));
        break;
      case 3:
        out.splice(at, 1 + dice.size(12));
        break;
      case 4:
        out.splice(at, 0, ...out.slice(at, at + 1 + dice.below(40)));
        break;
      case 5:
        out.splice(at, 1, ...dice.pick(PIECES));
        break;
      default:
        if (dice.chance(0.3)) out = out.slice(0, at);
        else
          out.splice(
            at,
            1,
            String.fromCodePoint(dice.pick([0x20, 0x27, 0x3c, 0x3e, 0x26, 0x41, 0xe9, 0x1f600])),
          );
    }
  }
  return out.join('');
}

/** A place next to markup. */
function boundary(dice: Dice, text: readonly string[]): number {
  const places: number[] = [];
  for (let i = 0; i < text.length && places.length < 500; i++)
    if (/[<>&='"/:]/.test(text[i] as string)) places.push(i, i + 1);
  return places.length === 0 ? 0 : dice.pick(places);
}

/** The bytes with what is not UTF-8 put in, a bit turned, or a piece cut out. */
export function mutateBytes(dice: Dice, source: Buffer): Buffer {
  const at = dice.below(source.length + 1);
  switch (dice.below(4)) {
    case 0: {
      const copy = Buffer.from(source);
      if (copy.length > 0) copy[at % copy.length] = (copy[at % copy.length] as number) ^ (1 << dice.below(8));
      return copy;
    }
    case 1:
      return Buffer.concat([source.subarray(0, at), source.subarray(at + 1 + dice.below(3))]);
    default:
      return Buffer.concat([source.subarray(0, at), Buffer.from(dice.pick(BYTES)), source.subarray(at)]);
  }
}

/** Cuts bytes into chunks, often in the middle of characters and names. */
export function cut(dice: Dice, bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  const mean = dice.pick([1, 3, 20, 200, 5000]);
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + dice.below(mean);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
