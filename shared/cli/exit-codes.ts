/** What `entourage` exits with; `entourage help` lists them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  exists: 4,
  notRunning: 5,
  damaged: 65,
  internal: 70,
  settings: 78,
} as const;

export const EXIT_MEANINGS: readonly (readonly [number, string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.failed, 'not done: what was asked for failed, or a check found something wrong'],
  [EXIT.usage, 'wrong usage'],
  [EXIT.notFound, 'no such user, component or store'],
  [EXIT.exists, 'exists already'],
  [EXIT.notRunning, 'the process that is needed does not run'],
  [EXIT.damaged, 'the store is damaged: the process is not started again until that is mended'],
  [EXIT.internal, 'an error of Entourage itself; the log has it'],
  [EXIT.settings, 'settings are wrong; every problem is listed'],
];

/** An error whose message is for people and whose exit code is documented. */
export class CommandError extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
