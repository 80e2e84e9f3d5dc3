import assert from 'node:assert/strict';
import { childElements } from '../../../../shared/xml/element.js';
import { admin, coven, error, ID, iqError, iqResult, JOIN, OWNER, type Section, user } from './coven.js';

const REGISTER = 'http://jabber.org/protocol/muc#register';

function decision(bare: string, nick: string, allow: '0' | '1'): string {
  return `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>${REGISTER}</value></field><field var='muc#jid'><value>${bare}</value></field><field var='muc#register_roomnick'><value>${nick}</value></field><field var='muc#register_allow'><value>${allow}</value></field></x>`;
}

/** Where clauses of several sections of XEP-0045 meet. */
export const edges: readonly Section[] = [
  {
    name: '§17.4 rule 3: what is passed on means the same, wherever its prefixes are declared',
    async run(world) {
      const { room, second, third, end } = await coven(world, 'prefixes');
      second.send(
        `<iq type='get' id='q' to='${room}/thirdwitch' xmlns:p='urn:p'><query xmlns='urn:q'><p:x/></query></iq>`,
      );
      const asked = await third.next('the request');
      const query = asked.element.getChild('query', 'urn:q');
      assert.equal(query?.getChild('x', 'urn:p')?.getNS(), 'urn:p', asked.text);
      third.send(
        `<iq type='error' id='${asked.id}' to='${asked.from}' xmlns:p='urn:p'><query xmlns='urn:q' jid='${third.bare}'><p:x/></query><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
      );
      await second.expect(
        `<iq type='error' id='q' from='${room}/thirdwitch' to='${second.jid}'><query xmlns='urn:q' jid='${room}/thirdwitch'><x xmlns='urn:p'/></query><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
      );
      await end();
    },
  },
  {
    name: '§17.4 rule 3: last activity is the idle time of the client that is in the room (XEP-0012, online user query)',
    async run(world) {
      const { room, second, third, end } = await coven(world, 'idle');
      second.send(`<iq type='get' id='i' to='${room}/thirdwitch'><query xmlns='jabber:iq:last'/></iq>`);
      const asked = await third.next('the request');
      assert.equal(asked.payload?.namespace, 'jabber:iq:last', asked.text);
      third.send(
        `<iq type='result' id='${asked.id}' to='${asked.from}'><query xmlns='jabber:iq:last' seconds='903'/></iq>`,
      );
      await second.expect(
        `<iq type='result' id='i' from='${room}/thirdwitch' to='${second.jid}'><query xmlns='jabber:iq:last' seconds='903'/></iq>`,
      );
      await end();
    },
  },
  {
    name: '§18.1 item 2: 101 for the absent, also by the form',
    async run(world) {
      const { room, first, second, end } = await coven(world, 'absent-by-form');
      const hecate = await world.login('hecate', 'broom');
      await first.configure(room, { 'muc#roomconfig_roomadmins': [second.bare, hecate.bare] });
      await first.expect(
        `<message id='*' from='${room}' to='${first.jid}'>${user(`<item affiliation='admin' jid='${hecate.bare}' role='none'/>`)}</message>`,
      );
      await hecate.expect(
        `<message id='*' from='${room}' to='${hecate.bare}'>${user("<item affiliation='admin'/>", 101)}</message>`,
      );
      await hecate.close();
      await end();
    },
  },
  {
    name: "§7.6 Changing Nickname: one's own nickname in another spelling",
    async run(world) {
      const { room, first, third, end } = await coven(world, 'spelling');
      third.send(`<presence id='s' to='${room}/ThirdWitch'/>`);
      await third.expect(
        `<presence type='unavailable' from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='none' nick='ThirdWitch' role='participant'/>", 110, 303)}${ID}</presence>`,
        `<presence id='s' from='${room}/ThirdWitch' to='${third.jid}'>${user("<item affiliation='none' role='participant'/>", 110)}${ID}</presence>`,
      );
      await first.skip(room);
      // Still nobody else's.
      await first.ask(
        `<presence id='c' to='${room}/THIRDWITCH'/>`,
        `<presence type='error' id='c' from='${room}/THIRDWITCH' to='${first.jid}'>${JOIN}${error('cancel', 'conflict', 409, room)}</presence>`,
      );
      await end();
    },
  },
  {
    name: '§7.2.9 Max Users: a session that changes its nickname alone is one occupant more',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'split', { 'muc#roomconfig_maxusers': '3' });
      const phone = await world.login('hag66', 'phone');
      await phone.join(room, 'thirdwitch');
      await first.skip(room);
      // XEP-0004 §3.3: the value of the list in the form is one of its options, whatever was submitted.
      first.send(`<iq type='get' id='form' to='${room}'><query xmlns='${OWNER}'/></iq>`);
      const form = await first.until((stanza) => stanza.id === 'form', 'the form');
      const fields = form.element
        .getChild('query', OWNER)
        ?.getChild('x', 'jabber:x:data')
        ?.getChildren('field');
      const most = fields?.find(({ attrs }) => attrs['var'] === 'muc#roomconfig_maxusers');
      const [own, offered] = childElements(most ?? form.element);
      assert.deepEqual([own?.getText(), offered?.getChildText('value')], ['3', '3'], form.text);
      await phone.ask(
        `<presence id='full' to='${room}/fourthwitch'/>`,
        `<presence type='error' id='full' from='${room}/fourthwitch' to='${phone.jid}'>${JOIN}${error('wait', 'service-unavailable', 503, room, 'The room is full')}</presence>`,
      );
      await first.nothing(room);
      // With the last session goes the occupant: there is room for that.
      phone.send(`<presence type='unavailable' to='${room}/thirdwitch'/>`);
      await phone.next();
      await third.skip(room);
      await phone.close();
      third.send(`<presence to='${room}/fourthwitch'/>`);
      await third.expect(
        `<presence type='unavailable' from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='none' nick='fourthwitch' role='participant'/>", 110, 303)}${ID}</presence>`,
      );
      await end();
    },
  },
  {
    name: '§7.6 Changing Nickname: a session that goes alone sees who stays under the old nickname',
    async run(world) {
      const { room, third, end } = await coven(world, 'staying');
      const phone = await world.login('hag66', 'phone');
      await phone.join(room, 'thirdwitch');
      await third.skip(room);
      phone.send(`<presence to='${room}/fourthwitch'/>`);
      const item = "<item affiliation='none' role='participant'/>";
      await phone.expect(
        `<presence type='unavailable' from='${room}/thirdwitch' to='${phone.jid}'>${user("<item affiliation='none' nick='fourthwitch' role='participant'/>", 110, 303)}${ID}</presence>`,
        `<presence from='${room}/thirdwitch' to='${phone.jid}'>${user(item)}${ID}</presence>`,
        `<presence from='${room}/fourthwitch' to='${phone.jid}'>${user(item, 110)}${ID}</presence>`,
      );
      await third.expect(
        `<presence from='${room}/thirdwitch' to='${third.jid}'>${user(item, 110)}${ID}</presence>`,
        `<presence from='${room}/fourthwitch' to='${third.jid}'>${user(item)}${ID}</presence>`,
      );
      await phone.close();
      await end();
    },
  },
  {
    name: '§7.8.2 Mediated Invitation: several at once, all or none',
    async run(world) {
      const { room, first, end } = await coven(world, 'inviting-several', {
        'muc#roomconfig_membersonly': '1',
      });
      const hecate = await world.login('hecate', 'broom');
      await first.ask(
        admin(room, 'ban', "<item affiliation='outcast' jid='earlofcambridge@example.org'/>"),
        iqResult(first, room, 'ban'),
      );
      await first.ask(
        `<message id='i' to='${room}'>${user(`<invite to='${hecate.bare}'/><invite to='earlofcambridge@example.org'/>`)}</message>`,
        `<message type='error' id='i' from='${room}' to='${first.jid}'>${error('auth', 'forbidden', 403, room, 'That user is banned')}</message>`,
      );
      await hecate.ask(
        `<presence id='in' to='${room}/hecate'>${JOIN}</presence>`,
        `<presence type='error' id='in' from='${room}/hecate' to='${hecate.jid}'>${JOIN}${error('auth', 'registration-required', 407, room)}</presence>`,
      );
      await hecate.close();
      await end();
    },
  },
  {
    name: '§9.5 Modifying the Member List: a nickname is reserved once, and only one that can be used',
    async run(world) {
      const { room, first, end } = await coven(world, 'reserving');
      const item = (jid: string, nick: string) =>
        `<item affiliation='member' jid='${jid}@example.org' nick='${nick}'/>`;
      await first.ask(
        admin(room, 'twice', item('bard', 'TheBard') + item('fool', 'thebard')),
        iqError(first, room, 'twice', error('cancel', 'conflict', 409, room)),
      );
      await first.ask(
        admin(room, 'blank', item('bard', '&#x2003;')),
        iqError(first, room, 'blank', error('modify', 'not-acceptable', 406, room)),
      );
      await first.ask(
        admin(room, 'long', item('bard', 'x'.repeat(65))),
        iqError(
          first,
          room,
          'long',
          error('modify', 'not-acceptable', 406, room, 'A nickname may have 64 characters'),
        ),
      );
      await first.ask(
        admin(room, 'list', "<item affiliation='member'/>", 'get'),
        iqResult(first, room, 'list', "<query xmlns='http://jabber.org/protocol/muc#admin'/>"),
      );
      await end();
    },
  },
  {
    name: '§9.1 Banning a User: a nickname in the item reserves nothing and hinders nothing',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'ban-with-nick');
      await first.ask(
        admin(room, 'ban', `<item affiliation='outcast' jid='${third.bare}' nick='secondwitch'/>`),
        iqResult(first, room, 'ban'),
      );
      await third.expect(
        `<presence type='unavailable' from='${room}/thirdwitch' to='${third.jid}'>${user("<item affiliation='outcast' role='none'><actor nick='firstwitch'/></item>", 110, 301)}${ID}</presence>`,
      );
      await end();
    },
  },
  {
    name: '§9.9 Approving Registration Requests: a denied one holds no nickname',
    async run(world) {
      const { room, first, second, third, end } = await coven(world, 'denial', {
        'muc#roomconfig_registration': 'approval',
      });
      const hecate = await world.login('hecate', 'broom');
      const ask = `<iq type='set' id='r' to='${room}'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>${REGISTER}</value></field><field var='muc#register_roomnick'><value>Hag</value></field></x></query></iq>`;
      await third.ask(ask, iqResult(third, room, 'r'));
      await hecate.ask(ask, iqError(hecate, room, 'r', error('cancel', 'conflict', 409, room)));
      await first.skip(room);
      await second.skip(room);
      // An approval cannot make a nickname of what is none, and leaves the request as it is.
      await second.ask(
        `<message id='d' to='${room}'>${decision(third.bare, '&#x200B;', '1')}</message>`,
        `<message type='error' id='d' from='${room}' to='${second.jid}'>${error('modify', 'not-acceptable', 406, room)}</message>`,
      );
      second.send(`<message id='d' to='${room}'>${decision(third.bare, 'Hag', '0')}</message>`);
      await second.nothing(room);
      await hecate.ask(ask, iqResult(hecate, room, 'r'));
      await hecate.close();
      await end();
    },
  },
  {
    name: '§10.9 Destroying a Room: an alternate venue that is no address',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'no-venue');
      await first.ask(
        `<iq type='set' id='d' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'><destroy jid='@@'/></query></iq>`,
        iqError(first, room, 'd', error('modify', 'jid-malformed', 400, room)),
      );
      await third.nothing(room);
      await end();
    },
  },
  {
    name: '§10.2 Subsequent Room Configuration: other roles are broadcast',
    async run(world) {
      const { room, first, third, end } = await coven(world, 'broadcasting');
      const gone = `<presence type='unavailable' from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='none'/>`)}${ID}</presence>`;
      const there = `<presence from='${room}/thirdwitch' to='${first.jid}'>${user(`<item affiliation='none' jid='${third.jid}' role='participant'/>`)}${ID}</presence>`;
      const changed = `<message type='groupchat' id='*' from='${room}' to='${first.jid}'>${user('', 104)}</message>`;
      await first.configure(room, { 'muc#roomconfig_presencebroadcast': ['moderator'] });
      await first.expect(gone, changed);
      await first.configure(room, { 'muc#roomconfig_presencebroadcast': ['moderator', 'participant'] });
      await first.expect(there, changed);
      await end();
    },
  },
];
