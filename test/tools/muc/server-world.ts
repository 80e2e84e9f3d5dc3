import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoreUnderTest, ProcessUnderTest } from '../core-harness.js';
import { type ForeignComponent, startEjabberdWith, startProsodyWith } from '../foreign/component-host.js';
import { RawClient } from '../raw-client.js';
import { Client, type World } from './world.js';

const COMPONENT: ForeignComponent = { domain: 'chat.localhost', secret: 'secret', delegations: [] };
const USERS = ['crone1', 'wiccarocks', 'hag66', 'hecate', 'bard'];
const ACCOUNTS = Object.fromEntries(USERS.map((user) => [user, 'secret']));

interface Server {
  readonly c2sPort: number;
  readonly componentPort: number;
  stop(): Promise<void>;
}

/** The muc process behind a real server, reached by real client streams. */
export class ServerWorld implements World<ServerClient> {
  readonly name: string;
  readonly domain = 'localhost';
  readonly muc = COMPONENT.domain;
  readonly #server: Server;
  readonly #folder = mkdtempSync(join(tmpdir(), 'muc-test-'));
  #process: ProcessUnderTest;
  #logins = 0;

  private constructor(name: string, server: Server) {
    this.name = name;
    this.#server = server;
    this.#process = this.#spawn();
  }

  /** Undefined where it is not installed. `settings` are for our core only. */
  static async behind(
    name: 'core' | 'prosody' | 'ejabberd',
    settings: Record<string, string> = {},
  ): Promise<ServerWorld | undefined> {
    const server = await SERVERS[name](settings);
    if (server === undefined) return undefined;
    const world = new ServerWorld(name, server);
    try {
      await world.#process.ready();
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  #spawn(): ProcessUnderTest {
    return new ProcessUnderTest('muc', this.#folder, {
      CORE_HOST: '127.0.0.1',
      CORE_PORT: String(this.#server.componentPort),
      CORE_DOMAIN: this.domain,
      MUC_DOMAIN: COMPONENT.domain,
      MUC_SECRET: COMPONENT.secret,
      MUC_RATE: '0',
      LOG_LEVEL: 'info',
    });
  }

  get log(): readonly string[] {
    return this.#process.output.trim().split('\n');
  }

  async login(user: string, resource: string): Promise<ServerClient> {
    const raw = await RawClient.connect('127.0.0.1', this.#server.c2sPort);
    // Another resource each time: what is still under way for the last one is not for this.
    await raw.login(user, 'secret', this.domain, `${resource}-${++this.#logins}`);
    await raw.goOnline();
    return new ServerClient(raw);
  }

  /** Ends the muc process without starting it again. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#process.stop(signal);
  }

  async begin(): Promise<void> {
    this.#process = this.#spawn();
    await this.#process.ready();
  }

  async restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.end(signal);
    await this.begin();
  }

  async stop(): Promise<void> {
    await this.#process.stop('SIGKILL');
    await this.#server.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

class ServerClient extends Client {
  readonly #raw: RawClient;
  /** Otherwise it refuses them, as a client does that does not know ping (RFC 6120 §8.4). */
  answersPings = true;

  constructor(raw: RawClient) {
    super(raw.jid);
    this.#raw = raw;
    void this.#read();
  }

  async #read(): Promise<void> {
    for (;;) {
      const next = await this.#raw.next(3_600_000);
      if (next.kind !== 'element') return;
      const { stanza } = next;
      const ping =
        stanza.name === 'iq' && stanza.type === 'get' && stanza.payload?.namespace === 'urn:xmpp:ping';
      if (ping)
        this.send(
          this.answersPings
            ? `<iq type='result' to='${stanza.from}' id='${stanza.id}'/>`
            : `<iq type='error' to='${stanza.from}' id='${stanza.id}'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
        );
      else if (stanza.from?.includes(COMPONENT.domain)) this.receive(stanza);
    }
  }

  send(xml: string): void {
    this.#raw.send(xml.trim());
  }

  /** Gone without a word; resolves when the server knows it. */
  async vanish(): Promise<void> {
    await this.#raw.close();
  }

  async close(): Promise<void> {
    this.send("<presence type='unavailable'/>");
    await this.#raw.close();
  }
}

const SERVERS = {
  async core(settings: Record<string, string>): Promise<Server> {
    const core = await CoreUnderTest.start({
      COMPONENTS: 'muc',
      COMPONENT_MUC_DOMAIN: COMPONENT.domain,
      COMPONENT_MUC_SECRET: COMPONENT.secret,
      ...settings,
    });
    await core.addUsers(...USERS);
    return {
      c2sPort: core.address('c2s').port,
      componentPort: core.address('component').port,
      stop: () => core.stop(),
    };
  },
  prosody(): Promise<Server | undefined> {
    return startProsodyWith(COMPONENT, ACCOUNTS);
  },
  ejabberd(): Promise<Server | undefined> {
    return startEjabberdWith(COMPONENT, ACCOUNTS);
  },
};
