import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { CoreUnderTest, type ProcessUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const GET = "<vCard xmlns='vcard-temp'/>";
const card = (content: string): string => `<vCard xmlns='vcard-temp'>${content}</vCard>`;

/** The content of the answer's vCard, or the error's condition. */
function outcome(answer: Stanza): string {
  if (answer.type === 'error') return StanzaError.fromStanza(answer).condition;
  const vcard = answer.element.getChild('vCard', 'vcard-temp');
  return vcard === undefined ? 'result' : vcard.children.map(String).join('');
}

async function features(client: RawClient, to: string): Promise<string[]> {
  const answer = await client.iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", to);
  const query = answer.element.getChild('query', 'http://jabber.org/protocol/disco#info');
  return (query?.getChildren('feature') ?? []).map(({ attrs }) => attrs['var'] ?? '');
}

/** Asks until the answer fits, since what another process does is not to be seen otherwise. */
async function eventually(ask: () => Promise<string>, expected: string): Promise<void> {
  const end = performance.now() + 10_000;
  let found = await ask();
  while (found !== expected && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    found = await ask();
  }
  assert.equal(found, expected);
}

describe('vCards of a real core', () => {
  let core: CoreUnderTest;
  let vcard: ProcessUnderTest;

  before(async () => {
    core = await CoreUnderTest.start({
      COMPONENTS: 'vcard',
      COMPONENT_VCARD_SECRET: 'hush',
      REGISTRATION: 'open',
      ADMINS: 'prince@localhost',
    });
    await core.addUsers('juliet', 'nurse', 'prince');
    vcard = await core.component('vcard', { ADMINS: 'prince@localhost' });
  });
  after(() => core.stop());

  test('one’s own vCard, from any of one’s sessions', async () => {
    const balcony = await core.login('juliet', 'balcony');
    assert.equal(outcome(await balcony.iq('get', GET)), '');
    assert.equal(outcome(await balcony.iq('set', card('<FN>Juliet</FN>'))), 'result');
    const chamber = await core.login('juliet', 'chamber');
    assert.equal(outcome(await chamber.iq('get', GET, 'juliet@localhost')), '<FN>Juliet</FN>');
    await Promise.all([balcony.close(), chamber.close()]);
  });

  test('others see it, online or not; strangers to the account learn nothing', async () => {
    const nurse = await core.login('nurse');
    assert.equal(outcome(await nurse.iq('get', GET, 'juliet@localhost')), '<FN>Juliet</FN>');
    const none = await nurse.iq('get', GET, 'prince@localhost');
    const nobody = await nurse.iq('get', GET, 'nobody@localhost');
    assert.equal(outcome(none), 'service-unavailable');
    const bare = (answer: Stanza): string => answer.text.replaceAll(/(from|id)='[^']*'/g, '');
    assert.equal(bare(none), bare(nobody));
    assert.equal(outcome(await nurse.iq('set', card('<FN>Evil</FN>'), 'juliet@localhost')), 'forbidden');
    assert.equal(outcome(await nurse.iq('get', GET, 'juliet@localhost')), '<FN>Juliet</FN>');
    await nurse.close();
  });

  test('the server has a vCard, which its administrators set', async () => {
    const prince = await core.login('prince');
    assert.equal(outcome(await prince.iq('get', GET, 'localhost')), 'item-not-found');
    assert.equal(outcome(await prince.iq('set', card('<FN>Verona</FN>'), 'localhost')), 'result');
    const nurse = await core.login('nurse');
    assert.equal(outcome(await nurse.iq('get', GET, 'localhost')), '<FN>Verona</FN>');
    assert.equal(outcome(await nurse.iq('set', card('<FN>x</FN>'), 'localhost')), 'forbidden');
    await Promise.all([prince.close(), nurse.close()]);
  });

  test('a photo of 256 KiB goes through client, core, component and store', async () => {
    const nurse = await core.login('nurse');
    const photo = `<PHOTO><TYPE>image/png</TYPE><BINVAL>${Buffer.alloc(256 * 1024, 7).toString('base64')}</BINVAL></PHOTO>`;
    assert.equal(outcome(await nurse.iq('set', card(photo))), 'result');
    assert.equal(outcome(await nurse.iq('get', GET)), photo);
    await nurse.close();
  });

  test('the feature is in the disco#info of the server and of the accounts', async () => {
    const juliet = await core.login('juliet');
    assert.ok((await features(juliet, 'localhost')).includes('vcard-temp'));
    assert.ok((await features(juliet, 'juliet@localhost')).includes('vcard-temp'));
    await juliet.close();
  });

  test('an upgrade of the vcard process costs no more than a wait', async () => {
    const juliet = await core.login('juliet');
    await vcard.stop('SIGTERM');
    const asked = juliet.iq('get', GET);
    vcard = await core.component('vcard', { ADMINS: 'prince@localhost' });
    assert.equal(outcome(await asked), '<FN>Juliet</FN>');
    await juliet.close();
  });

  test('the vcard process killed: what was acknowledged is there when it is back', async () => {
    const juliet = await core.login('juliet');
    assert.equal(outcome(await juliet.iq('set', card('<FN>Acknowledged</FN>'))), 'result');
    await vcard.stop('SIGKILL');
    vcard = await core.component('vcard', { ADMINS: 'prince@localhost' });
    assert.equal(outcome(await juliet.iq('get', GET)), '<FN>Acknowledged</FN>');
    await juliet.close();
  });

  test('a restarted core finds its component again', async () => {
    await core.restart();
    const juliet = await core.login('juliet');
    await eventually(async () => outcome(await juliet.iq('get', GET)), '<FN>Acknowledged</FN>');
    await juliet.close();
  });

  test('a removed account’s vCard is gone before the name can be anyone else’s', async () => {
    const nurse = await core.login('nurse');
    await nurse.iq('set', card('<FN>Nurse</FN>'));
    nurse.send("<iq type='set' id='bye'><query xmlns='jabber:iq:register'><remove/></query></iq>");
    const juliet = await core.login('juliet');
    await eventually(
      async () => outcome(await juliet.iq('get', GET, 'nurse@localhost')),
      'service-unavailable',
    );
    await juliet.close();
    nurse.cut();
  });
});
