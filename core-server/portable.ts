/** The core's part of `entourage store export|import` (XEP-0227). */
export { openPortableAccounts } from './portable/accounts.js';
export { portableParts } from './portable/parts.js';
