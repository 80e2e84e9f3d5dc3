import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { hasChromium, keepPicture, openPage, startChromium } from '../../tools/browser.js';
import { CoreUnderTest, type ProcessUnderTest } from '../../tools/core-harness.js';

// The page /status in a real browser, of a core and of a component.

let core: CoreUnderTest;
let vcard: ProcessUnderTest;
let browser: Browser | undefined;

before(async () => {
  core = await CoreUnderTest.start({
    COMPONENTS: 'vcard,muc',
    COMPONENT_VCARD_SECRET: 'secret',
    COMPONENT_MUC_SECRET: 'secret',
    METRICS_PORT: 'auto',
  });
  await core.addUsers('romeo');
  vcard = await core.component('vcard', { METRICS_PORT: 'auto' });
  if (!hasChromium) return;
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  await core?.stop();
});

const open = (url: string) => {
  assert.ok(browser);
  return openPage(browser, url, `${url}/status`, { viewport: { width: 1000, height: 760 } });
};

test('metrics have the names and kinds that Prometheus users expect', async () => {
  const romeo = await core.online('romeo', 'metrics');
  assert.equal((await romeo.iq('get', "<vCard xmlns='vcard-temp'/>")).type, 'result');
  await romeo.close();
  const text = await (await fetch(`http://${core.addresses['metrics']}/metrics`)).text();
  for (const line of [
    /^# TYPE xmpp_iqs_total counter$/m,
    /^# TYPE xmpp_messages_total counter$/m,
    /^# TYPE xmpp_presences_total counter$/m,
    /^# TYPE xmpp_routing_seconds histogram$/m,
    /^xmpp_routing_seconds_bucket\{le="0\.001",process="core"\} \d+$/m,
    /^xmpp_component_roundtrip_seconds_count\{process="core",component="vcard"\} [1-9]\d*$/m,
    /^xmpp_c2s_streams_total\{process="core"\} [1-9]\d*$/m,
  ])
    assert.match(text, line);
  // every counter ends in _total, and nothing else does
  for (const [, name, type] of text.matchAll(/^# TYPE (xmpp_\S+) (\S+)$/gm))
    assert.equal(name?.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
});

test('the core among its components: up and down, stanzas per second, latency; it refreshes itself', async (t) => {
  if (browser === undefined) return t.skip('chromium is not installed');
  const { page, complaints, foreign } = await open(`http://${core.addresses['metrics']}`);
  await page.waitForSelector('[data-centre="core"].up');
  await page.waitForSelector('[data-neighbour="vcard"].up');
  assert.match((await page.textContent('[data-neighbour="muc"].down')) ?? '', /down/);
  assert.equal(await page.textContent('#state'), 'ready');
  const romeo = await core.online('romeo');
  let busy = true;
  const traffic = (async () => {
    while (busy) await romeo.iq('get', "<vCard xmlns='vcard-temp'/>");
  })();
  try {
    // what the sessions do is on the page by itself, without a reload
    await page
      .locator('[data-neighbour="vcard"]', { hasText: /[1-9]\d* stanzas\/s · [\d.]+ ms/ })
      .waitFor({ timeout: 15_000 });
    await keepPicture(page, 'status-core.png');
  } finally {
    busy = false;
    await traffic;
  }
  assert.match((await page.textContent('#facts')) ?? '', /sessions1/);
  await vcard.stop();
  await page.waitForSelector('[data-neighbour="vcard"].down', { timeout: 15_000 });
  await romeo.close();
  assert.deepEqual([complaints, foreign], [[], []]);
});

test('a component and its server; a process that has gone is said to be', async (t) => {
  if (browser === undefined) return t.skip('chromium is not installed');
  const again = await core.component('vcard', { METRICS_PORT: 'auto' });
  const { metrics } = await again.ready();
  const { page } = await open(`http://${metrics}`);
  await page.waitForSelector('[data-centre="vcard"].up');
  await page.waitForSelector('[data-neighbour="localhost"].up');
  await keepPicture(page, 'status-vcard.png');
  await again.stop();
  await page.locator('#state', { hasText: 'does not answer' }).waitFor({ timeout: 15_000 });
});

test('the page is read only, and lets nothing else in', async () => {
  const url = `http://${core.addresses['metrics']}`;
  assert.equal((await fetch(`${url}/status`, { method: 'POST' })).status, 405);
  const answer = await fetch(`${url}/status`);
  assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  const status = (await (await fetch(`${url}/status.json`)).json()) as { process: string; ready: boolean };
  assert.deepEqual([status.process, status.ready], ['core', true]);
  assert.equal((await fetch(`${url}/status/../package.json`)).status, 404);
});
