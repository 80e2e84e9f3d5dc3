/** A refusal that the command line shows: `code` decides its exit code (`not-found`, `exists`, `invalid`). */
export class ControlError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'ControlError';
    this.code = code;
  }
}
