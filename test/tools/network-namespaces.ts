import { execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/** Whether this machine lets us make network namespaces; a sentence where it does not. */
export function namespacesMissing(): string | null {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const name = `en-try-${process.pid}`;
  try {
    ip('netns', 'add', name);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    return code === 'ENOENT' ? 'iproute2 is not installed' : 'this machine has no network namespaces';
  }
  ip('netns', 'delete', name);
  return null;
}

/** Hosts for a test: network namespaces with an address each, wired to a first one; removed with the test. */
export class TestNetwork {
  readonly #prefix = `en${process.pid}`;
  readonly #hub: string;
  #wires = 0;

  constructor(t: TestContext, hub: string) {
    this.#hub = this.namespace(hub);
    this.#add(t, this.#hub);
  }

  namespace(host: string): string {
    return `${this.#prefix}-${host}`;
  }

  /** The command that runs another on that host. */
  within(host: string): readonly string[] {
    return ['ip', 'netns', 'exec', this.namespace(host)];
  }

  /** Makes a host and a wire from the hub to it; returns the hub's address on that wire. */
  addHost(t: TestContext, host: string): { hub: string; own: string } {
    this.#add(t, this.namespace(host));
    return this.#wire(this.namespace(host), host);
  }

  /** Makes a host that is wired to the one on which the test itself runs, and to nothing else. */
  addHostBehindUs(t: TestContext, host: string): { ours: string; own: string } {
    this.#add(t, this.namespace(host));
    const { hub, own } = this.#wire(this.namespace(host), host, null);
    return { ours: hub, own };
  }

  /** The same for the host on which the test itself runs. */
  addOurselves(): { hub: string; own: string } {
    return this.#wire(null, 'test');
  }

  /** Pulls the plug of a host, or puts it back. */
  setLink(host: string, state: 'up' | 'down'): void {
    ip('-n', this.namespace(host), 'link', 'set', this.#device(host), state);
  }

  #device(host: string): string {
    return `${this.#prefix}${host}`.slice(0, 15);
  }

  #add(t: TestContext, namespace: string): void {
    ip('netns', 'add', namespace);
    // the wires go with their namespaces
    t.after(() => ip('netns', 'delete', namespace));
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }

  #wire(
    namespace: string | null,
    host: string,
    hubSpace: string | null = this.#hub,
  ): { hub: string; own: string } {
    this.#wires++;
    // a network of TEST-NET-2's neighbourhood for benchmarks (RFC 2544): nobody else's here
    const net = `198.18.${(process.pid % 250) + 1}.${this.#wires * 4}`.replace(/\d+$/, '');
    const hub = `${net}${this.#wires * 4 + 1}`;
    const own = `${net}${this.#wires * 4 + 2}`;
    const far = this.#device(host);
    const near = `${this.#prefix}w${this.#wires}`;
    const nearSpace = hubSpace === null ? [] : ['netns', hubSpace];
    ip('link', 'add', far, 'type', 'veth', 'peer', 'name', near, ...nearSpace);
    const at = namespace === null ? [] : ['-n', namespace];
    const nearAt = hubSpace === null ? [] : ['-n', hubSpace];
    if (namespace !== null) ip('link', 'set', far, 'netns', namespace);
    ip(...at, 'address', 'add', `${own}/30`, 'dev', far);
    ip(...at, 'link', 'set', far, 'up');
    ip(...nearAt, 'address', 'add', `${hub}/30`, 'dev', near);
    ip(...nearAt, 'link', 'set', near, 'up');
    return { hub, own };
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
