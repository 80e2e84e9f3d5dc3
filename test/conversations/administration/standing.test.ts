import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';
import { joinComponent } from '../../tools/raw-component.js';

// What administrators set that stays (XEP-0133 §4.9–4.12, 4.16–4.17, 4.21–4.22, 4.24–4.29), over the wire.

const COMMANDS = 'http://jabber.org/protocol/commands';
const ADMIN = 'http://jabber.org/protocol/admin';

let core: CoreUnderTest;
let bard: RawClient;
before(async () => {
  core = await CoreUnderTest.start({
    ADMINS: 'bard@localhost',
    COMPONENTS: 'denmark',
    COMPONENT_DENMARK_DOMAIN: 'denmark.lit',
    COMPONENT_DENMARK_SECRET: 'secret',
  });
  await core.addUsers('bard', 'romeo', 'juliet');
  bard = await core.online('bard', 'globe');
});
after(async () => {
  await bard?.close();
  await core?.stop();
});

type Fields = Readonly<Record<string, readonly string[]>>;

function run(client: RawClient, name: string, content = '', attributes = ''): Promise<Stanza> {
  return client.iq(
    'set',
    `<command xmlns='${COMMANDS}' node='${ADMIN}#${name}' ${attributes}>${content}</command>`,
    'localhost',
  );
}

function submission(fields: Fields): string {
  const all = Object.entries({ FORM_TYPE: [ADMIN], ...fields });
  const texts = all.map(
    ([name, values]) =>
      `<field var='${name}'>${values.map((value) => `<value>${value}</value>`).join('')}</field>`,
  );
  return `<x xmlns='jabber:x:data' type='submit'>${texts.join('')}</x>`;
}

/** Asks for the form, submits it; the answer, which must be that of a completed command. */
async function submit(client: RawClient, name: string, fields: Fields): Promise<Stanza> {
  const form = await run(client, name);
  const id = form.element.getChild('command')?.attrs['sessionid'];
  const answer = await run(client, name, submission(fields), `sessionid='${id}'`);
  assert.equal(answer.element.getChild('command')?.attrs['status'], 'completed', answer.source);
  return answer;
}

const noteOf = (answer: Stanza): string => {
  const note = answer.element.getChild('command')?.getChild('note');
  return note === undefined ? '' : `${note.attrs['type']} ${note.getText()}`;
};

/** Fields of a form or result: `var type label required: values`. */
function fieldsOf(answer: Stanza): string[] {
  const x = answer.element.getChild('command')?.getChild('x', 'jabber:x:data');
  return (x?.getChildren('field') ?? []).map((field) => {
    const { var: name = '', type = '', label = '' } = field.attrs;
    const values = field.getChildren('value').map((value) => value.getText());
    const options = field.getChildren('option').map((option) => option.getChildText('value'));
    const required = field.getChild('required') === undefined ? '' : '*';
    return `${name}${required} ${type} "${label}" ${values.join('|')} ${options.join(',')}`.trimEnd();
  });
}

function resultValues(answer: Stanza, name: string): string[] {
  const x = answer.element.getChild('command')?.getChild('x', 'jabber:x:data');
  const field = x?.getChildren('field').find((one) => one.attrs['var'] === name);
  return field?.getChildren('value').map((value) => value.getText()) ?? [];
}

const HIDDEN = `FORM_TYPE hidden "" ${ADMIN}`;
const LIST = 'max_items list-single "Maximum number of items to show" 100 25,50,75,100,150,200,none';
const DELAYS = '60 0,30,60,90,120,180,240,300';

