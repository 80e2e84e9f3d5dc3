/** Something with text to hand to its socket. */
interface Flushable {
  flush(): void;
}

/** What one write costs, in milliseconds, on the dear side. */
const WRITE_MILLISECONDS = 0.03;
/** Less work than this is not worth a look at the clock's finer points. */
const LEAST_MILLISECONDS = 0.1;

let dirty: Flushable[] = [];
let afterwards: (() => void)[] = [];
let scheduled = false;
/** When the first text of those in `dirty` came. */
let since = 0;

/**
 * Asks for `target.flush()` at the end of this turn of the event loop. A system call costs more than routing a
 * stanza, so what is written to a socket in one turn leaves in one write, unless the turn grows long
 * ({@link flushWhereDue}).
 */
export function flushThisTurn(target: Flushable): void {
  if (dirty.push(target) === 1) since = performance.now();
  schedule();
}

/**
 * Calls back when all that is pending now has been handed to the kernel, which delivers it even if this process dies: whoever is
 * told then that something is handled is told the truth. What the callback sends leaves in the same turn.
 */
export function afterWrites(action: () => void): void {
  afterwards.push(action);
  schedule();
}

/** Hands everything that is pending to the kernel at once, and then what {@link afterWrites} was to say. */
export function flushNow(): void {
  flushAll();
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(endOfTurn);
}

/**
 * To be called between two pieces of input. Under load one turn takes the input of many sockets; the peers of the first
 * need not wait for the last. Flushes when what is pending took longer to make than it takes to write, so that the
 * writes stay the smaller part of the work.
 */
export function flushWhereDue(): void {
  const { length } = dirty;
  if (length === 0) return;
  if (performance.now() - since > Math.max(LEAST_MILLISECONDS, length * WRITE_MILLISECONDS)) flushAll();
}

function endOfTurn(): void {
  scheduled = false;
  flushAll();
}

function flushAll(): void {
  flushDirty();
  if (afterwards.length === 0) return;
  const actions = afterwards;
  afterwards = [];
  for (const action of actions) action();
  flushDirty();
}

function flushDirty(): void {
  const targets = dirty;
  dirty = [];
  for (const target of targets) target.flush();
}
