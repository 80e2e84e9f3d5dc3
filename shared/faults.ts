/**
 * Ends the process on the spot, as `kill -9` would, where the environment's `ENTOURAGE_FAULT` names this point. For tests of what
 * a crash leaves behind; without the variable it does nothing.
 */
export function faultPoint(name: string): void {
  if (process.env['ENTOURAGE_FAULT'] === name) process.kill(process.pid, 'SIGKILL');
}
