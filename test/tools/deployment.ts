import { type Address, CoreUnderTest, type ProcessUnderTest } from './core-harness.js';

export const COMPONENTS = ['muc', 'pep', 'vcard', 'privacy', 'bosh'] as const;
export type ProcessName = 'core' | (typeof COMPONENTS)[number];

interface DeploymentOptions {
  readonly core?: Readonly<Record<string, string>>;
  /** Settings of all components, and of each. */
  readonly components?: Readonly<Record<string, string>>;
  readonly each?: Readonly<Partial<Record<ProcessName, Readonly<Record<string, string>>>>>;
  readonly names?: readonly (typeof COMPONENTS)[number][];
  /** What stands between the components and the core, given the core's address. */
  readonly between?: (core: Address) => Promise<Address>;
}

/** All six processes on one data folder, each of which can be killed and started again at its former addresses. */
export class Deployment {
  readonly core: CoreUnderTest;
  readonly names: readonly ProcessName[];
  readonly #options: DeploymentOptions;
  readonly #components = new Map<ProcessName, ProcessUnderTest>();
  #boshPort = 'auto';
  #between: Address | null = null;

  private constructor(core: CoreUnderTest, options: DeploymentOptions) {
    this.core = core;
    this.#options = options;
    this.names = ['core', ...(options.names ?? COMPONENTS)];
  }

  static async start(options: DeploymentOptions = {}): Promise<Deployment> {
    const names = options.names ?? COMPONENTS;
    const secrets = names.map((name) => [`COMPONENT_${name.toUpperCase()}_SECRET`, `secret-of-${name}`]);
    const core = await CoreUnderTest.start({
      COMPONENTS: names.join(','),
      LOG_LEVEL: 'info',
      LIMIT_CONNECTIONS_PER_ADDRESS: '20000',
      LIMIT_UNAUTHENTICATED_PER_ADDRESS: '20000',
      CLIENT_LINK_ALLOW_PLAIN: 'true',
      ...Object.fromEntries(secrets),
      ...options.core,
    });
    const deployment = new Deployment(core, options);
    try {
      deployment.#between = (await options.between?.(core.address('component'))) ?? null;
      await Promise.all(names.map((name) => deployment.begin(name)));
    } catch (error) {
      await core.stop();
      throw error;
    }
    return deployment;
  }

  /** The address clients connect to; the same for all lives of the core. */
  readonly address = (): Address => this.core.address('c2s');

  get boshPort(): number {
    return Number(this.#boshPort);
  }

  process(name: ProcessName): ProcessUnderTest {
    const found = name === 'core' ? this.core.process : this.#components.get(name);
    if (found === undefined) throw new Error(`${name} was not started`);
    return found;
  }

  /** Ends a process as `kill -9` does, or with another signal; resolves when it is gone. */
  kill(name: ProcessName, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    return this.process(name).stop(signal);
  }

  /** Starts a process (again); resolves when it is ready. */
  async begin(name: ProcessName): Promise<void> {
    if (name === 'core') return this.core.restart('SIGKILL');
    const process = await this.core.component(name, {
      LOG_LEVEL: 'info',
      ...(this.#between === null
        ? {}
        : { CORE_HOST: this.#between.host, CORE_PORT: String(this.#between.port) }),
      ...(name === 'bosh' ? { BOSH_PORT: this.#boshPort } : {}),
      ...this.#options.components,
      ...this.#options.each?.[name],
    });
    this.#components.set(name, process);
    if (name !== 'bosh') return;
    this.#boshPort = /:(\d+)$/.exec((await process.ready())['http'] ?? '')?.[1] ?? 'auto';
  }

  stop(): Promise<void> {
    return this.core.stop();
  }
}
