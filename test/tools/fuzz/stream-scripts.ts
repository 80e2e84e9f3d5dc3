import { deflateSync } from 'node:zlib';
import type { Dice } from './dice.js';
import { anyElement } from './documents.js';
import type { Step } from './door.js';
import { anyForm } from './forms.js';
import { element, type Node, render } from './tree.js';
import { anyNumber, anyText, anyValue, hostileJid } from './values.js';
import type { World } from './world.js';
import { mutateBytes, mutateText, mutateTree } from './xml-mutations.js';

/** A step that waits for the next word of the other side, a moment at most. */
export const WAIT = '@wait';
/** In a step: the nonce of the last challenge. What stands in `{b64:…}` is sent as base64. */
export const NONCE = '%nonce';

const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A client's stream header, mostly a good one. */
export function anyHeader(dice: Dice, namespace = 'jabber:client', to = 'localhost'): string {
  if (dice.chance(0.75))
    return `<?xml version='1.0'?><stream:stream xmlns='${namespace}' xmlns:stream='http://etherx.jabber.org/streams' to='${to}' version='1.0'>`;
  const attributes = {
    xmlns: dice.maybe(
      0.95,
      dice.chance(0.8)
        ? namespace
        : dice.pick(['jabber:server', 'jabber:client', 'jabber:component:accept', '', 'x']),
    ),
    'xmlns:stream': dice.maybe(0.95, dice.chance(0.9) ? 'http://etherx.jabber.org/streams' : anyText(dice)),
    to: dice.maybe(0.9, dice.chance(0.7) ? to : hostileJid(dice, [to])),
    from: dice.maybe(0.3, hostileJid(dice, [to, 'attacker.test'])),
    id: dice.maybe(0.1, anyText(dice)),
    version: dice.maybe(
      0.9,
      dice.chance(0.7)
        ? '1.0'
        : dice.pick(['0.9', '1.1', '2.0', '1', '-1.0', '1.0.0', '99999999999999999999.0', 'x', '']),
    ),
    'xml:lang': dice.maybe(0.2, anyText(dice)),
  };
  const root = dice.pick([
    'stream:stream',
    'stream:stream',
    'stream:stream',
    'stream',
    'flash:stream',
    'stream:x',
    'stream:features',
  ]);
  const text = render(element(root, attributes, 'x')).replace(/>x<.*$/s, '>');
  const declaration = dice.pick([
    "<?xml version='1.0'?>",
    "<?xml version='1.1'?>",
    "<?xml version='1.0' encoding='UTF-16'?>",
    '',
    '\ufeff',
    '  \n',
    '<!DOCTYPE stream>',
  ]);
  const header = declaration + text;
  return dice.chance(0.2) ? mutateText(dice, header) : header;
}

/** What is no XMPP at all. */
const ALIENS: readonly Step[] = [
  'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n',
  'EHLO x\r\n',
  '\u0000\u0000\u0000\u0000',
  '\n'.repeat(5000),
  Buffer.from('16030100c8010000c403036162636465', 'hex'),
  Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex'),
  Buffer.from('fffe3c003f0078006d006c00', 'hex'),
  Buffer.from('feff003c003f0078006d006c', 'hex'),
  Buffer.from('efbbbf3c3f786d6c', 'hex'),
  Buffer.from('78da030000000001', 'hex'),
];

const MECHANISMS: readonly string[] = [
  'PLAIN',
  'SCRAM-SHA-1',
  'SCRAM-SHA-256',
  'SCRAM-SHA-512',
  'SCRAM-SHA-1-PLUS',
  'SCRAM-SHA-256-PLUS',
  'DIGEST-MD5',
  'EXTERNAL',
  'ANONYMOUS',
  'CRAM-MD5',
  'plain',
  '',
  '__proto__',
];

/** The first message of a mechanism, right, nearly so, or not at all. */
export function anyInitial(dice: Dice): string {
  const user = dice.pick(['a0', 'v0', 'nobody', '', anyText(dice), 'a0@localhost', '=2C=3D', 'a=0']);
  const header = dice.pick([
    'n,,',
    'y,,',
    'p=tls-unique,,',
    'p=tls-exporter,,',
    'n,a=v0,',
    'n',
    ',',
    'x,,',
    'p=,,',
    `n,a=${anyText(dice)},`,
  ]);
  const nonce = dice.pick(['abc', '', 'a,b', '\u0001', 'n'.repeat(5000), anyText(dice)]);
  return dice.pick([
    () => base64(`\0${user}\0${dice.pick(['secret', 'wrong', '', anyText(dice)])}`),
    () => base64(`${anyText(dice)}\0${user}\0secret`),
    () => base64(dice.pick(['', '\0', '\0\0', '\0\0\0', 'a\0b\0c\0d', `\0${'x'.repeat(30_000)}\0y`])),
    () => base64(`${header}n=${user},r=${nonce}${dice.pick(['', ',x=1', ',m=1', ',,'])}`),
    () => base64(`${header}m=x,n=${user},r=${nonce}`),
    () => base64(header),
    () =>
      dice.pick([
        '=',
        '',
        '====',
        '!!!',
        base64('x').slice(0, 1),
        Buffer.from([0xff, 0x00, 0xfe]).toString('base64'),
      ]),
    () =>
      base64(
        `username="${user}",realm="localhost",nonce="x",cnonce="y",nc=00000001,qop=auth,digest-uri="xmpp/localhost",response=${'0'.repeat(32)},charset=utf-8`,
      ),
    () => anyValue(dice),
  ])();
}

