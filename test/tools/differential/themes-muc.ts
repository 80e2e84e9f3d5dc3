import { iq, type Repertoire, type Scene } from './scene.js';

/** What is said to a room (XEP-0045). */

const MUC = 'http://jabber.org/protocol/muc';
const hall = 'hall@conference.localhost';
const nick = (scene: Scene): string => scene.pick('Romeo', 'Juliet', 'Third', 'Fourth');
const x = (content = ''): string => `<x xmlns='${MUC}'>${content}</x>`;
const admin = (content: string): string => `<query xmlns='${MUC}#admin'>${content}</query>`;
const owner = (content: string): string => `<query xmlns='${MUC}#owner'>${content}</query>`;
const form = (fields: string): string =>
  owner(
    `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>${MUC}#roomconfig</value></field>${fields}</x>`,
  );
const field = (name: string, value: string): string =>
  `<field var='muc#roomconfig_${name}'><value>${value}</value></field>`;
export const mucJoin = (name: string, content = ''): string =>
  `<presence to='${hall}/${name}'>${x(content)}</presence>`;
export const mucUnlock = (id: string): string =>
  `<iq type='set' id='${id}' to='${hall}'>${owner("<x xmlns='jabber:x:data' type='submit'/>")}</iq>`;
export const mucConfigure = (id: string, name: string, value: string): string =>
  `<iq type='set' id='${id}' to='${hall}'>${form(field(name, value))}</iq>`;

