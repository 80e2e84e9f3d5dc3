import { flushWhereDue } from './write-scheduler.js';

/** A stream that has given way to the others and goes on in the next turn. */
export interface Patient {
  proceed(): void;
}

/** What the busy streams together take of one turn of the event loop, and the least and most of a single one. */
const TURN_MILLISECONDS = 10;
const LEAST_MILLISECONDS = 0.2;
const MOST_MILLISECONDS = 4;

let turn = 0;
let marked = false;
let patients: Patient[] = [];
/** Streams that gave way in the last turn: among so many the next is shared. */
let busy = 1;

/** The number of this turn of the event loop. */
export function thisTurn(): number {
  if (!marked) {
    marked = true;
    setImmediate(() => {
      marked = false;
      turn++;
    });
  }
  return turn;
}

/**
 * How long one stream may work on its input before it gives way, in milliseconds. The kernel hands us megabytes of one
 * socket before it looks at the next: without this one sender's flood is everybody's delay.
 */
export function sliceMilliseconds(): number {
  return Math.min(MOST_MILLISECONDS, Math.max(LEAST_MILLISECONDS, TURN_MILLISECONDS / busy));
}

/** Calls `patient.proceed()` in the next turn, after all others that wait and whatever has come meanwhile. */
export function giveWay(patient: Patient): void {
  patients.push(patient);
  if (patients.length === 1) setImmediate(proceedAll);
}

function proceedAll(): void {
  const waiting = patients;
  patients = [];
  busy = waiting.length;
  for (const patient of waiting) {
    patient.proceed();
    flushWhereDue();
  }
}
