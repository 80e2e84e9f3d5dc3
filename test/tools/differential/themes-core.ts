import { iq, type Repertoire, type Saying, type Scene } from './scene.js';

/** What is said to the core server: presence, rosters, messages, IQs, and what no stanza should be. */

function presenceText(scene: Scene): string {
  const parts = [];
  if (scene.chance(0.5)) parts.push(`<priority>${scene.pick(-1, 0, 1, 5, -128, 127)}</priority>`);
  if (scene.chance(0.3)) parts.push(`<show>${scene.pick('away', 'chat', 'dnd', 'xa')}</show>`);
  if (scene.chance(0.3)) parts.push(`<status>status${scene.id()}</status>`);
  return parts.join('');
}

export const presence: Repertoire = [
  [5, (scene) => ['presence', `<presence>${presenceText(scene)}</presence>`]],
  [
    2,
    (scene) => [
      'unavailable',
      `<presence type='unavailable'>${scene.chance(0.5) ? '<status>status1</status>' : ''}</presence>`,
    ],
  ],
  [
    2,
    (scene) => [
      'directed presence to bare',
      `<presence to='${scene.other()}'>${presenceText(scene)}</presence>`,
    ],
  ],
  [
    2,
    (scene) => [
      'directed presence to full',
      `<presence to='${scene.full(scene.other())}'>${presenceText(scene)}</presence>`,
    ],
  ],
  [1, (scene) => ['directed unavailable to bare', `<presence type='unavailable' to='${scene.other()}'/>`]],
  [
    1,
    (scene) => [
      'directed unavailable to full',
      `<presence type='unavailable' to='${scene.full(scene.other())}'/>`,
    ],
  ],
  [1, (scene) => ['presence to own bare', `<presence to='${scene.own()}'/>`]],
  [1, (scene) => ['presence to own full', `<presence to='${scene.full(scene.own())}'/>`]],
  [0.5, () => ['presence to server', "<presence to='localhost'/>"]],
  [0.5, () => ['presence to unknown user', "<presence to='nobody@localhost'/>"]],
  [0.7, (scene) => ['probe to bare', `<presence type='probe' to='${scene.other()}'/>`]],
  [0.4, (scene) => ['probe to full', `<presence type='probe' to='${scene.full(scene.other())}'/>`]],
  [0.3, (scene) => ['probe to own', `<presence type='probe' to='${scene.own()}'/>`]],
  [0.3, () => ['probe to server', "<presence type='probe' to='localhost'/>"]],
  [
    0.3,
    (scene) => [
      'presence error',
      `<presence type='error' to='${scene.pick(scene.other(), scene.full(scene.other()))}'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`,
    ],
  ],
];

export const subscriptions: Repertoire = [
  [
    5,
    (scene) => [
      'subscribe',
      `<presence type='subscribe' to='${scene.other()}'>${scene.chance(0.3) ? '<status>status2</status>' : ''}</presence>`,
    ],
  ],
  [5, (scene) => ['subscribed', `<presence type='subscribed' to='${scene.other()}'/>`]],
  [2, (scene) => ['unsubscribe', `<presence type='unsubscribe' to='${scene.other()}'/>`]],
  [2, (scene) => ['unsubscribed', `<presence type='unsubscribed' to='${scene.other()}'/>`]],
  [
    1,
    (scene) => [
      `sub to full`,
      `<presence type='${scene.pick('subscribe', 'subscribed', 'unsubscribe', 'unsubscribed')}' to='${scene.full(scene.other())}'/>`,
    ],
  ],
  [
    0.5,
    (scene) => [
      'sub to own',
      `<presence type='${scene.pick('subscribe', 'subscribed', 'unsubscribe', 'unsubscribed')}' to='${scene.own()}'/>`,
    ],
  ],
  [0.3, () => ['subscribe to nobody', "<presence type='subscribe' to='nobody@localhost'/>"]],
  [0.3, () => ['subscribe to server', "<presence type='subscribe' to='localhost'/>"]],
  [
    0.2,
    (scene) => [
      'sub without to',
      `<presence type='${scene.pick('subscribe', 'subscribed', 'unsubscribe', 'unsubscribed', 'probe')}'/>`,
    ],
  ],
];

