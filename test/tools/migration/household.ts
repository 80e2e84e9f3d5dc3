import assert from 'node:assert/strict';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { RawClient } from '../raw-client.js';

/** Where a household lives: any server, somebody else's or ours. */
export interface Home {
  readonly domain: string;
  readonly rooms: string;
  readonly port: number;
}

/** What a server or a way of moving cannot keep; all of the rest is asked for. */
interface Losses {
  readonly privateXml?: boolean;
  readonly blocked?: boolean;
  readonly messages?: boolean;
  readonly nodes?: boolean;
  readonly rooms?: boolean;
  readonly accounts?: boolean;
  readonly vcard?: boolean;
}

const PASSWORDS: Readonly<Record<string, string>> = { juliet: 'pencil & "R0se"', romeo: 'secret' };
export const HOUSEHOLD = PASSWORDS;
const NODE = 'urn:example:notes';
const pubsub = (content: string, owner = false): string =>
  `<pubsub xmlns='http://jabber.org/protocol/pubsub${owner ? '#owner' : ''}'>${content}</pubsub>`;
const note = (id: string, text: string): string =>
  `<item id='${id}'><note xmlns='urn:example:note'>${text}</note></item>`;
/** What people have changed since they moved in. */
export interface Changes {
  readonly notes: Readonly<Record<string, string>>;
  readonly subject: string;
  readonly nickname: string | null;
  readonly admin: string;
}
const FIRST: Changes = {
  notes: { one: 'first', two: 'se]]>"cond\\' },
  subject: 'Fire burn, & cauldron bubble!',
  nickname: null,
  admin: 'nurse@example.net',
};
const PRIVATE = "<exodus xmlns='exodus:prefs'><defaultnick>Jül &lt;3</defaultnick></exodus>";

async function login(home: Home, user: string, resource: string): Promise<RawClient> {
  const client = await RawClient.connect('127.0.0.1', home.port);
  await client.login(user, PASSWORDS[user] ?? '', home.domain, resource);
  return client;
}

function accepted(answer: Stanza): Stanza {
  assert.equal(answer.type, 'result', answer.source);
  return answer;
}

/** Two people use a server as people do: contacts, a card, notes, a room, what is blocked, what waits. */
export async function moveIn(home: Home, losses: Losses = {}): Promise<void> {
  const { domain, rooms } = home;
  const juliet = await login(home, 'juliet', 'balcony');
  const set = async (payload: string, to?: string): Promise<Stanza> =>
    accepted(await juliet.iq('set', payload, to));
  await set(
    `<query xmlns='jabber:iq:roster'><item jid='romeo@montague.example' name='Romeo &amp; co'><group>Friends</group><group>Verona</group></item></query>`,
  );
  if (losses.vcard !== true)
    await set("<vCard xmlns='vcard-temp'><FN>Juliet Capulet</FN><NOTE>é &lt;&amp;</NOTE></vCard>");
  if (losses.privateXml !== true) await set(`<query xmlns='jabber:iq:private'>${PRIVATE}</query>`);
  if (losses.blocked !== true)
    await set("<block xmlns='urn:xmpp:blocking'><item jid='tybalt@example.net'/></block>");
  if (losses.nodes !== true) {
    const form = (type: string, fields: Readonly<Record<string, string>>): string =>
      `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#${type}</value></field>${Object.entries(
        fields,
      )
        .map(([name, value]) => `<field var='pubsub#${name}'><value>${value}</value></field>`)
        .join('')}</x>`;
    const options = form('publish-options', { access_model: 'whitelist' });
    await set(
      pubsub(
        `<publish node='${NODE}'>${note('one', 'first')}</publish><publish-options>${options}</publish-options>`,
      ),
    );
    const configuration = form('node_config', { max_items: '10', persist_items: '1', title: 'Notes' });
    await set(pubsub(`<configure node='${NODE}'>${configuration}</configure>`, true));
    await set(pubsub(`<publish node='${NODE}'>${note('two', 'se]]&gt;"cond\\')}</publish>`));
    await set(
      pubsub(
        `<affiliations node='${NODE}'><affiliation jid='romeo@${domain}' affiliation='member'/></affiliations>`,
        true,
      ),
    );
  }
  if (losses.rooms !== true) await furnish(juliet, `orchard@${rooms}`, domain);
  const romeo = await login(home, 'romeo', 'orchard');
  if (losses.nodes !== true)
    accepted(
      await romeo.iq('set', pubsub(`<subscribe node='${NODE}' jid='romeo@${domain}'/>`), `juliet@${domain}`),
    );
  await juliet.close();
  if (losses.messages !== true) {
    romeo.send(
      `<message to='juliet@${domain}' type='chat' id='m1'><body>for later, é &lt;&amp;</body></message>`,
    );
    romeo.send(`<message to='juliet@${domain}' type='chat' id='m2'><body>and more</body></message>`);
    await romeo.iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", domain);
  }
  await romeo.close();
}

