/** Something that one client of a conversation does. Addresses are written without the number that sets conversations apart. */
export type Step =
  /** Logs in as `account/resource`. */
  | { readonly at: string; readonly do: 'connect' }
  /** Closes the stream in order, or cuts the connection. */
  | { readonly at: string; readonly do: 'close' | 'cut' }
  /** Says something; `kind` names what, without addresses. */
  | { readonly at: string; readonly do: 'send'; readonly kind: string; readonly text: string };

export interface Conversation {
  readonly theme: string;
  readonly seed: number;
  readonly steps: readonly Step[];
  /** What each client asks besides a ping before a step counts as done: IQ gets, whose answers nobody looks at. */
  readonly barriers: readonly string[];
}

/** The names that a conversation may use before an `@`: accounts, then rooms. */
export const ACCOUNTS = ['romeo', 'juliet', 'mercutio', 'nurse'] as const;
export const ROOMS = ['hall', 'attic'] as const;

const bare = new RegExp(`\\b(${[...ACCOUNTS, ...ROOMS].join('|')})@`, 'g');
const numbered = new RegExp(`\\b(${[...ACCOUNTS, ...ROOMS].join('|')})\\d+@`, 'g');

/** The names as they go over the wire in one run of one conversation. */
export function withNumber(text: string, number: number): string {
  return text.replace(bare, `$1${number}@`);
}

export function withoutNumber(text: string): string {
  return text.replace(numbered, '$1@');
}
