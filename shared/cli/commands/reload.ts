import { type Command, systemSettingsOf } from '../command.js';
import { control } from '../control-client.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { controlSocketPath, livingProcesses } from '../run-files.js';

/** `entourage reload`: certificates and settings that can change while running. */
export const reloadCommand: Command = {
  name: 'reload',
  usage: 'reload [PROCESS…]',
  summary: 'have running processes read settings and certificates again',
  async run({ environment, words, print, printError }) {
    const { DATA_DIR: dataFolder } = systemSettingsOf(environment);
    const running = livingProcesses(dataFolder)
      .map((file) => file.process)
      .filter((name) => name !== 'launcher' && (words.length === 0 || words.includes(name)));
    const away = words.find((name) => !running.includes(name));
    if (away !== undefined) throw new CommandError(EXIT.notRunning, `no process ${away} runs here`);
    if (running.length === 0) throw new CommandError(EXIT.notRunning, 'nothing runs that could reload');
    let exit: number = EXIT.ok;
    for (const name of running) {
      try {
        await control(controlSocketPath(dataFolder, name), 'reload');
        print(`${name}: reloaded`);
      } catch (error) {
        printError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
        exit = EXIT.failed;
      }
    }
    return exit;
  },
};