const roster = (item: string): string => `<query xmlns='jabber:iq:roster'>${item}</query>`;

export const rosters: Repertoire = [
  [2, (scene) => iq('get', 'roster get', roster(''))(scene)],
  [
    3,
    (scene) =>
      iq(
        'set',
        'roster set',
        roster(
          `<item jid='${scene.other()}'${scene.chance(0.5) ? ` name='Name${scene.id()}'` : ''}>${scene.chance(0.5) ? `<group>${scene.pick('Friends', 'Foes')}</group>` : ''}</item>`,
        ),
      )(scene),
  ],
  [
    2,
    (scene) =>
      iq('set', 'roster remove', roster(`<item jid='${scene.other()}' subscription='remove'/>`))(scene),
  ],
  [
    0.3,
    (scene) =>
      iq(
        'set',
        'roster set with subscription',
        roster(
          `<item jid='${scene.other()}' subscription='${scene.pick('both', 'to', 'from', 'none', 'wrong')}' ask='subscribe' approved='true'/>`,
        ),
      )(scene),
  ],
  [
    0.2,
    (scene) =>
      iq(
        'set',
        'roster set two',
        roster(`<item jid='${scene.other()}'/><item jid='nobody@localhost'/>`),
      )(scene),
  ],
  [0.2, (scene) => iq('set', 'roster set none', roster(''))(scene)],
  [0.2, (scene) => iq('set', 'roster set bad jid', roster("<item jid='@@'/>"))(scene)],
  [0.2, (scene) => iq('set', 'roster set no jid', roster("<item name='x'/>"))(scene)],
  [
    0.2,
    (scene) => iq('set', 'roster set full jid', roster(`<item jid='${scene.full(scene.other())}'/>`))(scene),
  ],
  [0.2, (scene) => iq('set', 'roster set own', roster(`<item jid='${scene.own()}'/>`))(scene)],
  [0.2, (scene) => iq('set', 'roster set server', roster("<item jid='localhost' name='x'/>"))(scene)],
  [
    0.2,
    (scene) =>
      iq(
        'set',
        'roster set group twice',
        roster(`<item jid='${scene.other()}'><group>a</group><group>a</group></item>`),
      )(scene),
  ],
  [
    0.2,
    (scene) =>
      iq('set', 'roster set empty group', roster(`<item jid='${scene.other()}'><group/></item>`))(scene),
  ],
  [0.2, (scene) => iq('get', 'roster get of another', roster(''), scene.other())(scene)],
  [
    0.2,
    (scene) =>
      iq('set', 'roster set of another', roster("<item jid='nobody@localhost'/>"), scene.other())(scene),
  ],
  [0.3, (scene) => iq('get', 'roster get to own bare', roster(''), scene.own())(scene)],
  [0.2, iq('get', 'roster get to server', roster(''), 'localhost')],
];

const TYPES = ['', 'normal', 'chat', 'groupchat', 'headline', 'error', 'strange'] as const;

function message(scene: Scene, where: string, to: string | undefined): Saying {
  const type = scene.pick(...TYPES, 'chat', 'chat');
  const error =
    type === 'error'
      ? "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
      : '';
  const [what, body] = scene.chance(0.75)
    ? ['', `<body>body${scene.id()}</body>`]
    : scene.pick<[string, string]>(
        [' empty', ''],
        [' state', "<composing xmlns='http://jabber.org/protocol/chatstates'/>"],
        [' subject', '<subject>subject</subject>'],
        [' receipt', "<received xmlns='urn:xmpp:receipts' id='x'/>"],
        [' marker', "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>"],
        [' no-store', "<body>b</body><no-store xmlns='urn:xmpp:hints'/>"],
        [' store', "<store xmlns='urn:xmpp:hints'/>"],
        [' no-copy', "<body>b</body><no-copy xmlns='urn:xmpp:hints'/>"],
        [' private', "<body>b</body><private xmlns='urn:xmpp:carbons:2'/>"],
        [' payload', "<thing xmlns='urn:example:thing'/>"],
      );
  return [
    `message ${type}${what} to ${where}`,
    `<message id='${scene.id()}'${type === '' ? '' : ` type='${type}'`}${to === undefined ? '' : ` to='${to}'`}>${body}${error}</message>`,
  ];
}

