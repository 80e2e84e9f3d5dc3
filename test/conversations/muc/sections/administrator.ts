import { ADMIN, admin, coven, error, ID, iqError, iqResult, JOIN, type Section, user } from './coven.js';

/** XEP-0045 §9. */
export const adminUseCases: readonly Section[] = [
  {
    name: '§9.1 Banning a User',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'ban');
      const item = `<item affiliation='outcast' jid='${third.bare}'><reason>Treason</reason></item>`;
      const gone = (to: string) =>
        `<presence type='unavailable' from='${room}/thirdwitch' to='${to}'>${user(`<item affiliation='outcast' jid='${third.jid}' role='none'><reason>Treason</reason></item>`, 301)}${ID}</presence>`;
      await second.ask(admin(room, 'ban1', item), iqResult(second, room, 'ban1'), gone(second.jid));
      await third.expect(
        `<presence type='unavailable' from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='outcast' role='none'><actor nick='secondwitch'/><reason>Treason</reason></item>", 110, 301)}${ID}</presence>`,
      );
      await first.expect(gone(first.jid));
      await second.ask(
        admin(room, 'ban2', `<item affiliation='outcast' jid='${first.bare}'/>`),
        iqError(second, room, 'ban2', error('cancel', 'not-allowed', 405, room)),
      );
      await second.ask(
        admin(room, 'ban3', `<item affiliation='outcast' jid='${second.bare}'/>`),
        iqError(second, room, 'ban3', error('cancel', 'conflict', 409, room)),
      );
      await end();
    },
  },
  {
    name: '§9.2 Modifying the Ban List',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'banlist');
      await second.ask(
        admin(
          room,
          'ban3',
          "<item affiliation='outcast' jid='lordscroop@shakespeare.lit'><reason>Treason</reason></item><item affiliation='outcast' jid='sirthomasgrey@shakespeare.lit/full'/><item affiliation='outcast' jid='france.example'/>",
        ),
        iqResult(second, room, 'ban3'),
      );
      await second.ask(
        admin(room, 'ban2', "<item affiliation='outcast'/>", 'get'),
        iqResult(
          second,
          room,
          'ban2',
          `<query xmlns='${ADMIN}'><item affiliation='outcast' jid='lordscroop@shakespeare.lit'><reason>Treason</reason></item><item affiliation='outcast' jid='sirthomasgrey@shakespeare.lit'/><item affiliation='outcast' jid='france.example'/></query>`,
        ),
      );
      await third.ask(
        admin(room, 'ban2', "<item affiliation='outcast'/>", 'get'),
        iqError(third, room, 'ban2', error('auth', 'forbidden', 403, room)),
      );
      // A prohibited change among others: none is made.
      await second.ask(
        admin(
          room,
          'ban4',
          `<item affiliation='none' jid='france.example'/><item affiliation='outcast' jid='${first.bare}'/>`,
        ),
        iqError(second, room, 'ban4', error('cancel', 'not-allowed', 405, room)),
      );
      second.send(admin(room, 'ban5', "<item affiliation='outcast'/>", 'get'));
      const list = await second.next();
      if (!list.text.includes('france.example')) throw new Error('a refused request was done in part');
      // §17.4 rule 4.
      await second.ask(
        admin(
          room,
          'both',
          `<item affiliation='outcast' role='none' nick='thirdwitch' jid='${third.bare}'/>`,
        ),
        `<iq type='error' id='both' from='${room}' to='${second.jid}'><error type='modify' code='400'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
      );
      await end();
    },
  },
  {
    name: '§9.2 Modifying the Ban List: a whole domain',
    async run(world) {
      const { room, second, third, end } = await coven(world, 'domainban');
      await second.ask(
        admin(room, 'ban', `<item affiliation='outcast' jid='${world.domain}'/>`),
        iqResult(second, room, 'ban'),
        `<presence type='unavailable' from='${room}/thirdwitch' to='${second.jid}'>${user(`<item affiliation='outcast' jid='${third.jid}' role='none'/>`, 301)}${ID}</presence>`,
      );
      await third.next();
      await third.ask(
        `<presence id='n' to='${room}/thirdwitch'>${JOIN}</presence>`,
        `<presence type='error' id='n' from='${room}/thirdwitch' to='${third.jid}'>${JOIN}${error('auth', 'forbidden', 403, room)}</presence>`,
      );
      await end();
    },
  },
  {
    name: '§9.3 Granting Membership, §9.4 Revoking Membership',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'membership');
      const told = (to: string, affiliation: string, inner = '') =>
        `<presence from='${room}/thirdwitch' to='${to}'>${user(`<item affiliation='${affiliation}' jid='${third.jid}' role='participant'>${inner}</item>`)}${ID}</presence>`;
      await first.ask(
        admin(
          room,
          'member1',
          `<item affiliation='member' jid='${third.bare}' nick='thirdwitch'><reason>A worthy witch indeed!</reason></item>`,
        ),
        iqResult(first, room, 'member1'),
        told(first.jid, 'member', '<reason>A worthy witch indeed!</reason>'),
      );
      await second.expect(told(second.jid, 'member', '<reason>A worthy witch indeed!</reason>'));
      await third.expect(
        `<presence from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='member' role='participant'><reason>A worthy witch indeed!</reason></item>", 110)}${ID}</presence>`,
      );
      await first.ask(
        admin(room, 'member2', `<item affiliation='none' jid='${third.bare}'/>`),
        iqResult(first, room, 'member2'),
        told(first.jid, 'none'),
      );
      await third.skip(room);
      await third.ask(
        admin(room, 'member3', `<item affiliation='member' jid='${third.bare}'/>`),
        iqError(third, room, 'member3', error('auth', 'forbidden', 403, room)),
      );
      await end();
    },
  },
  {
    name: '§9.4 Revoking Membership in a members-only room',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'loss', { 'muc#roomconfig_membersonly': '1' });
      await first.ask(
        admin(room, 'member2', `<item affiliation='none' jid='${third.bare}'/>`),
        iqResult(first, room, 'member2'),
        `<presence type='unavailable' from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='none'/>`, 321)}${ID}</presence>`,
      );
      await third.expect(
        `<presence type='unavailable' from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='none' role='none'><actor nick='firstwitch'/></item>", 110, 321)}${ID}</presence>`,
      );
      await end();
    },
  },
  {
    name: '§9.5 Modifying the Member List',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'memberlist', {
        'muc#roomconfig_membersonly': '1',
        'muc#roomconfig_whois': 'anyone',
      });
      const hecate = await world.login('hecate', 'broom');
      // Who sees real JIDs learns who is a member now, in the room or not.
      const notice = (to: string, jid: string, affiliation: string) =>
        `<message id='*' from='${room}' to='${to}'>${user(`<item affiliation='${affiliation}' jid='${jid}' role='none'/>`)}</message>`;
      // Added to the list of a members-only room, and invited.
      await first.ask(
        admin(room, 'member4', `<item affiliation='member' jid='${hecate.bare}' nick='Hecate'/>`),
        iqResult(first, room, 'member4'),
        notice(first.jid, hecate.bare, 'member'),
      );
      await third.expect(notice(third.jid, hecate.bare, 'member'));
      await hecate.expect(
        `<message id='*' from='${room}' to='${hecate.bare}'>${user(`<invite from='${first.bare}'/>`)}</message>`,
      );
      const list = `<query xmlns='${ADMIN}'><item affiliation='member' jid='${third.bare}'/><item affiliation='member' jid='${hecate.bare}' nick='Hecate'/></query>`;
      await first.ask(
        admin(room, 'member3', "<item affiliation='member'/>", 'get'),
        iqResult(first, room, 'member3', list),
      );
      // In a non-anonymous room, members too, in the room or not.
      await third.ask(
        admin(room, 'm', "<item affiliation='member'/>", 'get'),
        iqResult(third, room, 'm', list),
      );
      await hecate.ask(
        admin(room, 'm', "<item affiliation='member'/>", 'get'),
        iqResult(hecate, room, 'm', list),
      );
      // A mere member may not invite…
      await third.ask(
        `<message id='nzd143v8' to='${room}'>${user("<invite to='bard@example.org'/>")}</message>`,
        `<message type='error' id='nzd143v8' from='${room}' to='${third.jid}'>${error('auth', 'forbidden', 403, room)}</message>`,
      );
      // …until the owner allows it: then the invited is a member.
      await first.configure(room, { 'muc#roomconfig_allowinvites': '1' });
      await third.skip(room);
      const bard = await world.login('bard', 'globe');
      third.send(`<message id='nzd143v9' to='${room}'>${user(`<invite to='${bard.bare}'/>`)}</message>`);
      await bard.expect(
        `<message id='nzd143v9' from='${room}' to='${bard.bare}'>${user(`<invite from='${third.bare}'/>`)}</message>`,
      );
      await third.expect(notice(third.jid, bard.bare, 'member'));
      await bard.join(room, 'bard');
      // The nick that is let go, by an empty attribute.
      await first.skip(room);
      first.send(admin(room, 'unset', `<item affiliation='member' jid='${hecate.bare}' nick=''/>`));
      await first.until((stanza) => stanza.id === 'unset');
      await first.ask(
        admin(room, 'member5', "<item affiliation='member'/>", 'get'),
        iqResult(
          first,
          room,
          'member5',
          `<query xmlns='${ADMIN}'><item affiliation='member' jid='${third.bare}'/><item affiliation='member' jid='${hecate.bare}'/><item affiliation='member' jid='${bard.bare}'/></query>`,
        ),
      );
      // Lost and banned: told, as those who stay must not write to that account any more. A ban of a stranger is not.
      await third.skip(room);
      await first.ask(
        admin(
          room,
          'lost',
          `<item affiliation='outcast' jid='${hecate.bare}'/><item affiliation='outcast' jid='fool@example.org'/>`,
        ),
        iqResult(first, room, 'lost'),
        notice(first.jid, hecate.bare, 'outcast'),
      );
      await third.ask(
        admin(room, 'after', "<item affiliation='member'/>", 'get'),
        notice(third.jid, hecate.bare, 'outcast'),
        iqResult(
          third,
          room,
          'after',
          `<query xmlns='${ADMIN}'><item affiliation='member' jid='${third.bare}'/><item affiliation='member' jid='${bard.bare}'/></query>`,
        ),
      );
      await bard.close();
      await hecate.close();
      await end();
    },
  },
  {
    name: '§9.5 Modifying the Member List: not for mere occupants of a semi-anonymous room; 101 for the absent',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'memberlist-hidden');
      await third.ask(
        admin(room, 'm', "<item affiliation='member'/>", 'get'),
        iqError(third, room, 'm', error('auth', 'forbidden', 403, room)),
      );
      const hecate = await world.login('hecate', 'broom');
      first.send(admin(room, 'member', `<item affiliation='member' jid='${hecate.bare}'/>`));
      await hecate.expect(
        `<message id='*' from='${room}' to='${hecate.bare}'>${user("<item affiliation='member'/>", 101)}</message>`,
      );
      await hecate.close();
      await end();
    },
  },
  {
    name: '§9.6 Granting Moderator Status, §9.7 Revoking Moderator Status, §9.8 Modifying the Moderator List',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'moderators');
      const told = (to: string, role: string) =>
        `<presence from='${room}/thirdwitch' to='${to}'>${user(`<item affiliation='none' jid='${third.jid}' nick='thirdwitch' role='${role}'/>`)}${ID}</presence>`;
      await second.ask(
        admin(room, 'mod1', "<item nick='thirdwitch' role='moderator'/>"),
        iqResult(second, room, 'mod1'),
        told(second.jid, 'moderator'),
      );
      await third.expect(
        `<presence from='${room}/thirdwitch' to='${third.jid}'>${user(`<item affiliation='none' jid='${third.jid}' nick='thirdwitch' role='moderator'/>`, 110)}${ID}</presence>`,
      );
      await second.ask(
        admin(room, 'mod3', "<item role='moderator'/>", 'get'),
        iqResult(
          second,
          room,
          'mod3',
          `<query xmlns='${ADMIN}'><item affiliation='owner' jid='${first.jid}' nick='firstwitch' role='moderator'/><item affiliation='admin' jid='${second.jid}' nick='secondwitch' role='moderator'/><item affiliation='none' jid='${third.jid}' nick='thirdwitch' role='moderator'/></query>`,
        ),
      );
      // A moderator without affiliation neither makes moderators nor sees their list.
      await third.ask(
        admin(room, 'no', "<item role='moderator'/>", 'get'),
        iqError(third, room, 'no', error('auth', 'forbidden', 403, room)),
      );
      await third.ask(
        admin(room, 'modtest', "<item nick='secondwitch' role='participant'/>"),
        iqError(third, room, 'modtest', error('cancel', 'not-allowed', 405, room)),
      );
      await second.ask(
        admin(room, 'modtest', "<item nick='firstwitch' role='participant'/>"),
        iqError(second, room, 'modtest', error('cancel', 'not-allowed', 405, room)),
      );
      await second.ask(
        admin(room, 'mod2', "<item nick='thirdwitch' role='participant'/>"),
        iqResult(second, room, 'mod2'),
        told(second.jid, 'participant'),
      );
      await end();
    },
  },
  {
    name: '§9.9 Approving Registration Requests',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'approval', {
        'muc#roomconfig_registration': 'approval',
      });
      await third.ask(
        `<iq type='set' id='r' to='${room}'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field><field var='muc#register_roomnick'><value>thirdwitch</value></field><field var='muc#register_first'><value>Brunhilde</value></field></x></query></iq>`,
        iqResult(third, room, 'r'),
      );
      for (const client of [first, second])
        await client.expect(
          `<message id='*' from='${room}' to='${client.jid}'><x xmlns='jabber:x:data' type='form'><title>Registration request</title><instructions>To approve this registration request, select the "Allow this person to register with the room?" checkbox and click OK. To skip this request, click the cancel button.</instructions>
            <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#register</value></field>
            <field var='muc#jid' type='jid-single' label='User ID'><value>${third.bare}</value><required/></field>
            <field var='muc#register_first' type='text-single' label='Given Name'><value>Brunhilde</value></field>
            <field var='muc#register_last' type='text-single' label='Family Name'/>
            <field var='muc#register_roomnick' type='text-single' label='Desired Nickname'><value>thirdwitch</value></field>
            <field var='muc#register_url' type='text-single' label='Your URL'/>
            <field var='muc#register_email' type='text-single' label='Email Address'/>
            <field var='muc#register_faqentry' type='text-multi' label='FAQ Entry'/>
            <field var='muc#register_allow' type='boolean' label='Allow this person to register with the room?'><value>0</value></field>
          </x></message>`,
        );
      const decision = `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field><field var='muc#jid'><value>${third.bare}</value></field><field var='muc#register_roomnick'><value>thirdwitch</value></field><field var='muc#register_allow'><value>1</value></field></x>`;
      await third.ask(
        `<message id='cheat' to='${room}'>${decision}</message>`,
        `<message type='error' id='cheat' from='${room}' to='${third.jid}'>${error('auth', 'forbidden', 403, room)}</message>`,
      );
      second.send(`<message id='d' to='${room}'>${decision}</message>`);
      await third.expect(
        `<presence from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='member' role='participant'/>", 110)}${ID}</presence>`,
      );
      await end();
    },
  },
];
