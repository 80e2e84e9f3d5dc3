/** Kinds of contact addresses of a server (XEP-0157 §3). */
export const CONTACT_KINDS: readonly string[] = [
  'abuse',
  'admin',
  'feedback',
  'sales',
  'security',
  'status',
  'support',
];
