import { z } from 'zod';
import { type Command, systemSettingsOf, table } from '../command.js';
import { control, NotRunningError } from '../control-client.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { controlSocketPath } from '../run-files.js';

const listSchema = z.array(
  z.looseObject({
    name: z.string(),
    domain: z.string(),
    streams: z.number(),
    since: z.string().nullable(),
    delegations: z.array(z.string()),
    held: z.number(),
    dropped: z.number(),
  }),
);

const restartSchema = z.object({ ready: z.boolean().default(true) });

/** `entourage component list|restart`: what the core knows of its components; a restart by the launcher. */
export const componentCommand: Command = {
  name: 'component',
  usage: 'component list [--json]\ncomponent restart NAME',
  words: 2,
  summary: 'list components with what they hold; restart one',
  async run({ environment, words, json, print }) {
    const { DATA_DIR: dataFolder } = systemSettingsOf(environment);
    const [verb, name] = words;
    if (verb === 'list') {
      const components = listSchema.parse(
        await control(controlSocketPath(dataFolder, 'core'), 'component.list'),
      );
      if (json) print(JSON.stringify(components, null, 2));
      else {
        print(
          table([
            ['NAME', 'DOMAIN', 'CONNECTED', 'HELD', 'DROPPED', 'DELEGATED'],
            ...components.map(({ name: label, domain, streams, since, delegations, held, dropped }) => [
              label,
              domain,
              streams === 0 ? 'no' : `since ${since ?? '?'}${streams > 1 ? ` (${streams} streams)` : ''}`,
              String(held),
              String(dropped),
              delegations.join(' ') || '-',
            ]),
          ]),
        );
      }
      return EXIT.ok;
    }
    if (verb === 'restart' && name !== undefined) {
      try {
        const { ready } = restartSchema.parse(
          await control(controlSocketPath(dataFolder, 'launcher'), 'restart', { name, wait: true }),
        );
        if (!ready) throw new CommandError(EXIT.failed, `${name}: started again, but it does not serve yet`);
      } catch (error) {
        if (!(error instanceof NotRunningError)) throw error;
        throw new CommandError(
          EXIT.notRunning,
          `${name} was not started by \`entourage start\`: restart it with what supervises it (systemctl, docker)`,
        );
      }
      print(`${name}: restarted`);
      return EXIT.ok;
    }
    throw new CommandError(EXIT.usage, 'expected component list, or component restart NAME');
  },
};
