import { gzipSync } from 'node:zlib';
import type { Dice } from './dice.js';
import { anyElement } from './documents.js';
import type { Step } from './door.js';
import { anyInitial } from './stream-scripts.js';
import { element, type Node, render, withAttribute } from './tree.js';
import { anyNumber, anyText, anyValue } from './values.js';
import type { World } from './world.js';
import { mutateBytes, mutateText, mutateTree } from './xml-mutations.js';

const HTTP_BIND = 'http://jabber.org/protocol/httpbind';

/** A first-level element as BOSH and WebSocket carry it: self-contained. */
export function selfContained(dice: Dice, world: World, id: string): string {
  let node = anyElement(dice, world, id);
  if (!node.attributes.some(([name]) => name === 'xmlns') && dice.chance(0.97))
    node = withAttribute(node, 'xmlns', 'jabber:client');
  return render(node);
}

/** Attributes of a `<body/>` besides `rid` and `sid`, most of them the wrong ones at the wrong time. */
export function anyBodyAttributes(dice: Dice): Record<string, string | undefined> {
  if (dice.chance(0.6)) return {};
  return {
    ack: dice.maybe(0.3, anyNumber(dice)),
    wait: dice.maybe(0.2, anyNumber(dice)),
    hold: dice.maybe(0.2, anyNumber(dice)),
    pause: dice.maybe(0.15, anyNumber(dice)),
    key: dice.maybe(0.15, anyValue(dice)),
    newkey: dice.maybe(0.15, anyValue(dice)),
    type: dice.maybe(0.15, dice.pick(['terminate', 'error', 'x'])),
    condition: dice.maybe(0.1, anyText(dice)),
    report: dice.maybe(0.1, anyNumber(dice)),
    time: dice.maybe(0.1, anyNumber(dice)),
    stream: dice.maybe(0.1, anyText(dice)),
    'xmpp:restart': dice.maybe(0.1, dice.pick(['true', 'x'])),
    to: dice.maybe(0.2, dice.pick(['localhost', anyText(dice)])),
    ver: dice.maybe(0.1, anyNumber(dice)),
    content: dice.maybe(0.1, anyText(dice)),
    charsets: dice.maybe(0.1, anyText(dice)),
    secure: dice.maybe(0.1, 'true'),
    accept: dice.maybe(0.1, anyText(dice)),
  };
}

/** A request to create a session, more or less. */
function anyCreation(dice: Dice): string {
  const node = element(
    dice.pick(['body', 'body', 'body', 'body', 'x']),
    {
      xmlns: dice.chance(0.95) ? HTTP_BIND : anyText(dice),
      'xmlns:xmpp': 'urn:xmpp:xbosh',
      rid: dice.maybe(0.97, dice.chance(0.7) ? String(1e9 + dice.below(1e9)) : anyNumber(dice)),
      sid: dice.maybe(0.03, anyText(dice)),
      to: dice.maybe(0.97, dice.chance(0.85) ? 'localhost' : anyText(dice)),
      from: dice.maybe(0.1, anyText(dice)),
      wait: dice.maybe(0.95, dice.chance(0.7) ? '1' : anyNumber(dice)),
      hold: dice.maybe(0.95, dice.chance(0.7) ? '1' : anyNumber(dice)),
      ver: dice.maybe(0.9, dice.chance(0.7) ? '1.6' : anyNumber(dice)),
      'xmpp:version': dice.maybe(0.9, dice.chance(0.8) ? '1.0' : anyNumber(dice)),
      'xml:lang': dice.maybe(0.5, dice.pick(['en', anyText(dice)])),
      route: dice.maybe(0.1, `xmpp:${anyText(dice)}:5222`),
      newkey: dice.maybe(0.1, anyValue(dice)),
      content: dice.maybe(0.1, anyText(dice)),
      ack: dice.maybe(0.3, '1'),
    },
    dice.maybe(
      0.1,
      element('auth', { xmlns: 'urn:ietf:params:xml:ns:xmpp-sasl', mechanism: 'PLAIN' }, anyInitial(dice)),
    ),
  );
  const text = render(dice.chance(0.2) ? mutateTree(dice, node) : node);
  return dice.chance(0.15) ? mutateText(dice, text) : text;
}

