import {
  ADMIN,
  admin,
  coven,
  error,
  ID,
  iqError,
  iqResult,
  JOIN,
  OWNER,
  type Section,
  user,
} from './coven.js';

const FIELDS = `
  <field var='muc#roomconfig_roomname' type='text-single' label='Natural-Language Room Name'><value/></field>
  <field var='muc#roomconfig_roomdesc' type='text-single' label='Short Description of Room'><value/></field>
  <field var='muc#roomconfig_lang' type='text-single' label='Natural Language for Room Discussions'><value/></field>
  <field var='muc#roomconfig_changesubject' type='boolean' label='Allow Occupants to Change Subject?'><value>0</value></field>
  <field var='muc#roomconfig_allowinvites' type='boolean' label='Allow Members to Invite Others?'><value>0</value></field>
  <field var='muc#roomconfig_allowpm' type='list-single' label='Who Can Send Private Messages?'><value>anyone</value><option label='Anyone'><value>anyone</value></option><option label='Anyone with Voice'><value>participants</value></option><option label='Moderators Only'><value>moderators</value></option><option label='Nobody'><value>none</value></option></field>
  <field var='muc#roomconfig_maxusers' type='list-single' label='Maximum Number of Occupants'><value>none</value>${['10', '20', '30', '50', '100', '200', '500', '1000', '2000', '5000'].map((number) => `<option><value>${number}</value></option>`).join('')}<option label='None'><value>none</value></option></field>
  <field var='muc#roomconfig_presencebroadcast' type='list-multi' label='Roles for which Presence is Broadcasted'><value>moderator</value><value>participant</value><value>visitor</value><option label='Moderator'><value>moderator</value></option><option label='Participant'><value>participant</value></option><option label='Visitor'><value>visitor</value></option></field>
  <field var='muc#roomconfig_getmemberlist' type='list-multi' label='Roles and Affiliations that May Retrieve Member List'><value>moderator</value><value>participant</value><value>visitor</value><option label='Moderator'><value>moderator</value></option><option label='Participant'><value>participant</value></option><option label='Visitor'><value>visitor</value></option><option label='Member'><value>member</value></option></field>
  <field var='muc#roomconfig_publicroom' type='boolean' label='Make Room Publicly Searchable?'><value>1</value></field>
  <field var='muc#roomconfig_persistentroom' type='boolean' label='Make Room Persistent?'><value>0</value></field>
  <field var='muc#roomconfig_moderatedroom' type='boolean' label='Make Room Moderated?'><value>0</value></field>
  <field var='muc#roomconfig_membersonly' type='boolean' label='Make Room Members Only?'><value>0</value></field>
  <field var='muc#roomconfig_passwordprotectedroom' type='boolean' label='Password Required for Entry?'><value>0</value></field>
  <field var='muc#roomconfig_roomsecret' type='text-private' label='Password'><value/></field>
  <field var='muc#roomconfig_whois' type='list-single' label='Who May Discover Real JIDs?'><value>moderators</value><option label='Moderators Only'><value>moderators</value></option><option label='Anyone'><value>anyone</value></option></field>
  <field var='muc#maxhistoryfetch' type='text-single' label='Maximum Number of History Messages Returned by Room'><value>50</value><validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:integer'><range min='0' max='50'/></validate></field>
  <field var='muc#roomconfig_pubsub' type='text-single' label='XMPP URI of Associated Publish-Subscribe Node'><value/></field>
  <field var='muc#roomconfig_registration' type='list-single' label='Who May Register with the Room?'><value>automatic</value><option label='Anyone who has voice on entry; others with approval'><value>automatic</value></option><option label='Anyone, with approval'><value>approval</value></option><option label='Nobody'><value>closed</value></option></field>
  <field var='muc#roomconfig_locknicks' type='boolean' label='Hold Members to Their Registered Nickname?'><value>0</value></field>
  <field var='muc#roomconfig_roomadmins' type='jid-multi' label='Room Admins'/>`;

