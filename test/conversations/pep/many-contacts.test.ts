import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ProcessUnderTest } from '../../tools/core-harness.js';
import { Interests } from '../../tools/pep/interested-client.js';
import { publishRequest, pubsub } from '../../tools/pep/pubsub.js';
import { ALL_GRANTS, ScriptedServer, type ScriptedServerOptions } from '../../tools/pep/scripted-server.js';

const MOOD = 'http://jabber.org/protocol/mood';
const mood = `<item id='current'><mood xmlns='${MOOD}'><happy/></mood></item>`;
const JULIET = 'juliet@capulet.lit';
const interests = new Interests(MOOD);
const C = `<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='${interests.node}' ver='${interests.ver}'/>`;

async function pepBefore(
  t: TestContext,
  options: ScriptedServerOptions,
): Promise<{ server: ScriptedServer; pep: ProcessUnderTest }> {
  const server = await ScriptedServer.listen({ info: (_client, node) => interests.info(node), ...options });
  const folder = mkdtempSync(join(tmpdir(), 'pep-'));
  const pep = new ProcessUnderTest('pep', folder, {
    CORE_PORT: String(server.port),
    CORE_DOMAIN: 'capulet.lit',
    PEP_DOMAIN: 'pep.capulet.lit',
    PEP_SECRET: 'secret',
    LOG_LEVEL: 'debug',
  });
  t.after(async () => {
    await pep.stop();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await pep.ready();
  return { server, pep };
}

const contact = (jid: string, subscription: string): string =>
  `<item jid='${jid}' subscription='${subscription}'/>`;

test('an event for 1,000 interested contacts: a message each, and one question for their one hash', async (t) => {
  const names = Array.from(
    { length: 1_000 },
    (_, i) => `contact${i}@${i % 2 === 0 ? 'capulet' : 'montague'}.lit`,
  );
  const { server } = await pepBefore(t, {
    roster: (account) =>
      account === JULIET ? names.map((name) => contact(name, 'both')).join('') : contact(JULIET, 'both'),
  });
  // The account's node exists, so the contacts at other servers are known.
  await server.delegated('set', `${JULIET}/balcony`, JULIET, publishRequest(MOOD, mood));
  for (const name of names) server.presence(`${name}/home`, C);
  await server.until(() => server.messageCount === 1_000, 'the last item for each');
  assert.equal(server.infoGets.length, 1);
  const before = server.rosterGets;
  const told = new Set(server.messages.map((text) => / to="([^"]*)"/.exec(text)?.[1]));
  assert.equal(told.size, 1_000);
  server.messages = [];
  await server.delegated('set', `${JULIET}/balcony`, JULIET, publishRequest(MOOD, mood));
  await server.until(() => server.messageCount === 2_000, 'the event for each');
  assert.equal(new Set(server.messages.map((text) => / to="([^"]*)"/.exec(text)?.[1])).size, 1_000);
  assert.deepEqual([server.infoGets.length, server.rosterGets, server.otherIqs], [1, before, 0]);
});

test('a contact at another server is asked as the account that it knows, and gets last items and events', async (t) => {
  const { server } = await pepBefore(t, {
    roster: (account) => (account === JULIET ? contact('romeo@montague.lit', 'both') : ''),
  });
  await server.delegated('set', `${JULIET}/balcony`, JULIET, publishRequest(MOOD, mood));
  server.presence('romeo@montague.lit/orchard', C);
  await server.until(() => server.messageCount === 1, 'the last item');
  assert.deepEqual(server.infoGets, [{ to: 'romeo@montague.lit/orchard', from: JULIET }]);
  assert.ok(server.messages[0]?.includes('urn:xmpp:delay'), server.messages[0]);
  // Gone: nothing more, until the next presence.
  server.presence('romeo@montague.lit/orchard', '', 'unavailable');
  await server.delegated('set', `${JULIET}/balcony`, JULIET, publishRequest(MOOD, mood));
  server.presence('romeo@montague.lit/orchard', C);
  await server.until(() => server.messageCount === 2, 'the last item again');
  assert.ok(server.messages[1]?.includes('urn:xmpp:delay'), server.messages[1]);
  // Removed from the roster: out.
  server.send(
    `<iq type='set' id='push' from='${JULIET}' to='pep.capulet.lit'><query xmlns='jabber:iq:roster'>` +
      `<item jid='romeo@montague.lit' subscription='remove'/></query></iq>`,
  );
  await server.delegated('set', `${JULIET}/balcony`, JULIET, publishRequest(MOOD, mood));
  const refused = await server.delegated(
    'get',
    'romeo@montague.lit/orchard',
    JULIET,
    pubsub(`<items node='${MOOD}'/>`),
  );
  assert.ok(refused.includes('presence-subscription-required'), refused);
  assert.equal(server.messageCount, 2);
});

test('a push that does not come from the account itself changes nothing', async (t) => {
  const { server } = await pepBefore(t, { roster: () => '' });
  await server.delegated('set', `${JULIET}/balcony`, JULIET, publishRequest(MOOD, mood));
  for (const from of [`${JULIET}/balcony`, 'mallory@evil.lit']) {
    server.send(
      `<iq type='set' id='push' from='${from}' to='pep.capulet.lit'><query xmlns='jabber:iq:roster'>` +
        `<item jid='paris@capulet.lit' subscription='both'/></query></iq>`,
    );
  }
  const refused = await server.delegated(
    'get',
    'paris@capulet.lit/x',
    JULIET,
    pubsub(`<items node='${MOOD}'/>`),
  );
  assert.ok(refused.includes('presence-subscription-required'), refused);
});

test('a server that grants less: what is missing is named, the rest works', async (t) => {
  const { server, pep } = await pepBefore(t, { grants: '' });
  const published = await server.delegated('set', `${JULIET}/balcony`, JULIET, publishRequest(MOOD, mood));
  assert.ok(published.includes("type='result'"), published);
  const items = pubsub(`<items node='${MOOD}'/>`);
  assert.ok((await server.delegated('get', `${JULIET}/balcony`, JULIET, items)).includes('<happy/>'));
  const refused = await server.delegated('get', 'nurse@capulet.lit/x', JULIET, items);
  assert.ok(refused.includes('presence-subscription-required'), refused);
  for (const grant of ['message:outgoing', 'roster:get', 'presence:managed_entity']) {
    assert.ok(
      pep.output.includes(`the server does not grant: privilege ${grant}`),
      `${grant}\n${pep.output}`,
    );
  }
});

test('a server without the iq privilege: clients are asked by the component', async (t) => {
  const { server } = await pepBefore(t, {
    grants: ALL_GRANTS.replace(/<perm access='iq'>.*<\/perm>/, ''),
    roster: () => contact('romeo@capulet.lit', 'both'),
  });
  await server.delegated('set', `${JULIET}/balcony`, JULIET, publishRequest(MOOD, mood));
  server.presence(`${JULIET}/chamber`, C);
  await server.until(() => server.messageCount === 1, 'the last item');
  assert.deepEqual(server.infoGets, [{ to: `${JULIET}/chamber`, from: 'pep.capulet.lit' }]);
});

test('a contact at another server who came while we were away gets the last items when we are back', async (t) => {
  const roster = (account: string): string =>
    account === JULIET ? contact('romeo@montague.lit', 'both') : '';
  const server = await ScriptedServer.listen({ info: (_client, node) => interests.info(node), roster });
  const folder = mkdtempSync(join(tmpdir(), 'pep-'));
  const start = (): ProcessUnderTest =>
    new ProcessUnderTest('pep', folder, {
      CORE_PORT: String(server.port),
      CORE_DOMAIN: 'capulet.lit',
      PEP_DOMAIN: 'pep.capulet.lit',
      PEP_SECRET: 'secret',
    });
  let pep = start();
  t.after(async () => {
    await pep.stop();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await pep.ready();
  await server.delegated('set', `${JULIET}/balcony`, JULIET, publishRequest(MOOD, mood));
  await pep.stop();
  const delay = (stamp: string): string => `<delay xmlns='urn:xmpp:delay' stamp='${stamp}'/>`;
  // Right after the handshake, before any roster is known.
  server.afterHandshake =
    `<presence from='romeo@montague.lit/late' to='pep.capulet.lit'>${C}${delay(new Date().toISOString())}</presence>` +
    `<presence from='romeo@montague.lit/early' to='pep.capulet.lit'>${C}${delay('2002-09-10T23:08:25Z')}</presence>`;
  pep = start();
  await pep.ready();
  await server.until(() => server.messageCount === 1, 'the last item');
  await server.delegated('set', `${JULIET}/balcony`, JULIET, publishRequest(MOOD, mood));
  await server.until(() => server.messageCount === 3, 'the event for both');
  const told = server.messages.map((text) => / to="([^"]*)"/.exec(text)?.[1]);
  assert.deepEqual(told, ['romeo@montague.lit/late', 'romeo@montague.lit/late', 'romeo@montague.lit/early']);
  assert.deepEqual(new Set(server.infoGets.map(({ from }) => from)), new Set([JULIET]));
});
