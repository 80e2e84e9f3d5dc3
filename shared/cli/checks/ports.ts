import { createServer } from 'node:net';
import { hostToListen } from '../../settings/kinds.js';
import { LISTEN_PROBLEMS } from '../../settings/listening.js';
import type { SettingProblem } from '../../settings/settings-error.js';
import type { ProcessSettings } from '../process-settings.js';
import type { RunFile } from '../run-files.js';
import { type Finding, finding } from './finding.js';

/** Which setting names the address of a port; the rest listen on LISTEN_HOST. */
const HOST_SETTINGS: Readonly<Record<string, string>> = {
  METRICS_PORT: 'METRICS_HOST',
  COMPONENT_PORT: 'COMPONENT_PLAIN_HOST',
};
/** Ports that a process connects to. */
const REMOTE = new Set(['CORE_PORT']);

/** A port that a process would listen on. */
interface ListeningPort {
  readonly process: string;
  readonly setting: string;
  readonly port: number;
  /** `*`: all addresses. */
  readonly host: string;
}

/** Every port a process would listen on: taken by two settings, or by somebody else. */
export async function checkPorts(
  all: readonly ProcessSettings[],
  running: readonly RunFile[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const ours = new Set(running.flatMap(({ addresses }) => Object.values(addresses).map(portOf)));
  const seen = new Map<number, string>();
  for (const { process, setting, port, host } of listeningPorts(all)) {
    const label = `${process} ${setting}=${port}`;
    const other = seen.get(port);
    if (other !== undefined) {
      findings.push(finding('error', 'ports', `${label} is also ${other}`));
      continue;
    }
    seen.set(port, label);
    if (ours.has(port)) {
      findings.push(finding('ok', 'ports', `${label} is served by this system`));
      continue;
    }
    const problem = await tryToListen(port, host);
    findings.push(
      problem === undefined
        ? finding('ok', 'ports', `${label} is free`)
        : finding('error', 'ports', `${label} cannot be used: ${problem}`),
    );
  }
  return findings;
}

/**
 * Ports that two listeners of these processes would share, as problems of the settings: told before anything starts,
 * since whoever comes second would only say that "another program" has it.
 */
export function portsTakenTwice(all: readonly ProcessSettings[]): SettingProblem[] {
  const problems: SettingProblem[] = [];
  const seen: ListeningPort[] = [];
  for (const one of listeningPorts(all)) {
    const { process, setting, port, host } = one;
    const other = seen.find(
      (earlier) => earlier.port === port && (earlier.host === host || earlier.host === '*' || host === '*'),
    );
    seen.push(one);
    if (other === undefined) continue;
    const own = `${process.toUpperCase()}_${setting}`;
    problems.push({
      name: setting === other.setting ? own : setting,
      value: String(port),
      expected:
        setting === other.setting
          ? `expected a port of its own for each process here, as ${own}=${port + seen.length - 1}, or auto; ${other.process} has this one`
          : `expected a port of its own, but ${other.setting} is the same`,
    });
  }
  return problems;
}

function listeningPorts(all: readonly ProcessSettings[]): ListeningPort[] {
  const ports: ListeningPort[] = [];
  for (const { entry, settings = {} } of all) {
    for (const [setting, port] of Object.entries(settings)) {
      if (!setting.endsWith('_PORT') || REMOTE.has(setting) || typeof port !== 'number' || port === 0)
        continue;
      const host = String(settings[HOST_SETTINGS[setting] ?? 'LISTEN_HOST'] ?? '*');
      ports.push({ process: entry.name, setting, port, host });
    }
  }
  return ports;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

function tryToListen(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve(LISTEN_PROBLEMS[error.code ?? ''] ?? error.message),
    );
    server.listen({ port, host: hostToListen(host) }, () => server.close(() => resolve(undefined)));
  });
}
