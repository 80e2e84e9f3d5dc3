import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Deployment } from '../../tools/cli.js';
import {
  type PortableServer,
  type PortableServerOptions,
  startPortableEjabberd,
  startPortableProsody,
} from '../../tools/portable-servers.js';
import { RawClient } from '../../tools/raw-client.js';

type Start = (options: PortableServerOptions) => Promise<PortableServer | undefined>;
interface Server {
  readonly name: string;
  readonly start: Start;
  /** Prosody's own portable store has no place for messages. */
  readonly messages: boolean;
  readonly exportOptions: readonly string[];
  /** What the export with these options makes. */
  readonly exported: string;
}
const SERVERS: readonly Server[] = [
  { name: 'prosody', start: startPortableProsody, messages: false, exportOptions: [], exported: 'out.xml' },
  {
    name: 'ejabberd',
    start: startPortableEjabberd,
    messages: true,
    exportOptions: ['--for', 'ejabberd'],
    exported: 'out.xml/accounts.xml',
  },
];
const VCARD = "<vCard xmlns='vcard-temp'><FN>Juliet Capulet</FN></vCard>";

/** What a user of another server, or of ours, leaves there: a contact in groups, a vCard, a waiting message to itself. */
async function leaveData(port: number, messages: boolean): Promise<void> {
  const client = await RawClient.connect('127.0.0.1', port);
  await client.login('juliet', 'pencil', 'localhost', 'balcony');
  const roster = await client.iq(
    'set',
    "<query xmlns='jabber:iq:roster'><item jid='romeo@montague.example' name='Romeo'><group>Friends</group></item></query>",
  );
  assert.equal(roster.type, 'result', roster.source);
  const vcard = await client.iq('set', VCARD);
  assert.equal(vcard.type, 'result', vcard.source);
  // No presence was sent: the server keeps it for later.
  if (messages) client.send("<message to='juliet@localhost' type='chat'><body>for later</body></message>");
  await client.iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", 'localhost');
  await client.close();
}

/** All of it is there, and the password is what it was. */
async function findData(port: number, messages: boolean): Promise<void> {
  const client = await RawClient.connect('127.0.0.1', port);
  await client.login('juliet', 'pencil', 'localhost', 'balcony');
  const roster = (await client.iq('get', "<query xmlns='jabber:iq:roster'/>")).source;
  assert.match(roster, /jid=['"]romeo@montague\.example['"]/);
  assert.match(roster, /name=['"]Romeo['"]/);
  assert.match(roster, /<group>Friends<\/group>/);
  assert.match((await client.iq('get', "<vCard xmlns='vcard-temp'/>")).source, /<FN>Juliet Capulet<\/FN>/);
  if (messages) {
    client.send('<presence/>');
    const message = await client.stanza(
      (stanza) => stanza.name === 'message' && stanza.source.includes('for later'),
    );
    assert.match(message.source, /urn:xmpp:delay/);
  }
  await client.close();
}

function ours(t: TestContext): Deployment {
  return new Deployment(t, {
    C2S_REQUIRE_TLS: 'false',
    C2S_TLS_PORT: '0',
    COMPONENTS: 'vcard',
    SASL_ITERATIONS: '4096',
  });
}

/** Starts ours and gives its client port; ends it with `stop`. */
async function startOurs(deployment: Deployment): Promise<{ port: number; stop: () => Promise<unknown> }> {
  const running = await deployment.start(['start'], 'ready ');
  const ready = await running.line('ready ');
  return { port: Number(/ c2s=127\.0\.0\.1:(\d+)/.exec(ready)?.[1]), stop: () => running.stop() };
}

for (const { name, start, messages, exportOptions, exported: made } of SERVERS) {
  describe(`accounts from and to ${name}`, () => {
    test(`what ${name} exported is served by us`, async (t) => {
      const server = await start({ users: { juliet: 'pencil' } });
      if (server === undefined) return t.skip(`${name} is not installed`);
      t.after(() => server.stop());
      await leaveData(server.c2sPort, messages);
      const file = await server.exported();
      const deployment = ours(t);
      const imported = await deployment.run(['store', 'import', file]);
      assert.equal(imported.code, 0, imported.error);
      assert.match(imported.out, /1 accounts imported/);
      assert.ok(!imported.error.includes('no usable password'), imported.error);
      const system = await startOurs(deployment);
      await findData(system.port, messages);
      await system.stop();
    });

    test(`what we exported is served by ${name}`, async (t) => {
      const deployment = ours(t);
      await deployment.run(['user', 'add', 'juliet@localhost', '--password', 'pencil']);
      const system = await startOurs(deployment);
      await leaveData(system.port, messages);
      await system.stop();
      const exported = await deployment.run(['store', 'export', 'out.xml', ...exportOptions]);
      assert.equal(exported.code, 0, exported.error);
      const path = join(deployment.folder, 'copy.xml');
      copyFileSync(join(deployment.folder, made), path);
      const server = await start({ document: { path, user: 'juliet' } });
      if (server === undefined) return t.skip(`${name} is not installed`);
      t.after(() => server.stop());
      await findData(server.c2sPort, messages);
    });
  });
}
