import { readFileSync } from 'node:fs';
import { CoreUnderTest, type ProcessUnderTest } from '../core-harness.js';
import type { Findings } from './findings.js';

const SECRET = 'between-us';
const OURS = ['muc', 'pep', 'vcard', 'privacy', 'bosh'] as const;

/** Lines of level `error` that an attack may cause: what they say is about the other side or the machine. */
const ALLOWED_ERRORS: ReadonlySet<string> = new Set([]);
/** A leak that would take days shows in minutes: each process has to do with this much. */
const HEAP_MEGABYTES = 320;
/** Resident memory may grow so much over its first look: attackers leave rosters, rooms, vCards behind. */
const GROWTH = { factor: 3, bytes: 200 * 2 ** 20 };

/** Core and all components, as real processes, with room for three components of the attackers. */
export class SystemUnderFire {
  readonly core: CoreUnderTest;
  readonly findings: Findings;
  httpPort = 0;
  readonly #processes = new Map<string, ProcessUnderTest>();
  readonly #readTo = new Map<string, number>();
  readonly #memory = new Map<string, number>();

  private constructor(core: CoreUnderTest, findings: Findings) {
    this.core = core;
    this.findings = findings;
    this.#processes.set('core', core.process);
  }

  static async start(findings: Findings, settings: Record<string, string> = {}): Promise<SystemUnderFire> {
    const nodeOptions = `--max-old-space-size=${HEAP_MEGABYTES}`;
    const secrets = Object.fromEntries(
      [...OURS, 'evil', 'trusted', 'front'].map((name) => [`COMPONENT_${name.toUpperCase()}_SECRET`, SECRET]),
    );
    const core = await CoreUnderTest.start({
      NODE_OPTIONS: nodeOptions,
      COMPONENTS: [...OURS, 'evil', 'trusted', 'front'].join(','),
      ...secrets,
      COMPONENT_EVIL_GRANTS: '',
      COMPONENT_FRONT_GRANTS: 'client-link',
      COMPONENT_TRUSTED_GRANTS:
        'delegate:urn:fuzz:delegated delegate:urn:fuzz:silent roster:both message:outgoing presence:roster ' +
        'iq:jabber:iq:version=both iq:urn:xmpp:ping=get iq:http://jabber.org/protocol/pubsub=both iq:vcard-temp=both multicast',
      CLIENT_LINK_ALLOW_PLAIN: 'true',
      REGISTRATION: 'open',
      SASL_DIGEST_MD5: 'true',
      PASSWORD_STORAGE: 'plain',
      LIMIT_SESSIONS_PER_ACCOUNT: '20',
      RESUMPTION_SECONDS: '3',
      S2S_CONNECT_SECONDS: '3',
      S2S_QUEUE_SECONDS: '3',
      LOG_LEVEL: 'warn',
      ...settings,
    });
    const system = new SystemUnderFire(core, findings);
    try {
      for (const name of OURS) {
        const more: Record<string, string> =
          name === 'bosh' ? { BOSH_PORT: 'auto', BOSH_INACTIVITY: '60' } : {};
        const component = await core.component(name, {
          NODE_OPTIONS: nodeOptions,
          LOG_LEVEL: 'warn',
          ...more,
        });
        system.#processes.set(name, component);
        if (name === 'bosh')
          system.httpPort = Number(/:(\d+)$/.exec((await component.ready())['http'] ?? '')?.[1]);
      }
    } catch (error) {
      await core.stop();
      throw error;
    }
    return system;
  }

  get secret(): string {
    return SECRET;
  }

  /** False when a process is gone, which is a finding, as is each line of an error that nobody expected. */
  look(during: string): boolean {
    let alive = true;
    for (const [name, process] of this.#processes) {
      const { output, child } = process;
      const from = this.#readTo.get(name) ?? 0;
      const end = output.lastIndexOf('\n') + 1;
      for (const line of output.slice(from, end).split('\n')) this.#judgeLine(name, line, during);
      this.#readTo.set(name, Math.max(from, end));
      if (child.exitCode !== null || child.signalCode !== null) {
        alive = false;
        this.findings.add(
          `${name} ended (${child.exitCode ?? child.signalCode})`,
          `${during}\n${output.slice(-3000)}`,
        );
      }
    }
    return alive;
  }

  #judgeLine(name: string, line: string, during: string): void {
    if (line === '') return;
    let fields: { level?: string; code?: string } = {};
    try {
      fields = JSON.parse(line);
    } catch {
      this.findings.add(`${name} wrote no log line`, `${line}\n${during}`);
      return;
    }
    const thrown = /"type":"(?:Type|Range|Reference|Syntax|Assertion|Eval|URI)Error"/.test(line);
    if ((fields.level === 'error' && !ALLOWED_ERRORS.has(fields.code ?? '')) || thrown)
      this.findings.add(`${name} logged ${fields.code}`, `${line}\n${during}`);
  }

  /** Resident bytes of each process. */
  memory(): ReadonlyMap<string, number> {
    const now = new Map<string, number>();
    for (const [name, { child }] of this.#processes) {
      let kilobytes = '';
      try {
        kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? '';
      } catch {
        continue; // not this system, or the process is gone: that is found elsewhere
      }
      now.set(name, Number(kilobytes) * 1024);
    }
    return now;
  }

  /** The first look at memory is what later ones are compared with. */
  judgeMemory(during: string): void {
    for (const [name, bytes] of this.memory()) {
      const first = this.#memory.get(name);
      if (first === undefined) this.#memory.set(name, bytes);
      else if (bytes > first * GROWTH.factor + GROWTH.bytes)
        this.findings.add(`${name} grew from ${first} to ${bytes} bytes`, during);
    }
  }

  stop(): Promise<void> {
    return this.core.stop();
  }
}
