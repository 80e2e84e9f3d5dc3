/** Something that has work to do when all that this turn of the event loop brought has been taken in. */
export interface AtEndOfTurn {
  endOfTurn(): void;
}

let waiting: AtEndOfTurn[] = [];

/** Has `endOfTurn` called after the input of this turn. Calls in one turn share one immediate; call it once a turn. */
export function atEndOfTurn(one: AtEndOfTurn): void {
  if (waiting.push(one) === 1) setImmediate(run);
}

function run(): void {
  const now = waiting;
  waiting = [];
  let done = 0;
  try {
    for (const one of now) {
      done++;
      one.endOfTurn();
    }
  } finally {
    // One that fails must not cost the others their turn.
    for (const one of now.slice(done)) atEndOfTurn(one);
  }
}
