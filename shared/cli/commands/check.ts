import { isIP } from 'node:net';
import { CORE } from '../../settings/registry.js';
import { formatProblem } from '../../settings/settings-error.js';
import { checkCertificates } from '../checks/certificates.js';
import { checkDns } from '../checks/dns.js';
import { type Finding, finding } from '../checks/finding.js';
import { checkPorts } from '../checks/ports.js';
import { checkSharing } from '../checks/sharing.js';
import { checkStorage } from '../checks/storage.js';
import type { Command } from '../command.js';
import { installed, processesNamed, systemSettingsWith } from '../deployment.js';
import { completeEnvironment } from '../environment.js';
import { EXIT } from '../exit-codes.js';
import { type ProcessSettings, readSettings } from '../process-settings.js';
import { livingProcesses } from '../run-files.js';

const MARKS: Readonly<Record<Finding['level'], string>> = {
  ok: 'ok     ',
  note: 'note   ',
  warning: 'warning',
  error: 'ERROR  ',
};
const DNS_MILLISECONDS = 8_000;

/** `entourage check`: what is wrong with this deployment. */
export const checkCommand: Command = {
  name: 'check',
  usage: 'check [PROCESS…] [--json] [--no-dns]',
  summary:
    'say what is wrong here: settings, ports, certificates, secrets, DNS, storage; of all processes, or those named',
  options: { 'no-dns': { type: 'boolean' } },
  async run({ environment, words, options, json, print }) {
    const chosen = processesNamed(words);
    const system = await systemSettingsWith(chosen, environment, 'core');
    const dataFolder = system.DATA_DIR;
    const running = livingProcesses(dataFolder);
    const names = installed(chosen)
      .map(({ entry }) => entry)
      .filter((entry) => words.length > 0 || entry === CORE || system.COMPONENTS.includes(entry.name));
    const withCore = names.includes(CORE);
    const complete = completeEnvironment(environment, system.COMPONENTS, { dataFolder, makeSecrets: false });
    const all = await readSettings(names, complete);
    const core = all.find(({ entry }) => entry === CORE)?.settings ?? {};
    const port = (name: string): number => (typeof core[name] === 'number' ? core[name] : 0);
    const findings = [
      ...settingsFindings(all),
      ...(await checkPorts(all, running)),
      ...(withCore || names.some(({ name }) => name === 'bosh')
        ? checkCertificates(system.XMPP_DOMAINS, {
            cert: system.TLS_CERT,
            key: system.TLS_KEY,
            folder: system.TLS_CERTS_DIR,
            dataFolder,
          })
        : []),
      ...(await checkStorage(system.STORAGE_URL, dataFolder)),
      ...checkSharing(core['COMPONENT'] instanceof Map ? core['COMPONENT'] : new Map(), (name) => {
        const url = all.find(({ entry }) => entry.name === name)?.settings?.['STORAGE_URL'];
        return typeof url === 'string' ? url : undefined;
      }),
      ...(options['no-dns'] === true || !withCore
        ? []
        : await checkDns(
            [
              ...system.XMPP_DOMAINS.map((name) => ({ name, clients: true })),
              ...componentDomains(core).map((name) => ({ name, clients: false })),
            ],
            {
              c2s: port('C2S_PORT'),
              c2sTls: port('C2S_TLS_PORT'),
              s2s: port('S2S_PORT'),
              s2sTls: port('S2S_TLS_PORT'),
            },
            { timeoutMilliseconds: DNS_MILLISECONDS, servers: dnsServers(core) },
          )),
    ];
    if (json) print(JSON.stringify(findings, null, 2));
    else for (const { level, area, message } of findings) print(`${MARKS[level]} ${area}: ${message}`);
    return findings.some(({ level }) => level === 'error') ? EXIT.failed : EXIT.ok;
  },
};

function settingsFindings(all: readonly ProcessSettings[]): Finding[] {
  const texts = new Set<string>();
  const findings: Finding[] = [];
  for (const { entry, problems } of all) {
    for (const problem of problems) {
      // Absent secrets are made by `entourage start`; alone, a component needs the core's.
      const missingSecret = problem.name.endsWith('_SECRET') && problem.value === undefined;
      const text = missingSecret
        ? `${problem.name} is not set: \`entourage start\` makes one; ${entry.name} alone needs the one that the core has`
        : formatProblem(problem);
      if (texts.has(text)) continue;
      texts.add(text);
      findings.push(
        finding(missingSecret ? 'warning' : 'error', missingSecret ? 'secrets' : 'settings', text),
      );
    }
  }
  return findings.length === 0 ? [finding('ok', 'settings', 'every setting is known and right')] : findings;
}

/** Component domains are reached from other servers by DNS too; those of the server's own helpers need not be. */
function componentDomains(core: Readonly<Record<string, unknown>>): string[] {
  const family = core['COMPONENT'];
  if (!(family instanceof Map)) return [];
  const muc: unknown = family.get('muc');
  const domain = typeof muc === 'object' && muc !== null && 'DOMAIN' in muc ? muc.DOMAIN : undefined;
  return typeof domain === 'string' ? [domain] : [];
}

function dnsServers(core: Readonly<Record<string, unknown>>): string[] {
  const servers = core['S2S_DNS_SERVERS'];
  return Array.isArray(servers)
    ? servers.map(String).filter((server) => isIP(server.replace(/:\d+$/, '')) !== 0)
    : [];
}
