import { iq, type Repertoire, type Scene } from './scene.js';

/** What is said to who keeps things for accounts: blocks, privacy lists, vCards, private XML. */

const blockItems = (scene: Scene): string =>
  `<item jid='${scene.pick(scene.other(), scene.other(), scene.full(scene.other()))}'/>${scene.chance(0.15) ? `<item jid='${scene.other()}'/>` : ''}`;

export const blocking: Repertoire = [
  [4, (scene) => iq('set', 'block', `<block xmlns='urn:xmpp:blocking'>${blockItems(scene)}</block>`)(scene)],
  [
    3,
    (scene) =>
      iq('set', 'unblock', `<unblock xmlns='urn:xmpp:blocking'>${blockItems(scene)}</unblock>`)(scene),
  ],
  [1, iq('set', 'unblock all', "<unblock xmlns='urn:xmpp:blocking'/>")],
  [2, iq('get', 'blocklist', "<blocklist xmlns='urn:xmpp:blocking'/>")],
  [0.3, iq('set', 'block nobody', "<block xmlns='urn:xmpp:blocking'/>")],
  [0.3, iq('set', 'block bad jid', "<block xmlns='urn:xmpp:blocking'><item jid='@@'/></block>")],
  [0.2, iq('set', 'block without jid', "<block xmlns='urn:xmpp:blocking'><item/></block>")],
  [0.2, iq('set', 'block domain', "<block xmlns='urn:xmpp:blocking'><item jid='example.org'/></block>")],
  [
    0.2,
    (scene) =>
      iq('get', 'blocklist of another', "<blocklist xmlns='urn:xmpp:blocking'/>", scene.other())(scene),
  ],
];

const LIST = (scene: Scene): string => scene.pick('one', 'two');
const privacyQuery = (content: string): string => `<query xmlns='jabber:iq:privacy'>${content}</query>`;

function rule(scene: Scene, order: number): string {
  const who = scene.pick(
    '',
    ` type='jid' value='${scene.other()}'`,
    ` type='jid' value='${scene.full(scene.other())}'`,
    ` type='subscription' value='${scene.pick('both', 'to', 'from', 'none')}'`,
    " type='group' value='Friends'",
  );
  const kinds = scene.chance(0.4) ? '' : `<${scene.pick('message', 'presence-in', 'presence-out', 'iq')}/>`;
  return `<item${who} action='${scene.pick('allow', 'deny', 'deny')}' order='${order}'>${kinds}</item>`;
}

export const privacy: Repertoire = [
  [
    4,
    (scene) =>
      iq(
        'set',
        'list set',
        privacyQuery(
          `<list name='${LIST(scene)}'>${rule(scene, 1)}${scene.chance(0.5) ? rule(scene, 2) : ''}</list>`,
        ),
      )(scene),
  ],
  [3, (scene) => iq('set', 'active', privacyQuery(`<active name='${LIST(scene)}'/>`))(scene)],
  [3, (scene) => iq('set', 'default', privacyQuery(`<default name='${LIST(scene)}'/>`))(scene)],
  [1, iq('set', 'active none', privacyQuery('<active/>'))],
  [1, iq('set', 'default none', privacyQuery('<default/>'))],
  [1, iq('get', 'lists', privacyQuery(''))],
  [1, (scene) => iq('get', 'list get', privacyQuery(`<list name='${LIST(scene)}'/>`))(scene)],
  [1, (scene) => iq('set', 'list remove', privacyQuery(`<list name='${LIST(scene)}'/>`))(scene)],
  [0.2, iq('get', 'list get unknown', privacyQuery("<list name='three'/>"))],
  [0.2, iq('get', 'list get two', privacyQuery("<list name='one'/><list name='two'/>"))],
  [
    0.2,
    (scene) =>
      iq(
        'set',
        'list set bad',
        privacyQuery(
          `<list name='bad'>${scene.pick("<item action='strange' order='1'/>", "<item action='deny'/>", "<item action='deny' order='-1'/>", "<item type='strange' value='x' action='deny' order='1'/>", "<item type='subscription' value='strange' action='deny' order='1'/>", "<item type='group' value='Nowhere' action='deny' order='1'/>", "<item action='deny' order='1'/><item action='allow' order='1'/>")}</list>`,
        ),
      )(scene),
  ],
];

