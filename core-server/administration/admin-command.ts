import { type FieldDeclaration, type FormDeclaration, valuesElement } from '../../shared/xmpp/forms.js';
import { type BareJid, parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { AccountError } from '../accounts/account-error.js';
import type { AdHocCommand, CommandOutcome, CommandRequest } from '../commands/command-registry.js';
import type { Core } from '../core.js';

/** A command of an administrator (XEP-0133), declared in a file of its own. */
export interface AdminCommand {
  /** What follows `http://jabber.org/protocol/admin#`, or a whole node of ours. */
  readonly node: string;
  readonly name: string;
  /** Of the form, where it is not the name. */
  readonly title?: string;
  readonly instructions?: string;
  readonly fields?: (core: Core, request: Pick<CommandRequest, 'from' | 'to'>) => readonly FieldDeclaration[];
  run(core: Core, request: CommandRequest): CommandOutcome | Promise<CommandOutcome>;
}

/** Makes it a command of the server: for ADMINS only, every execution logged with what it was about. */
export function asAdHocCommand(core: Core, command: AdminCommand): AdHocCommand {
  const node = command.node.includes(':') ? command.node : `${NS.admin}#${command.node}`;
  const { fields } = command;
  return {
    node,
    name: command.name,
    allowed: (who) => core.isAdmin(who),
    ...(fields === undefined
      ? {}
      : {
          form: (request): FormDeclaration => ({
            formType: NS.admin,
            title: command.title ?? command.name,
            ...(command.instructions === undefined ? {} : { instructions: command.instructions }),
            fields: fields(core, request),
          }),
        }),
    async run(request) {
      const about = { by: request.from.full, node, subjects: subjectsOf(request) };
      try {
        const outcome = await command.run(core, request);
        core.log.info(
          { code: 'admin.command', ...about, outcome: outcome.note?.type ?? 'done' },
          'an administrator ran a command',
        );
        return outcome;
      } catch (error) {
        core.log.warn(
          { code: 'admin.command-failed', ...about, error },
          'a command of an administrator failed',
        );
        throw error;
      }
    },
  };
}

/** The accounts and components that a command names: nothing else of a submission is logged (passwords, texts). */
function subjectsOf({ values }: CommandRequest): string[] {
  const { accountjid, accountjids, adminjids, blacklistjids, whitelistjids, component } = values;
  return [accountjid, accountjids, adminjids, blacklistjids, whitelistjids, component]
    .flat()
    .filter((value): value is string => typeof value === 'string' && value !== '');
}

// XEP-0050 §"Commands Successful/Failed": that an address is none is told in a note, as what else fails.
export const ACCOUNT_FIELD: FieldDeclaration = {
  var: 'accountjid',
  type: 'jid-single',
  anyText: true,
  label: 'The Jabber ID of the account',
  required: true,
};

export const ACCOUNTS_FIELD: FieldDeclaration = {
  var: 'accountjids',
  type: 'jid-multi',
  anyText: true,
  label: 'The Jabber ID(s) of the accounts',
  required: true,
};

/** The texts of a field that may have several. */
export function textsOf(request: CommandRequest, name: string): readonly string[] {
  const value = request.values[name];
  return Array.isArray(value) ? value : typeof value === 'string' && value !== '' ? [value] : [];
}

/** `accountjid` as a bare JID; null where it is no account's address. */
export function accountOf(request: CommandRequest): BareJid | null {
  const jid = parseJid(String(request.values['accountjid'] ?? ''));
  return jid === null || jid.local === '' ? null : jid.bare;
}

/**
 * Does one thing to each of `accountjids`. XEP-0050 §"Commands Successful/Failed": what fails is told in a note of type
 * `error`; the others are done all the same.
 */
export async function forEachAccount(
  request: CommandRequest,
  done: string,
  act: (account: BareJid, text: string) => Promise<unknown>,
): Promise<CommandOutcome> {
  const succeeded: string[] = [];
  const failed: string[] = [];
  for (const text of textsOf(request, 'accountjids')) {
    const account = parseJid(text);
    try {
      if (account === null || account.local === '')
        throw new AccountError('invalid-name', 'no address of a user');
      await act(account.bare, text);
      succeeded.push(text);
    } catch (error) {
      if (!(error instanceof AccountError)) throw error;
      failed.push(`${text}: ${error.message}`);
    }
  }
  if (failed.length === 0) return { note: { type: 'info', text: `${done}: ${succeeded.join(', ')}` } };
  const rest = succeeded.length === 0 ? '' : `; ${done.toLowerCase()}: ${succeeded.join(', ')}`;
  return { note: { type: 'error', text: failed.join('; ') + rest } };
}

/** A refusal as the answer to a command that ran. */
export function failed(text: string): CommandOutcome {
  return { note: { type: 'error', text } };
}

/** One field of results. */
export function resultOf(field: FieldDeclaration, value: string | readonly string[]): CommandOutcome {
  const form: FormDeclaration = { formType: NS.admin, fields: [field] };
  return { payloads: [valuesElement(form, { [field.var]: value })] };
}
