import { parseArgs } from 'node:util';
import { PROCESSES } from '../settings/registry.js';
import { SettingsError } from '../settings/settings-error.js';
import type { Command, CommandContext } from './command.js';
import { NotRunningError } from './control-client.js';
import { ControlError } from './control-server.js';
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
  if (['help', '--help', '-h'].includes(name)) {
    console.log(await helpText());
    return EXIT.ok;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    console.error(`no such command: ${name}\n\n${await helpText()}`);
    return EXIT.usage;
  }
  const command = await load();
  try {
    return await command.run(contextOf(command, rest, environment));
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
  if (error instanceof CommandError || error instanceof SettingsError) {
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
    console.error(`${error.message}\nusage: entourage ${command.usage}`);
    return EXIT.usage;
  }
  console.error(error instanceof Error ? error.message : String(error));
  return EXIT.failed;
}

async function helpText(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const width = Math.max(...commands.map(({ usage }) => usage.length));
  return [
    'usage: entourage COMMAND',
    '',
    ...commands.map(({ usage, summary }) => `  ${usage.padEnd(width)}  ${summary}`),
    '',
    'Settings come from the environment and .env in the working directory (docs/settings.md).',
    '',
    'exit codes:',
    ...EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(2)}  ${meaning}`),
  ].join('\n');
}
