import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RemotePresences } from '../../../core-server/component-link/remote-presences.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { jid } from '../../../shared/xmpp/jid.js';

const from = (address: string, status = '') =>
  Stanza.parse(`<presence from='${address}' to='romeo@a.example'><status>${status}</status></presence>`);
const kept = (presences: RemotePresences) => [...presences].map(({ presence }) => presence.from);

test('XEP-0205: what is kept of the presence of contacts elsewhere is bounded, of one contact and in all', () => {
  const presences = new RemotePresences({ resources: 5, resourcesOfOne: 3, size: 1000, sizeOfOne: 400 });
  const available = (address: string, status = '') =>
    presences.available(from(address, status), jid(address));
  for (let n = 0; n < 9; n++) assert.ok(available(`c@b.example/${n}`), 'told in any case');
  assert.deepEqual(kept(presences), ['c@b.example/0', 'c@b.example/1', 'c@b.example/2']);
  for (const name of ['d', 'e', 'f']) available(`${name}@b.example/0`);
  assert.deepEqual(kept(presences).slice(3), ['d@b.example/0', 'e@b.example/0']);
  presences.forgetDomain('b.example');
  assert.deepEqual(kept(presences), []);
  for (let n = 0; n < 4; n++) available(`${n}@b.example/r`, 'x'.repeat(300));
  assert.equal(kept(presences).length, 2);
  presences.unavailable(jid('0@b.example/r'));
  available('4@b.example/r', 'x'.repeat(300));
  assert.deepEqual(kept(presences), ['1@b.example/r', '4@b.example/r']);
});

test('the last presence of a resource is kept, the same is not told again, and one too large replaces it, too', () => {
  const presences = new RemotePresences({ resources: 5, resourcesOfOne: 3, size: 1000, sizeOfOne: 400 });
  const address = 'c@b.example/r';
  const available = (status: string) => presences.available(from(address, status), jid(address));
  assert.ok(available('one'));
  assert.ok(!available('one'));
  assert.ok(available('two'));
  assert.deepEqual(
    [...presences].map(({ presence }) => presence.element.getChildText('status')),
    ['two'],
  );
  assert.ok(available('x'.repeat(500)));
  assert.deepEqual(kept(presences), []);
  available('three');
  presences.unavailable(jid('c@b.example'));
  assert.deepEqual(kept(presences), []);
});

test('a server that loses hundreds of domains at once costs no look at all contacts for each of them', () => {
  const presences = new RemotePresences();
  for (let n = 0; n < 20_000; n++) presences.available(from(`c${n}@b.example/r`), jid(`c${n}@b.example/r`));
  presences.available(from('d.example'), jid('d.example'));
  presences.available(from('c@d.example/r'), jid('c@d.example/r'));
  const took = (run: () => void): number => {
    const begin = performance.now();
    run();
    return performance.now() - begin;
  };
  const look = took(() => assert.equal(kept(presences).length, 20_002));
  const losses = took(() => {
    for (let n = 0; n < 1_000; n++) presences.forgetDomain(`x${n}.example`);
  });
  assert.ok(losses < 50 * look, `${losses} ms, where one look at all takes ${look}`);
  presences.forgetDomain('d.example');
  assert.equal(kept(presences).length, 20_000);
  presences.forgetDomain('example');
  assert.equal(kept(presences).length, 20_000);
  presences.forgetDomain('b.example');
  assert.equal(kept(presences).length, 0);
});
