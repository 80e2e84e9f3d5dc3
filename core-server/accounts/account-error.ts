type AccountErrorCode =
  | 'exists' // an account of this name exists
  | 'name-blocked' // it was removed, and its old data is not all gone
  | 'not-found'
  | 'invalid-name' // no bare JID of a user
  | 'unknown-domain' // not one that this server hosts
  | 'invalid-password'; // empty, or SASLprep refuses it

/** Why a change of an account was refused; `code` is stable. */
export class AccountError extends Error {
  readonly code: AccountErrorCode;
  constructor(code: AccountErrorCode, message: string) {
    super(message);
    this.name = 'AccountError';
    this.code = code;
  }
}