export const messages: Repertoire = [
  [6, (scene) => message(scene, 'bare', scene.other())],
  [4, (scene) => message(scene, 'full', scene.full(scene.other()))],
  [1, (scene) => message(scene, 'unknown resource', `${scene.other()}/elsewhere`)],
  [0.7, (scene) => message(scene, 'unknown user', 'nobody@localhost')],
  [0.3, (scene) => message(scene, 'unknown user full', 'nobody@localhost/x')],
  [0.7, (scene) => message(scene, 'own bare', scene.own())],
  [0.7, (scene) => message(scene, 'own full', scene.full(scene.own()))],
  [0.5, (scene) => message(scene, 'nobody at all', undefined)],
  [0.5, (scene) => message(scene, 'server', 'localhost')],
  [0.3, (scene) => message(scene, 'server resource', 'localhost/x')],
  [0.5, (scene) => message(scene, 'bare with from', scene.other())],
];

export const carbons: Repertoire = [
  [2, iq('set', 'carbons enable', "<enable xmlns='urn:xmpp:carbons:2'/>")],
  [0.7, iq('set', 'carbons disable', "<disable xmlns='urn:xmpp:carbons:2'/>")],
];

const PAYLOADS: readonly (readonly [string, string])[] = [
  ['unknown', "<query xmlns='urn:example:unknown'/>"],
  ['ping', "<ping xmlns='urn:xmpp:ping'/>"],
  ['disco#info', "<query xmlns='http://jabber.org/protocol/disco#info'/>"],
  ['disco#items', "<query xmlns='http://jabber.org/protocol/disco#items'/>"],
  ['disco#info node', "<query xmlns='http://jabber.org/protocol/disco#info' node='urn:example:node'/>"],
  ['last', "<query xmlns='jabber:iq:last'/>"],
  ['version', "<query xmlns='jabber:iq:version'/>"],
  ['time', "<time xmlns='urn:xmpp:time'/>"],
  ['vcard', "<vCard xmlns='vcard-temp'/>"],
  ['private', "<query xmlns='jabber:iq:private'><thing xmlns='urn:example:thing'/></query>"],
  ['roster', "<query xmlns='jabber:iq:roster'/>"],
  ['blocklist', "<blocklist xmlns='urn:xmpp:blocking'/>"],
  ['bind', "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"],
  ['session', "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"],
  ['pubsub', "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:example:node'/></pubsub>"],
];