/** The later messages: to SCRAM's challenge, to that of DIGEST-MD5, or nonsense. */
function anyResponse(dice: Dice): string {
  const nonce = dice.chance(0.7) ? NONCE : anyText(dice).slice(0, 100);
  return dice.pick([
    `{b64:c=${dice.pick(['biws', 'eSws', 'cD10bHMtZXhwb3J0ZXIsLA==', '', 'x'])},r=${nonce},p=${dice.pick(['AAAAAAAAAAAAAAAAAAAAAAAAAAA=', '', 'x', '='])}}`,
    `{b64:c=biws,r=${nonce}}`,
    `{b64:${dice.pick(['', ',', 'p=', 'r=,c=,p='])}}`,
    `{b64:username="a0",realm="${dice.pick(['localhost', '', 'x'])}",nonce="${nonce}",cnonce="y",nc=${dice.pick(['00000001', '0', 'x'])},qop=${dice.pick(['auth', 'auth-conf', ''])},digest-uri="xmpp/localhost",response=${'0'.repeat(32)}}`,
    anyValue(dice),
  ]);
}

function sasl(dice: Dice): Step[] {
  const steps: Step[] = [];
  for (let i = 1 + dice.below(3); i > 0; i--) {
    const initial = dice.maybe(0.85, anyInitial(dice));
    steps.push(
      maybeMutated(
        dice,
        element('auth', { xmlns: SASL, mechanism: dice.maybe(0.97, dice.pick(MECHANISMS)) }, initial),
      ),
      WAIT,
    );
    for (let k = dice.below(3); k > 0; k--) {
      const name = dice.pick(['response', 'response', 'response', 'abort', 'success', 'challenge']);
      steps.push(maybeMutated(dice, element(name, { xmlns: SASL }, anyResponse(dice))), WAIT);
    }
  }
  return steps;
}

function sasl2(dice: Dice): Step[] {
  const xmlns = 'urn:xmpp:sasl:2';
  const good = dice.chance(0.4);
  const authenticate = element(
    'authenticate',
    { xmlns, mechanism: good ? 'PLAIN' : dice.pick(MECHANISMS) },
    element('initial-response', {}, good ? base64('\0a4\0secret') : anyInitial(dice)),
    dice.maybe(
      0.6,
      element(
        'user-agent',
        { id: dice.maybe(0.9, dice.chance(0.5) ? 'd4565fa7-4d72-4749-b3d3-740edbf87770' : anyText(dice)) },
        element('software', {}, anyText(dice)),
        element('device', {}, anyText(dice)),
      ),
    ),
    dice.maybe(
      0.7,
      element(
        'bind',
        { xmlns: 'urn:xmpp:bind:0' },
        dice.maybe(0.7, element('tag', {}, anyText(dice))),
        dice.maybe(0.5, element('enable', { xmlns: 'urn:xmpp:sm:3', resume: 'true' })),
        dice.maybe(0.5, element('enable', { xmlns: 'urn:xmpp:carbons:2' })),
        dice.maybe(0.3, element('inactive', { xmlns: 'urn:xmpp:csi:0' })),
      ),
    ),
    dice.maybe(0.4, element('resume', { xmlns: 'urn:xmpp:sm:3', h: anyNumber(dice), previd: anyText(dice) })),
    dice.maybe(0.2, element('upgrade', { xmlns: 'urn:xmpp:sasl:upgrade:0' }, 'UPGR-SCRAM-SHA-512')),
  );
  const more = dice.several(0, 2, () =>
    maybeMutated(
      dice,
      element(
        dice.pick(['response', 'abort', 'next', 'task-data']),
        { xmlns, task: dice.maybe(0.3, 'x') },
        anyResponse(dice),
      ),
    ),
  );
  return [maybeMutated(dice, authenticate), WAIT, ...more];
}