test('each form is that of XEP-0133’s example', async () => {
  const forms: readonly [string, string, string, ...string[]][] = [
    [
      'add-user',
      'Adding a User',
      'Fill out this form to add a user.',
      'accountjid* jid-single "The Jabber ID for the account to be added"',
      'password* text-private "The password for this account"',
      'password-verify* text-private "Retype password"',
    ],
    [
      'delete-user',
      'Deleting a User',
      'Fill out this form to delete a user.',
      'accountjids* jid-multi "The Jabber ID(s) to delete"',
    ],
    [
      'disable-user',
      'Disabling a User',
      'Fill out this form to disable a user.',
      'accountjids* jid-multi "The Jabber ID(s) to disable"',
    ],
    [
      'reenable-user',
      'Re-Enable a User',
      'Fill out this form to re-enable a user.',
      'accountjids* jid-multi "The Jabber ID(s) to re-enable"',
    ],
    [
      'end-user-session',
      'Ending a User Session',
      "Fill out this form to end a user's session.",
      'accountjids* jid-multi "The Jabber ID(s) for which to end sessions"',
    ],
    [
      'change-user-password',
      'Changing a User Password',
      "Fill out this form to change a user's password.",
      'accountjid* jid-single "The Jabber ID for this account"',
      'password* text-private "The password for this account"',
    ],
    [
      'get-user-roster',
      "Getting a User's Roster",
      "Fill out this form to get a user's roster.",
      'accountjids* jid-multi "The Jabber ID(s) for which to retrieve the roster"',
    ],
    [
      'get-user-lastlogin',
      "Getting a User's Last Login Time",
      "Fill out this form to get a user's last login time.",
      'accountjids* jid-multi "The Jabber ID(s) for which to retrieve the last login time"',
    ],
    [
      'user-stats',
      'Get User Statistics',
      'Fill out this form to gather user statistics.',
      'accountjid* jid-single "The Jabber ID for statistics"',
    ],
    [
      'edit-blacklist',
      'Editing the Blacklist',
      'Fill out this form to edit the list of entities with whom communications are disallowed.',
      'blacklistjids jid-multi "The blacklist"',
    ],
    [
      'edit-whitelist',
      'Editing the Whitelist',
      'Fill out this form to edit the list of entities with whom communications are allowed.',
      'whitelistjids jid-multi "The whitelist"',
    ],
    ...(['registered', 'disabled', 'online'] as const).map((kind): [string, string, string, string] => [
      `get-${kind}-users-list`,
      `Requesting List of ${kind.replace(/^./, (letter) => letter.toUpperCase())} Users`,
      `Fill out this form to request the ${kind} users of this service.`,
      LIST,
    ]),
    ...(['active', 'idle'] as const).map((kind): [string, string, string, string] => [
      `get-${kind}-users`,
      `Requesting List of ${kind.replace(/^./, (letter) => letter.toUpperCase())} Users`,
      `Fill out this form to request the ${kind} users of this service.`,
      LIST,
    ]),
    [
      'announce',
      'Making an Announcement',
      'Fill out this form to make an announcement to all active users of this service.',
      'announcement* text-multi "Announcement"',
    ],
    [
      'set-motd',
      'Setting the Message of the Day',
      'Fill out this form to set the message of the day.',
      'motd* text-multi "Message of the Day"',
    ],
    [
      'edit-motd',
      'Editing the Message of the Day',
      'Fill out this form to edit the message of the day.',
      'motd* text-multi "Message of the Day"',
    ],
    [
      'set-welcome',
      'Setting Welcome Message',
      'Fill out this form to set the welcome message for this service.',
      'welcome* text-multi "Welcome Message"',
    ],
    [
      'edit-admin',
      'Editing the Admin List',
      'Fill out this form to edit the list of entities who have administrative privileges.',
      'adminjids jid-multi "The admin list" bard@localhost',
    ],
    [
      'restart',
      'Restarting the Service',
      'Fill out this form to restart the service.',
      `delay* list-single "Time delay before restarting" ${DELAYS}`,
      'announcement text-multi "Announcement"',
    ],
    [
      'shutdown',
      'Shutting Down the Service',
      'Fill out this form to shut down the service.',
      `delay* list-single "Time delay before shutting down" ${DELAYS}`,
      'announcement text-multi "Announcement"',
    ],
  ];
  for (const [name, title, instructions, ...fields] of forms) {
    const answer = await run(bard, name);
    const command = answer.element.getChild('command', COMMANDS);
    assert.equal(command?.attrs['status'], 'executing', answer.source);
    assert.ok(command?.attrs['sessionid']);
    const x = command?.getChild('x', 'jabber:x:data');
    assert.equal(x?.attrs['type'], 'form');
    assert.deepEqual(
      [x?.getChildText('title'), x?.getChildText('instructions'), ...fieldsOf(answer)],
      [title, instructions, HIDDEN, ...fields],
    );
  }
});

test('none of them is for anybody else', async () => {
  const romeo = await core.login('romeo');
  const names =
    'get-user-lastlogin user-stats edit-blacklist edit-whitelist get-active-users get-active-users-num get-idle-users get-idle-users-num set-motd edit-motd delete-motd set-welcome delete-welcome edit-admin';
  for (const name of names.split(' ')) assert.match((await run(romeo, name)).source, /<forbidden/, name);
  await romeo.close();
});