/** A room with a configuration, people and a subject. */
async function furnish(juliet: RawClient, room: string, domain: string): Promise<void> {
  juliet.send(`<presence to='${room}/Jule'><x xmlns='http://jabber.org/protocol/muc'/></presence>`);
  await juliet.stanza((stanza) => stanza.name === 'presence' && /code=.201/.test(stanza.source));
  const values: Record<string, string> = {
    FORM_TYPE: 'http://jabber.org/protocol/muc#roomconfig',
    'muc#roomconfig_roomname': 'The "örchard" & more',
    'muc#roomconfig_roomdesc': 'Where walls are high',
    'muc#roomconfig_persistentroom': '1',
    'muc#roomconfig_publicroom': '0',
    'muc#roomconfig_membersonly': '1',
    'muc#roomconfig_moderatedroom': '1',
    'muc#roomconfig_passwordprotectedroom': '1',
    'muc#roomconfig_roomsecret': 'love\'s "light"',
    'muc#roomconfig_whois': 'anyone',
    'muc#roomconfig_changesubject': '1',
  };
  const fields = Object.entries(values).map(
    ([name, value]) =>
      `<field var='${name}'><value>${value.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</value></field>`,
  );
  accepted(
    await juliet.iq(
      'set',
      `<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>${fields.join('')}</x></query>`,
      room,
    ),
  );
  for (const [jid, affiliation] of [
    [`romeo@${domain}`, 'member'],
    ['nurse@example.net', 'admin'],
    ['tybalt@example.net', 'outcast'],
  ]) {
    accepted(
      await juliet.iq(
        'set',
        `<query xmlns='http://jabber.org/protocol/muc#admin'><item jid='${jid}' affiliation='${affiliation}'/></query>`,
        room,
      ),
    );
  }
  juliet.send(
    `<message to='${room}' type='groupchat'><subject>Fire burn, &amp; cauldron bubble!</subject></message>`,
  );
  await juliet.stanza((stanza) => stanza.name === 'message' && stanza.source.includes('cauldron'));
}

/** All of it is there, with the passwords that they had. */
export async function moveBackIn(home: Home, losses: Losses = {}, changes = FIRST): Promise<void> {
  const { domain, rooms } = home;
  const juliet = await login(home, 'juliet', 'balcony');
  const get = async (payload: string, to?: string): Promise<string> =>
    accepted(await juliet.iq('get', payload, to)).source.replaceAll('"', "'");
  const roster = await get("<query xmlns='jabber:iq:roster'/>");
  assert.match(roster, /jid='romeo@montague\.example'/);
  assert.match(roster, /name='Romeo &amp; co'/);
  assert.match(roster, /<group>Friends<\/group>/);
  assert.match(roster, /<group>Verona<\/group>/);
  if (losses.vcard !== true) {
    const card = await get("<vCard xmlns='vcard-temp'/>");
    assert.match(card, /<FN>Juliet Capulet<\/FN>/);
    assert.match(card, /<NOTE>é &lt;&amp;<\/NOTE>/);
    if (changes.nickname !== null) assert.match(card, new RegExp(`<NICKNAME>${changes.nickname}<`));
  }
  if (losses.privateXml !== true)
    assert.match(
      await get("<query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'/></query>"),
      /<defaultnick>Jül &lt;3<\/defaultnick>/,
    );
  if (losses.blocked !== true)
    assert.match(await get("<blocklist xmlns='urn:xmpp:blocking'/>"), /jid='tybalt@example\.net'/);
  if (losses.messages !== true) {
    juliet.send('<presence/>');
    for (const text of ['for later, é &lt;&amp;', 'and more']) {
      const message = await juliet.stanza(
        (stanza) => stanza.name === 'message' && stanza.source.includes('<body>'),
      );
      assert.ok(message.source.includes(text), message.source);
      assert.match(message.source, /urn:xmpp:delay/);
      assert.equal(message.from, `romeo@${domain}/orchard`);
    }
  }
  if (losses.nodes !== true) await findNotes(home, juliet, changes);
  if (losses.rooms !== true) await findRoom(home, juliet, `orchard@${rooms}`, changes);
  await juliet.close();
}

async function findNotes({ domain, port }: Home, juliet: RawClient, { notes }: Changes): Promise<void> {
  const items = pubsub(`<items node='${NODE}'/>`);
  const own = accepted(await juliet.iq('get', items))
    .element.getChild('pubsub')
    ?.getChild('items');
  const found = Object.fromEntries(
    (own?.getChildren('item') ?? []).map((item) => [item.attrs['id'], item.getChildText('note')]),
  );
  assert.deepEqual(found, notes);
  const configuration = accepted(await juliet.iq('get', pubsub(`<configure node='${NODE}'/>`, true)));
  assert.match(
    configuration.source.replaceAll('"', "'"),
    /var='pubsub#access_model'.*?<value>whitelist<\/value>/s,
  );
  const affiliations = accepted(
    await juliet.iq('get', pubsub(`<affiliations node='${NODE}'/>`, true)),
  ).source;
  assert.match(affiliations, new RegExp(`romeo@${domain}`));
  // who was let in still is, and hears of what is new
  const romeo = await RawClient.connect('127.0.0.1', port);
  await romeo.login('romeo', PASSWORDS['romeo'] ?? '', domain, 'orchard');
  await romeo.goOnline();
  assert.match(accepted(await romeo.iq('get', items, `juliet@${domain}`)).source, /first/);
  accepted(await juliet.iq('set', pubsub(`<publish node='${NODE}'>${note('three', 'third')}</publish>`)));
  await romeo.stanza((stanza) => stanza.name === 'message' && stanza.source.includes('>third<'));
  accepted(
    await juliet.iq('set', pubsub(`<retract node='${NODE}' notify='true'><item id='three'/></retract>`)),
  );
  await romeo.close();
}

