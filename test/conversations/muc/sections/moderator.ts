import { ADMIN, admin, coven, error, ID, iqError, iqResult, type Section, SID, user } from './coven.js';

/** §8.4: "a <not-allowed/> error ... along with the offending item(s)". */
const offending = (nick: string): string =>
  `<query xmlns='${ADMIN}'><item nick='${nick}' role='visitor'/></query>`;

/** XEP-0045 §8. */
export const moderatorUseCases: readonly Section[] = [
  {
    name: '§8.1 Modifying the Room Subject',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'subject-change');
      second.send(
        `<message to='${room}' type='groupchat' id='lh2bs617'><subject>Fire Burn and Cauldron Bubble!</subject></message>`,
      );
      for (const client of [first, second, third])
        await client.expect(
          `<message type='groupchat' id='lh2bs617' from='${room}/secondwitch' to='${client.jid}'><subject>Fire Burn and Cauldron Bubble!</subject>${SID}${ID}</message>`,
        );
      await third.ask(
        `<message to='${room}' type='groupchat' id='no'><subject>mine</subject></message>`,
        `<message type='error' id='no' from='${room}' to='${third.jid}'>${error('auth', 'forbidden', 403, room)}</message>`,
      );
      // With a body it is a message, not a change of subject.
      third.send(
        `<message to='${room}' type='groupchat' id='both'><subject>s</subject><body>b</body></message>`,
      );
      for (const client of [first, second, third])
        await client.expect(
          `<message type='groupchat' id='both' from='${room}/thirdwitch' to='${client.jid}'><subject>s</subject><body>b</body>${SID}${ID}</message>`,
        );
      second.send(`<message to='${room}' type='groupchat' id='uj3bs61g'><subject></subject></message>`);
      for (const client of [first, second, third])
        await client.expect(
          `<message type='groupchat' id='uj3bs61g' from='${room}/secondwitch' to='${client.jid}'><subject/>${SID}${ID}</message>`,
        );
      await second.ask(
        `<message to='${room}' type='groupchat' id='long'><subject>${'x'.repeat(1001)}</subject></message>`,
        `<message type='error' id='long' from='${room}' to='${second.jid}'>${error('modify', 'not-acceptable', 406, room, 'A subject may have 1000 characters')}</message>`,
      );
      await first.configure(room, { 'muc#roomconfig_changesubject': '1' });
      await third.skip(room);
      third.send(`<message to='${room}' type='groupchat' id='yes'><subject>mine</subject></message>`);
      await third.expect(
        `<message type='groupchat' id='yes' from='${room}/thirdwitch' to='${third.jid}'><subject>mine</subject>${SID}${ID}</message>`,
      );
      await end();
    },
  },
  {
    name: '§8.2 Kicking an Occupant',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'kick');
      second.send(
        admin(
          room,
          'kick1',
          "<item nick='thirdwitch' role='none'><reason>Avaunt, you cullion!</reason></item>",
        ),
      );
      await third.expect(
        `<presence type='unavailable' from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='none' role='none'><actor nick='secondwitch'/><reason>Avaunt, you cullion!</reason></item>", 110, 307)}${ID}</presence>`,
      );
      // The moderator learns of success before the others learn of the kick.
      const gone = (to: string) =>
        `<presence type='unavailable' from='${room}/thirdwitch' to='${to}'>${user(`<item affiliation='none' jid='${third.jid}' role='none'><reason>Avaunt, you cullion!</reason></item>`, 307)}${ID}</presence>`;
      await second.expect(iqResult(second, room, 'kick1'), gone(second.jid));
      await first.expect(gone(first.jid));
      // A kicked user may come back.
      await third.join(room, 'thirdwitch');
      await first.skip(room);
      await second.skip(room);
      await second.ask(
        admin(room, 'kicktest', "<item nick='firstwitch' role='none'/>"),
        iqError(second, room, 'kicktest', error('cancel', 'not-allowed', 405, room)),
      );
      await third.ask(
        admin(room, 'kick2', "<item nick='secondwitch' role='none'/>"),
        iqError(third, room, 'kick2', error('auth', 'forbidden', 403, room)),
      );
      await second.ask(
        admin(room, 'kick3', "<item nick='nobody' role='none'/>"),
        iqError(second, room, 'kick3', error('cancel', 'item-not-found', 404, room)),
      );
      await end();
    },
  },
  {
    name: '§8.3 Granting Voice to a Visitor, §8.4 Revoking Voice from a Participant',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'voice', {
        'muc#roomconfig_moderatedroom': '1',
      });
      const told = (to: string, role: string, reason: string, jid: string) =>
        `<presence from='${room}/thirdwitch' to='${to}'>${user(`<item affiliation='none'${jid} nick='thirdwitch' role='${role}'>${reason}</item>`)}${ID}</presence>`;
      const jid = ` jid='${third.jid}'`;
      const worthy = '<reason>A worthy witch indeed!</reason>';
      await first.ask(
        admin(room, 'voice1', `<item nick='thirdwitch' role='participant'>${worthy}</item>`),
        iqResult(first, room, 'voice1'),
        told(first.jid, 'participant', worthy, jid),
      );
      await second.expect(told(second.jid, 'participant', worthy, jid));
      await third.expect(
        `<presence from='${room}/thirdwitch' to='${third.jid}'>${user(`<item affiliation='none' nick='thirdwitch' role='participant'>${worthy}</item>`, 110)}${ID}</presence>`,
      );
      // §5.1: voice lasts across visits to a moderated room.
      third.send(`<presence type='unavailable' to='${room}/thirdwitch'/>`);
      await third.next();
      third.send(`<presence to='${room}/thirdwitch'><x xmlns='http://jabber.org/protocol/muc'/></presence>`);
      for (let others = 0; others < 2; others++) await third.next();
      await third.expect(
        `<presence from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='none' role='participant'/>", 110)}${ID}</presence>`,
      );
      await first.skip(room);
      await first.ask(
        admin(room, 'voice2', "<item nick='thirdwitch' role='visitor'/>"),
        iqResult(first, room, 'voice2'),
        told(first.jid, 'visitor', '', jid),
      );
      // Nobody takes voice from an admin or owner, whoever asks.
      await first.ask(
        admin(room, 'voicetest', "<item nick='secondwitch' role='visitor'/>"),
        iqError(
          first,
          room,
          'voicetest',
          offending('secondwitch') + error('cancel', 'not-allowed', 405, room),
        ),
      );
      await end();
    },
  },
  {
    name: '§8.5 Modifying the Voice List',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'voicelist', {
        'muc#roomconfig_moderatedroom': '1',
      });
      const hecate = await world.login('hecate', 'broom');
      await hecate.join(room, 'Hecate');
      await first.skip(room);
      await first.ask(
        admin(room, 'set0', "<item nick='Hecate' role='participant'/>"),
        iqResult(first, room, 'set0'),
      );
      await first.skip(room);
      await first.ask(
        admin(room, 'voice3', "<item role='participant'/>", 'get'),
        iqResult(
          first,
          room,
          'voice3',
          `<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='none' jid='${hecate.jid}' nick='Hecate' role='participant'/></query>`,
        ),
      );
      await third.skip(room);
      await third.ask(
        admin(room, 'voice3', "<item role='participant'/>", 'get'),
        iqError(third, room, 'voice3', error('auth', 'forbidden', 403, room)),
      );
      await first.ask(
        admin(
          room,
          'voice4',
          "<item nick='Hecate' role='visitor'/><item nick='thirdwitch' role='participant'><reason>A worthy fellow.</reason></item>",
        ),
        iqResult(first, room, 'voice4'),
        `<presence from='${room}/Hecate' to='${first.jid}'>${user(`<item affiliation='none' jid='${hecate.jid}' nick='Hecate' role='visitor'/>`)}${ID}</presence>`,
        `<presence from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' nick='thirdwitch' role='participant'><reason>A worthy fellow.</reason></item>`)}${ID}</presence>`,
      );
      // One that is not allowed, and none is done.
      await second.skip(room);
      await second.ask(
        admin(
          room,
          'voicetest',
          "<item nick='Hecate' role='participant'/><item nick='firstwitch' role='visitor'/>",
        ),
        iqError(
          second,
          room,
          'voicetest',
          offending('firstwitch') + error('cancel', 'not-allowed', 405, room),
        ),
      );
      await second.nothing(room);
      await hecate.close();
      await end();
    },
  },
];
