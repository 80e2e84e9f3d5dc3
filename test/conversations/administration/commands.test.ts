import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { Deployment } from '../../tools/cli.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { RawClient } from '../../tools/raw-client.js';

const COMMANDS = 'http://jabber.org/protocol/commands';
const ADMIN = 'http://jabber.org/protocol/admin';

let core: CoreUnderTest;
let bard: RawClient;
before(async () => {
  core = await CoreUnderTest.start({ ADMINS: 'bard@localhost' });
  await core.addUsers('bard', 'romeo', 'juliet');
  bard = await core.online('bard', 'globe');
});
after(async () => {
  await bard?.close();
  await core?.stop();
});

type Fields = Readonly<Record<string, string | readonly string[]>>;

function formOf(fields: Fields): string {
  const all = Object.entries({ FORM_TYPE: ADMIN, ...fields });
  const texts = all.map(([name, values]) => {
    const list = typeof values === 'string' ? [values] : values;
    return `<field var='${name}'>${list.map((value) => `<value>${value}</value>`).join('')}</field>`;
  });
  return `<x xmlns='jabber:x:data' type='submit'>${texts.join('')}</x>`;
}

function node(name: string): string {
  return name.includes(':') ? name : `${ADMIN}#${name}`;
}

/** Runs one command as its client would: the form is asked for, filled in, sent back. */
async function command(
  client: RawClient,
  name: string,
  fields: Fields | null,
  domain = 'localhost',
): Promise<Stanza> {
  const first = await client.iq('set', `<command xmlns='${COMMANDS}' node='${node(name)}'/>`, domain);
  if (fields === null) return first;
  const stage = first.element.getChild('command');
  assert.equal(stage?.attrs['status'], 'executing', first.source);
  const form = stage?.getChild('x');
  const declared = form?.getChildren('field').map((field) => field.attrs['var']) ?? [];
  for (const name of Object.keys(fields)) assert.ok(declared.includes(name), `${name} is not asked for`);
  return client.iq(
    'set',
    `<command xmlns='${COMMANDS}' node='${node(name)}' sessionid='${stage?.attrs['sessionid']}'>${formOf(fields)}</command>`,
    domain,
  );
}

function note(answer: Stanza): string {
  const done = answer.element.getChild('command');
  assert.equal(done?.attrs['status'], 'completed', answer.source);
  const found = done?.getChild('note');
  return `${found?.attrs['type']} ${found?.getText()}`;
}

function values(answer: Stanza, name: string): string[] {
  const form = answer.element.getChild('command')?.getChild('x');
  const field = form?.getChildren('field').find((one) => one.attrs['var'] === name);
  return field?.getChildren('value').map((value) => value.getText()) ?? [];
}

function condition(answer: Stanza): string {
  assert.equal(answer.type, 'error', answer.source);
  const [error] = answer.element.getChildren('error');
  return (
    error
      ?.getChildElements()
      .map((child) => child.getName())
      .join(' ') ?? ''
  );
}

test('XEP-0050 §2: commands are found by disco, by whoever may run them', async () => {
  const items = `<query xmlns='http://jabber.org/protocol/disco#items' node='${COMMANDS}'/>`;
  const list = await bard.iq('get', items, 'localhost');
  const found = list.element.getChild('query')?.getChildren('item') ?? [];
  assert.ok(found.length >= 18);
  assert.ok(found.every((item) => item.attrs['jid'] === 'localhost' && item.attrs['name']));
  assert.ok(found.some((item) => item.attrs['node'] === `${ADMIN}#add-user`));

  const info = (of: string) => `<query xmlns='http://jabber.org/protocol/disco#info' node='${of}'/>`;
  const about = await bard.iq('get', info(`${ADMIN}#add-user`), 'localhost');
  const identity = about.element.getChild('query')?.getChild('identity');
  assert.equal(identity?.attrs['type'], 'command-node');
  const whole = await bard.iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", 'localhost');
  assert.ok(whole.source.includes(`'${COMMANDS}'`) || whole.source.includes(`"${COMMANDS}"`));

  const romeo = await core.login('romeo');
  const few = await romeo.iq('get', items, 'localhost');
  const seen = few.element.getChild('query')?.getChildren('item') ?? [];
  assert.deepEqual(
    seen.map((item) => item.attrs['node']),
    ['ping'],
    'what everybody may run',
  );
  const pong = await romeo.iq('set', `<command xmlns='${COMMANDS}' node='ping'/>`, 'localhost');
  assert.match(note(pong), /^info Pong\n\d{4}-/);
  assert.equal(condition(await romeo.iq('get', info(`${ADMIN}#add-user`), 'localhost')), 'forbidden');
  await romeo.close();
});