async function findRoom({ domain }: Home, juliet: RawClient, room: string, changes: Changes): Promise<void> {
  const query = (name: string, content: string): string =>
    `<query xmlns='http://jabber.org/protocol/muc#${name}'>${content}</query>`;
  juliet.send(
    `<presence to='${room}/Jule'><x xmlns='http://jabber.org/protocol/muc'><password>love's "light"</password></x></presence>`,
  );
  const self = await juliet.stanza((stanza) => stanza.name === 'presence' && /code=.110/.test(stanza.source));
  assert.match(self.source, /affiliation=.owner/);
  assert.doesNotMatch(self.source, /code=.201/, 'the room was there');
  const subject = await juliet.stanza((stanza) => stanza.source.includes('<subject'));
  assert.equal(subject.element.getChildText('subject'), changes.subject);
  assert.equal(subject.from, `${room}/Jule`);
  const form = accepted(await juliet.iq('get', query('owner', ''), room))
    .element.getChild('query')
    ?.getChild('x')
    ?.getChildren('field');
  const values = Object.fromEntries(
    (form ?? []).map((field) => [field.attrs['var'], field.getChildText('value') ?? '']),
  );
  const isTrue = (name: string): boolean => ['1', 'true'].includes(values[`muc#roomconfig_${name}`] ?? '');
  assert.equal(values['muc#roomconfig_roomname'], 'The "örchard" & more');
  assert.equal(values['muc#roomconfig_roomdesc'], 'Where walls are high');
  assert.equal(values['muc#roomconfig_roomsecret'], 'love\'s "light"');
  assert.equal(values['muc#roomconfig_whois'], 'anyone');
  for (const name of ['persistentroom', 'membersonly', 'moderatedroom', 'changesubject'])
    assert.ok(isTrue(name), `${name}: ${JSON.stringify(values)}`);
  assert.ok(!isTrue('publicroom'));
  for (const [affiliation, jid] of [
    ['owner', `juliet@${domain}`],
    ['admin', changes.admin],
    ['member', `romeo@${domain}`],
    ['outcast', 'tybalt@example.net'],
  ]) {
    const list = accepted(
      await juliet.iq('get', query('admin', `<item affiliation='${affiliation}'/>`), room),
    );
    const jids = list.element.getChild('query')?.getChildren('item') ?? [];
    assert.deepEqual(
      jids.map((item) => item.attrs['jid']),
      [jid],
      list.source,
    );
  }
}

/** Life goes on: one thing of each kind is changed. Resolves with what is different now. */
export async function liveOn(home: Home): Promise<Changes> {
  const { rooms } = home;
  const juliet = await login(home, 'juliet', 'balcony');
  const set = async (payload: string, to?: string): Promise<Stanza> =>
    accepted(await juliet.iq('set', payload, to));
  const changes: Changes = {
    notes: { one: 'first, again', two: FIRST.notes['two'] ?? '', four: 'fourth' },
    subject: 'Double, double toil and trouble',
    nickname: 'Jule',
    admin: 'peter@example.net',
  };
  await set(
    "<vCard xmlns='vcard-temp'><FN>Juliet Capulet</FN><NICKNAME>Jule</NICKNAME><NOTE>é &lt;&amp;</NOTE></vCard>",
  );
  for (const id of ['one', 'four'])
    await set(pubsub(`<publish node='${NODE}'>${note(id, changes.notes[id] ?? '')}</publish>`));
  const room = `orchard@${rooms}`;
  juliet.send(
    `<presence to='${room}/Jule'><x xmlns='http://jabber.org/protocol/muc'><password>love's "light"</password></x></presence>`,
  );
  await juliet.stanza((stanza) => stanza.name === 'presence' && /code=.110/.test(stanza.source));
  for (const [jid, affiliation] of [
    [FIRST.admin, 'none'],
    [changes.admin, 'admin'],
  ])
    await set(
      `<query xmlns='http://jabber.org/protocol/muc#admin'><item jid='${jid}' affiliation='${affiliation}'/></query>`,
      room,
    );
  juliet.send(`<message to='${room}' type='groupchat'><subject>${changes.subject}</subject></message>`);
  await juliet.stanza((stanza) => stanza.name === 'message' && stanza.source.includes(changes.subject));
  await juliet.close();
  return changes;
}
