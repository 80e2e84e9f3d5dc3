import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveWay, type Patient, sliceMilliseconds, thisTurn } from '../../../core-server/streams/turns.js';

/** Works as long as it may, and says how long that was. */
function workThrough(): number {
  const slice = sliceMilliseconds();
  const end = performance.now() + slice;
  while (performance.now() < end);
  return slice;
}

test('many that begin in one turn share it: the first do not take all that each of them might alone', () => {
  thisTurn();
  let sum = 0;
  for (let k = 0; k < 45; k++) sum += workThrough();
  assert.ok(sum < 45, `${sum} milliseconds`);
});

test('streams of one owner have one place among the owners, and each of them its turn', async () => {
  const many = { name: 'many' };
  const order: string[] = [];
  const all: Promise<void>[] = [];
  const add = (owner: object, name: string) =>
    all.push(
      new Promise((resolve) => {
        const patient: Patient = {
          owner,
          proceed() {
            order.push(name);
            resolve();
          },
        };
        giveWay(patient);
      }),
    );
  for (let k = 0; k < 4; k++) add(many, `many ${k}`);
  add({}, 'one');
  add({}, 'another');
  await Promise.all(all);
  assert.deepEqual(order, ['many 0', 'one', 'another', 'many 1', 'many 2', 'many 3']);
});

test('those who wait take a bounded part of one turn, with what their work leaves to be done at once', async () => {
  let turns = 0;
  const count = () => {
    turns++;
    ticking = setImmediate(count);
  };
  let ticking = setImmediate(count);
  await Promise.all(
    Array.from(
      { length: 60 },
      () =>
        new Promise<void>((resolve) => {
          const patient: Patient = {
            owner: {},
            proceed: () =>
              void Promise.resolve().then(() => {
                const end = performance.now() + 1;
                while (performance.now() < end);
                resolve();
              }),
          };
          giveWay(patient);
        }),
    ),
  );
  clearImmediate(ticking);
  assert.ok(turns >= 5, `${turns} turns for 60 milliseconds of work`);
});
