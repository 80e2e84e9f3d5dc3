import { jid } from '../shared/xmpp/jid.js';
import type { Core } from './core.js';

/** Ends all sessions of an account; their clients are told why. */
export function endSessions(core: Core, account: string, text: string): void {
  const state = core.directory.peek(jid(account));
  if (state !== undefined) core.sessions.endAll(state, 'not-authorized', text);
}

/** What a change of an account means for its live sessions and its memory. */
export function followAccounts(core: Core): void {
  core.accounts.subscribe((event) => {
    const address = jid(event.account);
    switch (event.kind) {
      case 'created':
        core.directory.setExists(address, true);
        core.hooks.accountCreated.emit(event.account);
        return;
      case 'disabled':
        endSessions(core, event.account, 'the account is disabled');
        return;
      case 'removed':
        // first, so that nothing that its sessions leave is stored for it
        core.directory.setExists(address, false);
        endSessions(core, event.account, 'the account was removed');
        return;
      // whoever changes a password ends the sessions: the operator's command all, XEP-0077 the others
      case 'password-changed':
      case 'enabled':
      case 'released':
        return;
    }
  });
}
