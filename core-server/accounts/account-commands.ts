import { ControlError } from '../../shared/cli/control-error.js';
import type { ControlArguments } from '../../shared/cli/control-server.js';
import { type BareJid, type Domain, parseJid } from '../../shared/xmpp/jid.js';
import { AccountError } from './account-error.js';
import type { Accounts } from './accounts.js';

/** What `entourage user …` can do; the same for a running core and for a store that no core has open. */
type AccountCommands = Readonly<Record<string, (args: ControlArguments) => Promise<unknown>>>;

/** `remove` is given by the caller: a running core also cleans up behind the account. */
export function accountCommands(
  accounts: Accounts,
  remove: (account: BareJid, force: boolean) => Promise<void>,
): AccountCommands {
  const guarded =
    (run: (account: BareJid, args: ControlArguments) => Promise<unknown>) =>
    async (args: ControlArguments): Promise<unknown> => {
      const account = accountOf(args);
      try {
        return (await run(account, args)) ?? { jid: account };
      } catch (error) {
        if (error instanceof AccountError) throw new ControlError(controlCode(error.code), error.message);
        throw error;
      }
    };
  return {
    'user.add': guarded((account, args) =>
      accounts.create(account, passwordOf(args), { force: args['force'] === true }),
    ),
    'user.passwd': guarded((account, args) => accounts.setPassword(account, passwordOf(args))),
    'user.expire': guarded((account) => accounts.expirePassword(account)),
    'user.disable': guarded((account) => accounts.disable(account)),
    'user.enable': guarded((account) => accounts.enable(account)),
    'user.remove': guarded((account, args) => remove(account, args['force'] === true)),
    'user.list': async (args) => {
      const domain = args['domain'] === undefined ? undefined : domainOf(args['domain']);
      const list = [];
      for await (const { account, state, created } of accounts.list(domain)) {
        list.push({ jid: account, state, created: new Date(created).toISOString() });
      }
      // Accounts of a domain that was served once are still there; of one that never was there are none to list.
      if (domain !== undefined && list.length === 0 && !accounts.hosts(domain))
        throw new ControlError('invalid', `${domain} is not a domain of this server`);
      return list;
    },
  };
}

function domainOf(text: unknown): Domain {
  const jid = typeof text === 'string' ? parseJid(text) : null;
  if (jid === null || jid.local !== '' || !jid.isBare)
    throw new ControlError('invalid', 'expected a domain, as example.org');
  return jid.domain;
}

function accountOf(args: ControlArguments): BareJid {
  const text = args['jid'];
  const jid = typeof text === 'string' ? parseJid(text) : null;
  if (jid === null || jid.local === '' || !jid.isBare)
    throw new ControlError('invalid', 'expected NAME@DOMAIN, as juliet@example.org');
  return jid.bare;
}

function passwordOf(args: ControlArguments): string {
  const password = args['password'];
  if (typeof password !== 'string') throw new ControlError('invalid', 'a password is needed');
  return password;
}

function controlCode(code: AccountError['code']): string {
  if (code === 'not-found') return 'not-found';
  return code === 'exists' || code === 'name-blocked' ? 'exists' : 'invalid';
}
