import { ADMIN, coven, error, iqError, iqResult, type Section } from './coven.js';

const INFO = 'http://jabber.org/protocol/disco#info';
const ITEMS = 'http://jabber.org/protocol/disco#items';

/** XEP-0045 §6. */
export const entityUseCases: readonly Section[] = [
  {
    name: '§6.2 Discovering the Features Supported by a MUC Service',
    async run(world) {
      const hag = await world.login('hag66', 'pda');
      await hag.ask(
        `<iq type='get' id='lx09df27' to='${world.muc}'><query xmlns='${INFO}'/></iq>`,
        `<iq type='result' id='lx09df27' from='${world.muc}' to='${hag.jid}'>
          <query xmlns='${INFO}'>
            <identity category='conference' type='text' name='Chatrooms'/>
            <feature var='http://jabber.org/protocol/disco#info'/>
            <feature var='http://jabber.org/protocol/disco#items'/>
            <feature var='urn:xmpp:ping'/>
            <feature var='jabber:iq:version'/>
            <feature var='urn:xmpp:time'/>
            <feature var='http://jabber.org/protocol/muc'/>
            <feature var='http://jabber.org/protocol/muc#unique'/>
            <feature var='http://jabber.org/protocol/muc#stable_id'/>
            <feature var='urn:xmpp:occupant-id:0'/>
            <feature var='urn:xmpp:sid:0'/>
            <feature var='http://jabber.org/protocol/rsm'/>
            <feature var='http://jabber.org/protocol/commands'/>
            <feature var='vcard-temp'/>
          </query>
        </iq>`,
      );
      await hag.close();
    },
  },
  {
    name: '§6.3 Discovering Rooms',
    async run(world) {
      const bard = await world.login('bard', 'globe');
      for (const name of ['list-a', 'list-b', 'list-c', 'list-hidden']) {
        await bard.join(`${name}@${world.muc}`, 'bard');
        await bard.configure(`${name}@${world.muc}`, {
          'muc#roomconfig_roomname': `The ${name}`,
          'muc#roomconfig_publicroom': name === 'list-hidden' ? '0' : '1',
        });
      }
      const item = (name: string) => `<item jid='${name}@${world.muc}' name='The ${name}'/>`;
      // Other rooms may be about: those of this test lie between two names that are its own.
      await bard.ask(
        `<iq type='get' id='zb8q41f4' to='${world.muc}'><query xmlns='${ITEMS}'>
          <set xmlns='http://jabber.org/protocol/rsm'><max>2</max><after>list-@${world.muc}</after></set></query></iq>`,
        `<iq type='result' id='zb8q41f4' from='${world.muc}' to='${bard.jid}'><query xmlns='${ITEMS}'>
          ${item('list-a')}${item('list-b')}
          <set xmlns='http://jabber.org/protocol/rsm'><first index='*'>list-a@${world.muc}</first><last>list-b@${world.muc}</last><count>*</count></set></query></iq>`,
      );
      await bard.ask(
        `<iq type='get' id='hx51v49s' to='${world.muc}'><query xmlns='${ITEMS}'>
          <set xmlns='http://jabber.org/protocol/rsm'><max>1</max><after>list-b@${world.muc}</after></set></query></iq>`,
        `<iq type='result' id='hx51v49s' from='${world.muc}' to='${bard.jid}'><query xmlns='${ITEMS}'>
          ${item('list-c')}
          <set xmlns='http://jabber.org/protocol/rsm'><first index='*'>list-c@${world.muc}</first><last>list-c@${world.muc}</last><count>*</count></set></query></iq>`,
      );
      bard.send(`<iq type='get' id='all' to='${world.muc}'><query xmlns='${ITEMS}'/></iq>`);
      const all = await bard.next();
      if (all.text.includes('list-hidden')) throw new Error('a hidden room is listed');
      await bard.close();
    },
  },
  {
    name: '§6.4 Querying for Room Information',
    async run(world) {
      const { room, third, first, end } = await coven(world, 'information', {
        'muc#roomconfig_roomname': 'A Dark Cave',
        'muc#roomconfig_roomdesc': 'The place for all good witches!',
        'muc#roomconfig_lang': 'en',
        'muc#roomconfig_whois': 'anyone',
        'muc#roomconfig_maxusers': '50',
      });
      first.send(`<message to='${room}' type='groupchat'><subject>Spells</subject></message>`);
      await third.next('the subject');
      await third.ask(
        `<iq type='get' id='ik3vs715' to='${room}'><query xmlns='${INFO}'/></iq>`,
        `<iq type='result' id='ik3vs715' from='${room}' to='${third.jid}'>
          <query xmlns='${INFO}'>
            <identity category='conference' type='text' name='A Dark Cave'/>
            <feature var='http://jabber.org/protocol/disco#info'/>
            <feature var='http://jabber.org/protocol/disco#items'/>
            <feature var='http://jabber.org/protocol/muc'/>
            <feature var='http://jabber.org/protocol/muc#stable_id'/>
            <feature var='http://jabber.org/protocol/muc#self-ping-optimization'/>
            <feature var='http://jabber.org/protocol/muc#request'/>
            <feature var='urn:xmpp:occupant-id:0'/>
            <feature var='urn:xmpp:sid:0'/>
            <feature var='urn:xmpp:ping'/>
            <feature var='vcard-temp'/>
            <feature var='jabber:iq:register'/>
            <feature var='http://jabber.org/protocol/muc#register'/>
            <feature var='muc_unsecured'/>
            <feature var='muc_public'/>
            <feature var='muc_temporary'/>
            <feature var='muc_open'/>
            <feature var='muc_unmoderated'/>
            <feature var='muc_nonanonymous'/>
            <x xmlns='jabber:x:data' type='result'>
              <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#roominfo</value></field>
              <field var='muc#roominfo_description' type='text-single' label='Description'><value>The place for all good witches!</value></field>
              <field var='muc#roominfo_subject' type='text-single' label='Current Discussion Topic'><value>Spells</value></field>
              <field var='muc#roominfo_subjectmod' type='boolean' label='The room subject can be modified by participants'><value>0</value></field>
              <field var='muc#roomconfig_changesubject' type='boolean' label='Subject can be modified'><value>0</value></field>
              <field var='muc#roominfo_occupants' type='text-single' label='Number of occupants'><value>3</value></field>
              <field var='muc#roominfo_lang' type='text-single' label='Language of discussion'><value>en</value></field>
              <field var='muc#maxhistoryfetch' type='text-single' label='Maximum Number of History Messages Returned by Room'><value>50</value></field>
              <field var='muc#roomconfig_maxusers' type='text-single' label='Maximum Number of Occupants'><value>50</value></field>
              <field var='muc#roomconfig_allowinvites' type='boolean' label='Members may invite others'><value>0</value></field>
            </x>
          </query>
        </iq>`,
      );
      await third.ask(
        `<iq type='get' id='none' to='no-such-room@${world.muc}'><query xmlns='${INFO}'/></iq>`,
        iqError(
          third,
          `no-such-room@${world.muc}`,
          'none',
          error('cancel', 'item-not-found', 404, `no-such-room@${world.muc}`),
        ),
      );
      // §18.1.1: no namespace is discarded.
      await third.ask(
        `<iq type='get' id='allow1' to='${room}'><query xmlns='${INFO}' node='http://jabber.org/protocol/muc#traffic'/></iq>`,
        `<iq type='error' id='allow1' from='${room}' to='${third.jid}'><error type='cancel' code='503'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
      );
      await end();
    },
  },
  {
    name: '§6.5 Querying for Room Items',
    async run(world) {
      const { room, third, end } = await coven(world, 'items');
      const outsider = await world.login('bard', 'globe');
      await outsider.ask(
        `<iq type='get' id='kl2fax27' to='${room}'><query xmlns='${ITEMS}'/></iq>`,
        iqResult(outsider, room, 'kl2fax27', `<query xmlns='${ITEMS}'/>`),
      );
      await third.ask(
        `<iq type='get' id='kl2fax28' to='${room}'><query xmlns='${ITEMS}'/></iq>`,
        iqResult(
          third,
          room,
          'kl2fax28',
          `<query xmlns='${ITEMS}'><item jid='${room}/firstwitch'/><item jid='${room}/secondwitch'/><item jid='${room}/thirdwitch'/></query>`,
        ),
      );
      // XEP-0030 §7: a room has no nodes with items.
      for (const client of [outsider, third])
        await client.ask(
          `<iq type='get' id='node' to='${room}'><query xmlns='${ITEMS}' node='http://jabber.org/protocol/commands'/></iq>`,
          `<iq type='error' from='${room}' to='${client.jid}' id='node'><error type='cancel' code='404'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
        );
      await outsider.close();
      await end();
    },
  },
  {
    name: '§6.6 Querying a Room Occupant',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'occupant');
      const outsider = await world.login('bard', 'globe');
      await outsider.ask(
        `<iq type='get' id='out' to='${room}/firstwitch'><query xmlns='${INFO}'/></iq>`,
        iqError(outsider, `${room}/firstwitch`, 'out', error('modify', 'bad-request', 400, room)),
      );
      // Passed on under an id of the room's, without the real address of either.
      third.send(`<iq type='get' id='in' to='${room}/firstwitch'><query xmlns='${INFO}'/></iq>`);
      const asked = await first.expect(
        `<iq type='get' id='*' from='${room}/thirdwitch' to='${first.jid}'><query xmlns='${INFO}'/></iq>`,
      );
      first.send(
        `<iq type='result' id='${asked.id}' to='${room}/thirdwitch'><query xmlns='${INFO}'><feature var='${ADMIN}'/><feature var='${first.jid}'/></query></iq>`,
      );
      await third.expect(
        `<iq type='result' id='in' from='${room}/firstwitch' to='${third.jid}'><query xmlns='${INFO}'><feature var='${ADMIN}'/><feature var='${room}/firstwitch'/></query></iq>`,
      );
      await third.ask(
        `<iq type='get' id='nobody' to='${room}/nobody'><query xmlns='${INFO}'/></iq>`,
        iqError(third, `${room}/nobody`, 'nobody', error('cancel', 'item-not-found', 404, room)),
      );
      await outsider.close();
      await end();
    },
  },
];
