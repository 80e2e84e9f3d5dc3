import { iq, type Repertoire, type Scene, toOther, toOwn } from './scene.js';

/** What is said to who keeps things for accounts: blocks, privacy lists, vCards, private XML. */

const blockItems = (scene: Scene): string =>
  `<item jid='${scene.pick(scene.other(), scene.other(), scene.full(scene.other()))}'/>${scene.chance(0.15) ? `<item jid='${scene.other()}'/>` : ''}`;

export const blocking: Repertoire = [
  [4, iq('set', 'block', (scene) => `<block xmlns='urn:xmpp:blocking'>${blockItems(scene)}</block>`)],
  [3, iq('set', 'unblock', (scene) => `<unblock xmlns='urn:xmpp:blocking'>${blockItems(scene)}</unblock>`)],
  [1, iq('set', 'unblock all', "<unblock xmlns='urn:xmpp:blocking'/>")],
  [2, iq('get', 'blocklist', "<blocklist xmlns='urn:xmpp:blocking'/>")],
  [0.3, iq('set', 'block nobody', "<block xmlns='urn:xmpp:blocking'/>")],
  [0.3, iq('set', 'block bad jid', "<block xmlns='urn:xmpp:blocking'><item jid='@@'/></block>")],
  [0.2, iq('set', 'block without jid', "<block xmlns='urn:xmpp:blocking'><item/></block>")],
  [0.2, iq('set', 'block domain', "<block xmlns='urn:xmpp:blocking'><item jid='example.org'/></block>")],
  [0.2, iq('get', 'blocklist of another', "<blocklist xmlns='urn:xmpp:blocking'/>", toOther)],
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
    iq('set', 'list set', (scene) =>
      privacyQuery(
        `<list name='${LIST(scene)}'>${rule(scene, 1)}${scene.chance(0.5) ? rule(scene, 2) : ''}</list>`,
      ),
    ),
  ],
  [3, iq('set', 'active', (scene) => privacyQuery(`<active name='${LIST(scene)}'/>`))],
  [3, iq('set', 'default', (scene) => privacyQuery(`<default name='${LIST(scene)}'/>`))],
  [1, iq('set', 'active none', privacyQuery('<active/>'))],
  [1, iq('set', 'default none', privacyQuery('<default/>'))],
  [1, iq('get', 'lists', privacyQuery(''))],
  [1, iq('get', 'list get', (scene) => privacyQuery(`<list name='${LIST(scene)}'/>`))],
  [1, iq('set', 'list remove', (scene) => privacyQuery(`<list name='${LIST(scene)}'/>`))],
  [0.2, iq('get', 'list get unknown', privacyQuery("<list name='three'/>"))],
  [0.2, iq('get', 'list get two', privacyQuery("<list name='one'/><list name='two'/>"))],
  [
    0.2,
    iq('set', 'list set bad', (scene) =>
      privacyQuery(
        `<list name='bad'>${scene.pick("<item action='strange' order='1'/>", "<item action='deny'/>", "<item action='deny' order='-1'/>", "<item type='strange' value='x' action='deny' order='1'/>", "<item type='subscription' value='strange' action='deny' order='1'/>", "<item type='group' value='Nowhere' action='deny' order='1'/>", "<item action='deny' order='1'/><item action='allow' order='1'/>")}</list>`,
      ),
    ),
  ],
];

export const stores: Repertoire = [
  [
    3,
    iq(
      'set',
      'vcard set',
      (scene) => `<vCard xmlns='vcard-temp'><FN>Name${scene.pick(1, 2, 3)}</FN></vCard>`,
    ),
  ],
  [2, iq('get', 'vcard get', "<vCard xmlns='vcard-temp'/>")],
  [3, iq('get', 'vcard get of another', "<vCard xmlns='vcard-temp'/>", toOther)],
  [
    1,
    iq(
      'set',
      'vcard set to own',
      (scene) => `<vCard xmlns='vcard-temp'><FN>Name${scene.pick(1, 2, 3)}</FN></vCard>`,
      toOwn,
    ),
  ],
  [0.5, iq('set', 'vcard set of another', "<vCard xmlns='vcard-temp'><FN>x</FN></vCard>", toOther)],
  [0.5, iq('get', 'vcard get to own', "<vCard xmlns='vcard-temp'/>", toOwn)],
  [0.3, iq('get', 'vcard get of nobody', "<vCard xmlns='vcard-temp'/>", 'nobody@localhost')],
  [0.3, iq('set', 'vcard set empty', "<vCard xmlns='vcard-temp'/>")],
  [
    3,
    iq(
      'set',
      'private set',
      (scene) =>
        `<query xmlns='jabber:iq:private'><thing xmlns='urn:example:${scene.pick('a', 'b')}'>${scene.pick('x', '<y/>')}</thing></query>`,
    ),
  ],
  [
    3,
    iq(
      'get',
      'private get',
      (scene) =>
        `<query xmlns='jabber:iq:private'><thing xmlns='urn:example:${scene.pick('a', 'b')}'/></query>`,
    ),
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
    iq(
      'get',
      'private get of another',
      "<query xmlns='jabber:iq:private'><thing xmlns='urn:example:a'/></query>",
      toOther,
    ),
  ],
  [1, iq('get', 'last of another', "<query xmlns='jabber:iq:last'/>", toOther)],
  [0.5, iq('get', 'last of server', "<query xmlns='jabber:iq:last'/>", 'localhost')],
  [0.5, iq('get', 'last own', "<query xmlns='jabber:iq:last'/>")],
  [0.3, iq('get', 'last of nobody', "<query xmlns='jabber:iq:last'/>", 'nobody@localhost')],
  [
    0.7,
    iq('get', 'disco#info of another', "<query xmlns='http://jabber.org/protocol/disco#info'/>", toOther),
  ],
  [
    0.7,
    iq('get', 'disco#items of another', "<query xmlns='http://jabber.org/protocol/disco#items'/>", toOther),
  ],
  [0.5, iq('get', 'disco#info own', "<query xmlns='http://jabber.org/protocol/disco#info'/>", toOwn)],
];
