import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BodyError, BodyReader } from '../../../components/bosh/session/body-request.js';

const limits = { bodyBytes: 2000, element: { stanzaBytes: 800, depth: 8, attributes: 10 } };
const start = "<body xmlns='http://jabber.org/protocol/httpbind' sid='s' rid='1'";

/** What becomes of a body that comes in two pieces. */
function verdict(text: string, cut: number): unknown {
  const bytes = Buffer.from(text);
  const reader = new BodyReader(limits);
  reader.write(bytes.subarray(0, cut));
  reader.write(bytes.subarray(cut));
  const result = reader.end();
  // Whether the sid was known by then depends on the pieces.
  return result instanceof BodyError ? result.reason : result;
}

const bodies = [
  `${start}/>`,
  `${start}><iq xmlns='jabber:client'/><x xmlns='y'/></body>`,
  ` <?xml version='1.0'?>${start}/>`,
  `<?xml version='1.0'?>${start}/>`,
  `\uFEFF${start}/>`,
  ` \n${start}/>`,
  `${start} xmlns:p='urn:p' xml:lang='de'><message xmlns='jabber:client'><p:x/></message></body>`,
  `${start}><message xmlns='jabber:client'><p:x/></message></body>`,
  `${start}><a><b><c><d><e><f><g><h><i/></h></g></f></e></d></c></b></a></body>`,
  `${start}><message xmlns='jabber:client'>${'x'.repeat(700)}</message></body>`,
  `${start}><message xmlns='jabber:client'>${'x'.repeat(900)}</message></body>`,
  `${start}>${"<message xmlns='jabber:client'/>".repeat(30)}</body>`,
  `${start}>${`<message xmlns='jabber:client'>${'x'.repeat(600)}</message>`.repeat(4)}</body>`,
  `${start}><iq`,
  `${start}><iq></body>`,
  `${start}/>more`,
  `<stream xmlns='urn:x'/>`,
  '',
  '\u0000',
];

test('what was read before, in whatever state it ended, changes nothing for the next body', () => {
  const first = bodies.map((body) => verdict(body, 0));
  for (let round = 0; round < 20; round++) {
    for (let k = 0; k < bodies.length; k++) {
      const at = (k * (round + 1) + round) % bodies.length;
      const body = bodies[at] ?? '';
      assert.deepEqual(verdict(body, (body.length * round) / 20), first[at], body);
    }
  }
});

test('bodies that come at the same time are read each for itself', () => {
  const readers = Array.from({ length: 40 }, (_, k) => {
    const reader = new BodyReader(limits);
    reader.write(Buffer.from(`${start} key='${k}'><message xmlns='jabber:client'><body>${k}`));
    return reader;
  });
  for (const reader of readers) reader.write(Buffer.from('</body></message></body>'));
  readers.forEach((reader, k) => {
    const request = reader.end();
    assert.ok('payloads' in request);
    assert.equal(request.key, String(k));
    assert.deepEqual(request.payloads, [`<message xmlns='jabber:client'><body>${k}</body></message>`]);
  });
});

test('a large body is let go of when its payloads are, though its request is kept', () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const payload = `<message xmlns='jabber:client'>${'x'.repeat(50_000)}</message>`;
  const roomy = { bodyBytes: 100_000, element: { ...limits.element, stanzaBytes: 100_000 } };
  const kept: unknown[] = [];
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let k = 0; k < 400; k++) {
    const reader = new BodyReader(roomy);
    reader.write(
      Buffer.from(`${start} key='${'k'.repeat(40)}' from='somebody${k}@example.com'>${payload}</body>`),
    );
    const request = reader.end();
    assert.ok(!(request instanceof BodyError));
    assert.equal(request.from, `somebody${k}@example.com`);
    request.payloads = [];
    kept.push(request);
  }
  gc();
  const bytes = process.memoryUsage().heapUsed - before;
  // Their texts together are 20 MB.
  assert.ok(bytes < 5_000_000, `${kept.length} requests keep ${bytes} bytes`);
});