test('RFC 6120 §10.3.3: at one’s own address, too, and at nobody else’s', async () => {
  const items = `<query xmlns='http://jabber.org/protocol/disco#items' node='${COMMANDS}'/>`;
  const nodes = (answer: Stanza) =>
    answer.element
      .getChild('query')
      ?.getChildren('item')
      .map((item) => item.attrs['node']);
  assert.deepEqual(
    nodes(await bard.iq('get', items, 'bard@localhost')),
    nodes(await bard.iq('get', items, 'localhost')),
  );
  const count = await command(bard, 'get-registered-users-num', null, 'bard@localhost');
  assert.equal(count.from, 'bard@localhost');
  assert.equal(count.element.getChild('command')?.attrs['status'], 'completed');
  assert.match(
    note(
      await command(
        bard,
        'change-user-password',
        { accountjid: 'nobody@localhost', password: 'x' },
        'bard@localhost',
      ),
    ),
    /^error /,
  );
  const romeo = await core.login('romeo');
  assert.deepEqual(nodes(await romeo.iq('get', items, 'romeo@localhost')), ['ping']);
  assert.deepEqual(nodes(await romeo.iq('get', items, 'bard@localhost')), [], 'a stranger');
  assert.equal(condition(await command(romeo, 'announce', null, 'romeo@localhost')), 'forbidden');
  assert.equal(condition(await command(romeo, 'ping', null, 'bard@localhost')), 'service-unavailable');
  await romeo.close();
});

test('XEP-0050 §"Commands Successful/Failed": an address that is none is told in a note', async () => {
  const fields = { password: 'x', 'password-verify': 'x' };
  for (const accountjid of ['a@b@c', 'localhost', 'x@elsewhere.example'])
    assert.match(note(await command(bard, 'add-user', { accountjid, ...fields })), /^error /, accountjid);
  for (const accountjids of ['a@b@c', 'nobody@localhost', 'x@elsewhere.example'])
    assert.match(note(await command(bard, 'reenable-user', { accountjids })), /^error /, accountjids);
});

test('nobody but an administrator runs a command', async () => {
  const romeo = await core.login('romeo');
  for (const name of ['add-user', 'get-online-users-list', 'shutdown', 'announce']) {
    assert.equal(condition(await command(romeo, name, null)), 'forbidden');
  }
  // the name of the resource or a like-sounding domain makes nobody an administrator
  const submission = formOf({ accountjid: 'mallory@localhost', password: 'x', 'password-verify': 'x' });
  const direct = `<command xmlns='${COMMANDS}' node='${ADMIN}#add-user'>${submission}</command>`;
  assert.equal(condition(await romeo.iq('set', direct, 'localhost')), 'forbidden');
  await romeo.close();
});

test('XEP-0133 §4.1–4.4, 4.7: a user is added, logs in, is disabled, enabled, gets a password, is deleted', async () => {
  const account = 'mercutio@localhost';
  const add = { accountjid: account, password: 'Queen Mab', 'password-verify': 'Queen Mab' };
  assert.equal(note(await command(bard, 'add-user', add)), `info Added: ${account}`);
  assert.match(note(await command(bard, 'add-user', add)), /^error .*exists/);
  assert.match(
    note(await command(bard, 'add-user', { ...add, 'password-verify': 'x' })),
    /^error .*not the same/,
  );

  const login = async (password: string): Promise<RawClient> => {
    const client = await core.connect();
    await client.login('mercutio', password, 'localhost', 'street');
    return client;
  };
  const mercutio = await login('Queen Mab');
  assert.match(
    note(await command(bard, 'disable-user', { accountjids: [account, 'nobody@localhost'] })),
    /^error nobody@localhost: .*; disabled: mercutio@localhost$/,
  );
  await mercutio.expectStreamError('not-authorized');
  await assert.rejects(login('Queen Mab'));
  assert.match(note(await command(bard, 'reenable-user', { accountjids: account })), /^info/);
  const again = await login('Queen Mab');
  assert.match(
    note(await command(bard, 'change-user-password', { accountjid: account, password: 'a plague' })),
    /^info/,
  );
  await again.expectStreamError('not-authorized');
  await assert.rejects(login('Queen Mab'));
  const last = await login('a plague');
  assert.match(note(await command(bard, 'delete-user', { accountjids: account })), /^info/);
  await last.expectStreamError('not-authorized');
  await assert.rejects(login('a plague'));
  assert.match(note(await command(bard, 'delete-user', { accountjids: 'bard@localhost' })), /^error/);
});

