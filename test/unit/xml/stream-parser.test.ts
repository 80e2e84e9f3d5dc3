import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StreamParser } from '../../../shared/xml/stream-parser.js';
import { eventsOf, eventsOfText, HEADER, LIMITS, verdict } from './events.js';
import { AFTER_HEADER, BYTES, FROM_START } from './malformed.js';

describe('what is refused, and how (RFC 6120 §4.9.3, §11)', () => {
  for (const [input, condition] of AFTER_HEADER) {
    test(JSON.stringify(input), () => {
      assert.equal(verdict(eventsOfText(HEADER + input)), condition);
    });
  }
  for (const [input, condition] of FROM_START) {
    test(`at the start: ${JSON.stringify(input)}`, () => {
      assert.equal(verdict(eventsOfText(input)), condition);
    });
  }
  for (const [name, bytes, condition] of BYTES) {
    test(name, () => {
      assert.equal(verdict(eventsOf([bytes])), condition);
    });
  }
});

/** Good input, with what is odd in it. */
const GOOD: readonly string[] = [
  `${HEADER}<message/>`,
  `${HEADER}<message></message>\n <presence />\t<iq\n/>`,
  `${HEADER}<a b = 'c' d\n=\n"e"\t></a\n>`,
  `${HEADER}<a b="'" c='"' d='>' e=']]>' f=''/>`,
  `${HEADER}<a>></a><a>]]</a><a>]] ></a><a>]&gt;]></a><a>]&#93;></a>`,
  `${HEADER}<a><![CDATA[]]></a><a><![CDATA[<&]]]]><![CDATA[>]]]></a><a>x<![CDATA[y]]>z</a>`,
  `${HEADER}<a>&lt;&gt;&amp;&apos;&quot;&#65;&#x41;&#x10FFFF;&#x9;&#xD;&#00065;</a><a b='&lt;&#10;&quot;'/>`,
  `${HEADER}<\u00e9 \u0436='1'/><\u{10000}/><a\u00b7\u0300-.1/><_/>`,
  `${HEADER}<a>\u00e9\u20ac\u{1f600}\u0085\u007f\u{1fffe}\ufeff\ufffd</a>`,
  `${HEADER}<a xmlns='urn:a'><b xmlns=''/><c xmlns:p='urn:p' p:x='1' x='2'><p:d p:x='' xml:lang='en'/></c></a>`,
  `${HEADER}<p:a xmlns:p='urn:a' xmlns:q='urn:q' p:b='1' q:b='2'/><xml:a/><a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>`,
  `${HEADER}<message><stream:x/></message><stream:error><text xmlns='urn:x'/></stream:error>`,
  `${HEADER}<a xmlns:p='urn:1'><b xmlns:p='urn:2' xmlns:q='urn:1' p:x='' q:x=''/></a>`,
  `${HEADER}<c:message xmlns:c='jabber:client' to='x'><c:body>y</c:body><z xmlns='urn:z'><c:q/></z></c:message>`,
  `${HEADER}<message xmlns='jabber:client' to='a&amp;b'><body xmlns='jabber:client'>y</body></message>`,
  `${HEADER}<message xmlns='jabber:server'/></stream:stream>`,
  `${HEADER}</stream:stream\n>garbage < \u0000`,
  `<?xml version="1.0" encoding='utf-8' standalone='no' ?>\n<stream xmlns='http://etherx.jabber.org/streams'><message xmlns='jabber:client'><body/></message><x/></stream>`,
  `  \n<stream:stream xmlns:stream='http://etherx.jabber.org/streams'/>`,
  `<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:server' xmlns:db='jabber:server:dialback'><db:result to='x'>k</db:result>`,
  `<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='urn:other' xmlns:c='jabber:client'><c:message><body/></c:message><a/><c:iq><c:query/></c:iq>`,
];

describe('what is accepted', () => {
  for (const input of GOOD) {
    test(JSON.stringify(input), () => {
      const events = eventsOfText(input);
      assert.notEqual(events.at(-1)?.[0], 'failed', String(events.at(-1)));
      assert.ok(events.length > 1);
    });
  }
});