function legacy(dice: Dice, world: World): Step[] {
  const query = (xmlns: string, ...children: (Node | undefined)[]): string =>
    render(
      element(
        'iq',
        { type: dice.pick(['get', 'set', 'set']), id: 'l', to: dice.maybe(0.5, 'localhost') },
        element('query', { xmlns }, ...children),
      ),
    );
  return dice.several(1, 3, () =>
    dice.chance(0.6)
      ? query(
          'jabber:iq:auth',
          dice.maybe(0.9, element('username', {}, dice.pick(['a4', 'a4', 'nobody', anyText(dice)]))),
          dice.maybe(0.6, element('password', {}, dice.pick(['secret', 'wrong', anyText(dice)]))),
          dice.maybe(0.4, element('digest', {}, anyText(dice))),
          dice.maybe(0.9, element('resource', {}, anyText(dice))),
        )
      : query(
          'jabber:iq:register',
          // Names that cannot be: accounts of a run must not pile up.
          dice.maybe(0.5, element('username', {}, dice.pick(['a b', '', 'v0', 'a"b', 'x'.repeat(2000)]))),
          dice.maybe(0.5, element('password', {}, anyText(dice))),
          dice.maybe(0.5, element('remove')),
          dice.maybe(0.3, anyForm(dice, world, 'jabber:iq:register')),
        ),
  );
}

/** Logged in as `a4`, then whatever may come before, during or after binding. */
function afterLogin(dice: Dice, world: World): Step[] {
  const steps: Step[] = [`<auth xmlns='${SASL}' mechanism='PLAIN'>${base64('\0a4\0secret')}</auth>`];
  if (dice.chance(0.3)) steps.push(WAIT);
  steps.push(anyHeader(dice));
  const bind = (resource: string): Node =>
    element(
      'iq',
      { type: 'set', id: 'b' },
      element('bind', { xmlns: 'urn:ietf:params:xml:ns:xmpp-bind' }, element('resource', {}, resource)),
    );
  for (let i = dice.below(6); i > 0; i--) {
    steps.push(
      dice.pick<() => Step>([
        () => maybeMutated(dice, bind(dice.pick(['x', 'x', '', anyText(dice)]))),
        () =>
          maybeMutated(
            dice,
            element(
              'iq',
              { type: 'set', id: 's' },
              element('session', { xmlns: 'urn:ietf:params:xml:ns:xmpp-session' }),
            ),
          ),
        () =>
          maybeMutated(
            dice,
            element('enable', { xmlns: 'urn:xmpp:sm:3', resume: 'true', max: anyNumber(dice) }),
          ),
        () =>
          maybeMutated(
            dice,
            element('resume', { xmlns: 'urn:xmpp:sm:3', previd: anyText(dice), h: anyNumber(dice) }),
          ),
        () => render(anyElement(dice, world)),
        () => anyHeader(dice),
        () => `<presence/><iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`,
        () => WAIT,
      ])(),
    );
  }
  if (dice.chance(0.25)) steps.push(...compression(dice));
  return steps;
}

/** XEP-0138: streams that inflate to much, to nothing, that are cut or are not zlib. */
function compression(dice: Dice): Step[] {
  const header = anyHeader(dice);
  const packed = dice.pick<() => Buffer>([
    () => deflateSync(header),
    () => deflateSync(`${header}<message><body>${'a'.repeat(3_000_000)}`),
    () => deflateSync(`${header}<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>`),
    () => mutateBytes(dice, deflateSync(header)),
    () => deflateSync(header).subarray(0, 10),
    () => deflateSync(deflateSync(header)),
    () => deflateSync(' '.repeat(2_000_000)),
    () => Buffer.from(header),
    () => deflateSync(header, { dictionary: Buffer.from('jabber') }),
  ])();
  return [
    `<compress xmlns='http://jabber.org/protocol/compress'><method>${dice.pick(['zlib', 'zlib', 'zlib', 'lzw'])}</method></compress>`,
    WAIT,
    packed,
  ];
}

function maybeMutated(dice: Dice, node: Node): string {
  const tree = dice.chance(0.2) ? mutateTree(dice, node) : node;
  const text = render(tree);
  return dice.chance(0.08) ? mutateText(dice, text) : text;
}

/** A connection from its first byte. */
export function anyScript(dice: Dice, world: World): Step[] {
  if (dice.chance(0.06)) return [dice.pick(ALIENS)];
  const steps: Step[] = [anyHeader(dice)];
  if (dice.chance(0.1)) steps.push(anyHeader(dice));
  steps.push(
    ...dice.pick<() => Step[]>([
      () => sasl(dice),
      () => sasl2(dice),
      () => legacy(dice, world),
      () => afterLogin(dice, world),
      () => afterLogin(dice, world),
      () => [
        `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>${dice.pick(['', ' ', '<auth/>', anyHeader(dice)])}`,
        WAIT,
        dice.pick(ALIENS),
      ],
      () => dice.several(1, 4, () => render(anyElement(dice, world))),
      () => [],
    ])(),
  );
  if (dice.chance(0.3)) steps.push('</stream:stream>');
  if (dice.chance(0.1)) steps.push(dice.pick(ALIENS));
  return steps;
}