test('XEP-0133 §4.5: a full JID ends one session, a bare JID all', async () => {
  const orchard = await core.login('romeo', 'orchard');
  const street = await core.login('romeo', 'street');
  assert.match(
    note(await command(bard, 'end-user-session', { accountjids: 'romeo@localhost/orchard' })),
    /^info/,
  );
  await orchard.expectStreamError('policy-violation');
  await street.ping();
  assert.match(note(await command(bard, 'end-user-session', { accountjids: 'romeo@localhost' })), /^info/);
  await street.expectStreamError('policy-violation');
  assert.match(note(await command(bard, 'end-user-session', { accountjids: 'romeo@localhost' })), /^error/);
});

test('XEP-0133 §4.8, 4.13–4.20: rosters, and who there is', async () => {
  const juliet = await core.online('juliet');
  await juliet.iq(
    'set',
    "<query xmlns='jabber:iq:roster'><item jid='nurse@localhost' name='Nurse'><group>House</group></item></query>",
  );
  const roster = await command(bard, 'get-user-roster', { accountjids: 'juliet@localhost' });
  const item = roster.element
    .getChild('command')
    ?.getChild('x')
    ?.getChild('query', 'jabber:iq:roster')
    ?.getChild('item');
  assert.equal(item?.attrs['jid'], 'nurse@localhost');
  assert.equal(item?.getChildText('group'), 'House');
  assert.match(note(await command(bard, 'get-user-roster', { accountjids: 'nobody@localhost' })), /^error/);

  const online = await command(bard, 'get-online-users-list', { max_items: 'none' });
  assert.deepEqual(values(online, 'onlineuserjids').sort(), ['bard@localhost', 'juliet@localhost']);
  assert.deepEqual(values(await command(bard, 'get-online-users-num', null), 'onlineusersnum'), ['2']);
  const registered = values(
    await command(bard, 'get-registered-users-list', { max_items: '25' }),
    'registereduserjids',
  );
  assert.deepEqual(registered, ['bard@localhost', 'juliet@localhost', 'romeo@localhost']);
  assert.deepEqual(values(await command(bard, 'get-registered-users-num', null), 'registeredusersnum'), [
    '3',
  ]);
  await command(bard, 'disable-user', { accountjids: 'romeo@localhost' });
  assert.deepEqual(
    values(await command(bard, 'get-disabled-users-list', { max_items: '25' }), 'disableduserjids'),
    ['romeo@localhost'],
  );
  assert.deepEqual(values(await command(bard, 'get-disabled-users-num', null), 'disabledusersnum'), ['1']);
  await command(bard, 'reenable-user', { accountjids: 'romeo@localhost' });
  await juliet.close();
});

test('XEP-0133 §4.23: an announcement reaches every session, and is not stored for who has none', async () => {
  const juliet = await core.online('juliet');
  assert.equal(
    note(await command(bard, 'announce', { announcement: ['Two households,', 'both alike'] })),
    'info Sent to 2 sessions',
  );
  for (const client of [juliet, bard]) {
    const message = await client.stanza((stanza) => stanza.name === 'message');
    assert.equal(message.from, 'localhost');
    assert.equal(message.element.getChildText('body'), 'Two households,\nboth alike');
  }
  await juliet.close();
  const romeo = await core.online('romeo');
  await romeo.expectNothing();
  await romeo.close();
});

