/**
 * Nanoseconds per stanza of the scanner and of what is done with a stanza: `node dist/test/bench/xml.js`.
 * Figures to look at, not to assert.
 */
import { Stanza } from '../../shared/xml/stanza.js';
import { StreamParser, type StreamParserHandler } from '../../shared/xml/stream-parser.js';

const header = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>`;
const message = `<message to='juliet@example.org/balcony' type='chat' id='a1b2c3d4'><body>Wherefore art thou, and how long will it take you to come down from there?</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>`;
const unicode = message.replace('thou', 'thöu ☃ 😀');
const presence = `<presence id='p7'><show>away</show><status>Be right back &amp; soon</status><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://example.org/client' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/><x xmlns='vcard-temp:x:update'><photo>da39a3ee5e6b4b0d3255bfef95601890afd80709</photo></x></presence>`;
const carbon = `<message to='juliet@example.org/garden' from='juliet@example.org' type='chat'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' to='romeo@example.net/orchard' type='chat' id='x1'><body>What man art thou that, thus bescreen'd in night, so stumblest on my counsel?</body><thread>0e3141cd80894871a68e6fe6b1ec56fa</thread></message></forwarded></sent></message>`;
const body = `<message to='juliet@example.org' id='long'><body>${'The quick brown fox jumps over the lazy dog. '.repeat(1400)}</body></message>`;

let sink = 0;

function measure(name: string, perRound: number, round: () => void): void {
  for (let i = 0; i < 5; i++) round();
  const times: number[] = [];
  for (let i = 0; i < 15; i++) {
    const start = process.hrtime.bigint();
    round();
    times.push(Number(process.hrtime.bigint() - start) / perRound);
  }
  times.sort((a, b) => a - b);
  console.log(`${name.padEnd(62)} ${(times[7] as number).toFixed(0).padStart(8)} ns`);
}

function parser(onStanza: (stanza: Stanza) => void): StreamParser {
  const handler: StreamParserHandler = {
    streamOpened: () => {},
    stanza: onStanza,
    streamClosed: () => {},
    failed: (error) => {
      throw new Error(error.text);
    },
  };
  const made = new StreamParser(handler, { stanzaBytes: 262_144, depth: 100, attributes: 100 });
  made.write(Buffer.from(header));
  return made;
}

function scan(name: string, stanza: string, perChunk: number, onStanza: (stanza: Stanza) => void): void {
  const chunk = Buffer.from(stanza.repeat(perChunk));
  const count = Math.max(Math.ceil(20_000_000 / stanza.length / 10), perChunk);
  const rounds = Math.ceil(count / perChunk);
  const made = parser(onStanza);
  measure(`${name} (${Buffer.byteLength(stanza)} bytes, ${perChunk} a chunk)`, rounds * perChunk, () => {
    for (let i = 0; i < rounds; i++) made.write(chunk);
  });
}

const seen = (stanza: Stanza): void => {
  sink += stanza.name.length;
};
scan('parse a message', message, 1, seen);
scan('parse messages', message, 250, seen);
scan('parse messages with astral characters', unicode, 1, seen);
scan('parse a presence', presence, 1, seen);
scan('parse a carbon', carbon, 1, seen);
scan('parse a long message', body, 1, seen);
scan('parse, stamp from, render', message, 1, (stanza) => {
  sink += stanza.readdress({ from: 'romeo@example.net/orchard' }).text.length;
});
scan('parse, stamp from, render, encode', message, 1, (stanza) => {
  sink += Buffer.from(stanza.readdress({ from: 'romeo@example.net/orchard' }).text).length;
});
scan('parse, tree', message, 1, (stanza) => {
  sink += stanza.element.children.length;
});
scan('parse, payload', message, 1, (stanza) => {
  sink += (stanza.payload as { name: string }).name.length;
});
scan('parse, all children', presence, 1, (stanza) => {
  sink += stanza.children().length;
});

const one = Stanza.parse(message);
measure('another `to`, encoded', 100_000, () => {
  for (let i = 0; i < 100_000; i++) sink += Buffer.from(one.textTo(`user${i}@example.org`)).length;
});
measure('stanza from a tree, rendered', 50_000, () => {
  for (let i = 0; i < 50_000; i++) sink += Stanza.fromElement(one.element).text.length;
});
const drip = Buffer.from(message);
const dripped = parser(seen);
measure('parse a message, a byte at a time', 2000, () => {
  for (let i = 0; i < 2000; i++) for (let k = 0; k < drip.length; k++) dripped.write(drip.subarray(k, k + 1));
});

const kept: StreamParser[] = [];
globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
for (let i = 0; i < 10_000; i++) kept.push(parser(seen));
globalThis.gc?.();
const each = (process.memoryUsage().heapUsed - before) / 10_000;
console.log(
  `an idle parser: ${each.toFixed(0)} bytes of heap${globalThis.gc ? '' : ' (run with --expose-gc)'}`,
);
if (sink === 0) console.log(kept.length);
