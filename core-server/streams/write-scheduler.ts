/** Something with text to hand to its socket. */
export interface Flushable {
  flush(): void;
}

let dirty: Flushable[] = [];
let scheduled = false;

/**
 * Asks for `target.flush()` at the end of this turn of the event loop. A system call costs more than routing a
 * stanza, so everything written to a socket in one turn leaves in one write.
 */
export function flushThisTurn(target: Flushable): void {
  dirty.push(target);
  if (!scheduled) {
    scheduled = true;
    setImmediate(flushAll);
  }
}

function flushAll(): void {
  scheduled = false;
  const targets = dirty;
  dirty = [];
  for (const target of targets) target.flush();
}
