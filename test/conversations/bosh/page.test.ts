import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pageHandlers } from '../../../components/bosh/http/page.js';
import { post } from '../../tools/bosh-client.js';
import { startBosh } from '../../tools/bosh-server.js';

test('the page and its files are served, with nothing allowed from elsewhere', async () => {
  let ready = true;
  const bosh = await startBosh({}, { pages: pageHandlers({ domain: 'example.com', ready: () => ready }) });
  const get = (path: string, headers: Record<string, string> = {}) =>
    post(bosh.port, '', { method: 'GET', path, headers });
  const page = await get('/');
  assert.equal(page.status, 200);
  assert.match(String(page.headers['content-type']), /^text\/html/);
  const policy = String(page.headers['content-security-policy']);
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self'/);
  assert.doesNotMatch(policy, /unsafe|https?:/);
  assert.doesNotMatch(page.text, /https?:\/\//, 'no address of anybody else');
  for (const [, path = ''] of page.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
    assert.equal((await get(path)).status, 200, path);
  }
  assert.equal(
    (await get('/strophe.mjs', { 'Accept-Encoding': 'gzip' })).headers['content-encoding'],
    'gzip',
  );
  assert.deepEqual(JSON.parse((await get('/status.json')).text), { ready: true, domain: 'example.com' });
  ready = false;
  assert.equal(JSON.parse((await get('/status.json')).text).ready, false);
  assert.equal((await post(bosh.port, 'x', { path: '/' })).status, 405);
  await bosh.stop();
});

test('without the page there is nothing at its address', async () => {
  const bosh = await startBosh();
  assert.equal((await post(bosh.port, '', { method: 'GET', path: '/' })).status, 404);
  assert.equal((await post(bosh.port, '', { method: 'GET', path: '/status.json' })).status, 404);
  await bosh.stop();
});