test('§4.9, 4.10: when a user last logged in, and what he is doing', async () => {
  const begin = Date.now() - 1000;
  const juliet = await core.online('juliet', 'balcony');
  await juliet.iq('set', "<query xmlns='jabber:iq:roster'><item jid='nurse@localhost'/></query>");
  const answer = await submit(bard, 'get-user-lastlogin', { accountjids: ['juliet@localhost'] });
  assert.deepEqual(resultValues(answer, 'accountjids'), ['juliet@localhost']);
  const [time = ''] = resultValues(answer, 'lastlogin');
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  assert.ok(Date.parse(time) >= begin && Date.parse(time) <= Date.now());
  for (const nobody of ['romeo2@localhost', 'localhost']) {
    assert.match(noteOf(await submit(bard, 'get-user-lastlogin', { accountjids: [nobody] })), /^error/);
  }

  const statistics = submit(bard, 'user-stats', { accountjid: ['juliet@localhost'] });
  const talk = setInterval(() => juliet.send("<message to='juliet@localhost/none' type='headline'/>"), 50);
  const stats = await statistics.finally(() => clearInterval(talk));
  assert.deepEqual(resultValues(stats, 'ipaddresses'), ['127.0.0.1']);
  assert.deepEqual(resultValues(stats, 'rostersize'), ['1']);
  assert.deepEqual(resultValues(stats, 'onlineresources'), ['balcony']);
  assert.ok(Number(resultValues(stats, 'stanzaspersecond')[0]) >= 3, stats.source);
  assert.deepEqual(resultValues(stats, 'loginsperminute'), ['0.1']);
  assert.match(noteOf(await submit(bard, 'user-stats', { accountjid: ['nobody@localhost'] })), /^error/);
  await juliet.close();
});

test('§4.16, 4.17, 4.21, 4.22: who is active, and who idle', async () => {
  const active = await submit(bard, 'get-active-users', { max_items: ['none'] });
  assert.deepEqual(resultValues(active, 'activeuserjids'), ['bard@localhost']);
  assert.deepEqual(
    resultValues(await submit(bard, 'get-idle-users', { max_items: ['25'] }), 'idleuserjids'),
    [],
  );
  assert.deepEqual(fieldsOf(await run(bard, 'get-active-users-num')), [
    'FORM_TYPE hidden "" http://jabber.org/protocol/admin',
    'activeusersnum text-single "The number of active users" 1',
  ]);
  assert.deepEqual(resultValues(await run(bard, 'get-idle-users-num'), 'idleusersnum'), ['0']);
});

const isMessage = (stanza: Stanza): boolean => stanza.name === 'message';
const bodyOf = (stanza: Stanza): string | null => stanza.element.getChildText('body');
const messagesIn = (client: RawClient): number =>
  client.received.filter((one) => one.kind === 'element' && one.stanza.name === 'message').length;

test('§4.24–4.26: the message of the day: to each once, over restarts; corrected; deleted', async () => {
  const lines = ["Don't forget: the grand re-opening of the", 'Globe Theatre will occur tomorrow night.'];
  const escaped = lines.map((line) => line.replace("'", '&apos;'));
  const juliet = await core.online('juliet');
  await submit(bard, 'set-motd', { motd: escaped });
  for (const client of [bard, juliet]) {
    const message = await client.stanza(isMessage);
    assert.deepEqual([message.from, bodyOf(message)], ['localhost', lines.join('\n')]);
  }
  await juliet.close();
  assert.deepEqual(
    fieldsOf(await run(bard, 'edit-motd'))[1],
    `motd* text-multi "Message of the Day" ${lines.join('|')}`,
  );

  await core.restart('SIGTERM');
  bard = await core.online('bard', 'globe');
  const again = await core.online('juliet');
  await again.expectNothing();
  await submit(bard, 'edit-motd', { motd: ['Tonight!'] });
  const romeo = await core.online('romeo');
  assert.equal(bodyOf(await romeo.stanza(isMessage)), 'Tonight!');
  await romeo.close();
  const back = await core.online('romeo', 'other');
  await back.ping();
  assert.equal(
    messagesIn(back) + messagesIn(again) + messagesIn(bard),
    0,
    'each once, a correction to nobody',
  );

  assert.equal(noteOf(await run(bard, 'delete-motd')), '');
  assert.match(noteOf(await run(bard, 'delete-motd')), /^error/);
  await core.addUsers('nurse');
  const nurse = await core.online('nurse');
  await nurse.expectNothing();
  for (const client of [again, back, nurse]) await client.close();
});

test('§4.27, 4.28: the welcome message: for new accounts, at their first log-in', async () => {
  await submit(bard, 'set-welcome', {
    welcome: ['Welcome to Shakespeare.lit, your home for', 'instant messaging'],
  });
  assert.match(fieldsOf(await run(bard, 'set-welcome'))[1] ?? '', /Shakespeare\.lit/);
  await core.addUsers('hamlet');
  const hamlet = await core.online('hamlet');
  assert.match(bodyOf(await hamlet.stanza(isMessage)) ?? '', /^Welcome to Shakespeare\.lit.*\ninstant/);
  await hamlet.close();
  const [again, romeo] = [await core.online('hamlet'), await core.online('romeo')];
  await again.ping();
  await romeo.ping();
  assert.equal(messagesIn(again) + messagesIn(romeo), 0);
  assert.equal(noteOf(await run(bard, 'delete-welcome')), '');
  assert.match(noteOf(await run(bard, 'delete-welcome')), /^error/);
  await core.addUsers('ophelia');
  const ophelia = await core.online('ophelia');
  await ophelia.expectNothing();
  for (const client of [again, romeo, ophelia]) await client.close();
});

