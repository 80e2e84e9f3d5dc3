import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { ForeignProcess, findProgram } from '../../tools/foreign/programs.js';
import { befriend, Interests } from '../../tools/pep/interested-client.js';
import { ownerPubsub, publishRequest, pubsub, submission } from '../../tools/pep/pubsub.js';
import { type Postgres, startPostgres } from '../../tools/postgres.js';
import type { RawClient } from '../../tools/raw-client.js';

// libervia-pubsub on our core: a publish-subscribe service of its own domain, and everybody's personal eventing by
// namespace delegation and privileges (XEP-0355, XEP-0356). It keeps its data in PostgreSQL only.

const LIBERVIA = '/usr/share/libervia';
const DOMAIN = 'pubsub.localhost';
const NODE = 'urn:example:tune';
const item = (id: string, text: string): string =>
  `<item id='${id}'><tune xmlns='${NODE}'>${text}</tune></item>`;

function accepted(answer: Stanza): Stanza {
  assert.equal(answer.type, 'result', answer.source);
  return answer;
}

async function startLibervia(t: TestContext, program: string, postgres: Postgres): Promise<CoreUnderTest> {
  await postgres.createDatabase('pubsub', join(LIBERVIA, 'sat_pubsub', 'db', 'pubsub.sql'));
  const core = await CoreUnderTest.start({
    COMPONENT_LIBERVIA_DOMAIN: DOMAIN,
    COMPONENT_LIBERVIA_SECRET: 'secret',
    COMPONENT_LIBERVIA_GRANTS:
      'delegate:http://jabber.org/protocol/pubsub delegate:http://jabber.org/protocol/pubsub#owner ' +
      'roster:both message:outgoing presence:managed_entity presence:roster',
  });
  t.after(() => core.stop());
  await core.addUsers('juliet', 'romeo');
  const { host, port } = core.address('component');
  const folder = mkdtempSync(join(tmpdir(), 'libervia-'));
  const libervia = new ForeignProcess('libervia-pubsub', host, [port], () =>
    spawn(program, ['--nodaemon', '--pidfile=', 'libervia-pubsub'], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        PYTHONPATH: LIBERVIA,
        PYTHONDONTWRITEBYTECODE: '1',
        LIBERVIA_PUBSUB_JID: DOMAIN,
        LIBERVIA_PUBSUB_XMPP_PWD: 'secret',
        LIBERVIA_PUBSUB_RHOST: host,
        LIBERVIA_PUBSUB_RPORT: String(port),
        PGHOST: '127.0.0.1',
        PGPORT: String(postgres.port),
        PGUSER: postgres.user,
        PGDATABASE: 'pubsub',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  t.after(async () => {
    await libervia.kill('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  });
  await libervia.start();
  try {
    await core.process.waitFor(/"component\.up","domain":"pubsub\.localhost"/g);
    await libervia.said(/Privileges updated/);
  } catch (error) {
    throw new Error(`${libervia.output}\n${error instanceof Error ? error.message : String(error)}`);
  }
  return core;
}

test('libervia-pubsub: its own service, and personal eventing for our accounts', async (t) => {
  const program = findProgram('twistd3');
  if (program === undefined || !existsSync(join(LIBERVIA, 'sat_pubsub')))
    return t.skip('libervia-pubsub is not installed');
  const postgres = await startPostgres();
  if (postgres === undefined) return t.skip('postgresql is not installed');
  t.after(() => postgres.stop());
  const core = await startLibervia(t, program, postgres);
  const [juliet, romeo] = [await core.online('juliet'), await core.online('romeo')];
  await discovered(juliet);
  await ownService(juliet, romeo);
  await personalEventing(core, juliet, romeo);
});

async function discovered(juliet: RawClient): Promise<void> {
  const info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
  for (const [address, identity] of [
    [DOMAIN, 'pubsub/service'],
    ['juliet@localhost', 'pubsub/pep'],
    ['localhost', 'pubsub/pep'],
  ] as const) {
    const answer = accepted(await juliet.iq('get', info, address));
    const query = answer.element.getChild('query');
    const identities = (query?.getChildren('identity') ?? []).map(
      ({ attrs }) => `${attrs['category']}/${attrs['type']}`,
    );
    assert.ok(identities.includes(identity), answer.source);
    const features = (query?.getChildren('feature') ?? []).map(({ attrs }) => attrs['var']);
    assert.ok(features.includes('http://jabber.org/protocol/pubsub#publish'), answer.source);
    // XEP-0115 §5.4: what is said twice makes a hash ill-formed. Two delegations are answered alike here.
    if (address !== DOMAIN)
      for (const list of [identities, features]) assert.equal(new Set(list).size, list.length, answer.source);
  }
}

async function ownService(juliet: RawClient, romeo: RawClient): Promise<void> {
  accepted(await juliet.iq('set', pubsub("<create node='verona'/>"), DOMAIN));
  const subscribe = pubsub("<subscribe node='verona' jid='romeo@localhost'/>");
  assert.match(accepted(await romeo.iq('set', subscribe, DOMAIN)).source, /subscription='subscribed'/);
  accepted(await juliet.iq('set', publishRequest('verona', item('one', 'hé &amp; 👋')), DOMAIN));
  const event = await romeo.stanza((stanza) =>
    stanza.hasChild('event', 'http://jabber.org/protocol/pubsub#event'),
  );
  assert.equal(event.from, DOMAIN);
  assert.match(event.source, /hé &amp; 👋/);
  const items = accepted(await romeo.iq('get', pubsub("<items node='verona'/>"), DOMAIN));
  assert.match(items.source, /id='one'/);
  const denied = await romeo.iq('set', publishRequest('verona', item('two', 'x')), DOMAIN);
  assert.equal(denied.type, 'error', denied.source);
  accepted(await juliet.iq('set', ownerPubsub("<delete node='verona'/>"), DOMAIN));
}

async function personalEventing(core: CoreUnderTest, juliet: RawClient, romeo: RawClient): Promise<void> {
  await befriend(juliet, romeo);
  const interests = new Interests(NODE);
  // It looks at a resource's first presence only.
  const chamber = await core.login('romeo', 'chamber');
  chamber.send(interests.presence);
  assert.equal(await interests.answer(chamber), DOMAIN);
  await chamber.ping();
  const options = submission('publish-options', { access_model: 'open' });
  accepted(
    await juliet.iq(
      'set',
      pubsub(
        `<publish node='${NODE}'>${item('now', 'Introduction')}</publish><publish-options>${options}</publish-options>`,
      ),
    ),
  );
  // XEP-0356: it speaks as the account
  const event = await chamber.stanza((stanza) => stanza.source.includes('Introduction'));
  assert.equal(event.from, 'juliet@localhost', event.source);
  const items = pubsub(`<items node='${NODE}'/>`);
  assert.match(accepted(await juliet.iq('get', items)).source, /Introduction/);
  assert.match(accepted(await romeo.iq('get', items, 'juliet@localhost')).source, /Introduction/);
  const denied = await romeo.iq('set', publishRequest(NODE, item('evil', 'x')), 'juliet@localhost');
  assert.equal(denied.type, 'error', denied.source);
  assert.match(
    accepted(await juliet.iq('get', ownerPubsub(`<configure node='${NODE}'/>`))).source,
    /access_model/,
  );
  for (const client of [juliet, romeo, chamber]) await client.close();
}
