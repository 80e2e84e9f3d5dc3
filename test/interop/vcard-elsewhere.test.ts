import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Stanza } from '../../shared/xml/stanza.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { ProcessUnderTest } from '../tools/core-harness.js';
import {
  type ForeignComponent,
  startEjabberdWith,
  startProsodyWith,
} from '../tools/foreign/component-host.js';
import type { ForeignServer } from '../tools/foreign/server.js';
import { RawClient } from '../tools/raw-client.js';

const GET = "<vCard xmlns='vcard-temp'/>";
const VCARD: ForeignComponent = {
  domain: 'vcard.localhost',
  secret: 'hush',
  delegations: ['vcard-temp'],
  replaces: ['vcard', 'vcard_legacy'],
};

test('vCards behind Prosody (delegation :2)', async (t) => {
  const server = await startProsodyWith(VCARD, { juliet: 'secret', nurse: 'secret' });
  if (server === undefined) return t.skip('prosody with prosody-modules is not installed');
  t.after(() => server.stop());
  await conversation(t, server);
});

test('vCards behind ejabberd (delegation :1)', async (t) => {
  const server = await startEjabberdWith(VCARD, { juliet: 'secret', nurse: 'secret' });
  if (server === undefined) return t.skip('ejabberd is not installed');
  t.after(() => server.stop());
  await conversation(t, server);
});

async function conversation(t: TestContext, server: ForeignServer): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vcard-'));
  const start = (): ProcessUnderTest =>
    new ProcessUnderTest('vcard', folder, {
      CORE_PORT: String(server.componentPort),
      CORE_DOMAIN: 'localhost',
      VCARD_DOMAIN: VCARD.domain,
      VCARD_SECRET: VCARD.secret,
      VCARD_ADMINS: 'nurse@localhost',
    });
  let vcard = start();
  t.after(async () => {
    await vcard.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await vcard.ready();
  const juliet = await login(server, 'juliet');
  const nurse = await login(server, 'nurse');
  const card = '<FN>Juliet</FN><NICKNAME>é\u{1d11e}</NICKNAME>';
  const set = (content: string): string => `<vCard xmlns='vcard-temp'>${content}</vCard>`;

  assert.equal(outcome(await juliet.iq('get', GET)), '');
  assert.equal(outcome(await juliet.iq('set', set(card))), 'result');
  assert.equal(outcome(await juliet.iq('get', GET)), card);
  assert.equal(outcome(await juliet.iq('get', GET, 'juliet@localhost')), card);
  assert.equal(outcome(await nurse.iq('get', GET, 'juliet@localhost')), card);
  assert.equal(outcome(await juliet.iq('get', GET, 'nurse@localhost')), 'service-unavailable');
  assert.equal(outcome(await nurse.iq('set', set('<FN>Evil</FN>'), 'juliet@localhost')), 'forbidden');
  assert.equal(outcome(await juliet.iq('set', set('<FN>x</FN>'), 'localhost')), 'forbidden');
  assert.equal(outcome(await nurse.iq('set', set('<FN>Verona</FN>'), 'localhost')), 'result');
  assert.equal(outcome(await juliet.iq('get', GET, 'localhost')), '<FN>Verona</FN>');
  const photo = `<PHOTO><BINVAL>${Buffer.alloc(100 * 1024, 7).toString('base64')}</BINVAL></PHOTO>`;
  assert.equal(outcome(await nurse.iq('set', set(photo))), 'result');
  assert.equal(outcome(await juliet.iq('get', GET, 'nurse@localhost')), photo);

  const disco = await juliet.iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", 'localhost');
  const query = disco.element.getChild('query', 'http://jabber.org/protocol/disco#info');
  assert.ok(
    query?.getChildren('feature').some(({ attrs }) => attrs['var'] === 'vcard-temp'),
    disco.text,
  );

  // Such servers hold nothing while a component is away: they answer with an error at once.
  await vcard.stop('SIGTERM');
  assert.equal(outcome(await juliet.iq('get', GET)), 'service-unavailable');
  vcard = start();
  await vcard.ready();
  assert.equal(outcome(await juliet.iq('get', GET)), card);
  juliet.cut();
  nurse.cut();
}

function outcome(answer: Stanza): string {
  if (answer.type === 'error') return StanzaError.fromStanza(answer).condition;
  const vcard = answer.element.getChild('vCard', 'vcard-temp');
  return vcard === undefined ? 'result' : vcard.children.map(String).join('');
}

async function login(server: ForeignServer, user: string): Promise<RawClient> {
  const client = await RawClient.connect('127.0.0.1', server.c2sPort);
  await client.login(user, 'secret', 'localhost', 'test');
  return client;
}
