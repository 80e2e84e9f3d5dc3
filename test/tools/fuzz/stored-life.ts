import type { CoreUnderTest } from '../core-harness.js';
import { openClient } from './client.js';
import { Dice } from './dice.js';
import { element, render } from './tree.js';
import type { Wire } from './wire.js';

export const ROOM = (n: number): string => `s${n}@conference.localhost`;
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const MUC = 'http://jabber.org/protocol/muc';

/** Says it, then waits until all of it is done: each IQ is answered, and a ping behind them. */
async function said(wire: Wire, ids: readonly string[], text: string): Promise<void> {
  const left = new Set(ids);
  wire.onElement = (heard) => {
    if (heard.name === 'iq') left.delete(heard.attributes['id'] ?? '');
  };
  wire.send(text);
  if (!(await wire.until(() => left.size === 0, 15_000)))
    throw new Error(`not answered: ${[...left].join(' ')} ${wire.tail}`);
}

/** Gives an account something of everything that is stored: roster, vCard, nodes, lists, a room, messages that wait. */
export async function liveALife(
  core: CoreUnderTest,
  name: string,
  n: number,
  others: readonly string[],
): Promise<void> {
  const wire = await openClient(core, name, 'life');
  const dice = new Dice(n + 1);
  const friend = dice.pick(others);
  const ids: string[] = [];
  const iq = (payload: string, to?: string): string => {
    const id = `i${ids.push('') - 1}`;
    ids[ids.length - 1] = id;
    return `<iq type='set' id='${id}'${to === undefined ? '' : ` to='${to}'`}>${payload}</iq>`;
  };
  const field = (name: string, value: string): string =>
    render(element('field', { var: name }, element('value', {}, value)));
  const form = (type: string, ...fields: string[]): string =>
    `<x xmlns='jabber:x:data' type='submit'>${field('FORM_TYPE', type)}${fields.join('')}</x>`;
  const room = ROOM(n);
  const config = form(
    `${MUC}#roomconfig`,
    field('muc#roomconfig_persistentroom', '1'),
    field('muc#roomconfig_roomname', `Room ${n} & <more>`),
    field('muc#roomconfig_membersonly', '0'),
    field('muc#roomconfig_passwordprotectedroom', '0'),
  );
  await said(
    wire,
    ids,
    [
      '<presence><status>é</status></presence>',
      iq(
        `<query xmlns='jabber:iq:roster'><item jid='${friend}@localhost' name='A &amp; B'><group>Friends</group></item></query>`,
      ),
      `<presence to='${friend}@localhost' type='subscribe'><status>please</status></presence>`,
      iq(
        `<vCard xmlns='vcard-temp'><FN>${name} &lt;x&gt;</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>${PNG}</BINVAL></PHOTO></vCard>`,
      ),
      iq(
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='http://jabber.org/protocol/mood'><item id='m'><mood xmlns='http://jabber.org/protocol/mood'><happy/><text>&lt;3</text></mood></item></publish></pubsub>",
      ),
      iq(
        `<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='storage:bookmarks'><item id='current'><storage xmlns='storage:bookmarks'/></item></publish><publish-options>${form('http://jabber.org/protocol/pubsub#publish-options', field('pubsub#access_model', 'whitelist'), field('pubsub#persist_items', 'true'))}</publish-options></pubsub>`,
      ),
      iq(
        "<query xmlns='jabber:iq:privacy'><list name='l'><item type='jid' value='foe@localhost' action='deny' order='1'/><item action='allow' order='2'/></list></query>",
      ),
      iq("<query xmlns='jabber:iq:privacy'><default name='l'/></query>"),
      iq("<block xmlns='urn:xmpp:blocking'><item jid='other@localhost'/></block>"),
      `<presence to='${room}/${name}'><x xmlns='${MUC}'/></presence>`,
    ].join(''),
  );
  ids.length = 0;
  await said(
    wire,
    ids,
    [
      iq(`<query xmlns='${MUC}#owner'>${config}</query>`, room),
      iq(
        `<query xmlns='${MUC}#admin'><item affiliation='member' jid='${friend}@localhost' nick='pal'><reason>r</reason></item></query>`,
        room,
      ),
      `<message to='${room}' type='groupchat' id='g'><body>history &amp; more</body></message>`,
      `<message to='${room}' type='groupchat'><subject>a subject</subject></message>`,
      // To somebody who is not there: it waits.
      `<message to='${friend}@localhost' type='chat'><body>while you were out</body></message>`,
      iq("<query xmlns='jabber:iq:roster'><item jid='last@localhost'/></query>"),
    ].join(''),
  );
  wire.send('</stream:stream>');
  await wire.finish(5000);
}

/** Everything that reads what {@link liveALife} stored; each request is answered, in whatever way. */
export function questions(n: number, friend: string, prefix: string): string {
  let last = 0;
  const iq = (type: 'get' | 'set', payload: string, to?: string): string =>
    `<iq type='${type}' id='${prefix}-${++last}'${to === undefined ? '' : ` to='${to}'`}>${payload}</iq>`;
  const room = ROOM(n);
  return [
    iq('get', "<query xmlns='jabber:iq:roster'/>"),
    iq('get', "<query xmlns='jabber:iq:privacy'/>"),
    iq('get', "<query xmlns='jabber:iq:privacy'><list name='l'/></query>"),
    iq('get', "<blocklist xmlns='urn:xmpp:blocking'/>"),
    '<presence/>',
    iq('get', "<vCard xmlns='vcard-temp'/>"),
    iq('get', "<vCard xmlns='vcard-temp'/>", `${friend}@localhost`),
    iq('get', "<query xmlns='jabber:iq:last'/>", `${friend}@localhost`),
    iq(
      'get',
      "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='http://jabber.org/protocol/mood'/></pubsub>",
    ),
    iq('get', "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='storage:bookmarks'/></pubsub>"),
    iq('get', "<query xmlns='http://jabber.org/protocol/disco#items'/>", `${friend}@localhost`),
    iq(
      'get',
      "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><configure node='http://jabber.org/protocol/mood'/></pubsub>",
    ),
    iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", room),
    `<presence to='${room}/me'><x xmlns='${MUC}'/></presence>`,
    iq('get', `<query xmlns='${MUC}#owner'/>`, room),
    iq('get', `<query xmlns='${MUC}#admin'><item affiliation='member'/></query>`, room),
    `<message to='${room}' type='groupchat'><body>again</body></message>`,
    iq('set', "<vCard xmlns='vcard-temp'><FN>new</FN></vCard>"),
    iq('set', "<query xmlns='jabber:iq:roster'><item jid='new@localhost'/></query>"),
    iq('set', "<block xmlns='urn:xmpp:blocking'><item jid='another@localhost'/></block>"),
    iq('get', "<query xmlns='http://jabber.org/protocol/disco#items'/>", 'conference.localhost'),
    `<presence to='${room}/me' type='unavailable'/>`,
  ].join('');
}
