/** Terminal binding conditions of XEP-0124 §"Terminal Binding Conditions". */
export type TerminalCondition =
  | 'bad-request'
  | 'host-gone'
  | 'host-unknown'
  | 'improper-addressing'
  | 'internal-server-error'
  | 'item-not-found'
  | 'other-request'
  | 'policy-violation'
  | 'remote-connection-failed'
  | 'remote-stream-error'
  | 'see-other-uri'
  | 'system-shutdown'
  | 'undefined-condition';

/** What a legacy client (one that sent no `ver`) gets instead of a condition (XEP-0124 §"HTTP Conditions"). */
const legacyStatus: ReadonlyMap<TerminalCondition, number> = new Map([
  ['bad-request', 400],
  ['policy-violation', 403],
  ['item-not-found', 404],
]);

/** The HTTP status that says `condition` to a legacy client, or undefined where only the body can. */
export function legacyStatusOf(condition: TerminalCondition): number | undefined {
  return legacyStatus.get(condition);
}
