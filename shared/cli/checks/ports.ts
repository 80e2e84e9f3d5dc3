import { createServer } from 'node:net';
import { hostToListen } from '../../settings/kinds.js';
import { LISTEN_PROBLEMS } from '../../settings/listening.js';
import type { SettingProblem } from '../../settings/settings-error.js';
import type { ProcessSettings } from '../deployment.js';
import type { RunFile } from '../run-files.js';
import { type Finding, finding } from './finding.js';

/** Which setting names the address of a port; the rest listen on LISTEN_HOST. */
const HOST_SETTINGS: Readonly<Record<string, string>> = {
  METRICS_PORT: 'METRICS_HOST',
  COMPONENT_PORT: 'COMPONENT_PLAIN_HOST',
};
/** Ports that a process connects to. */
const REMOTE = new Set(['CORE_PORT']);

/** Every port a process would listen on: taken by two settings, or by somebody else. */
export async function checkPorts(
  all: readonly ProcessSettings[],
  running: readonly RunFile[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const ours = new Set(running.flatMap(({ addresses }) => Object.values(addresses).map(portOf)));
  const seen = new Map<number, string>();
  for (const { entry, settings } of all) {
    for (const [name, value] of Object.entries(settings ?? {})) {
      if (!name.endsWith('_PORT') || REMOTE.has(name) || typeof value !== 'number' || value === 0) continue;
      const label = `${entry.name} ${name}=${value}`;
      const other = seen.get(value);
      if (other !== undefined) {
        findings.push(finding('error', 'ports', `${label} is also ${other}`));
        continue;
      }
      seen.set(value, label);
      if (ours.has(value)) {
        findings.push(finding('ok', 'ports', `${label} is served by this system`));
        continue;
      }
      const host = String(settings?.[HOST_SETTINGS[name] ?? 'LISTEN_HOST'] ?? '*');
      const problem = await tryToListen(value, host);
      findings.push(
        problem === undefined
          ? finding('ok', 'ports', `${label} is free`)
          : finding('error', 'ports', `${label} cannot be used: ${problem}`),
      );
    }
  }
  return findings;
}

/**
 * Ports that two listeners of these processes would share, as problems of the settings: told before anything starts,
 * since whoever comes second would only say that "another program" has it.
 */
export function portsTakenTwice(all: readonly ProcessSettings[]): SettingProblem[] {
  const problems: SettingProblem[] = [];
  const seen: {
    readonly name: string;
    readonly process: string;
    readonly port: number;
    readonly host: string;
  }[] = [];
  for (const { entry, settings } of all) {
    for (const [name, port] of Object.entries(settings ?? {})) {
      if (!name.endsWith('_PORT') || REMOTE.has(name) || typeof port !== 'number' || port === 0) continue;
      const host = String(settings?.[HOST_SETTINGS[name] ?? 'LISTEN_HOST'] ?? '*');
      const other = seen.find(
        (one) => one.port === port && (one.host === host || one.host === '*' || host === '*'),
      );
      seen.push({ name, process: entry.name, port, host });
      if (other === undefined) continue;
      const prefix = entry.name.toUpperCase();
      problems.push({
        name: name === other.name ? `${prefix}_${name}` : name,
        value: String(port),
        expected:
          name === other.name
            ? `expected a port of its own for each process here, as ${prefix}_${name}=${port + seen.length - 1}, or auto; ${other.process} has this one`
            : `expected a port of its own, but ${other.name} is the same`,
      });
    }
  }
  return problems;
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