describe('the same events however the bytes are cut', () => {
  const inputs: [string, Uint8Array][] = [
    ...GOOD.map((text): [string, Uint8Array] => [text, Buffer.from(text)]),
    ...AFTER_HEADER.map(([text]): [string, Uint8Array] => [text, Buffer.from(`${HEADER}<x>é😀</x>${text}`)]),
    ...FROM_START.map(([text]): [string, Uint8Array] => [text, Buffer.from(text)]),
    ...BYTES.map(([name, bytes]): [string, Uint8Array] => [name, bytes]),
  ];
  for (const [name, bytes] of inputs) {
    test(JSON.stringify(name), () => {
      const whole = eventsOf([bytes]);
      for (let cut = 1; cut < bytes.length; cut++) {
        assert.deepEqual(eventsOf([bytes.subarray(0, cut), bytes.subarray(cut)]), whole, `cut at ${cut}`);
      }
      assert.deepEqual(eventsOf(bytewise(bytes)), whole, 'a byte at a time');
    });
  }
});

function bytewise(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
}

describe('limits', () => {
  const stanza = `<a>é${'x'.repeat(86)}</a>`; // 95 bytes
  const exact = { ...LIMITS, stanzaBytes: Buffer.byteLength(stanza) };

  test('a stanza of exactly the limit passes, a byte more does not', () => {
    const opened = "<s xmlns='urn:s'>";
    assert.equal(verdict(eventsOfText(opened + stanza + stanza, exact)), 'stanza');
    const tooSmall = { ...exact, stanzaBytes: exact.stanzaBytes - 1 };
    assert.equal(verdict(eventsOfText(opened + stanza, tooSmall)), 'policy-violation');
  });

  test('white space between stanzas counts for none', () => {
    assert.equal(
      verdict(eventsOfText(`<s>${' '.repeat(500)}${stanza}${'\n'.repeat(500)}<a/>`, exact)),
      'stanza',
    );
  });

  for (const [name, input] of [
    ['the stream header', `<s a='${'x'.repeat(100)}'>`],
    ['the XML declaration', `<?xml ${' '.repeat(100)}`],
    ['a start tag without end', `<s><a ${' '.repeat(100)}`],
    ['a name without end', `<s><${'a'.repeat(100)}`],
    ['an attribute value without end', `<s><a b='${'a'.repeat(100)}`],
    ['an entity name without end', `<s><a>&${'a'.repeat(100)}`],
    ['a character reference without end', `<s><a>&#${'0'.repeat(100)}`],
    ['an end tag without end', `<s><a></a${' '.repeat(100)}`],
    ['the end tag of the stream', `<s></s${' '.repeat(100)}`],
    ['CDATA', `<s><a><![CDATA[${']'.repeat(100)}`],
    ['an error beyond the limit', `<s><a>${'x'.repeat(100)}&</a>`],
    ['an error that the limit cuts', `<s><a>${'x'.repeat(92)}\u{1f600}\u0000`],
  ] as const) {
    test(`${name} is held to the limit, however it is cut`, () => {
      const bytes = Buffer.from(input);
      const whole = eventsOf([bytes], exact);
      assert.equal(verdict(whole), 'policy-violation');
      assert.deepEqual(eventsOf(bytewise(bytes), exact), whole);
    });
  }

  test('an error within the limit is named, with the same verdict for each limit and cut', () => {
    const bytes = Buffer.from(`<s xmlns='urn:s'><a>éé😀</b></a>`);
    for (let stanzaBytes = 17; stanzaBytes < bytes.length; stanzaBytes++) {
      const limits = { ...LIMITS, stanzaBytes };
      const whole = eventsOf([bytes], limits);
      assert.equal(
        verdict(whole),
        stanzaBytes < 15 + 2 ? 'policy-violation' : 'not-well-formed',
        `${stanzaBytes}`,
      );
      for (let cut = 1; cut < bytes.length; cut++) {
        assert.deepEqual(eventsOf([bytes.subarray(0, cut), bytes.subarray(cut)], limits), whole);
      }
    }
  });

  test('depth', () => {
    const nested = (depth: number): string => `<s>${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}`;
    assert.equal(verdict(eventsOfText(nested(LIMITS.depth))), 'stanza');
    assert.equal(verdict(eventsOfText(nested(LIMITS.depth + 1))), 'policy-violation');
    assert.equal(verdict(eventsOfText(`<s>${'<a>'.repeat(LIMITS.depth)}<b/>`)), 'policy-violation');
    assert.equal(verdict(eventsOfText(`<s><a>${'<b></b><c/>'.repeat(200)}</a>`)), 'stanza');
  });

  test('attributes', () => {
    const many = (count: number): string =>
      `<s><x><a ${Array.from({ length: count }, (_, i) => `a${i}='1'`).join(' ')}/></x>`;
    assert.equal(verdict(eventsOfText(many(LIMITS.attributes))), 'stanza');
    assert.equal(verdict(eventsOfText(many(LIMITS.attributes + 1))), 'policy-violation');
    for (const duplicate of [0, 15, 16, 20]) {
      const input = many(25).replace('/>', ` a${duplicate}=''/>`);
      assert.equal(verdict(eventsOfText(input)), 'not-well-formed', `a${duplicate} twice`);
    }
  });
});

