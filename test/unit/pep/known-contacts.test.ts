import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Accounts } from '../../../components/pep/nodes/accounts.js';
import { Ownership } from '../../../components/pep/nodes/ownership.js';
import { KnownContacts } from '../../../components/pep/server/known-contacts.js';
import type { Contact, Rosters } from '../../../components/pep/server/rosters.js';
import { Watchers } from '../../../components/pep/server/watchers.js';
import type { Component } from '../../../shared/component/component.js';

const OWNER = 'juliet@capulet.lit';
const ROMEO = 'romeo@montague.lit';

test('who comes while contacts are learned anew waits until they are known again', async () => {
  let up = (): void => undefined;
  const component = {
    server: { connected: true, domains: new Set(['capulet.lit']) },
    onUp: (handler: () => void) => {
      up = handler;
    },
    onDown: () => undefined,
  } as unknown as Component;
  const answers: (() => void)[] = [];
  const roster = new Map<string, Contact>([[ROMEO, { subscriber: true, subscribed: true, groups: [] }]]);
  const rosters = {
    get: () => new Promise((resolve) => answers.push(() => resolve(roster))),
    onPush: () => undefined,
  } as unknown as Rosters;
  const accounts = { owners: new Set([OWNER]) } as unknown as Accounts;
  const watchers = new Watchers();
  const contacts = new KnownContacts(component, accounts, rosters, watchers, new Ownership());
  const known = async () => {
    await contacts.complete;
    return [...watchers.of(ROMEO)];
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  const first = known();
  up();
  await turn();
  answers.shift()?.();
  assert.deepEqual(await first, [OWNER]);

  // Twice, as when what is ours changes again before that is done.
  const early = contacts.learnAll();
  const second = known();
  const late = contacts.learnAll();
  const third = known();
  await turn();
  for (const answer of answers.splice(0)) answer();
  await Promise.all([early, late]);
  assert.deepEqual([await second, await third], [[OWNER], [OWNER]]);
});
