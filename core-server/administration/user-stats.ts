import { setTimeout as after } from 'node:timers/promises';
import { type FieldDeclaration, valuesElement } from '../../shared/xmpp/forms.js';
import { jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { AccountState } from '../sessions/account-state.js';
import { ACCOUNT_FIELD, type AdminCommand, accountOf, failed } from './admin-command.js';
import { loadedAccount } from './get-user-roster.js';

const RESULTS: readonly FieldDeclaration[] = [
  { var: 'ipaddresses', type: 'list-multi', label: 'The IP addresses of an account’s online sessions' },
  { var: 'rostersize', type: 'text-single', label: 'Number of roster items for an account' },
  { var: 'onlineresources', type: 'list-multi', label: 'The names of an account’s online sessions' },
  {
    var: 'stanzaspersecond',
    type: 'text-single',
    label: 'The number of stanzas being sent per second by an account',
  },
  { var: 'loginsperminute', type: 'text-single', label: 'The number of logins per minute for an account' },
];

/** Stanzas are counted for so long before they are told. */
const SAMPLE_MILLISECONDS = 1_000;

/** XEP-0133 §4.10: stanzas in the second after the question, log-ins in the ten minutes before it. */
export const userStats: AdminCommand = {
  node: 'user-stats',
  name: 'Get User Statistics',
  title: 'Get User Statistics',
  instructions: 'Fill out this form to gather user statistics.',
  fields: () => [{ ...ACCOUNT_FIELD, label: 'The Jabber ID for statistics' }],
  async run(core, request) {
    const account = accountOf(request);
    if (account === null) return failed('this is no address of a user');
    const state = await loadedAccount(core, account);
    if (!state.exists) return failed('no such account');
    const before = receivedFrom(state);
    await after(SAMPLE_MILLISECONDS);
    const { sessions } = core.directory.peek(jid(account)) ?? state;
    const rate = Math.max(0, receivedFrom(state) - before) / (SAMPLE_MILLISECONDS / 1000);
    const form = { formType: NS.admin, fields: RESULTS };
    const values = {
      ipaddresses: [...new Set(sessions.flatMap(({ stream }) => stream?.remoteAddress ?? []))],
      rostersize: String(state.roster.items.size),
      onlineresources: sessions.map((session) => session.jid.resource),
      stanzaspersecond: String(rate),
      loginsperminute: String(core.administration.logIns.perMinute(account)),
    };
    return { payloads: [valuesElement(form, values)] };
  },
};

function receivedFrom({ sessions }: AccountState): number {
  return sessions.reduce((sum, session) => sum + session.inbound.received, 0);
}
