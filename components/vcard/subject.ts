import type { IqRequest } from '../../shared/component/component.js';

/** Whose vCard a request is about, seen from who asks. */
export interface Subject {
  /** `own`: the sender's account; `server`: the server itself; `other`: anyone else, account or not. */
  readonly kind: 'own' | 'server' | 'other';
  /** The owner's bare JID, under which the vCard is kept. */
  readonly owner: string;
}

/** The runtime has already read a missing `to` as the sender's own account (RFC 6120 §10.3.3). */
export function subjectOf({ from, to }: IqRequest): Subject {
  const owner = to.bare;
  if (to.local === '') return { kind: 'server', owner };
  return { kind: from.bare === owner ? 'own' : 'other', owner };
}