export const iqs: Repertoire = [
  [
    10,
    (scene) => {
      const [name, payload] = scene.pick(...PAYLOADS);
      const type = scene.pick('get', 'get', 'get', 'set');
      const [where, to] = scene.pick<[string, string | undefined]>(
        ['nobody at all', undefined],
        ['own bare', scene.own()],
        ['own full', scene.full(scene.own())],
        ['server', 'localhost'],
        ['server resource', 'localhost/x'],
        ['bare', scene.other()],
        ['full', scene.full(scene.other())],
        ['unknown resource', `${scene.other()}/elsewhere`],
        ['unknown user', 'nobody@localhost'],
        ['unknown user full', 'nobody@localhost/x'],
      );
      return iq(type, `iq ${type} ${name} to ${where}`, payload, to)(scene);
    },
  ],
  [
    1,
    (scene) => {
      const [where, to] = scene.pick<[string, string]>(
        ['full', ` to='${scene.full(scene.other())}'`],
        ['bare', ` to='${scene.other()}'`],
        ['server', " to='localhost'"],
        ['nobody', ''],
      );
      const type = scene.pick('result', 'error');
      return [`iq ${type} to ${where}`, `<iq type='${type}' id='${scene.id()}'${to}/>`];
    },
  ],
  [
    2,
    (scene) => {
      const to = scene.pick(
        '',
        ` to='${scene.other()}'`,
        ` to='${scene.full(scene.other())}'`,
        " to='localhost'",
        ` to='${scene.own()}'`,
      );
      const where =
        to === ''
          ? 'nobody'
          : to.includes('/')
            ? 'full'
            : to.includes('@')
              ? to.includes(scene.own())
                ? 'own'
                : 'bare'
              : 'server';
      const [kind, text] = scene.pick<[string, string]>(
        ['without id', `<iq type='get'${to}><ping xmlns='urn:xmpp:ping'/></iq>`],
        ['without type', `<iq id='${scene.id()}'${to}><ping xmlns='urn:xmpp:ping'/></iq>`],
        ['strange type', `<iq type='strange' id='${scene.id()}'${to}><ping xmlns='urn:xmpp:ping'/></iq>`],
        ['get without payload', `<iq type='get' id='${scene.id()}'${to}/>`],
        [
          'get with two payloads',
          `<iq type='get' id='${scene.id()}'${to}><ping xmlns='urn:xmpp:ping'/><query xmlns='jabber:iq:version'/></iq>`,
        ],
        [
          'result with two',
          `<iq type='result' id='${scene.id()}'${to}><ping xmlns='urn:xmpp:ping'/><query xmlns='jabber:iq:version'/></iq>`,
        ],
        ['empty id', `<iq type='get' id=''${to}><ping xmlns='urn:xmpp:ping'/></iq>`],
      );
      return [`iq ${kind} to ${where}`, text];
    },
  ],
];

export const malformed: Repertoire = [
  [
    1,
    (scene) => {
      const name = scene.pick('message', 'presence', 'iq');
      const type = name === 'iq' ? " type='get'" : '';
      const to = scene.pick(
        '@localhost',
        'a@@localhost',
        'localhost/',
        'a b@localhost',
        'romeo@',
        '',
        'romeo@localhost/',
        `${'x'.repeat(1024)}@localhost`,
        'a&quot;b@localhost',
      );
      return [
        `${name} to bad jid ${to.slice(0, 20)}`,
        `<${name}${type} id='${scene.id()}' to='${to}'>${name === 'iq' ? "<ping xmlns='urn:xmpp:ping'/>" : ''}</${name}>`,
      ];
    },
  ],
  [
    0.5,
    (scene) => {
      const [name, inner] = scene.pick(
        ['message', '<body>x</body>'],
        ['presence', ''],
        ['iq', "<ping xmlns='urn:xmpp:ping'/>"],
      );
      const from = scene.pick(
        scene.own(),
        `${scene.speaker.replace('/', '@localhost/')}`,
        'nurse@localhost',
        'localhost',
        '@',
      );
      return [
        `${name} from ${from === scene.own() ? 'own bare' : from.includes('/') ? 'own full' : from}`,
        `<${name}${name === 'iq' ? " type='get'" : ''} id='${scene.id()}' from='${from}' to='${scene.other()}'>${inner}</${name}>`,
      ];
    },
  ],
  [
    0.3,
    (scene) => [
      'presence strange type',
      `<presence type='strange'${scene.chance(0.5) ? ` to='${scene.other()}'` : ''}/>`,
    ],
  ],
  [0.3, () => ['presence bad priority', `<presence><priority>1000</priority></presence>`]],
  [0.2, () => ['presence bad show', `<presence><show>strange</show></presence>`]],
  [0.15, () => ['unknown element', "<foo xmlns='urn:example:foo'/>"]],
  [0.1, () => ['unknown stanza', '<foo/>']],
  [0.1, () => ['text', 'text']],
  [0.1, () => ['auth again', "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AA==</auth>"]],
  [
    0.1,
    (scene) => [
      'bind again',
      `<iq type='set' id='${scene.id()}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>x</resource></bind></iq>`,
    ],
  ],
  [
    0.1,
    () => ['wrong namespace', "<message xmlns='jabber:server' to='romeo@localhost'><body>x</body></message>"],
  ],
];
