import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CapsCache, CapsEntry } from '../../../components/pep/server/caps-cache.js';
import { type Owners, PresenceFeed } from '../../../components/pep/server/presence-feed.js';
import { Presences } from '../../../components/pep/server/presences.js';
import { Share, shareElement, shareOf } from '../../../shared/component/share.js';
import { xml } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';

// Who is sent last items when a link, or a process, is lost while somebody comes.

const CAPS = "<c xmlns='http://jabber.org/protocol/caps' node='n' ver='v' hash='sha-1'/>";
const share = (index: number, of: number, lost?: number): Share => {
  const told = Share.read(Stanza.fromElement(xml('message', { from: 'a' }, shareElement(index, of, lost))));
  assert.ok(told);
  return told;
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

function setUp() {
  const state = { share: Share.sole, lastSeen: 0 };
  const arrivals: { who: string; owners: Owners }[] = [];
  const learned: (() => void)[] = [];
  const entry = { interests: undefined } as unknown as CapsEntry;
  const caps = {
    hold: () => entry,
    retain() {},
    release() {},
    interests: () => new Promise((resolve) => learned.push(() => resolve(new Set(['n'])))),
  } as unknown as CapsCache;
  const feed = new PresenceFeed({
    presences: new Presences(),
    caps,
    arrived: async (resource, _interests, owners) => void arrivals.push({ who: resource.local, owners }),
    share: () => state.share,
    lastSeen: () => state.lastSeen,
    failed: (error) => assert.fail(String(error)),
  });
  const comes = (who: string, stamp?: number) => {
    const delay =
      stamp === undefined ? '' : `<delay xmlns='urn:xmpp:delay' stamp='${new Date(stamp).toISOString()}'/>`;
    feed.receive(
      Stanza.parse(`<presence from='${who}@a.example/r' to='pep.a.example'>${CAPS}${delay}</presence>`),
    );
  };
  const learn = async () => {
    for (const resolve of learned.splice(0)) resolve();
    await turn();
  };
  const served = () => arrivals.splice(0).map(({ who }) => who);
  /** The link is lost, by what was noted of it, and up again. */
  const relink = () => {
    state.lastSeen = feed.servedUntil || state.lastSeen;
    feed.reset();
  };
  return { feed, state, arrivals, comes, learn, served, relink };
}

test('who was being served when the link was lost is served on the next, and nobody else again', async () => {
  const { comes, learn, served, relink, state } = setUp();
  state.lastSeen = Date.now() - 60_000;
  const before = Date.now() - 10_000;
  comes('done');
  await learn();
  assert.deepEqual(served(), ['done']);
  comes('begun');
  relink();
  comes('done', before);
  comes('begun', before + 1);
  await learn();
  assert.deepEqual(served(), ['begun']);
});

test('a process that is killed before it has served somebody leaves a time from before he came', async () => {
  const { feed, comes, learn } = setUp();
  assert.equal(feed.servedUntil, 0);
  comes('done');
  await learn();
  const done = feed.servedUntil;
  assert.ok(done > Date.now() - 5_000 && done <= Date.now());
  const began = Date.now();
  comes('slow');
  comes('later');
  assert.ok(feed.servedUntil < began);
  await learn();
  await feed.idle();
  assert.ok(feed.servedUntil >= began);
  // one that does not want anything any more holds nobody up
  comes('fickle');
  feed.receive(Stanza.parse("<presence from='fickle@a.example/r' to='pep.a.example'/>"));
  assert.ok(feed.servedUntil >= began);
});

test('of a link that broke without a word: whoever came since the last that was heard is served', async () => {
  const { comes, learn, served, relink } = setUp();
  comes('heard');
  await learn();
  served();
  const cut = Date.now() + 5_000;
  relink();
  comes('heard', Date.now() - 10);
  comes('missed', cut);
  await learn();
  assert.deepEqual(served(), ['missed']);
});

test('the items of a process that was lost are sent by who serves its owners now, to those who came lately', async () => {
  const { feed, state, arrivals, comes, learn } = setUp();
  state.share = share(0, 2);
  feed.shareChanged();
  comes('late');
  comes('gone');
  feed.receive(Stanza.parse("<presence type='unavailable' from='gone@a.example/r' to='pep.a.example'/>"));
  await learn();
  const [mine] = arrivals.splice(0);
  const owners = Array.from({ length: 40 }, (_, n) => `user${n}@a.example`);
  assert.ok(owners.every((owner) => mine?.owners.mine(owner) === (shareOf(owner, 2) === 0)));
  const before = state.share;
  state.share = share(0, 1, 1);
  feed.shareChanged();
  assert.equal(state.share.lost, 1);
  feed.inherit(before, 1);
  await learn();
  assert.deepEqual(
    arrivals.map(({ who }) => who),
    ['late'],
  );
  assert.ok(owners.every((owner) => arrivals[0]?.owners.mine(owner) === (shareOf(owner, 2) === 1)));
});

test('a process that was alone when its link began serves all that is repeated to it, though another joins', async () => {
  const { feed, state, arrivals, comes, learn } = setUp();
  state.share = share(0, 1);
  feed.shareChanged();
  comes('first', Date.now());
  state.share = share(0, 2);
  feed.shareChanged();
  comes('second', Date.now());
  comes('new');
  await learn();
  const owners = Array.from({ length: 40 }, (_, n) => `user${n}@a.example`);
  const all = (who: string) =>
    owners.every((owner) => arrivals.find((one) => one.who === who)?.owners.mine(owner));
  assert.deepEqual([all('first'), all('second'), all('new')], [true, true, false]);
});
