import { admin, coven, error, ID, JOIN, type Section, SID, user } from './coven.js';

function refused(room: string, to: string, errorElement: string, id = 'n13mt3l'): string {
  return `<presence type='error' id='${id}' from='${room}/thirdwitch' to='${to}'>${JOIN}${errorElement}</presence>`;
}

/** XEP-0045 §7.1 and §7.2. */
export const entering: readonly Section[] = [
  {
    name: '§7.1 Order of Events, §7.2.1 Basic MUC Protocol, §7.2.2 Presence Broadcast, §7.2.4 Semi-Anonymous Rooms',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'broadcast');
      first.send(
        `<message to='${room}' type='groupchat' id='m1'><body>Thrice the brinded cat hath mew'd.</body></message>`,
      );
      for (const client of [first, second, third]) await client.next('the message');
      const hecate = await world.login('hecate', 'broom');
      await hecate.ask(
        `<presence id='n13mt3l' to='${room}/hecate'><show>dnd</show>${JOIN}</presence>`,
        `<presence from='${room}/firstwitch' to='${hecate.jid}'>${user("<item affiliation='owner' role='moderator'/>")}${ID}</presence>`,
        `<presence from='${room}/secondwitch' to='${hecate.jid}'>${user("<item affiliation='admin' role='moderator'/>")}${ID}</presence>`,
        `<presence from='${room}/thirdwitch' to='${hecate.jid}'>${user("<item affiliation='none' role='participant'/>")}${ID}</presence>`,
        `<presence id='n13mt3l' from='${room}/hecate' to='${hecate.jid}'><show>dnd</show>${user("<item affiliation='none' role='participant'/>", 110)}${ID}</presence>`,
        `<message type='groupchat' id='m1' from='${room}/firstwitch' to='${hecate.jid}'><body>Thrice the brinded cat hath mew'd.</body>${SID}${ID}<delay xmlns='urn:xmpp:delay' from='${room}' stamp='*'/></message>`,
        `<message type='groupchat' from='${room}' to='${hecate.jid}'><subject/></message>`,
      );
      const seen = (to: string, jid: string) =>
        `<presence from='${room}/hecate' to='${to}'><show>dnd</show>${user(`<item affiliation='none'${jid} role='participant'/>`)}${ID}</presence>`;
      await first.expect(seen(first.jid, ` jid='${hecate.jid}'`));
      await second.expect(seen(second.jid, ` jid='${hecate.jid}'`));
      await third.expect(seen(third.jid, ''));

      // §7.2.1: without nickname.
      await hecate.ask(
        `<presence id='273hs51g' to='${room}'>${JOIN}</presence>`,
        `<presence type='error' id='273hs51g' from='${room}' to='${hecate.jid}'>${JOIN}${error('modify', 'jid-malformed', 400, room)}</presence>`,
      );
      // §7.2.1, §17.3 rule 3: whoever joins again is sent everything again; nobody else notices.
      hecate.send(`<presence id='again' to='${room}/hecate'><show>dnd</show>${JOIN}</presence>`);
      await hecate.expect(
        `<presence from='${room}/firstwitch' to='${hecate.jid}'>${user("<item affiliation='owner' role='moderator'/>")}${ID}</presence>`,
        `<presence from='${room}/secondwitch' to='${hecate.jid}'>${user("<item affiliation='admin' role='moderator'/>")}${ID}</presence>`,
        `<presence from='${room}/thirdwitch' to='${hecate.jid}'>${user("<item affiliation='none' role='participant'/>")}${ID}</presence>`,
        `<presence id='again' from='${room}/hecate' to='${hecate.jid}'><show>dnd</show>${user("<item affiliation='none' role='participant'/>", 110)}${ID}</presence>`,
        `<message type='groupchat' id='m1' from='${room}/firstwitch' to='${hecate.jid}'><body>Thrice the brinded cat hath mew'd.</body>${SID}${ID}<delay xmlns='urn:xmpp:delay' from='${room}' stamp='*'/></message>`,
        `<message type='groupchat' from='${room}' to='${hecate.jid}'><subject/></message>`,
      );
      await third.nothing(room);
      await hecate.close();
      await end();
    },
  },
  {
    name: '§7.2.2 Presence Broadcast: a nickname that the service modifies (210), one that cannot be seen, one that is too long',
    async run(world) {
      const { room, end } = await coven(world, 'modified');
      const hecate = await world.login('hecate', 'broom');
      hecate.send(`<presence id='p' to='${room}/hecate '>${JOIN}</presence>`);
      for (let others = 0; others < 3; others++) await hecate.next();
      await hecate.expect(
        `<presence id='p' from='${room}/hecate' to='${hecate.jid}'>${user("<item affiliation='none' role='participant'/>", 110, 210)}${ID}</presence>`,
      );
      await hecate.skip(room);
      const bard = await world.login('bard', 'globe');
      bard.send(`<presence id='n13mt3l' to='${room}/${'x'.repeat(65)}'>${JOIN}</presence>`);
      await bard.expect(
        `<presence type='error' id='n13mt3l' from='${room}/${'x'.repeat(65)}' to='${bard.jid}'>${JOIN}${error('modify', 'not-acceptable', 406, room, 'A nickname may have 64 characters')}</presence>`,
      );
      await bard.close();
      await hecate.close();
      await end();
    },
  },
  {
    name: '§7.2.3 Non-Anonymous Rooms',
    async run(world) {
      const { room, third, end } = await coven(world, 'nonanonymous', { 'muc#roomconfig_whois': 'anyone' });
      const hecate = await world.login('hecate', 'broom');
      hecate.send(`<presence id='n13mt3l' to='${room}/hecate'>${JOIN}</presence>`);
      for (let others = 0; others < 3; others++) await hecate.next();
      await hecate.expect(
        `<presence id='n13mt3l' from='${room}/hecate' to='${hecate.jid}'>${user(`<item affiliation='none' jid='${hecate.jid}' role='participant'/>`, 100, 110)}${ID}</presence>`,
      );
      await third.expect(
        `<presence from='${room}/hecate' to='${third.jid}'>${user(`<item affiliation='none' jid='${hecate.jid}' role='participant'/>`)}${ID}</presence>`,
      );
      await hecate.close();
      await end();
    },
  },
  {
    name: '§7.2.5 Password-Protected Rooms',
    async run(world) {
      const { room, end } = await coven(world, 'password', {
        'muc#roomconfig_passwordprotectedroom': '1',
        'muc#roomconfig_roomsecret': 'cauldronburn',
      });
      const hecate = await world.login('hecate', 'broom');
      const denied = `<presence type='error' id='n13mt3l' from='${room}/hecate' to='${hecate.jid}'>${JOIN}${error('auth', 'not-authorized', 401, room)}</presence>`;
      await hecate.ask(`<presence id='n13mt3l' to='${room}/hecate'>${JOIN}</presence>`, denied);
      await hecate.ask(
        `<presence id='n13mt3l' to='${room}/hecate'><x xmlns='http://jabber.org/protocol/muc'><password>wrong</password></x></presence>`,
        denied,
      );
      await hecate.join(room, 'hecate', '<password>cauldronburn</password>');
      await hecate.close();
      await end();
    },
  },
  {
    name: '§7.2.6 Members-Only Rooms',
    async run(world) {
      const { room, end } = await coven(world, 'membersonly', { 'muc#roomconfig_membersonly': '1' });
      const hecate = await world.login('hecate', 'broom');
      await hecate.ask(
        `<presence id='n13mt3l' to='${room}/thirdwitch'>${JOIN}</presence>`,
        refused(room, hecate.jid, error('auth', 'registration-required', 407, room)),
      );
      await hecate.close();
      await end();
    },
  },
  {
    name: '§7.2.7 Banned Users',
    async run(world) {
      const { room, first, end } = await coven(world, 'banned');
      const hecate = await world.login('hecate', 'broom');
      await first.ask(
        admin(room, 'ban', `<item affiliation='outcast' jid='${hecate.bare}'/>`),
        `<iq type='result' id='ban' from='${room}' to='${first.jid}'/>`,
      );
      await hecate.ask(
        `<presence id='n13mt3l' to='${room}/thirdwitch'>${JOIN}</presence>`,
        refused(room, hecate.jid, error('auth', 'forbidden', 403, room)),
      );
      await hecate.close();
      await end();
    },
  },
  {
    name: '§7.2.8 Nickname Conflict',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'conflict');
      const hecate = await world.login('hecate', 'broom');
      const conflict = refused(room, hecate.jid, error('cancel', 'conflict', 409, room));
      await hecate.ask(`<presence id='n13mt3l' to='${room}/thirdwitch'>${JOIN}</presence>`, conflict);
      // The reserved nick of somebody who is not there.
      first.send(
        admin(room, 'reserve', "<item affiliation='member' jid='bard@example.org' nick='TheBard'/>"),
      );
      await first.until((stanza) => stanza.id === 'reserve');
      await hecate.ask(
        `<presence id='r' to='${room}/thebard'>${JOIN}</presence>`,
        `<presence type='error' id='r' from='${room}/thebard' to='${hecate.jid}'>${JOIN}${error('cancel', 'conflict', 409, room)}</presence>`,
      );

      // The same account: one occupant, two sessions.
      const phone = await world.login('hag66', 'phone');
      await phone.join(room, 'thirdwitch');
      await third.expect(
        `<presence from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='none' role='participant'/>", 110)}${ID}</presence>`,
      );
      await first.skip(room);
      await third.skip(room);
      third.send(`<message to='${room}' type='groupchat' id='both'><body>twice</body></message>`);
      for (const client of [third, phone, first])
        await client.expect(
          `<message type='groupchat' id='both' from='${room}/thirdwitch' to='${client.jid}'><body>twice</body>${SID}${ID}</message>`,
        );
      first.send(`<message to='${room}/thirdwitch' type='chat' id='pm'><body>psst</body></message>`);
      for (const client of [third, phone])
        await client.expect(
          `<message type='chat' id='pm' from='${room}/firstwitch' to='${client.jid}'><body>psst</body>${user('')}${ID}</message>`,
        );
      // A part of it leaves: for the others the occupant stays, shown by the session that is left.
      phone.send(`<presence type='unavailable' to='${room}/thirdwitch'/>`);
      await phone.expect(
        `<presence type='unavailable' from='${room}/thirdwitch' to='${phone.jid}'>${user("<item affiliation='none' role='none'/>", 110)}${ID}</presence>`,
      );
      await first.expect(
        `<presence from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='participant'/>`)}${ID}</presence>`,
      );
      await phone.close();
      await hecate.close();
      await end();
    },
  },
  {
    name: '§7.2.9 Max Users',
    async run(world) {
      const { room, end } = await coven(world, 'full', {
        'muc#roomconfig_maxusers': '3',
        'muc#roomconfig_roomadmins': [`wiccarocks@${world.domain}`, `bard@${world.domain}`],
      });
      const hecate = await world.login('hecate', 'broom');
      await hecate.ask(
        `<presence id='n13mt3l' to='${room}/thirdwitch'>${JOIN}</presence>`,
        refused(room, hecate.jid, error('cancel', 'conflict', 409, room)),
      );
      await hecate.ask(
        `<presence id='n13mt3l' to='${room}/fourth'>${JOIN}</presence>`,
        `<presence type='error' id='n13mt3l' from='${room}/fourth' to='${hecate.jid}'>${JOIN}${error('wait', 'service-unavailable', 503, room, 'The room is full')}</presence>`,
      );
      // An admin comes in all the same.
      const bard = await world.login('bard', 'globe');
      await bard.join(room, 'bard');
      await bard.close();
      await hecate.close();
      await end();
    },
  },
  {
    name: '§7.2.10 Locked Room',
    async run(world) {
      const room = `locked@${world.muc}`;
      const crone = await world.login('crone1', 'desktop');
      const hag = await world.login('hag66', 'pda');
      await crone.join(room, 'firstwitch');
      await hag.ask(
        `<presence id='n13mt3l' to='${room}/thirdwitch'>${JOIN}</presence>`,
        refused(room, hag.jid, error('cancel', 'item-not-found', 404, room)),
      );
      await crone.configure(room);
      await hag.join(room, 'thirdwitch');
      await hag.close();
      await crone.close();
    },
  },
  {
    name: '§7.2.13 Discussion History, §7.2.14 Managing Discussion History',
    async run(world) {
      const { room, first, end } = await coven(world, 'history', { 'muc#maxhistoryfetch': '4' });
      for (let number = 1; number <= 6; number++) {
        first.send(`<message to='${room}' type='groupchat' id='h${number}'><body>${number}</body></message>`);
        await first.next();
      }
      // Typing notices are nobody's history.
      first.send(
        `<message to='${room}' type='groupchat' id='typing'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`,
      );
      await first.next();
      const hecate = await world.login('hecate', 'broom');
      const history = async (asked: string): Promise<string> => {
        hecate.send(
          `<presence to='${room}/hecate'><x xmlns='http://jabber.org/protocol/muc'>${asked}</x></presence>`,
        );
        const got: string[] = [];
        await hecate.until((stanza) => {
          if (stanza.name === 'message' && stanza.hasChild('body', 'jabber:client'))
            got.push(stanza.id ?? '');
          return stanza.hasChild('subject', 'jabber:client');
        });
        return got.join(' ');
      };
      const table: [string, string][] = [
        ['', 'h3 h4 h5 h6'],
        ["<history maxstanzas='2'/>", 'h5 h6'],
        ["<history maxstanzas='20'/>", 'h3 h4 h5 h6'],
        ["<history maxchars='0'/>", ''],
        ["<history maxchars='65000'/>", 'h3 h4 h5 h6'],
        ["<history maxchars='900' maxstanzas='1'/>", 'h6'],
        ["<history maxstanzas='0'/>", ''],
        ["<history seconds='180'/>", 'h3 h4 h5 h6'],
        ["<history since='1970-01-01T00:00:00Z'/>", 'h3 h4 h5 h6'],
        ["<history since='2990-01-01T00:00:00Z'/>", ''],
        ["<history since='1970-01-01T00:00:00Z' maxstanzas='3'/>", 'h4 h5 h6'],
        ["<history maxstanzas='two'/>", 'h3 h4 h5 h6'],
      ];
      for (const [asked, expected] of table) {
        const got = await history(asked);
        if (got !== expected) throw new Error(`${asked}: ${got} instead of ${expected}`);
      }
      await hecate.close();
      await end();
    },
  },
  {
    name: '§7.2.15 Room Subject',
    async run(world) {
      const { room, second, end } = await coven(world, 'subject');
      second.send(
        `<message to='${room}' type='groupchat' id='F437C672'><subject>Fire Burn and Cauldron Bubble!</subject></message>`,
      );
      await second.next();
      const hecate = await world.login('hecate', 'broom');
      hecate.send(`<presence to='${room}/hecate'>${JOIN}</presence>`);
      await hecate.until((stanza) => stanza.from === `${room}/hecate`);
      await hecate.expect(
        `<message type='groupchat' id='F437C672' from='${room}/secondwitch' to='${hecate.jid}'><subject>Fire Burn and Cauldron Bubble!</subject>${SID}${ID}<delay xmlns='urn:xmpp:delay' from='${room}' stamp='*'/></message>`,
      );
      await hecate.close();
      await end();
    },
  },
  {
    name: '§7.2.18 Groupchat 1.0 Protocol: a presence without <x/> from somebody who is not in the room',
    async run(world) {
      const { room, third, end } = await coven(world, 'gc');
      const hecate = await world.login('hecate', 'broom');
      await hecate.ask(
        `<presence id='ng91xs69' to='${room}/hecate'/>`,
        `<presence type='unavailable' id='ng91xs69' from='${room}/hecate' to='${hecate.jid}'>${user("<item affiliation='none' role='none'><reason>You are not in the room.</reason></item>", 110, 307, 333)}</presence>`,
      );
      // Neither a probe nor an unavailable presence is a join (§17.3 rules 1 and 5).
      hecate.send(`<presence type='probe' to='${room}/hecate'/>`);
      hecate.send(`<presence type='unavailable' to='${room}/hecate'/>`);
      await hecate.nothing(room);
      await third.nothing(room);
      await hecate.close();
      await end();
    },
  },
];
