import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Ownership } from '../../../components/pep/nodes/ownership.js';
import { Share, shareElement, shareOf } from '../../../shared/component/share.js';
import { xml } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';

const told = (index: number | string, of: number | string): Share | null =>
  Share.read(
    Stanza.fromElement(
      xml('message', { from: 'a.example', to: 'pep.a.example' }, shareElement(Number(index), Number(of))),
    ),
  );

test('an owner belongs to one process, and to the one that docs/protocols/shared-domain.md says', () => {
  const owners = Array.from({ length: 300 }, (_, i) => `user${i}@a.example`);
  for (const of of [1, 2, 3, 7]) {
    const shares = Array.from({ length: of }, (_, index) => told(index, of));
    for (const owner of owners) {
      const mine = shares.filter((share) => share?.mine(owner));
      assert.equal(mine.length, 1);
      const digest = createHash('md5').update(owner).digest('hex');
      assert.equal(mine[0]?.index, Number.parseInt(digest.slice(0, 8), 16) % of);
    }
    for (let index = 0; index < of; index++) {
      const part = owners.filter((owner) => shareOf(owner, of) === index).length;
      assert.ok(part > (owners.length / of) * 0.5 && part < (owners.length / of) * 1.5, `${part} of ${of}`);
    }
  }
});

test('what is no share is none', () => {
  for (const [index, of] of [
    [2, 2],
    [-1, 2],
    [0, 0],
    [0.5, 2],
    ['x', 2],
    [0, 'y'],
  ] as const)
    assert.equal(told(index, of), null);
  const other = Stanza.fromElement(xml('message', { from: 'a.example' }, xml('body', {}, 'share')));
  assert.equal(Share.read(other), null);
});

test('what was read of owners is relied on by a process that is alone, or has been theirs for a while', () => {
  let now = 1_000_000;
  const ownership = new Ownership(() => now);
  assert.ok(ownership.keeps('a@a.example') && !ownership.shared && !ownership.moving);
  const share = told(0, 2);
  assert.ok(share);
  ownership.become(share);
  const owners = ['a@a.example', 'b@a.example', 'c@a.example', 'd@a.example'];
  assert.ok(ownership.moving && owners.every((owner) => !ownership.keeps(owner)));
  now += 45_000;
  assert.deepEqual(
    owners.map((owner) => ownership.keeps(owner)),
    owners.map((owner) => share.mine(owner)),
  );
  // also when it is the only one left, others may not have finished yet
  const alone = told(0, 1);
  assert.ok(alone);
  ownership.become(alone);
  assert.ok(owners.every((owner) => ownership.mine(owner) && !ownership.keeps(owner)));
  now += 45_000;
  assert.ok(owners.every((owner) => ownership.keeps(owner)));
});
