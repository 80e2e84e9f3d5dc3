import { z } from 'zod';
import { type Command, systemSettingsOf, table } from '../command.js';
import { control } from '../control-client.js';
import { EXIT } from '../exit-codes.js';
import { controlSocketPath, livingProcesses, type RunFile } from '../run-files.js';

const statusSchema = z.looseObject({
  process: z.string(),
  pid: z.number(),
  uptimeSeconds: z.number(),
  ready: z.boolean(),
  reason: z.string().optional(),
  memoryBytes: z.number(),
  addresses: z.record(z.string(), z.string()),
});
type Status = z.infer<typeof statusSchema>;

/** `entourage status`: which processes run here, whether they serve, where. */
export const statusCommand: Command = {
  name: 'status',
  usage: 'status [--json]',
  summary: 'print which processes run, whether they serve, and where',
  async run({ environment, json, print }) {
    const { DATA_DIR: dataFolder } = systemSettingsOf(environment);
    const files = livingProcesses(dataFolder).filter((file) => file.process !== 'launcher');
    const statuses = await Promise.all(files.map((file) => statusOf(dataFolder, file)));
    if (json) print(JSON.stringify(statuses, null, 2));
    else if (statuses.length === 0) print('nothing runs');
    else print(table([['PROCESS', 'PID', 'STATE', 'UP', 'MEMORY', 'ADDRESSES'], ...statuses.map(row)]));
    if (statuses.length === 0) return EXIT.notRunning;
    return statuses.every(({ ready }) => ready) ? EXIT.ok : EXIT.failed;
  },
};

/** What a process says of itself; what its run file says where it does not answer. */
async function statusOf(dataFolder: string, file: RunFile): Promise<Status> {
  try {
    return statusSchema.parse(
      await control(controlSocketPath(dataFolder, file.process), 'status', {}, 2_000),
    );
  } catch {
    return {
      process: file.process,
      pid: file.pid,
      uptimeSeconds: Math.round((Date.now() - Date.parse(file.startedAt)) / 1000),
      ready: false,
      reason: 'does not answer',
      memoryBytes: 0,
      addresses: file.addresses,
    };
  }
}

function row(status: Status): string[] {
  return [
    status.process,
    String(status.pid),
    status.ready ? 'ready' : `not ready: ${status.reason ?? 'unknown'}`,
    duration(status.uptimeSeconds),
    `${Math.round(status.memoryBytes / 2 ** 20)} MiB`,
    Object.entries(status.addresses)
      .map(([listener, address]) => `${listener}=${address}`)
      .join(' '),
  ];
}

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}