export const muc: Repertoire = [
  [
    6,
    (scene) => {
      const [kind, content] = scene.pick<[string, string]>(
        ['', ''],
        ['', ''],
        [' no history', "<history maxchars='0'/>"],
        [' no stanzas', "<history maxstanzas='0'/>"],
        [' one stanza', "<history maxstanzas='1'/>"],
        [' password', '<password>secret</password>'],
        [' wrong password', '<password>wrong</password>'],
        [' since', "<history since='2030-01-01T00:00:00Z'/>"],
      );
      return [`join${kind}`, mucJoin(nick(scene), content)];
    },
  ],
  [0.3, (scene) => ['join without x', `<presence to='${hall}/${nick(scene)}'/>`]],
  [0.2, () => ['join without nick', `<presence to='${hall}'>${x()}</presence>`]],
  [1.5, (scene) => ['nick change or join', `<presence to='${hall}/${nick(scene)}'/>`]],
  [1.5, (scene) => ['room presence', `<presence to='${hall}/${nick(scene)}'><show>away</show></presence>`]],
  [
    1.5,
    (scene) => [
      'leave',
      `<presence type='unavailable' to='${hall}/${nick(scene)}'>${scene.chance(0.3) ? '<status>status3</status>' : ''}</presence>`,
    ],
  ],
  [0.2, () => ['leave by room', `<presence type='unavailable' to='${hall}'/>`]],
  [
    5,
    (scene) => [
      'groupchat',
      `<message type='groupchat' id='${scene.id()}' to='${hall}'><body>body${scene.id()}</body></message>`,
    ],
  ],
  [
    0.3,
    (scene) => [
      'groupchat without body',
      `<message type='groupchat' id='${scene.id()}' to='${hall}'><thing xmlns='urn:example:thing'/></message>`,
    ],
  ],
  [
    0.3,
    (scene) => [
      'chat to room',
      `<message type='${scene.pick('chat', 'normal', 'headline')}' id='${scene.id()}' to='${hall}'><body>b</body></message>`,
    ],
  ],
  [
    0.3,
    (scene) => [
      'groupchat to occupant',
      `<message type='groupchat' id='${scene.id()}' to='${hall}/${nick(scene)}'><body>b</body></message>`,
    ],
  ],
  [
    2,
    (scene) => [
      'private message',
      `<message type='chat' id='${scene.id()}' to='${hall}/${nick(scene)}'><body>body${scene.id()}</body></message>`,
    ],
  ],
  [
    1,
    (scene) => [
      'subject',
      `<message type='groupchat' id='${scene.id()}' to='${hall}'><subject>${scene.pick('', 'subject1', 'subject2')}</subject></message>`,
    ],
  ],
  [
    0.2,
    (scene) => [
      'subject and body',
      `<message type='groupchat' id='${scene.id()}' to='${hall}'><subject>s</subject><body>b</body></message>`,
    ],
  ],
  [
    3,
    (scene) => {
      const role = scene.pick('none', 'visitor', 'participant', 'moderator');
      return iq(
        'set',
        `role ${role}`,
        admin(
          `<item nick='${nick(scene)}' role='${role}'>${scene.chance(0.3) ? '<reason>why</reason>' : ''}</item>`,
        ),
        hall,
      )(scene);
    },
  ],
  [
    3,
    (scene) => {
      const value = scene.pick('outcast', 'none', 'member', 'admin', 'owner');
      return iq(
        'set',
        `affiliation ${value}`,
        admin(
          `<item jid='${scene.other()}' affiliation='${value}'>${scene.chance(0.3) ? '<reason>why</reason>' : ''}</item>`,
        ),
        hall,
      )(scene);
    },
  ],
  [
    0.4,
    (scene) => {
      const value = scene.pick('outcast', 'none', 'member', 'admin', 'owner');
      return iq(
        'set',
        `own affiliation ${value}`,
        admin(`<item jid='${scene.own()}' affiliation='${value}'/>`),
        hall,
      )(scene);
    },
  ],
  [
    0.4,
    (scene) =>
      iq(
        'set',
        'affiliation by nick',
        admin(`<item nick='${nick(scene)}' affiliation='${scene.pick('outcast', 'none', 'member')}'/>`),
        hall,
      )(scene),
  ],
  [
    0.3,
    (scene) =>
      iq(
        'set',
        'affiliation of full',
        admin(`<item jid='${scene.full(scene.other())}' affiliation='member'/>`),
        hall,
      )(scene),
  ],
  [
    1,
    (scene) => {
      const what = scene.pick(
        "affiliation='outcast'",
        "affiliation='member'",
        "affiliation='admin'",
        "affiliation='owner'",
        "role='participant'",
        "role='moderator'",
        "role='visitor'",
      );
      return iq('get', `list ${what}`, admin(`<item ${what}/>`), hall)(scene);
    },
  ],
  [
    0.3,
    (scene) =>
      iq(
        'set',
        'admin bad',
        admin(
          scene.pick(
            '',
            "<item nick='Romeo' role='strange'/>",
            "<item jid='juliet@localhost' affiliation='strange'/>",
            "<item role='visitor'/>",
            "<item affiliation='member'/>",
            "<item jid='@@' affiliation='member'/>",
          ),
        ),
        hall,
      )(scene),
  ],
  [
    2,
    (scene) => {
      const [name, value] = scene.pick<[string, string]>(
        ['membersonly', '1'],
        ['membersonly', '0'],
        ['moderatedroom', '1'],
        ['moderatedroom', '0'],
        ['persistentroom', '1'],
        ['persistentroom', '0'],
        ['publicroom', '0'],
        ['changesubject', '1'],
        ['changesubject', '0'],
        ['whois', 'anyone'],
        ['whois', 'moderators'],
        ['allowinvites', '1'],
        ['allowinvites', '0'],
      );
      return iq('set', `configure ${name} ${value}`, form(field(name, value)), hall)(scene);
    },
  ],
  [
    0.6,
    (scene) => {
      const on = scene.chance(0.6);
      return iq(
        'set',
        `configure password ${on}`,
        form(field('passwordprotectedroom', on ? '1' : '0') + field('roomsecret', on ? 'secret' : '')),
        hall,
      )(scene);
    },
  ],
  [0.4, iq('get', 'configuration', owner(''), hall)],
  [0.2, iq('set', 'configuration cancel', owner("<x xmlns='jabber:x:data' type='cancel'/>"), hall)],
  [
    1,
    (scene) => [
      'invite',
      `<message to='${hall}' id='${scene.id()}'><x xmlns='${MUC}#user'><invite to='${scene.other()}'><reason>why</reason></invite></x></message>`,
    ],
  ],
  [
    0.4,
    (scene) => [
      'decline',
      `<message to='${hall}' id='${scene.id()}'><x xmlns='${MUC}#user'><decline to='${scene.other()}'><reason>why</reason></decline></x></message>`,
    ],
  ],
  [
    0.3,
    (scene) =>
      iq(
        'set',
        'destroy',
        owner(
          scene.pick(
            '<destroy/>',
            "<destroy jid='attic@conference.localhost'><reason>why</reason></destroy>",
          ),
        ),
        hall,
      )(scene),
  ],
  [0.5, iq('get', 'disco#info room', "<query xmlns='http://jabber.org/protocol/disco#info'/>", hall)],
  [0.3, iq('get', 'disco#items room', "<query xmlns='http://jabber.org/protocol/disco#items'/>", hall)],
  [
    0.3,
    (scene) => iq('get', 'ping occupant', "<ping xmlns='urn:xmpp:ping'/>", `${hall}/${nick(scene)}`)(scene),
  ],
  [
    0.3,
    (scene) =>
      iq('get', 'version of occupant', "<query xmlns='jabber:iq:version'/>", `${hall}/${nick(scene)}`)(scene),
  ],
  [
    0.3,
    (scene) =>
      iq(
        'get',
        'unknown to occupant',
        "<query xmlns='urn:example:unknown'/>",
        `${hall}/${nick(scene)}`,
      )(scene),
  ],
  [0.2, iq('get', 'unknown to room', "<query xmlns='urn:example:unknown'/>", hall)],
  [0.2, iq('get', 'register get', "<query xmlns='jabber:iq:register'/>", hall)],
  [
    0.3,
    (scene) =>
      iq(
        'set',
        'register',
        `<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>${MUC}#register</value></field><field var='muc#register_roomnick'><value>${nick(scene)}</value></field></x></query>`,
        hall,
      )(scene),
  ],
  [
    0.3,
    (scene) => [
      'voice request',
      `<message to='${hall}' id='${scene.id()}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>${MUC}#request</value></field><field var='muc#role'><value>participant</value></field></x></message>`,
    ],
  ],
  [0.3, () => ['unavailable', "<presence type='unavailable'/>"]],
];
