// Loaded into a process under test (`NODE_OPTIONS=--import=…`): its clock goes wrong by what the file ENTOURAGE_CLOCK says, in
// milliseconds, read anew on SIGUSR2. Only the clock that can be set: a jump of it leaves timers and `performance.now()` alone.
import { readFileSync } from 'node:fs';

const file = process.env['ENTOURAGE_CLOCK'];
if (file !== undefined) {
  const now = Date.now.bind(Date);
  let offset = 0;
  const read = (): void => {
    offset = Number(readFileSync(file, 'utf8'));
  };
  process.on('SIGUSR2', read);
  read();
  const wrong = (): number => now() + offset;
  globalThis.Date = new Proxy(Date, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [wrong()] : args, newTarget) as object,
    apply: (target) => new target(wrong()).toString(),
    get: (target, name, receiver) => (name === 'now' ? wrong : Reflect.get(target, name, receiver)),
  });
}
