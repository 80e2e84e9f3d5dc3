import { setTimeout as after } from 'node:timers/promises';
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

const pictureSchema = z.object({
  at: z.number(),
  stanzas: z.number(),
  facts: z.record(z.string(), z.union([z.number(), z.string()])),
  neighbours: z.array(
    z.object({
      kind: z.string(),
      name: z.string(),
      address: z.string(),
      up: z.boolean(),
      stanzas: z.number(),
      waiting: z.number(),
      latency: z.number().nullable(),
    }),
  ),
});
type Picture = z.infer<typeof pictureSchema>;

/** Stanzas per second are counted over this; the second look also finds the latencies that the first asked for. */
const SAMPLE_MILLISECONDS = 1_000;

/** A process as it was, and as it is now; null where it does not tell. */
interface Seen {
  readonly status: Status;
  readonly before: Picture | null;
  readonly now: Picture | null;
}

/** `entourage status`: which processes run here, whether they serve, and what the page `/status` shows of each. */
export const statusCommand: Command = {
  name: 'status',
  usage: 'status [--json]',
  words: 0,
  summary: 'print which processes run, whether they serve, where, and how much they have to do',
  async run({ environment, json, print }) {
    const { DATA_DIR: dataFolder } = systemSettingsOf(environment);
    const files = livingProcesses(dataFolder).filter((file) => file.process !== 'launcher');
    if (files.length === 0) {
      print(json ? '[]' : 'nothing runs');
      return EXIT.notRunning;
    }
    const before = await Promise.all(files.map((file) => pictureOf(dataFolder, file)));
    await after(SAMPLE_MILLISECONDS);
    const seen = await Promise.all(
      files.map(async (file, index): Promise<Seen> => {
        const [status, now] = await Promise.all([statusOf(dataFolder, file), pictureOf(dataFolder, file)]);
        return { status, before: before[index] ?? null, now };
      }),
    );
    if (json) print(JSON.stringify(seen.map(asJson), null, 2));
    else print([processTable(seen), neighbourTable(seen)].filter((part) => part !== '').join('\n\n'));
    return seen.every(({ status }) => status.ready) ? EXIT.ok : EXIT.failed;
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

async function pictureOf(dataFolder: string, file: RunFile): Promise<Picture | null> {
  try {
    return pictureSchema.parse(
      await control(controlSocketPath(dataFolder, file.process), 'picture', {}, 2_000),
    );
  } catch {
    return null;
  }
}

function asJson({ status, before, now }: Seen): unknown {
  if (now === null) return status;
  return {
    ...status,
    stanzasPerSecond: perSecond(now.stanzas, before?.stanzas, before, now),
    facts: now.facts,
    neighbours: now.neighbours.map((neighbour) => ({
      ...neighbour,
      stanzasPerSecond: neighbourRate(neighbour, before, now),
    })),
  };
}

function processTable(seen: readonly Seen[]): string {
  const rows = seen.map(({ status, before, now }) => [
    status.process,
    String(status.pid),
    status.ready ? 'ready' : `not ready: ${status.reason ?? 'unknown'}`,
    duration(status.uptimeSeconds),
    `${Math.round(status.memoryBytes / 2 ** 20)} MiB`,
    now === null ? '' : number(perSecond(now.stanzas, before?.stanzas, before, now)),
    Object.entries(now?.facts ?? {})
      .filter(([name]) => name !== 'domain')
      .map(([name, value]) => `${name}=${value}`)
      .join(', '),
    Object.entries(status.addresses)
      .map(([listener, address]) => `${listener}=${address}`)
      .join(' '),
  ]);
  return table([['PROCESS', 'PID', 'STATE', 'UP', 'MEMORY', 'STANZAS/S', 'FACTS', 'ADDRESSES'], ...rows]);
}

/** Each process and those that it talks with: the lines of the page's picture. */
function neighbourTable(seen: readonly Seen[]): string {
  const rows = seen.flatMap(({ status, before, now }) =>
    (now?.neighbours ?? []).map((neighbour) => [
      `${status.process} - ${neighbour.name}`,
      neighbour.address,
      neighbour.up ? 'up' : 'down',
      number(neighbourRate(neighbour, before, now)),
      String(neighbour.waiting),
      neighbour.latency === null ? '' : `${number(neighbour.latency)} ms`,
    ]),
  );
  if (rows.length === 0) return '';
  return table([['LINK', 'ADDRESS', 'STATE', 'STANZAS/S', 'WAITING', 'LATENCY'], ...rows]);
}

function neighbourRate(
  { kind, name, stanzas }: Picture['neighbours'][number],
  before: Picture | null,
  now: Picture | null,
): number {
  const earlier = before?.neighbours.find((other) => other.kind === kind && other.name === name);
  return perSecond(stanzas, earlier?.stanzas, before, now);
}

/** 0 where there is nothing to compare with, and after a restart. */
function perSecond(
  stanzas: number,
  earlier: number | undefined,
  before: Picture | null,
  now: Picture | null,
): number {
  const seconds = before === null || now === null ? 0 : (now.at - before.at) / 1000;
  return earlier === undefined || seconds <= 0 ? 0 : Math.max(0, (stanzas - earlier) / seconds);
}

/** As the page writes numbers. */
function number(value: number): string {
  return value >= 10 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, '');
}

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}
