import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { startEjabberd } from '../../tools/foreign/ejabberd.js';
import { startProsody } from '../../tools/foreign/prosody.js';

/** A server under test. */
export interface Server {
  readonly port: number;
  readonly pids: readonly number[];
  /** It knows accounts and sessions; the control does not. */
  readonly isXmpp: boolean;
  stop(): Promise<void>;
}

/** Starts a server; undefined where it is not installed. */
export const starters: Readonly<Record<string, () => Promise<Server | undefined>>> = {
  async prosody() {
    const prosody = await startProsody({
      modules: ['offline', 'smacks', 'bosh', 'register', 'register_ibr'],
      plain: true,
      global: 'consider_bosh_secure = true\nallow_registration = true\nbosh_max_inactivity = 300\n',
    });
    return (
      prosody && { port: prosody.httpPort, pids: [prosody.pid], isXmpp: true, stop: () => prosody.stop() }
    );
  },
  async ejabberd() {
    const ejabberd = await startEjabberd({ modules: '  mod_offline: {}\n' });
    return (
      ejabberd && { port: ejabberd.httpPort, pids: [ejabberd.pid], isXmpp: true, stop: () => ejabberd.stop() }
    );
  },
  entourage: () => startOurs(CoreUnderTest),
  /** Another build of ours, to be compared with this one: `BASE` names its folder (with its own `dist`). */
  async base() {
    const path = join(process.env['BASE'] ?? '.', 'dist', 'test', 'tools', 'core-harness.js');
    const harness: { CoreUnderTest: typeof CoreUnderTest } = await import(path);
    return startOurs(harness.CoreUnderTest);
  },
  async control() {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'control.js')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [port] = await once(child.stdout, 'data');
    return {
      port: Number(port),
      pids: [child.pid ?? 0],
      isXmpp: false,
      stop: async () => {
        child.kill();
        await once(child, 'exit');
      },
    };
  },
};

async function startOurs(Core: typeof CoreUnderTest): Promise<Server> {
  // The flags are those of the launcher.
  const core = await Core.start({
    COMPONENTS: 'bosh',
    COMPONENT_BOSH_SECRET: 'secret',
    REGISTRATION: 'open',
    REGISTRATIONS_PER_ADDRESS: '1000000',
    LIMIT_CONNECTIONS_PER_ADDRESS: '100000',
    LOG_LEVEL: 'warn',
    NODE_OPTIONS: process.env['BENCH_CORE_OPTIONS'] ?? '--max-semi-space-size=8',
  });
  try {
    const bosh = await core.component('bosh', {
      BOSH_PORT: 'auto',
      LOG_LEVEL: 'warn',
      BOSH_MAX_SESSIONS_PER_ADDRESS: '100000',
      BOSH_INACTIVITY: '300',
      NODE_OPTIONS: process.env['BENCH_BOSH_OPTIONS'] ?? '--max-semi-space-size=16',
    });
    const port = Number(/:(\d+)$/.exec((await bosh.ready())['http'] ?? '')?.[1]);
    const pids = [core.process.child.pid ?? 0, bosh.child.pid ?? 0];
    return { port, pids, isXmpp: true, stop: () => core.stop() };
  } catch (error) {
    await core.stop();
    throw error;
  }
}
