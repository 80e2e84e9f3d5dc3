import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { hasChromium, keepPicture, openPage, startChromium } from '../../tools/browser.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { startWebProxy } from '../../tools/web-proxies.js';

// The page in a real browser, over BOSH and over WebSocket, with our core and our rooms.

let core: CoreUnderTest;
let browser: Browser;
let url = '';

before(async () => {
  if (!hasChromium) return;
  core = await CoreUnderTest.start({
    COMPONENTS: 'bosh,muc',
    COMPONENT_BOSH_SECRET: 'between-us',
    COMPONENT_MUC_SECRET: 'rooms',
    C2S_REQUIRE_TLS: 'true',
  });
  await core.addUsers('juliet', 'romeo');
  await core.component('muc');
  const bosh = await core.component('bosh', { BOSH_PORT: 'auto' });
  url = `http://localhost:${/:(\d+)$/.exec((await bosh.ready())['http'] ?? '')?.[1]}/`;
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  await core?.stop();
});

/** A page of its own. */
const open = (home = url) =>
  openPage(browser, home, home, { viewport: { width: 1000, height: 640 }, ignoreHTTPSErrors: true });

async function logIn(page: Page, user: string, transport: 'bosh' | 'websocket'): Promise<void> {
  await page.fill('#jid', `${user}@localhost`);
  await page.fill('#password', 'secret');
  await page.check(`input[value=${transport}]`);
  await page.click('#connect');
  await page.waitForSelector('#chat:not([hidden])');
}

async function joinRoom(page: Page, room: string, nick: string): Promise<void> {
  await page.fill('#room', room);
  await page.fill('#nick', nick);
  await page.click('#join-room button');
  await page.waitForSelector(`#messages .note:has-text("You are here as ${nick}")`);
}

async function say(page: Page, text: string): Promise<void> {
  await page.fill('#text', text);
  await page.click('#compose button');
}

test('the page says what it is and that it is ready, and takes nothing from elsewhere', async (t) => {
  if (!hasChromium) return t.skip('chromium is not installed');
  const { page, complaints, foreign } = await open();
  await page.waitForSelector('#health.good');
  assert.equal(await page.textContent('#bosh-url'), `${url}http-bind`);
  assert.match((await page.textContent('#websocket-url')) ?? '', /^ws:\/\/localhost:\d+\/xmpp-websocket$/);
  await keepPicture(page, 'bosh-welcome.png');
  assert.deepEqual(foreign, []);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test('a wrong password is told', async (t) => {
  if (!hasChromium) return t.skip('chromium is not installed');
  const { page } = await open();
  await page.fill('#jid', 'juliet@localhost');
  await page.fill('#password', 'wrong');
  await page.click('#connect');
  await page.waitForSelector('#problem:has-text("The address or the password is wrong")');
  await page.context().close();
});

test('two users, one over BOSH and one over WebSocket: a room, a private chat, a reload', async (t) => {
  if (!hasChromium) return t.skip('chromium is not installed');
  const juliet = await open();
  const romeo = await open();
  await logIn(juliet.page, 'juliet', 'bosh');
  await logIn(romeo.page, 'romeo', 'websocket');

  const room = 'balcony@conference.localhost';
  await joinRoom(juliet.page, room, 'Juliet');
  await joinRoom(romeo.page, room, 'Romeo');
  await juliet.page.waitForSelector('#occupants:has-text("Juliet, Romeo")');
  await say(juliet.page, 'O Romeo, Romeo! wherefore art thou Romeo?');
  await romeo.page.waitForSelector('#messages .theirs:has-text("wherefore art thou")');
  await say(romeo.page, 'Shall I hear more, or shall I speak at this? <b>not markup</b>');
  await juliet.page.waitForSelector('#messages .theirs:has-text("<b>not markup</b>")');
  await juliet.page.waitForSelector('#messages .mine:has-text("wherefore art thou")');
  await keepPicture(juliet.page, 'bosh-chat.png');

  // BOSH: the session lives through a reload, and so does the place in the room.
  const jid = await juliet.page.textContent('#own-jid');
  await juliet.page.reload();
  await juliet.page.waitForSelector('#chat:not([hidden])');
  assert.equal(await juliet.page.textContent('#own-jid'), jid, 'the same session');
  await juliet.page.waitForSelector('#occupants:has-text("Juliet, Romeo")');
  await say(romeo.page, 'Art thou still there?');
  await juliet.page.waitForSelector('#messages .theirs:has-text("still there")');

  // WebSocket: the connection is the session, so he logs in again.
  await romeo.page.reload();
  await romeo.page.waitForSelector('#welcome:not([hidden])');
  await logIn(romeo.page, 'romeo', 'websocket');
  await romeo.page.fill('#contact', 'juliet@localhost');
  await romeo.page.click('#start-chat button');
  await say(romeo.page, 'a word in private');
  await juliet.page.click('#conversations button:has-text("romeo@localhost")');
  await juliet.page.waitForSelector('#messages .theirs:has-text("a word in private")');

  await juliet.page.click('#log-out');
  await juliet.page.waitForSelector('#welcome:not([hidden])');
  for (const { complaints, foreign, page } of [juliet, romeo]) {
    assert.deepEqual(foreign, []);
    assert.deepEqual(complaints, []);
    await page.context().close();
  }
});

for (const [kind, heading] of [
  ['nginx', 'nginx'],
  ['haproxy', 'HAProxy'],
] as const) {
  test(`over HTTPS behind ${kind}: BOSH and WebSocket, a word each way`, async (t) => {
    if (!hasChromium) return t.skip('chromium is not installed');
    const proxy = await startWebProxy(kind, heading, { '127.0.0.1:5280': new URL(url).host });
    if (proxy === undefined) return t.skip(`${kind} is not installed`);
    try {
      const at = `https://localhost:${proxy.port}/`;
      const [juliet, romeo] = [await open(at), await open(at)];
      assert.equal(
        await juliet.page.textContent('#websocket-url'),
        `wss://localhost:${proxy.port}/xmpp-websocket`,
      );
      await logIn(juliet.page, 'juliet', 'bosh');
      await logIn(romeo.page, 'romeo', 'websocket');
      await joinRoom(juliet.page, `${kind}@conference.localhost`, 'Juliet');
      await joinRoom(romeo.page, `${kind}@conference.localhost`, 'Romeo');
      await say(juliet.page, 'by BOSH');
      await romeo.page.waitForSelector('#messages .theirs:has-text("by BOSH")');
      await say(romeo.page, 'by WebSocket');
      await juliet.page.waitForSelector('#messages .theirs:has-text("by WebSocket")');
      for (const { complaints, foreign, page } of [juliet, romeo]) {
        assert.deepEqual(foreign, []);
        assert.deepEqual(complaints, []);
        await page.context().close();
      }
    } finally {
      await proxy.stop();
    }
  });
}