test('XEP-0050: the errors of a confused requester', async () => {
  const run = (attributes: string, payload = '') =>
    bard.iq(
      'set',
      `<command xmlns='${COMMANDS}' node='${ADMIN}#announce' ${attributes}>${payload}</command>`,
      'localhost',
    );
  assert.equal(
    condition(await bard.iq('set', `<command xmlns='${COMMANDS}' node='no'/>`, 'localhost')),
    'item-not-found',
  );
  assert.equal(condition(await run("action='dance'")), 'bad-request malformed-action');
  assert.equal(condition(await run("action='prev'")), 'bad-request bad-action');
  assert.equal(condition(await run("sessionid='none'")), 'not-allowed session-expired');
  assert.equal(condition(await run("action='cancel'")), 'bad-request bad-sessionid');
  const first = await run('');
  const id = first.element.getChild('command')?.attrs['sessionid'];
  assert.equal(condition(await run(`sessionid='${id}'`)), 'bad-request bad-payload');
  assert.equal(condition(await run(`sessionid='${id}'`, formOf({}))), 'not-acceptable text');
  const other = await core.login('bard', 'elsewhere');
  const stolen = `<command xmlns='${COMMANDS}' node='${ADMIN}#announce' sessionid='${id}'>${formOf({ announcement: 'x' })}</command>`;
  assert.equal(condition(await other.iq('set', stolen, 'localhost')), 'not-allowed session-expired');
  await other.close();
  const canceled = await run(`sessionid='${id}' action='cancel'`);
  assert.equal(canceled.element.getChild('command')?.attrs['status'], 'canceled');
  assert.equal(
    condition(await run(`sessionid='${id}'`, formOf({ announcement: 'x' }))),
    'not-allowed session-expired',
  );
  const second = (await run('')).element.getChild('command')?.attrs['sessionid'];
  const formCanceled = await run(`sessionid='${second}'`, "<x xmlns='jabber:x:data' type='cancel'/>");
  assert.equal(formCanceled.element.getChild('command')?.attrs['status'], 'canceled');
});

test('every command is logged with who ran it about whom, and without passwords or texts', () => {
  const lines = core.process.output.split('\n').filter((line) => line.includes('"admin.command"'));
  const added = lines.find((line) => line.includes('#add-user') && line.includes('mercutio'));
  assert.match(added ?? '', /"by":"bard@localhost\/globe".*"subjects":\["mercutio@localhost"\]/);
  assert.ok(!core.process.output.includes('Queen Mab'));
  assert.ok(!core.process.output.includes('Two households'));
});

test('a component without launcher is not restarted, and that is said', async () => {
  const alone = await CoreUnderTest.start({
    ADMINS: 'bard@localhost',
    COMPONENTS: 'vcard',
    COMPONENT_VCARD_SECRET: 'x',
  });
  try {
    await alone.addUsers('bard');
    const client = await alone.login('bard');
    const answer = await command(client, 'urn:entourage:admin:restart-component', { component: 'vcard' });
    assert.match(note(answer), /^error vcard was not started by `entourage start`/);
    await client.close();
  } finally {
    await alone.stop();
  }
});

test('a component is restarted, shut down, and everything restarted and ended, from a client', async (t) => {
  const deployment = new Deployment(t, {
    COMPONENTS: 'vcard',
    ADMINS: 'bard@localhost',
    C2S_REQUIRE_TLS: 'false',
    C2S_TLS_PORT: '0',
  });
  const running = await deployment.start(['start'], 'ready ');
  await deployment.run(['user', 'add', 'bard@localhost', '--password', 'secret']);
  const connect = async (): Promise<RawClient> => {
    const client = await RawClient.connect(
      '127.0.0.1',
      Number(/:(\d+)$/.exec(deployment.runFile('core').addresses['c2s'] ?? '')?.[1]),
    );
    await client.login('bard', 'secret', 'localhost', 'globe');
    return client;
  };
  const client = await connect();
  const pid = deployment.runFile('vcard').pid;
  let from = running.lines.length;
  assert.match(
    note(await command(client, 'urn:entourage:admin:restart-component', { component: 'vcard' })),
    /^info/,
  );
  await running.line(/component\.up/, from);
  assert.notEqual(deployment.runFile('vcard').pid, pid);

  from = running.lines.length;
  assert.match(
    note(await command(client, 'urn:entourage:admin:stop-component', { component: 'vcard' })),
    /^info/,
  );
  await running.line(/component\.down/, from);
  from = running.lines.length;
  assert.match(
    note(await command(client, 'urn:entourage:admin:restart-component', { component: 'vcard' })),
    /^info/,
  );
  await running.line(/component\.up/, from);

  from = running.lines.length;
  assert.match(note(await command(client, 'restart', { delay: '0', announcement: 'back at once' })), /^info/);
  const message = await client.stanza((stanza) => stanza.name === 'message');
  assert.equal(message.element.getChildText('body'), 'back at once');
  await running.line(/"code":"start.process-ready","name":"core"/, from);
  const again = await connect();
  assert.match(note(await command(again, 'shutdown', { delay: '0' })), /^info/);
  assert.equal(await running.ended, 0);
});