/** XEP-0045 §10. */
export const ownerUseCases: readonly Section[] = [
  {
    name: '§10.1.1 General Considerations, §10.1.2 Creating an Instant Room',
    async run(world) {
      const room = `instant@${world.muc}`;
      const crone = await world.login('crone1', 'desktop');
      await crone.ask(
        `<presence id='c' to='${room}/firstwitch'>${JOIN}</presence>`,
        `<presence id='c' from='${room}/firstwitch' to='${crone.jid}'>${user(`<item affiliation='owner' jid='${crone.jid}' role='moderator'/>`, 110, 201)}${ID}</presence>`,
        `<message type='groupchat' from='${room}' to='${crone.jid}'><subject/></message>`,
      );
      await crone.ask(
        `<iq type='set' id='create1' to='${room}'><query xmlns='${OWNER}'><x xmlns='jabber:x:data' type='submit'/></query></iq>`,
        iqResult(crone, room, 'create1'),
      );
      const hag = await world.login('hag66', 'pda');
      await hag.join(room, 'thirdwitch');
      await hag.close();
      await crone.close();
    },
  },
  {
    name: '§10.1.3 Creating a Reserved Room',
    async run(world) {
      const room = `reserved@${world.muc}`;
      const crone = await world.login('crone1', 'desktop');
      await crone.join(room, 'firstwitch');
      await crone.ask(
        `<iq type='get' id='create1' to='${room}'><query xmlns='${OWNER}'/></iq>`,
        iqResult(
          crone,
          room,
          'create1',
          `<query xmlns='${OWNER}'><x xmlns='jabber:x:data' type='form'><title>Configuration for "reserved"</title><instructions>The room has been created. Complete this form to open it to others.</instructions><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#roomconfig</value></field>${FIELDS}<field var='muc#roomconfig_roomowners' type='jid-multi' label='Room Owners'><value>${crone.bare}</value></field></x></query>`,
        ),
      );
      // Options that violate a policy.
      for (const [id, fields, text] of [
        [
          'p1',
          "<field var='muc#roomconfig_passwordprotectedroom'><value>1</value></field>",
          'A password-protected room needs a password',
        ],
        [
          'p2',
          "<field var='muc#maxhistoryfetch'><value>1000</value></field>",
          'muc#maxhistoryfetch is not between 0 and 50',
        ],
        [
          'p3',
          "<field var='muc#roomconfig_maxusers'><value>1000000</value></field>",
          'muc#roomconfig_maxusers is more than 5000',
        ],
        [
          'p4',
          "<field var='muc#roomconfig_whois'><value>none</value></field>",
          'muc#roomconfig_whois is not one of the options',
        ],
      ] as const)
        await crone.ask(
          `<iq type='set' id='${id}' to='${room}'><query xmlns='${OWNER}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>${fields}</x></query></iq>`,
          `<iq type='error' id='${id}' from='${room}' to='${crone.jid}'><error type='modify' code='406'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>${text}</text></error></iq>`,
        );
      // Cancelled: the room ends.
      await crone.ask(
        `<iq type='set' id='create2' to='${room}'><query xmlns='${OWNER}'><x xmlns='jabber:x:data' type='cancel'/></query></iq>`,
        `<presence type='unavailable' from='${room}/firstwitch' to='${crone.jid}'>${user("<item affiliation='none' role='none'/><destroy/>", 110)}${ID}</presence>`,
        iqResult(crone, room, 'create2'),
      );
      // Left before it was configured: the same.
      await crone.join(room, 'firstwitch');
      crone.send(`<presence id='lv2' type='unavailable' to='${room}/firstwitch'/>`);
      await crone.expect(
        `<presence id='lv2' type='unavailable' from='${room}/firstwitch' to='${crone.jid}'>${user("<item affiliation='none' role='none'/><destroy/>", 110)}${ID}</presence>`,
      );
      await crone.close();
    },
  },
  {
    name: '§10.2 Subsequent Room Configuration',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'configuration');
      await second.ask(
        `<iq type='get' id='configures' to='${room}'><query xmlns='${OWNER}'/></iq>`,
        iqError(second, room, 'configures', error('auth', 'forbidden', 403, room)),
      );
      await first.ask(
        `<iq type='set' id='config2' to='${room}'><query xmlns='${OWNER}'><x xmlns='jabber:x:data' type='cancel'/></query></iq>`,
        iqResult(first, room, 'config2'),
      );
      await third.nothing(room);
      const submit = (id: string, fields: string) =>
        `<iq type='set' id='${id}' to='${room}'><query xmlns='${OWNER}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>${fields}</x></query></iq>`;
      // An admin loses, an occupant gains that status: the lists are complete, not deltas.
      const told = (nick: string, jid: string, affiliation: string, role: string) =>
        `<presence from='${room}/${nick}' to='${first.jid}'>${user(`<item affiliation='${affiliation}' jid='${jid}' role='${role}'/>`)}${ID}</presence>`;
      await first.ask(
        submit('config3', `<field var='muc#roomconfig_roomadmins'><value>${third.bare}</value></field>`),
        iqResult(first, room, 'config3'),
        told('secondwitch', second.jid, 'none', 'participant'),
        told('thirdwitch', third.jid, 'admin', 'moderator'),
      );
      await first.ask(
        submit('config4', `<field var='muc#roomconfig_roomowners'><value>${second.bare}</value></field>`),
        iqResult(first, room, 'config4'),
        // Who is no owner any more is an admin, and sees real JIDs still.
        `<presence from='${room}/firstwitch' to='${first.jid}'>${user(`<item affiliation='admin' jid='${first.jid}' role='moderator'/>`, 110)}${ID}</presence>`,
        told('secondwitch', second.jid, 'owner', 'moderator'),
      );
      await second.skip(room);
      await second.ask(
        submit('config5', "<field var='muc#roomconfig_roomowners'/>"),
        iqError(second, room, 'config5', error('cancel', 'conflict', 409, room)),
      );
      // Members-only from now on: non-members go.
      await second.ask(
        submit('config6', "<field var='muc#roomconfig_roomadmins'><value>crone1@example.org</value></field>"),
        iqResult(second, room, 'config6'),
      );
      await second.skip(room);
      await first.skip(room);
      await third.skip(room);
      await second.ask(
        submit('config7', "<field var='muc#roomconfig_membersonly'><value>1</value></field>"),
        iqResult(second, room, 'config7'),
        `<presence type='unavailable' from='${room}/firstwitch' to='${second.jid}'>${user(`<item affiliation='none' jid='${first.jid}' role='none'/>`, 322)}${ID}</presence>`,
        `<presence type='unavailable' from='${room}/thirdwitch' to='${second.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='none'/>`, 322)}${ID}</presence>`,
        `<message type='groupchat' id='*' from='${room}' to='${second.jid}'>${user('', 104)}</message>`,
      );
      await first.expect(
        `<presence type='unavailable' from='${room}/firstwitch' to='${first.jid}'>${user("<item affiliation='none' role='none'/>", 110, 322)}${ID}</presence>`,
      );
      await end();
    },
  },
  {
    name: '§10.2.1 Notification of Configuration Changes',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'notification');
      for (const [fields, codes] of [
        [{ 'muc#roomconfig_whois': 'anyone' }, [172]],
        [{ 'muc#roomconfig_whois': 'moderators' }, [173]],
        [{ 'muc#roomconfig_roomname': 'A Dark Cave' }, [104]],
        [{ 'muc#roomconfig_whois': 'anyone', 'muc#roomconfig_roomname': 'Heath' }, [104, 172]],
      ] as const) {
        await first.configure(room, fields);
        await third.expect(
          `<message type='groupchat' id='*' from='${room}' to='${third.jid}'>${user('', ...codes)}</message>`,
        );
      }
      await first.configure(room, {});
      await third.nothing(room);
      await end();
    },
  },
  {
    name: '§10.3 Granting Owner Status, §10.4 Revoking Owner Status, §10.5 Modifying the Owner List',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'owners');
      await second.ask(
        admin(room, 'owner0', `<item affiliation='owner' jid='${second.bare}'/>`),
        iqError(second, room, 'owner0', error('auth', 'forbidden', 403, room)),
      );
      await first.ask(
        admin(room, 'alone', `<item affiliation='admin' jid='${first.bare}'/>`),
        iqError(first, room, 'alone', error('cancel', 'conflict', 409, room)),
      );
      await first.ask(
        admin(
          room,
          'owner1',
          `<item affiliation='owner' jid='${third.jid}'><reason>A worthy witch indeed!</reason></item>`,
        ),
        iqResult(first, room, 'owner1'),
        `<presence from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='owner' jid='${third.jid}' role='moderator'><reason>A worthy witch indeed!</reason></item>`)}${ID}</presence>`,
      );
      await third.next();
      await third.ask(
        admin(room, 'owner3', "<item affiliation='owner'/>", 'get'),
        iqResult(
          third,
          room,
          'owner3',
          `<query xmlns='${ADMIN}'><item affiliation='owner' jid='${first.bare}'/><item affiliation='owner' jid='${third.bare}'/></query>`,
        ),
      );
      await second.skip(room);
      await second.ask(
        admin(room, 'owner4', "<item affiliation='owner'/>", 'get'),
        iqError(second, room, 'owner4', error('auth', 'forbidden', 403, room)),
      );
      // With another owner there, one may resign.
      await first.ask(
        admin(room, 'owner2', `<item affiliation='admin' jid='${first.bare}'/>`),
        iqResult(first, room, 'owner2'),
        `<presence from='${room}/firstwitch' to='${first.jid}'>${user(`<item affiliation='admin' jid='${first.jid}' role='moderator'/>`, 110)}${ID}</presence>`,
      );
      // Somebody absent: the occupants who see JIDs are told by message, the account itself with 101.
      const hecate = await world.login('hecate', 'broom');
      await third.skip(room);
      await third.ask(
        admin(room, 'absent', `<item affiliation='owner' jid='${hecate.bare}'/>`),
        iqResult(third, room, 'absent'),
        `<message id='*' from='${room}' to='${third.jid}'>${user(`<item affiliation='owner' jid='${hecate.bare}' role='none'/>`)}</message>`,
      );
      await hecate.expect(
        `<message id='*' from='${room}' to='${hecate.bare}'>${user("<item affiliation='owner'/>", 101)}</message>`,
      );
      await hecate.close();
      await end();
    },
  },
  {
    name: '§10.6 Granting Admin Status, §10.7 Revoking Admin Status, §10.8 Modifying the Admin List',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'admins', {
        'muc#roomconfig_moderatedroom': '1',
      });
      const told = (to: string, affiliation: string, role: string) =>
        `<presence from='${room}/thirdwitch' to='${to}'>${user(`<item affiliation='${affiliation}' jid='${third.jid}' role='${role}'/>`)}${ID}</presence>`;
      await first.ask(
        admin(room, 'admin1', `<item affiliation='admin' jid='${third.bare}'/>`),
        iqResult(first, room, 'admin1'),
        told(first.jid, 'admin', 'moderator'),
      );
      await first.ask(
        admin(room, 'admin3', "<item affiliation='admin'/>", 'get'),
        iqResult(
          first,
          room,
          'admin3',
          `<query xmlns='${ADMIN}'><item affiliation='admin' jid='${second.bare}'/><item affiliation='admin' jid='${third.bare}'/></query>`,
        ),
      );
      await second.skip(room);
      await second.ask(
        admin(room, 'admintest', `<item affiliation='none' jid='${third.bare}'/>`),
        iqError(second, room, 'admintest', error('cancel', 'not-allowed', 405, room)),
      );
      await second.ask(
        admin(room, 'admintest2', "<item affiliation='admin' jid='hecate@example.org'/>"),
        iqError(second, room, 'admintest2', error('auth', 'forbidden', 403, room)),
      );
      // What came with the affiliation goes with it: a visitor again, in a moderated room.
      await first.ask(
        admin(room, 'admin2', `<item affiliation='none' jid='${third.bare}'/>`),
        iqResult(first, room, 'admin2'),
        told(first.jid, 'none', 'visitor'),
      );
      await end();
    },
  },
  {
    name: '§10.9 Destroying a Room',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'destruction', {
        'muc#roomconfig_persistentroom': '1',
      });
      const venue = `<destroy jid='coven@${world.muc}'><password>cauldronburn</password><reason>Macbeth doth come.</reason></destroy>`;
      const request = `<query xmlns='${OWNER}'>${venue}</query>`;
      await second.ask(
        `<iq type='set' id='destroytest' to='${room}'>${request}</iq>`,
        iqError(second, room, 'destroytest', error('auth', 'forbidden', 403, room)),
      );
      first.send(`<iq type='set' id='begone' to='${room}'>${request}</iq>`);
      for (const [client, nick] of [
        [first, 'firstwitch'],
        [second, 'secondwitch'],
        [third, 'thirdwitch'],
      ] as const)
        await client.expect(
          `<presence type='unavailable' from='${room}/${nick}' to='${client.jid}'>${user(`<item affiliation='none' role='none'/>${venue}`, 110)}${ID}</presence>`,
        );
      await first.expect(iqResult(first, room, 'begone'));
      await third.ask(
        `<iq type='get' id='gone' to='${room}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
        iqError(third, room, 'gone', error('cancel', 'item-not-found', 404, room)),
      );
      await end();
    },
  },
];
