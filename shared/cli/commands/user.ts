import { z } from 'zod';
import { nearest } from '../../settings/nearest.js';
import { type Command, type CommandContext, systemSettingsOf } from '../command.js';
import { control, NotRunningError } from '../control-client.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { openOffline } from '../offline-accounts.js';
import { controlSocketPath } from '../run-files.js';

const VERBS: Readonly<Record<string, { command: string; done: string; password: boolean }>> = {
  add: { command: 'user.add', done: 'added', password: true },
  passwd: { command: 'user.passwd', done: 'password changed', password: true },
  expire: { command: 'user.expire', done: 'password expired', password: false },
  disable: { command: 'user.disable', done: 'disabled', password: false },
  enable: { command: 'user.enable', done: 'enabled', password: false },
  remove: { command: 'user.remove', done: 'removed', password: false },
};

const listSchema = z.array(z.object({ jid: z.string(), state: z.string(), created: z.string().optional() }));

/** `entourage user …`: accounts, by the running core or, where none runs, in the store itself. */
export const userCommand: Command = {
  name: 'user',
  usage:
    'user add|passwd NAME@DOMAIN [--password P|--password-stdin] [--json]\n' +
    'user disable|enable|expire|remove NAME@DOMAIN [--json]  (expire: no log-in before a new password is set)\n' +
    "user add|remove NAME@DOMAIN --force  (not waiting until a removed account's data is gone)\n" +
    'user list [DOMAIN] [--json]',
  words: 2,
  summary: 'manage accounts, whether or not the core runs',
  options: {
    password: { type: 'string' },
    'password-stdin': { type: 'boolean' },
    force: { type: 'boolean' },
  },
  async run(context) {
    const { words, options, json, print } = context;
    const [verb = '', name] = words;
    if (verb === 'list') {
      const users = listSchema.parse(
        await run(context, 'user.list', name === undefined ? {} : { domain: name }),
      );
      if (json) print(JSON.stringify(users, null, 2));
      else for (const { jid, state } of users) print(state === 'active' ? jid : `${jid} (${state})`);
      return EXIT.ok;
    }
    const action = VERBS[verb];
    if (action === undefined) {
      const verbs = [...Object.keys(VERBS), 'list'];
      const near = verb === '' ? '' : `; the nearest is \`user ${nearest(verb, verbs)}\``;
      throw new CommandError(EXIT.usage, `expected user ${verbs.join('|')}${near}`);
    }
    if (name === undefined) throw new CommandError(EXIT.usage, `expected user ${verb} NAME@DOMAIN`);
    const args: Record<string, unknown> = { jid: name };
    if (action.password) args['password'] = await passwordOf(context);
    if (options['force'] === true) args['force'] = true;
    const result = await run(context, action.command, args);
    if (json) print(JSON.stringify(result, null, 2));
    else print(`${name}: ${action.done}`);
    return EXIT.ok;
  },
};

/** By the running core, else in the store, which is then locked against a core that starts meanwhile. */
async function run(
  { environment }: CommandContext,
  command: string,
  args: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const { DATA_DIR: dataFolder } = systemSettingsOf(environment, 'core');
  try {
    return await control(controlSocketPath(dataFolder, 'core'), command, args, 60_000);
  } catch (error) {
    if (!(error instanceof NotRunningError)) throw error;
  }
  const accounts = await openOffline(environment);
  try {
    return await accounts.run(command, args);
  } finally {
    await accounts.close();
  }
}

async function passwordOf({ options }: CommandContext): Promise<string> {
  const given = options['password'];
  if (typeof given === 'string') return checked(given);
  if (options['password-stdin'] === true || !process.stdin.isTTY) return checked(await firstLine());
  const password = await ask('password: ');
  if ((await ask('again: ')) !== password) throw new CommandError(EXIT.usage, 'the two passwords differ');
  return checked(password);
}

function checked(password: string): string {
  if (password === '') throw new CommandError(EXIT.usage, 'the password is empty');
  return password;
}

/** The first line of standard input, without its end. */
async function firstLine(): Promise<string> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  return text.split(/\r?\n/, 1)[0] ?? '';
}

/** Asks at the terminal without showing what is typed. */
async function ask(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  const { stdin } = process;
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  try {
    let typed = '';
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      for (const key of String(chunk)) {
        if (key === '\r' || key === '\n') return typed;
        if (key === '\u0003' || key === '\u0004') throw new CommandError(EXIT.failed, 'given up');
        typed = key === '\u007f' || key === '\b' ? typed.slice(0, -1) : typed + key;
      }
    }
    return typed;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    process.stderr.write('\n');
  }
}