export const stores: Repertoire = [
  [
    3,
    (scene) =>
      iq('set', 'vcard set', `<vCard xmlns='vcard-temp'><FN>Name${scene.pick(1, 2, 3)}</FN></vCard>`)(scene),
  ],
  [2, iq('get', 'vcard get', "<vCard xmlns='vcard-temp'/>")],
  [3, (scene) => iq('get', 'vcard get of another', "<vCard xmlns='vcard-temp'/>", scene.other())(scene)],
  [
    1,
    (scene) =>
      iq(
        'set',
        'vcard set to own',
        `<vCard xmlns='vcard-temp'><FN>Name${scene.pick(1, 2, 3)}</FN></vCard>`,
        scene.own(),
      )(scene),
  ],
  [
    0.5,
    (scene) =>
      iq('set', 'vcard set of another', "<vCard xmlns='vcard-temp'><FN>x</FN></vCard>", scene.other())(scene),
  ],
  [0.5, (scene) => iq('get', 'vcard get to own', "<vCard xmlns='vcard-temp'/>", scene.own())(scene)],
  [0.3, iq('get', 'vcard get of nobody', "<vCard xmlns='vcard-temp'/>", 'nobody@localhost')],
  [0.3, iq('set', 'vcard set empty', "<vCard xmlns='vcard-temp'/>")],
  [
    3,
    (scene) =>
      iq(
        'set',
        'private set',
        `<query xmlns='jabber:iq:private'><thing xmlns='urn:example:${scene.pick('a', 'b')}'>${scene.pick('x', '<y/>')}</thing></query>`,
      )(scene),
  ],
  [
    3,
    (scene) =>
      iq(
        'get',
        'private get',
        `<query xmlns='jabber:iq:private'><thing xmlns='urn:example:${scene.pick('a', 'b')}'/></query>`,
      )(scene),
  ],
  [0.5, iq('get', 'private get none', "<query xmlns='jabber:iq:private'/>")],
  [0.5, iq('set', 'private set none', "<query xmlns='jabber:iq:private'/>")],
  [
    0.3,
    iq(
      'set',
      'private set two',
      "<query xmlns='jabber:iq:private'><a xmlns='urn:example:a'/><b xmlns='urn:example:b'/></query>",
    ),
  ],
  [
    0.3,
    iq(
      'get',
      'private get two',
      "<query xmlns='jabber:iq:private'><a xmlns='urn:example:a'/><b xmlns='urn:example:b'/></query>",
    ),
  ],
  [0.3, iq('set', 'private set without namespace', "<query xmlns='jabber:iq:private'><a/></query>")],
  [
    0.5,
    (scene) =>
      iq(
        'get',
        'private get of another',
        "<query xmlns='jabber:iq:private'><thing xmlns='urn:example:a'/></query>",
        scene.other(),
      )(scene),
  ],
  [1, (scene) => iq('get', 'last of another', "<query xmlns='jabber:iq:last'/>", scene.other())(scene)],
  [0.5, iq('get', 'last of server', "<query xmlns='jabber:iq:last'/>", 'localhost')],
  [0.5, iq('get', 'last own', "<query xmlns='jabber:iq:last'/>")],
  [0.3, iq('get', 'last of nobody', "<query xmlns='jabber:iq:last'/>", 'nobody@localhost')],
  [
    0.7,
    (scene) =>
      iq(
        'get',
        'disco#info of another',
        "<query xmlns='http://jabber.org/protocol/disco#info'/>",
        scene.other(),
      )(scene),
  ],
  [
    0.7,
    (scene) =>
      iq(
        'get',
        'disco#items of another',
        "<query xmlns='http://jabber.org/protocol/disco#items'/>",
        scene.other(),
      )(scene),
  ],
  [
    0.5,
    (scene) =>
      iq(
        'get',
        'disco#info own',
        "<query xmlns='http://jabber.org/protocol/disco#info'/>",
        scene.own(),
      )(scene),
  ],
];
