import { admin, coven, error, ID, iqError, iqResult, JOIN, type Section, SID, user } from './coven.js';

const REGISTER = 'jabber:iq:register';

/** XEP-0045 §7.3 to §7.14. */
export const occupantUseCases: readonly Section[] = [
  {
    name: '§7.4 Sending a Message to All Occupants',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'messages');
      third.send(
        `<message to='${room}' type='groupchat' id='hysf1v37' xml:lang='en'><body>Harpier cries: &apos;tis time, &amp; 'tis time.</body><x xmlns='urn:example:kept' a='1'><y/></x></message>`,
      );
      for (const client of [first, second, third])
        await client.expect(
          `<message type='groupchat' id='hysf1v37' xml:lang='en' from='${room}/thirdwitch' to='${client.jid}'><body>Harpier cries: 'tis time, &amp; 'tis time.</body><x xmlns='urn:example:kept' a='1'><y/></x>${SID}${ID}</message>`,
        );
      // What only the room may say is taken out; an origin-id stays.
      third.send(
        `<message to='${room}' type='groupchat' id='forged'><body>x</body><stanza-id xmlns='urn:xmpp:sid:0' id='mine' by='${room}'/><stanza-id xmlns='urn:xmpp:sid:0' id='other' by='elsewhere@example.org'/><origin-id xmlns='urn:xmpp:sid:0' id='o'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner'/></x><delay xmlns='urn:xmpp:delay' from='${room}' stamp='2002-10-13T23:58:37Z'/></message>`,
      );
      for (const client of [first, second, third])
        await client.expect(
          `<message type='groupchat' id='forged' from='${room}/thirdwitch' to='${client.jid}'><body>x</body><origin-id xmlns='urn:xmpp:sid:0' id='o'/><stanza-id xmlns='urn:xmpp:sid:0' id='*' by='${room}'/>${ID}</message>`,
        );
      // From outside; to a room that is not there; of a type that a room does not take.
      const outsider = await world.login('bard', 'globe');
      await outsider.ask(
        `<message to='${room}' type='groupchat' id='o1'><body>let me in</body></message>`,
        `<message type='error' id='o1' from='${room}' to='${outsider.jid}'>${error('modify', 'not-acceptable', 406, room)}</message>`,
      );
      await outsider.ask(
        `<message to='no-such-room@${world.muc}' type='groupchat' id='o2'><body>hello?</body></message>`,
        `<message type='error' id='o2' from='no-such-room@${world.muc}' to='${outsider.jid}'>${error('cancel', 'item-not-found', 404, `no-such-room@${world.muc}`)}</message>`,
      );
      await third.ask(
        `<message to='${room}' type='chat' id='o3'><body>hello?</body></message>`,
        `<message type='error' id='o3' from='${room}' to='${third.jid}'>${error('modify', 'bad-request', 400, room)}</message>`,
      );
      await third.ask(
        `<message to='${room}' type='groupchat' id='big'><body>${'x'.repeat(70_000)}</body></message>`,
        `<message type='error' id='big' from='${room}' to='${third.jid}'>${error('modify', 'policy-violation', 406, room, 'A message may have 65536 bytes')}</message>`,
      );
      await first.nothing(room);
      await outsider.close();
      await end();
    },
  },
  {
    name: '§7.4 Sending a Message to All Occupants: a visitor has no voice',
    async run(world) {
      const { room, third, first, end } = await coven(world, 'voiceless', {
        'muc#roomconfig_moderatedroom': '1',
      });
      await third.ask(
        `<message to='${room}' type='groupchat' id='v'><body>psst</body></message>`,
        `<message type='error' id='v' from='${room}' to='${third.jid}'>${error('auth', 'forbidden', 403, room)}</message>`,
      );
      await first.nothing(room);
      await end();
    },
  },
  {
    name: '§7.5 Sending a Private Message',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'private');
      second.send(
        `<message to='${room}/firstwitch' type='chat' id='hgn27af1'><body>I'll give thee a wind.</body>${user('')}</message>`,
      );
      await first.expect(
        `<message type='chat' id='hgn27af1' from='${room}/secondwitch' to='${first.jid}'><body>I'll give thee a wind.</body>${user('')}${ID}</message>`,
      );
      // Without a type, without the element of muc#user, and with one that claims something.
      second.send(
        `<message to='${room}/firstwitch' id='n'><body>a</body>${user("<item affiliation='owner'/>")}</message>`,
      );
      await first.expect(
        `<message id='n' from='${room}/secondwitch' to='${first.jid}'><body>a</body>${user('')}${ID}</message>`,
      );
      await second.ask(
        `<message to='${room}/firstwitch' type='groupchat' id='bx71f29k'><body>I'll give thee a wind.</body></message>`,
        `<message type='error' id='bx71f29k' from='${room}/firstwitch' to='${second.jid}'>${error('modify', 'bad-request', 400, room)}</message>`,
      );
      await second.ask(
        `<message to='${room}/nobody' type='chat' id='p1'><body>x</body></message>`,
        `<message type='error' id='p1' from='${room}/nobody' to='${second.jid}'>${error('cancel', 'item-not-found', 404, room)}</message>`,
      );
      const outsider = await world.login('bard', 'globe');
      await outsider.ask(
        `<message to='${room}/firstwitch' type='chat' id='p2'><body>x</body></message>`,
        `<message type='error' id='p2' from='${room}/firstwitch' to='${outsider.jid}'>${error('modify', 'not-acceptable', 406, room)}</message>`,
      );
      await first.configure(room, { 'muc#roomconfig_allowpm': 'moderators' });
      await third.skip(room);
      await third.ask(
        `<message to='${room}/firstwitch' type='chat' id='p3'><body>x</body></message>`,
        `<message type='error' id='p3' from='${room}/firstwitch' to='${third.jid}'>${error('auth', 'forbidden', 403, room)}</message>`,
      );
      await outsider.close();
      await end();
    },
  },
  {
    name: '§7.6 Changing Nickname',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'nickname');
      third.send(`<presence id='ifd1c35' to='${room}/oldhag'/>`);
      for (const [client, jid] of [
        [first, ` jid='${third.jid}'`],
        [second, ` jid='${third.jid}'`],
      ] as const)
        await client.expect(
          `<presence type='unavailable' from='${room}/thirdwitch' to='${client.jid}'>${user(`<item affiliation='none'${jid} nick='oldhag' role='participant'/>`, 303)}${ID}</presence>`,
          `<presence from='${room}/oldhag' to='${client.jid}'>${user(`<item affiliation='none'${jid} role='participant'/>`)}${ID}</presence>`,
        );
      await third.expect(
        `<presence type='unavailable' from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='none' nick='oldhag' role='participant'/>", 110, 303)}${ID}</presence>`,
        `<presence id='ifd1c35' from='${room}/oldhag' to='${third.jid}'>${user("<item affiliation='none' role='participant'/>", 110)}${ID}</presence>`,
      );
      const conflict = (nick: string) =>
        `<presence type='error' id='c' from='${room}/${nick}' to='${third.jid}'>${JOIN}${error('cancel', 'conflict', 409, room)}</presence>`;
      await third.ask(`<presence id='c' to='${room}/firstwitch'/>`, conflict('firstwitch'));
      first.send(
        admin(room, 'reserve', "<item affiliation='member' jid='bard@example.org' nick='TheBard'/>"),
      );
      await first.until((stanza) => stanza.id === 'reserve');
      await third.ask(`<presence id='c' to='${room}/TheBard'/>`, conflict('TheBard'));
      await end();
    },
  },
  {
    name: '§7.6 Changing Nickname: nicknames are locked down',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'lockdown', { 'muc#roomconfig_locknicks': '1' });
      first.send(
        admin(room, 'reserve', `<item affiliation='member' jid='${third.bare}' nick='thirdwitch'/>`),
      );
      await first.until((stanza) => stanza.id === 'reserve');
      await third.skip(room);
      await third.ask(
        `<presence id='c' to='${room}/oldhag'/>`,
        `<presence type='error' id='c' from='${room}/oldhag' to='${third.jid}'>${JOIN}${error('cancel', 'not-acceptable', 406, room)}</presence>`,
      );
      third.send(`<presence type='unavailable' to='${room}/thirdwitch'/>`);
      await third.next();
      // §7.10: modified rather than refused on entry.
      third.send(`<presence to='${room}/oldhag'>${JOIN}</presence>`);
      for (let others = 0; others < 2; others++) await third.next();
      await third.expect(
        `<presence from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='member' role='participant'/>", 110, 210)}${ID}</presence>`,
      );
      await end();
    },
  },
  {
    name: '§7.7 Changing Availability Status',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'availability');
      second.send(
        `<presence id='kr7v143h' to='${room}/secondwitch'><show>xa</show><status>gone where the goblins go</status><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>${user("<item affiliation='owner' role='moderator'/>")}</presence>`,
      );
      const content =
        "<show>xa</show><status>gone where the goblins go</status><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>";
      await first.expect(
        `<presence from='${room}/secondwitch' to='${first.jid}'>${content}${user(`<item affiliation='admin' jid='${second.jid}' role='moderator'/>`)}${ID}</presence>`,
      );
      await third.expect(
        `<presence from='${room}/secondwitch' to='${third.jid}'>${content}${user("<item affiliation='admin' role='moderator'/>")}${ID}</presence>`,
      );
      await second.expect(
        `<presence id='kr7v143h' from='${room}/secondwitch' to='${second.jid}'>${content}${user(`<item affiliation='admin' jid='${second.jid}' role='moderator'/>`, 110)}${ID}</presence>`,
      );
      await end();
    },
  },
  {
    name: '§7.7 Changing Availability Status: presence that is not broadcast',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'hidden-presence', {
        'muc#roomconfig_moderatedroom': '1',
        'muc#roomconfig_presencebroadcast': ['moderator', 'participant'],
      });
      // thirdwitch, a visitor, is seen by nobody but herself.
      third.send(`<presence id='s' to='${room}/thirdwitch'><show>away</show></presence>`);
      await third.expect(
        `<presence id='s' from='${room}/thirdwitch' to='${third.jid}'><show>away</show>${user("<item affiliation='none' role='visitor'/>", 110)}${ID}</presence>`,
      );
      await first.nothing(room);
      // With voice she appears, and without it she is gone again.
      await first.ask(
        admin(room, 'voice1', "<item nick='thirdwitch' role='participant'/>"),
        iqResult(first, room, 'voice1'),
        `<presence from='${room}/thirdwitch' to='${first.jid}'><show>away</show>${user(`<item affiliation='none' jid='${third.jid}' nick='thirdwitch' role='participant'/>`)}${ID}</presence>`,
      );
      await first.ask(
        admin(room, 'voice2', "<item nick='thirdwitch' role='visitor'/>"),
        iqResult(first, room, 'voice2'),
        `<presence type='unavailable' from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='none'/>`)}${ID}</presence>`,
      );
      await end();
    },
  },
  {
    name: '§7.8.2 Mediated Invitation',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'invitation', {
        'muc#roomconfig_passwordprotectedroom': '1',
        'muc#roomconfig_roomsecret': 'cauldronburn',
      });
      const hecate = await world.login('hecate', 'broom');
      third.send(
        `<message id='nzd143v8' to='${room}'>${user(`<invite to='${hecate.bare}'><reason>Hey Hecate</reason></invite>`)}</message>`,
      );
      await hecate.expect(
        `<message id='nzd143v8' from='${room}' to='${hecate.bare}'>${user(`<invite from='${third.bare}'><reason>Hey Hecate</reason></invite><password>cauldronburn</password>`)}</message>`,
      );
      hecate.send(
        `<message id='jk2vs61v' to='${room}'>${user(`<decline to='${third.bare}'><reason>Sorry, I'm too busy right now.</reason></decline>`)}</message>`,
      );
      await third.expect(
        `<message id='jk2vs61v' from='${room}' to='${third.jid}'>${user(`<decline from='${hecate.bare}'><reason>Sorry, I'm too busy right now.</reason></decline>`)}</message>`,
      );
      // §7.9: the invitation that goes on from a chat.
      first.send(
        `<message id='gl3s85n7' to='${room}'>${user(`<invite to='${hecate.jid}'><reason>This coven needs both.</reason><continue thread='e0ff'/></invite>`)}</message>`,
      );
      await hecate.expect(
        `<message id='gl3s85n7' from='${room}' to='${hecate.jid}'>${user(`<invite from='${first.bare}'><reason>This coven needs both.</reason><continue thread='e0ff'/></invite><password>cauldronburn</password>`)}</message>`,
      );
      await hecate.ask(
        `<message id='out' to='${room}'>${user("<invite to='bard@example.org'/>")}</message>`,
        `<message type='error' id='out' from='${room}' to='${hecate.jid}'>${error('modify', 'not-acceptable', 406, room)}</message>`,
      );
      await hecate.close();
      await end();
    },
  },
  {
    name: '§7.9 Converting a One-to-One Chat Into a Multi-User Conference',
    async run(world) {
      const { room, first, end } = await coven(world, 'conversion');
      first.send(
        `<message to='${room}' type='groupchat' id='b4va73n0'><thread>e0ff</thread><body>Thrice the brinded cat hath mew'd.</body><delay xmlns='urn:xmpp:delay' from='${first.jid}' stamp='2004-09-29T01:54:37Z'/></message>`,
      );
      await first.next();
      const hecate = await world.login('hecate', 'broom');
      hecate.send(`<presence to='${room}/hecate'>${JOIN}</presence>`);
      await hecate.until((stanza) => stanza.from === `${room}/hecate`);
      await hecate.expect(
        `<message type='groupchat' id='b4va73n0' from='${room}/firstwitch' to='${hecate.jid}'><thread>e0ff</thread><body>Thrice the brinded cat hath mew'd.</body><delay xmlns='urn:xmpp:delay' from='${first.jid}' stamp='2004-09-29T01:54:37Z'/>${SID}${ID}</message>`,
      );
      await hecate.close();
      await end();
    },
  },
  {
    name: '§7.10 Registering with a Room, §7.12 Discovering Reserved Room Nickname',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'registration');
      const nickRequest = `<iq type='get' id='getnick1' to='${room}'><query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/></iq>`;
      const nickAnswer = (identity: string) =>
        iqResult(
          third,
          room,
          'getnick1',
          `<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'>${identity}</query>`,
        );
      await third.ask(nickRequest, nickAnswer(''));
      third.send(`<iq type='get' id='jw81b36f' to='${room}'><query xmlns='${REGISTER}'/></iq>`);
      await third.expect(
        iqResult(
          third,
          room,
          'jw81b36f',
          `<query xmlns='${REGISTER}'><instructions>Choose the nickname under which you will be known in this room.</instructions>
            <x xmlns='jabber:x:data' type='form'><title>Registration</title><instructions>Please provide the following information to register with this room.</instructions>
              <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#register</value></field>
              <field var='muc#register_first' type='text-single' label='Given Name'/>
              <field var='muc#register_last' type='text-single' label='Family Name'/>
              <field var='muc#register_roomnick' type='text-single' label='Desired Nickname'><required/></field>
              <field var='muc#register_url' type='text-single' label='Your URL'/>
              <field var='muc#register_email' type='text-single' label='Email Address'/>
              <field var='muc#register_faqentry' type='text-multi' label='FAQ Entry'/>
            </x></query>`,
        ),
      );
      const submit = (nick: string) =>
        `<iq type='set' id='nv71va54' to='${room}'><query xmlns='${REGISTER}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field><field var='muc#register_roomnick'><value>${nick}</value></field></x></query></iq>`;
      await third.ask(
        submit('firstwitch'),
        iqError(third, room, 'nv71va54', error('cancel', 'conflict', 409, room)),
      );
      await third.ask(
        `<iq type='set' id='nv71va54' to='${room}'><query xmlns='${REGISTER}'><x xmlns='jabber:x:data' type='submit'/></query></iq>`,
        `<iq type='error' id='nv71va54' from='${room}' to='${third.jid}'><error type='modify' code='400'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
      );
      await third.ask(
        submit('thirdwitch'),
        iqResult(third, room, 'nv71va54'),
        `<presence from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='member' role='participant'/>", 110)}${ID}</presence>`,
      );
      await first.expect(
        `<presence from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='member' jid='${third.jid}' role='participant'/>`)}${ID}</presence>`,
      );
      await third.ask(
        nickRequest,
        nickAnswer("<identity category='conference' type='text' name='thirdwitch'/>"),
      );
      await third.ask(
        `<iq type='get' id='jw81b36f' to='${room}'><query xmlns='${REGISTER}'/></iq>`,
        iqResult(
          third,
          room,
          'jw81b36f',
          `<query xmlns='${REGISTER}'><registered/><username>thirdwitch</username></query>`,
        ),
      );
      await third.ask(
        `<iq type='get' id='none' to='no-such-room@${world.muc}'><query xmlns='${REGISTER}'/></iq>`,
        iqError(
          third,
          `no-such-room@${world.muc}`,
          'none',
          error('cancel', 'item-not-found', 404, `no-such-room@${world.muc}`),
        ),
      );
      await third.ask(
        `<iq type='set' id='remove' to='${room}'><query xmlns='${REGISTER}'><remove/></query></iq>`,
        iqResult(third, room, 'remove'),
        `<presence from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='none' role='participant'/>", 110)}${ID}</presence>`,
      );
      await first.configure(room, { 'muc#roomconfig_registration': 'closed' });
      await third.skip(room);
      await third.ask(
        submit('thirdwitch'),
        iqError(third, room, 'nv71va54', error('cancel', 'not-allowed', 405, room)),
      );
      await end();
    },
  },
  {
    name: '§7.13 Requesting Voice, §8.6 Approving Voice Requests',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'voicerequest', {
        'muc#roomconfig_moderatedroom': '1',
      });
      third.send(
        `<message id='yd53c486' to='${room}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field><field var='muc#role' type='list-single' label='Requested role'><value>participant</value></field></x></message>`,
      );
      for (const client of [first, second])
        await client.expect(
          `<message id='*' from='${room}' to='${client.jid}'><x xmlns='jabber:x:data' type='form'><title>Voice request</title><instructions>To approve this request for voice, select the "Grant voice to this person?" checkbox and click OK. To skip this request, click the cancel button.</instructions>
            <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#request</value></field>
            <field var='muc#role' type='list-single' label='Requested role'><value>participant</value></field>
            <field var='muc#jid' type='jid-single' label='User ID'><value>${third.jid}</value></field>
            <field var='muc#roomnick' type='text-single' label='Room Nickname'><value>thirdwitch</value></field>
            <field var='muc#request_allow' type='boolean' label='Grant voice to this person?'><value>0</value></field>
          </x></message>`,
        );
      const approval = `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#request</value></field><field var='muc#role'><value>participant</value></field><field var='muc#jid'><value>${third.jid}</value></field><field var='muc#roomnick'><value>thirdwitch</value></field><field var='muc#request_allow'><value>true</value></field></x>`;
      await third.ask(
        `<message id='cheat' to='${room}'>${approval}</message>`,
        `<message type='error' id='cheat' from='${room}' to='${third.jid}'>${error('auth', 'forbidden', 403, room)}</message>`,
      );
      first.send(`<message id='approve' to='${room}'>${approval}</message>`);
      await third.expect(
        `<presence from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='none' nick='thirdwitch' role='participant'/>", 110)}${ID}</presence>`,
      );
      await first.expect(
        `<presence from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' nick='thirdwitch' role='participant'/>`)}${ID}</presence>`,
      );
      // A form that is neither submitted nor cancelled asks for nothing.
      await third.ask(
        `<message id='blank' to='${room}'><x xmlns='jabber:x:data' type='form'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field></x></message>`,
        `<message type='error' id='blank' from='${room}' to='${third.jid}'>${error('modify', 'bad-request', 400, room)}</message>`,
      );
      await end();
    },
  },
  {
    name: '§7.14 Exiting a Room',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'exit');
      third.send(
        `<presence id='lv1' type='unavailable' to='${room}/thirdwitch'><status>gone where the goblins go</status></presence>`,
      );
      const status = '<status>gone where the goblins go</status>';
      await third.expect(
        `<presence id='lv1' type='unavailable' from='${room}/thirdwitch' to='${third.jid}'>${status}${user("<item affiliation='none' role='none'/>", 110)}${ID}</presence>`,
      );
      for (const client of [first, second])
        await client.expect(
          `<presence type='unavailable' from='${room}/thirdwitch' to='${client.jid}'>${status}${user(`<item affiliation='none' jid='${third.jid}' role='none'/>`)}${ID}</presence>`,
        );
      // A room that is not persistent ends with its last occupant.
      for (const client of [second, first]) client.send(`<presence type='unavailable' to='${room}/any'/>`);
      await first.until((stanza) => stanza.name === 'presence' && stanza.from === `${room}/firstwitch`);
      const codes = await third.join(room, 'thirdwitch');
      if (!codes.includes('201')) throw new Error('the room is still there');
      await end();
    },
  },
];