test('§4.29: administrators make administrators, over restarts, but cannot undo the operator’s setting', async () => {
  const hecate = await core.login('hamlet', 'heath');
  assert.match((await run(hecate, 'edit-admin')).source, /<forbidden/);
  assert.equal(
    noteOf(await submit(bard, 'edit-admin', { adminjids: ['bard@localhost', 'hamlet@localhost'] })),
    '',
  );
  assert.match(fieldsOf(await run(hecate, 'edit-admin'))[1] ?? '', /bard@localhost\|hamlet@localhost/);
  await core.restart('SIGTERM');
  bard = await core.online('bard', 'globe');
  const again = await core.login('hamlet', 'heath');
  assert.match(
    noteOf(await submit(again, 'edit-admin', { adminjids: ['hamlet@localhost'] })),
    /^warn .*bard@localhost/,
  );
  assert.match(noteOf(await submit(again, 'edit-admin', { adminjids: ['bard@localhost'] })), /^error/);
  assert.match(
    noteOf(await submit(bard, 'edit-admin', { adminjids: ['bard@localhost', 'denmark.lit'] })),
    /^error/,
  );
  assert.equal(noteOf(await submit(bard, 'edit-admin', { adminjids: ['bard@localhost'] })), '');
  assert.match((await run(again, 'edit-admin')).source, /<forbidden/);
  await again.close();
});

test('§4.11, 4.12: who is on the blacklist, or not on the whitelist, is not talked with, either way', async () => {
  const denmark = await joinComponent(core, 'denmark.lit');
  const romeo = await core.online('romeo');
  const hear = async (): Promise<string> => {
    denmark.send(
      "<message from='hamlet@denmark.lit' to='romeo@localhost' id='in' type='chat'><body>x</body></message>",
    );
    denmark.send(
      `<iq type='get' from='denmark.lit' to='localhost' id='p'><ping xmlns='urn:xmpp:ping'/></iq>`,
    );
    const answer = await denmark.stanza((stanza) => stanza.name === 'iq' && stanza.id === 'p');
    await romeo.ping();
    romeo.send("<message to='ghost@denmark.lit' id='out' type='chat'><body>x</body></message>");
    await romeo.ping();
    const came = romeo.received.flatMap((one) =>
      one.kind === 'element' && one.stanza.name === 'message' ? [`${one.stanza.id} ${one.stanza.type}`] : [],
    );
    romeo.received.splice(0);
    return [...came, answer.type].join(', ');
  };
  assert.equal(await hear(), 'in chat, result');
  assert.equal(
    noteOf(
      await submit(bard, 'edit-blacklist', { blacklistjids: ['hamlet@denmark.lit', 'ghost@denmark.lit'] }),
    ),
    '',
  );
  assert.equal(await hear(), 'out error, result');
  assert.equal(noteOf(await submit(bard, 'edit-blacklist', { blacklistjids: ['denmark.lit'] })), '');
  assert.equal(await hear(), 'out error, error');
  assert.match(fieldsOf(await run(bard, 'edit-blacklist'))[1] ?? '', /denmark\.lit/);
  for (const own of ['localhost', 'bard@localhost']) {
    assert.match(noteOf(await submit(bard, 'edit-blacklist', { blacklistjids: [own] })), /^error/);
  }
  assert.equal(noteOf(await submit(bard, 'edit-blacklist', { blacklistjids: [] })), '');

  // a whitelist is about other servers: our own components are ours; that one is let through, another server is not
  assert.equal(noteOf(await submit(bard, 'edit-whitelist', { whitelistjids: ['england.lit'] })), '');
  assert.equal(await hear(), 'in chat, result');
  romeo.send("<message to='x@france.lit' id='f' type='chat'><body>x</body></message>");
  assert.match((await romeo.stanza((stanza) => stanza.id === 'f')).source, /<not-allowed/);
  romeo.send("<message to='x@england.lit' id='e' type='chat'><body>x</body></message>");
  assert.match((await romeo.stanza((stanza) => stanza.id === 'e')).source, /<remote-server/);
  assert.equal(noteOf(await submit(bard, 'edit-whitelist', { whitelistjids: [] })), '');
  await core.process.said(/"admin\.command".*edit-blacklist.*"subjects":\["denmark\.lit"\]/);
  assert.ok(!core.process.output.includes('grand re-opening'));
  await romeo.close();
  await denmark.close();
});
