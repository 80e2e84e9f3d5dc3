import { flushWhereDue } from './write-scheduler.js';

/** A stream that has given way to the others and goes on in one of the next turns. */
export interface Patient {
  /** Whose share of the turns it takes: all the streams of one owner together get what one stream gets. */
  readonly owner: object;
  proceed(): void;
}

/** What the streams that have given way take of one turn of the event loop, and the least and most of a single one. */
const TURN_MILLISECONDS = 10;
const LEAST_MILLISECONDS = 0.2;
const MOST_MILLISECONDS = 4;
/** More than would get their least share are not looked at in one turn. */
const MOST_PATIENTS = TURN_MILLISECONDS / LEAST_MILLISECONDS;

let turn = 0;
let marked = false;
/** When this turn's work began, in `performance.now()` milliseconds. */
let began = 0;
/** Who waits, by owner; the owners in the order of their turns. */
const waiting = new Map<object, Patient[]>();
let patients = 0;
/** How many calls of {@link proceedNext} are due. */
let due = 0;
/** Owners that had given way when this turn began: among so many it is shared. */
let busy = 1;

/** The number of this turn of the event loop. */
export function thisTurn(): number {
  if (!marked) {
    marked = true;
    began = performance.now();
    busy = Math.max(1, waiting.size);
    setImmediate(() => {
      marked = false;
      turn++;
    });
  }
  return turn;
}

/**
 * How long one stream may work on its input in this turn before it gives way, in milliseconds. The kernel hands us megabytes
 * of one socket before it looks at the next: without this one sender's flood is everybody's delay. Where many begin to
 * flood in the same turn, the first of them must not take all of it.
 */
export function sliceMilliseconds(): number {
  const left = began + 2 * TURN_MILLISECONDS - performance.now();
  return Math.max(LEAST_MILLISECONDS, Math.min(MOST_MILLISECONDS, TURN_MILLISECONDS / busy, left));
}

/** Calls `patient.proceed()` in one of the next turns, after all other owners that wait and whatever has come meanwhile. */
export function giveWay(patient: Patient): void {
  const others = waiting.get(patient.owner);
  if (others === undefined) waiting.set(patient.owner, [patient]);
  else others.push(patient);
  patients++;
  call();
}

/** One call for each patient, so that what its stanzas left to be done at once (promises) is done, and counted, before the next. */
function call(): void {
  if (due >= Math.min(patients, MOST_PATIENTS)) return;
  due++;
  setImmediate(proceedNext);
}

function proceedNext(): void {
  due--;
  thisTurn();
  // the first of a turn always goes on, however long the turn has been before it
  if (performance.now() - began < TURN_MILLISECONDS) nextPatient()?.proceed();
  call();
  flushWhereDue();
}

function nextPatient(): Patient | undefined {
  for (const [owner, [patient, ...others]] of waiting) {
    waiting.delete(owner);
    if (patient === undefined) continue;
    if (others.length > 0) waiting.set(owner, others);
    patients--;
    return patient;
  }
  return undefined;
}