describe('control', () => {
  function record(act: (parser: StreamParser, name: string) => void): {
    parser: StreamParser;
    seen: string[];
  } {
    const seen: string[] = [];
    const parser = new StreamParser(
      {
        streamOpened: (header) => seen.push(`open ${header.to}`),
        stanza: (stanza) => {
          seen.push(stanza.name);
          act(parser, stanza.name);
        },
        streamClosed: () => seen.push('closed'),
        failed: (error) => seen.push(error.condition),
        whitespace: () => seen.push('space'),
      },
      LIMITS,
    );
    return { parser, seen };
  }
  const opening = (to: string): string => `<s to='${to}'>`;

  test('pause keeps input, resume goes on', () => {
    const { parser, seen } = record((self, name) => {
      if (name === 'b') self.pause();
    });
    parser.write(Buffer.from(`${opening('x')}<a/><b/><c/><d`));
    parser.write(Buffer.from('/>'));
    assert.deepEqual(seen, ['open x', 'a', 'b']);
    parser.resume();
    assert.deepEqual(seen, ['open x', 'a', 'b', 'c', 'd']);
  });

  test('a pause at the header of an empty stream holds its end back', () => {
    const seen: string[] = [];
    const parser: StreamParser = new StreamParser(
      {
        streamOpened: () => {
          seen.push('opened');
          parser.pause();
        },
        stanza: () => {},
        streamClosed: () => seen.push('closed'),
        failed: (error) => seen.push(error.condition),
      },
      LIMITS,
    );
    parser.write(Buffer.from('<s/>'));
    assert.deepEqual(seen, ['opened']);
    parser.resume();
    assert.deepEqual(seen, ['opened', 'closed']);
  });

  test('pause and resume within one callback change nothing', () => {
    const { parser, seen } = record((self) => {
      self.pause();
      self.resume();
    });
    parser.write(Buffer.from(`${opening('x')}<a/><b/>`));
    assert.deepEqual(seen, ['open x', 'a', 'b']);
  });

  test('restart within a callback: what follows is the new stream', () => {
    const { parser, seen } = record((self, name) => {
      if (name === 'auth') self.restart();
    });
    parser.write(Buffer.from(`${opening('x')}<auth/>\n<?xml version='1.0'?>${opening('y')}<a/>`));
    assert.deepEqual(seen, ['open x', 'auth', 'open y', 'a']);
  });

  test('restart after a pause: what was kept is the new stream, half a tag included', () => {
    const { parser, seen } = record((self, name) => {
      if (name === 'auth') self.pause();
    });
    parser.write(Buffer.from(`${opening('x')}<auth/>`));
    parser.write(Buffer.from(`${opening('é')}<a/`));
    parser.restart();
    parser.resume();
    parser.write(Buffer.from('>'));
    assert.deepEqual(seen, ['open x', 'auth', 'open é', 'a']);
  });

  test('restart outside a callback takes back what was begun', () => {
    const { parser, seen } = record(() => {});
    parser.write(Buffer.from(`${opening('x')}<auth/><s to`));
    parser.restart();
    parser.write(Buffer.from(`='y'><a/>`));
    assert.deepEqual(seen, ['open x', 'auth', 'open y', 'a']);
  });

  test('prefixes of the old stream do not outlive it', () => {
    const { parser, seen } = record((self, name) => {
      if (name === 'auth') self.restart();
    });
    parser.write(Buffer.from(`<s xmlns:p='urn:p'><auth/><s><p:a/>`));
    assert.deepEqual(seen, ['open undefined', 'auth', 'open undefined', 'not-well-formed']);
  });

  for (const text of ['\u0016\u0003rest', 'é\u20acrest', '']) {
    test(`the remainder after a stanza is handed out: ${JSON.stringify(text)}`, () => {
      let remainder = Buffer.alloc(0);
      const { parser, seen } = record((self, name) => {
        if (name === 'starttls') remainder = Buffer.from(self.takeRemainder());
      });
      parser.write(Buffer.from(`${opening('é')}<starttls/>${text}`));
      assert.deepEqual(seen, ['open é', 'starttls']);
      assert.equal(remainder.toString(), text);
    });
  }

  test('the remainder holds bytes that are no text, a begun stanza, and what waits', () => {
    const bytes = Buffer.concat([Buffer.from('<b>é'), Buffer.from([0xc3, 0xff, 0x00])]);
    const { parser, seen } = record((self) => self.pause());
    parser.write(Buffer.from(`${opening('x')}<a/>`));
    parser.write(bytes);
    parser.write(Buffer.from('more'));
    assert.deepEqual(parser.takeRemainder(), Buffer.concat([bytes, Buffer.from('more')]));

    const second = record(() => {});
    second.parser.write(Buffer.from(`${opening('x')}<a/><b>`));
    second.parser.write(Buffer.concat([Buffer.from('é'), Buffer.from([0xc3])]));
    assert.deepEqual(
      second.parser.takeRemainder(),
      Buffer.concat([Buffer.from('<b>é'), Buffer.from([0xc3])]),
    );
    second.parser.write(Buffer.from('<c/>'));
    assert.deepEqual(second.seen, ['open x', 'a', 'c']);
    assert.deepEqual(seen, ['open x', 'a']);
  });

  test('stop within a callback ends it all', () => {
    const { parser, seen } = record((self) => self.stop());
    parser.write(Buffer.from(`${opening('x')}<a/><b/><`));
    parser.write(Buffer.from('>'));
    assert.deepEqual(seen, ['open x', 'a']);
  });

  test('limits set within a callback hold from the next stanza on', () => {
    const { parser, seen } = record((self, name) => {
      if (name === 'auth') self.setLimits({ ...LIMITS, stanzaBytes: 100_000 });
    });
    const big = `<big>${'x'.repeat(20_000)}</big>`;
    parser.write(Buffer.from(`${opening('x')}<auth/>${big}`));
    assert.deepEqual(seen, ['open x', 'auth', 'big']);
  });

  test('a write from within a callback comes after what is at hand', () => {
    const { parser, seen } = record((self, name) => {
      if (name === 'a') self.write(Buffer.from('<late/>'));
    });
    parser.write(Buffer.from(`${opening('x')}<a/><b/>`));
    assert.deepEqual(seen, ['open x', 'a', 'b', 'late']);
  });

  test('a handler that throws is heard, and the parser goes on after that stanza', () => {
    const { parser, seen } = record((_self, name) => {
      if (name === 'a') throw new Error('handler');
    });
    assert.throws(() => parser.write(Buffer.from(`${opening('x')}<a/><b/>`)), /handler/);
    parser.write(Buffer.from('<c/>'));
    assert.deepEqual(seen, ['open x', 'a', 'b', 'c']);
  });

  test('white space between stanzas is reported, within them it is not', () => {
    const { parser, seen } = record(() => {});
    parser.write(Buffer.from(opening('x')));
    parser.write(Buffer.from(' '));
    parser.write(Buffer.from('<a> </a>'));
    parser.write(Buffer.from('\n'));
    assert.deepEqual(seen, ['open x', 'space', 'a', 'space']);
  });

  test('an error is told once, and nothing after it', () => {
    const { parser, seen } = record(() => {});
    parser.write(Buffer.from(`${opening('x')}<a/>x<b/>`));
    parser.write(Buffer.from('<c/>'));
    parser.resume();
    parser.restart();
    parser.write(Buffer.from(opening('y')));
    assert.deepEqual(seen, ['open x', 'a', 'bad-format']);
  });
});
