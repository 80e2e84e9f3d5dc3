import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openRawStorage } from '../../../shared/storage/copy.js';
import type { RawCollection, RawRecord } from '../../../shared/storage/raw.js';
import { recordingLogger } from '../silent-logger.js';
import type { Dice } from './dice.js';
import { anyValue } from './values.js';

/** One record of a process's store, with where it lies. */
export interface Stored {
  readonly process: string;
  readonly collection: RawCollection;
  readonly record: RawRecord;
}

/** All that these processes have stored; they must have ended. */
export async function readStores(folder: string, processes: readonly string[]): Promise<Stored[]> {
  const all: Stored[] = [];
  for (const process of processes) {
    const raw = await openRawStorage(`lmdb:${folder}`, { process, log: recordingLogger() });
    for (const collection of await raw.collections())
      for await (const record of raw.read(collection)) all.push({ process, collection, record });
    await raw.close();
  }
  return all;
}

/** Puts these records, and no others, into the stores. */
export async function writeStores(folder: string, all: readonly Stored[]): Promise<void> {
  for (const process of new Set(all.map((stored) => stored.process))) {
    rmSync(join(folder, process), { recursive: true, force: true });
    const raw = await openRawStorage(`lmdb:${folder}`, { process, log: recordingLogger() });
    const groups = new Map<string, { collection: RawCollection; records: RawRecord[] }>();
    for (const stored of all) {
      if (stored.process !== process) continue;
      const key = `${stored.collection.kind} ${stored.collection.name}`;
      const group = groups.get(key) ?? { collection: stored.collection, records: [] };
      group.records.push(stored.record);
      groups.set(key, group);
    }
    for (const { collection, records } of groups.values()) await raw.add(collection, records);
    await raw.close();
  }
}

/** The record as a bad disk, another release or an operator's hand might leave it; null: it is gone. */
export function damagedRecord(dice: Dice, record: RawRecord): RawRecord | null {
  if (dice.chance(0.04)) return null;
  if (record.kind === 'head') return { ...record, last: dice.pick([0, -1, 1.5, 2 ** 53, Number.NaN]) };
  const kind = dice.next();
  if (kind < 0.12) return { ...record, schemaVersion: dice.pick([0, 2, 99, 2 ** 53]) };
  if (kind < 0.25) return { ...record, text: damagedText(dice, record.text) };
  return { ...record, text: damagedJson(dice, record.text) };
}

/** JSON that is none any more. */
function damagedText(dice: Dice, text: string): string {
  const at = dice.below(text.length + 1);
  return dice.pick([
    () => text.slice(0, at),
    () => '',
    () => `${text.slice(0, at)}\u0000${text.slice(at)}`,
    () => text.slice(at),
    () => `${text}${text}`,
    () => 'undefined',
    () => '['.repeat(100_000),
  ])();
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** JSON that says something else: another type, a value missing, one too many, text that is cut. */
function damagedJson(dice: Dice, text: string): string {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return text;
  }
  const count = countIn(value);
  for (let i = 1 + dice.below(2); i > 0; i--) value = changedAt(dice, value, dice.below(count));
  return JSON.stringify(value) ?? 'null';
}

function countIn(value: Json): number {
  if (typeof value !== 'object' || value === null) return 1;
  return 1 + Object.values(value).reduce((sum: number, child: Json) => sum + countIn(child), 0);
}

function changedAt(dice: Dice, value: Json, at: number): Json {
  if (at === 0) return changed(dice, value);
  if (typeof value !== 'object' || value === null) return changed(dice, value);
  let left = at - 1;
  const copy = structuredClone(value) as { [key: string]: Json };
  for (const [key, child] of Object.entries(value)) {
    const count = countIn(child);
    if (left >= 0 && left < count) copy[key] = changedAt(dice, child, left);
    left -= count;
  }
  return copy;
}

function changed(dice: Dice, value: Json): Json {
  if (typeof value === 'string' && value !== '' && dice.chance(0.6)) {
    const at = dice.below(value.length);
    return dice.pick([
      value.slice(0, at),
      value.slice(at),
      `${value.slice(0, at)}<${value.slice(at)}`,
      `${value.slice(0, at)}\u0000${value.slice(at)}`,
      `${value.slice(0, at)}\ud800${value.slice(at)}`,
      value.toUpperCase(),
      `${value}</x>`,
      `${value}' x='`,
      anyValue(dice),
    ]);
  }
  if (typeof value === 'object' && value !== null && dice.chance(0.6)) {
    if (Array.isArray(value)) {
      const copy = [...value];
      const some = copy[dice.below(Math.max(1, copy.length))];
      return dice.pick<Json>([
        [],
        copy.slice(1),
        some === undefined ? [null] : [...copy, some],
        [...copy, {}],
        copy.reverse(),
      ]);
    }
    const keys = Object.keys(value);
    const copy = { ...value };
    if (dice.chance(0.5) && keys.length > 0) delete copy[dice.pick(keys)];
    else copy[dice.pick(['unknown', 'x', '', 'version', 'prototype'])] = anyValue(dice);
    return copy;
  }
  if (typeof value === 'number' && dice.chance(0.6))
    return dice.pick([-1, 0, 1, value + 1, 1.5, 1e300, -(2 ** 53), 2 ** 31]);
  return dice.pick<Json>([null, true, 0, -1, '', 'x', [], {}, [[]], { x: null }, '<x>', anyValue(dice)]);
}