const crlf = (lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`;

/** A connection of HTTP from its first byte, more or less; several requests may follow each other. */
export function anyHttp(dice: Dice): Step {
  const parts: Buffer[] = [];
  for (let i = 1 + dice.below(3); i > 0; i--) {
    const body = Buffer.from(dice.chance(0.85) ? anyCreation(dice) : anyText(dice));
    const gzip = dice.chance(0.08);
    const content = gzip ? gzipSync(dice.chance(0.3) ? Buffer.alloc(3_000_000, 0x20) : body) : body;
    const method = dice.chance(0.85)
      ? 'POST'
      : dice.pick([
          'GET',
          'OPTIONS',
          'HEAD',
          'PUT',
          'DELETE',
          'CONNECT',
          'PRI',
          'post',
          'X'.repeat(5000),
          '',
        ]);
    const path = dice.chance(0.8)
      ? '/http-bind'
      : dice.pick([
          '/',
          '/http-bind/',
          '/http-bind?x=1',
          '//http-bind',
          '/../http-bind',
          '/%00',
          '*',
          'http://x/http-bind',
          '/xmpp-websocket',
          '/status',
          '/.well-known/host-meta',
          `/${'y'.repeat(20_000)}`,
          '/%',
          '/\u00e9',
        ]);
    const chunked = dice.chance(0.15);
    const headers = [
      `${method} ${path} HTTP/${dice.chance(0.95) ? '1.1' : dice.pick(['1.0', '0.9', '2.0', '1.1 x', ''])}`,
      ...(dice.chance(0.95) ? ['Host: localhost'] : []),
      ...(dice.chance(0.8)
        ? ['Content-Type: text/xml; charset=utf-8']
        : [`Content-Type: ${dice.pick(['', 'application/json', 'text/xml; charset=utf-16', 'x'])}`]),
      ...(gzip
        ? ['Content-Encoding: gzip']
        : dice.chance(0.05)
          ? [`Content-Encoding: ${dice.pick(['br', 'deflate', 'gzip', 'x', 'gzip, gzip'])}`]
          : []),
      ...(dice.chance(0.1) ? [`Origin: ${dice.pick(['null', 'http://x', 'http://x\u00e9', ''])}`] : []),
      ...(dice.chance(0.1)
        ? [
            `Accept-Encoding: ${dice.pick(['gzip', '*', 'gzip;q=0', 'identity;q=0', ';;;', 'x'.repeat(3000)])}`,
          ]
        : []),
      ...(dice.chance(0.05) ? [`X-Forwarded-For: ${anyNumber(dice).slice(0, 100)}`] : []),
      ...(dice.chance(0.05) ? [`X-Big: ${'z'.repeat(dice.pick([1000, 20_000]))}`] : []),
      ...(dice.chance(0.05) ? ['Expect: 100-continue'] : []),
      ...(dice.chance(0.03)
        ? [' folded: x', 'no colon', ': nothing', 'a\u0000b: c'].slice(0, 1 + dice.below(4))
        : []),
      ...(chunked
        ? [`Transfer-Encoding: ${dice.pick(['chunked', 'chunked', 'chunked', 'gzip, chunked', 'x'])}`]
        : dice.chance(0.93)
          ? [
              `Content-Length: ${dice.chance(0.93) ? content.length : dice.pick([0, content.length - 1, content.length + 5, -1, 1e15, 'x', '1, 2'])}`,
            ]
          : []),
      ...(dice.chance(0.03) ? ['Content-Length: 3'] : []),
    ];
    const framed = chunked
      ? Buffer.concat([
          Buffer.from(
            `${dice.chance(0.9) ? content.length.toString(16) : dice.pick(['zz', '-1', 'ffffffffffffffff', '0;x=y'])}\r\n`,
          ),
          content,
          Buffer.from(dice.chance(0.9) ? '\r\n0\r\n\r\n' : '\r\n'),
        ])
      : content;
    parts.push(Buffer.from(crlf(headers), 'latin1'), framed);
  }
  const whole = Buffer.concat(parts);
  return dice.chance(0.1) ? mutateBytes(dice, whole) : whole;
}

/** A frame of RFC 6455 §5.2, with anything wrong with it. */
function frame(dice: Dice, payload: Buffer, opcode = 1): Buffer {
  const wrong = dice.chance(0.08);
  const fin = !wrong || dice.chance(0.5) ? 0x80 : 0;
  const reserved = wrong && dice.chance(0.3) ? dice.pick([0x40, 0x20, 0x10]) : 0;
  const masked = !(wrong && dice.chance(0.3));
  const mask = Buffer.from([dice.below(256), 2, 3, 4]);
  const length = wrong && dice.chance(0.3) ? dice.pick([0, 125, 126, 65_536, 2 ** 40]) : payload.length;
  let head: Buffer;
  if (length < 126 && !(wrong && dice.chance(0.2))) head = Buffer.from([0, length]);
  else if (length < 65_536) {
    head = Buffer.alloc(4);
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head = Buffer.alloc(10);
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  head[0] = fin | reserved | (wrong && dice.chance(0.3) ? dice.below(16) : opcode);
  if (!masked) return Buffer.concat([head, payload]);
  head[1] = (head[1] as number) | 0x80;
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ (mask[i % 4] as number))]);
}

/** A WebSocket (RFC 7395) from its handshake: frames, framing and streams, right and wrong. */
export function anyWebSocket(dice: Dice, world: World): Step[] {
  const request = crlf([
    'GET /xmpp-websocket HTTP/1.1',
    'Host: localhost',
    `Connection: ${dice.chance(0.97) ? 'Upgrade' : 'close'}`,
    `Upgrade: ${dice.chance(0.97) ? 'websocket' : 'x'}`,
    `Sec-WebSocket-Version: ${dice.chance(0.97) ? '13' : anyNumber(dice).slice(0, 10)}`,
    `Sec-WebSocket-Key: ${dice.chance(0.97) ? 'dGhlIHNhbXBsZSBub25jZQ==' : 'x'}`,
    ...(dice.chance(0.96)
      ? ['Sec-WebSocket-Protocol: xmpp']
      : [`Sec-WebSocket-Protocol: ${dice.pick(['', 'x', 'x, xmpp'])}`]),
    ...(dice.chance(0.2)
      ? [
          `Sec-WebSocket-Extensions: ${dice.pick(['permessage-deflate', 'x', 'permessage-deflate; client_max_window_bits=99'])}`,
        ]
      : []),
    ...(dice.chance(0.1) ? ['Origin: http://elsewhere'] : []),
  ]);
  const framing = 'urn:ietf:params:xml:ns:xmpp-framing';
  const open = (): Node =>
    element('open', {
      xmlns: dice.chance(0.97) ? framing : '',
      to: dice.chance(0.95) ? 'localhost' : anyText(dice),
      version: dice.maybe(0.95, '1.0'),
    });
  const plain = Buffer.from('\0a5\0secret').toString('base64');
  const texts: string[] = [render(open())];
  if (dice.chance(0.7)) {
    texts.push(
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`,
      render(open()),
      `<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`,
    );
  }
  for (let i = dice.below(5); i > 0; i--)
    texts.push(
      dice.pick([
        () => selfContained(dice, world, 'w'),
        () => selfContained(dice, world, 'w'),
        () => render(open()),
        () => `<close xmlns='${framing}'/>`,
        () => '',
        () => ' ',
        () => '<stream:stream>',
        () => '<a/><b/>',
      ])(),
    );
  const steps: Step[] = [request];
  for (const text of texts) {
    const said = dice.chance(0.06) ? mutateText(dice, text) : text;
    const bytes = Buffer.from(said);
    if (dice.chance(0.06)) {
      // In fragments, with a ping between them.
      const half = bytes.length >> 1;
      const begun = frame(dice, bytes.subarray(0, half));
      begun[0] = (begun[0] as number) & 0x7f;
      steps.push(
        Buffer.concat([begun, frame(dice, Buffer.from('x'), 9), frame(dice, bytes.subarray(half), 0)]),
      );
    } else
      steps.push(
        frame(
          dice,
          dice.chance(0.03) ? mutateBytes(dice, bytes) : bytes,
          dice.chance(0.97) ? 1 : dice.pick([2, 8, 9, 10, 0]),
        ),
      );
  }
  if (dice.chance(0.3))
    steps.push(
      frame(
        dice,
        dice.pick([Buffer.alloc(0), Buffer.from([3]), Buffer.from([3, 232]), Buffer.from([0, 1, 0xff])]),
        8,
      ),
    );
  return steps;
}
