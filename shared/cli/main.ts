import { parseArgs } from 'node:util';
import { softwareVersion } from '../entity/software.js';
import { editDistance, nearest } from '../settings/nearest.js';
import { PROCESSES } from '../settings/registry.js';
import { SettingsError, UnusableSettingError } from '../settings/settings-error.js';
import type { Command, CommandContext } from './command.js';
import { NotRunningError } from './control-client.js';
import { ControlError } from './control-error.js';
import { CommandError, EXIT, EXIT_MEANINGS } from './exit-codes.js';

/** Everything that `entourage` can do, in the order of its help; loaded when it is asked for. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./commands/start.js')).startCommand,
  ...Object.fromEntries(
    PROCESSES.map((entry) => [
      entry.name,
      async () => (await import('./commands/process.js')).processCommand(entry),
    ]),
  ),
  user: async () => (await import('./commands/user.js')).userCommand,
  config: async () => (await import('./commands/config.js')).configCommand,
  check: async () => (await import('./commands/check.js')).checkCommand,
  status: async () => (await import('./commands/status.js')).statusCommand,
  component: async () => (await import('./commands/component.js')).componentCommand,
  reload: async () => (await import('./commands/reload.js')).reloadCommand,
  store: async () => (await import('./commands/store.js')).storeCommand,
};

/** Exit codes of what running processes refuse. */
const CONTROL_EXITS: Readonly<Record<string, number>> = {
  'not-found': EXIT.notFound,
  exists: EXIT.exists,
  invalid: EXIT.usage,
  internal: EXIT.internal,
};

/** Runs `entourage ARGS` and resolves with its exit code. */
export async function main(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const [name = 'help', ...rest] = args;
  if (name === '--version' || name === 'version') {
    console.log(`Entourage ${softwareVersion()}, Node.js ${process.versions.node}`);
    return EXIT.ok;
  }
  const asked = isHelp(name) ? rest[0] : name;
  if (asked === undefined || isHelp(asked)) {
    console.log(await helpText());
    return EXIT.ok;
  }
  const load = Object.hasOwn(COMMANDS, asked) ? COMMANDS[asked] : undefined;
  if (load === undefined) {
    const near = nearest(asked, Object.keys(COMMANDS)) ?? '';
    const hint = editDistance(asked, near) * 2 <= near.length ? `; the nearest is ${near}` : '';
    console.error(`no such command: ${asked}${hint} (\`entourage help\` lists all)`);
    return EXIT.usage;
  }
  const command = await load();
  if (isHelp(name) || rest.some((word) => word === '--help' || word === '-h') || rest[0] === 'help') {
    console.log(`${commandHelp(command)}\n`);
    return EXIT.ok;
  }
  try {
    const context = contextOf(command, rest, environment);
    const extra = context.words[command.words ?? context.words.length];
    if (extra !== undefined)
      throw new CommandError(EXIT.usage, `one word too many: ${extra}\n${commandHelp(command)}`);
    return await command.run(context);
  } catch (error) {
    return report(command, error);
  }
}

function contextOf(
  command: Command,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): CommandContext {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { json: { type: 'boolean' }, ...command.options },
    allowPositionals: true,
    strict: true,
  });
  return {
    words: positionals,
    options: values as CommandContext['options'],
    json: values['json'] === true,
    environment,
    print: (text) => console.log(text),
    printError: (text) => console.error(text),
  };
}

/** Tells people what went wrong; resolves to the exit code. */
function report(command: Command, error: unknown): number {
  if (
    error instanceof CommandError ||
    error instanceof SettingsError ||
    error instanceof UnusableSettingError
  ) {
    console.error(error.message);
    return error instanceof CommandError ? error.exitCode : EXIT.settings;
  }
  if (error instanceof NotRunningError) {
    console.error(`not running: ${error.message}`);
    return EXIT.notRunning;
  }
  if (error instanceof ControlError) {
    console.error(error.message);
    return CONTROL_EXITS[error.code] ?? EXIT.failed;
  }
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    console.error(`${error.message.split('. To specify')[0]}\n${commandHelp(command)}`);
    return EXIT.usage;
  }
  console.error(error instanceof Error ? error.message : String(error));
  return EXIT.failed;
}

const isHelp = (word: string): boolean => word === 'help' || word === '--help' || word === '-h';

/** What a command is for and how it is written. */
function commandHelp({ usage, summary }: Command): string {
  const lines = usage.split('\n');
  return [
    `usage: entourage ${lines[0]}`,
    ...lines.slice(1).map((line) => `       entourage ${line}`),
    '',
    summary,
  ].join('\n');
}

/** The widest way of writing a command that has its meaning beside it; of a longer one it is below. */
const USAGE_COLUMN = 26;

/** One command in the list of all. */
function helpEntry({ usage, summary }: Command): string[] {
  const lines = usage.split('\n');
  if (lines.length === 1 && usage.length <= USAGE_COLUMN)
    return [`  ${usage.padEnd(USAGE_COLUMN)}  ${summary}`];
  return [...lines.map((line) => `  ${line}`), `${' '.repeat(USAGE_COLUMN + 4)}${summary}`];
}

async function helpText(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  return [
    'usage: entourage COMMAND',
    '',
    ...commands.flatMap(helpEntry),
    `  ${'help [COMMAND], --version'.padEnd(USAGE_COLUMN)}  print this or more about one command, the version`,
    '',
    'Settings come from the environment and .env in the working directory (docs/settings.md).',
    '',
    'exit codes:',
    ...EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(2)}  ${meaning}`),
  ].join('\n');
}
