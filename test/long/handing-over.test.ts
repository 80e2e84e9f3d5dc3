import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readRunFile } from '../../shared/cli/run-files.js';
import { Deployment, type RunningCommand } from '../tools/cli.js';
import { prepareEjabberd } from '../tools/foreign/ejabberd.js';
import { freePort, runToEnd } from '../tools/foreign/programs.js';
import { prepareProsody } from '../tools/foreign/prosody.js';
import type { ForeignServer } from '../tools/foreign/server.js';
import { blockOf, type Handler, runLines } from '../tools/migration/guide.js';
import { HOUSEHOLD, type Home, liveOn, moveBackIn, moveIn } from '../tools/migration/household.js';

// docs/other-servers.md, "Handing rooms, vCards and personal eventing over": its blocks are run as they stand there.

const HANDING_OVER = '## Handing rooms, vCards and personal eventing over to our components';
const DOMAIN = 'example.org';
/** Not ours to move. */
const STAYING = { privateXml: true, blocked: true };

function homeOf(server: ForeignServer): Home {
  return { domain: DOMAIN, rooms: `conference.${DOMAIN}`, port: server.c2sPort };
}

/** The folder of our components, and what the commands of the guide do in the test. */
class Place {
  readonly deployment: Deployment;
  readonly #server: ForeignServer & { control(...args: readonly string[]): Promise<string> };
  readonly #paths: Readonly<Record<string, string>>;
  readonly #components = new Map<string, RunningCommand>();

  constructor(
    t: TestContext,
    server: ForeignServer & { control(...args: readonly string[]): Promise<string> },
    dataFolder: string,
    ports: Readonly<Record<string, string>>,
  ) {
    this.#server = server;
    const lines = blockOf(HANDING_OVER, 'sh').trim().split('\n');
    this.deployment = new Deployment(t);
    // Nothing but what the guide says, and where the test's server is.
    const settings = Object.fromEntries(lines.map((line) => line.split('=') as [string, string]));
    this.deployment.configure({ ...settings, ...ports, LISTEN_HOST: '127.0.0.1' });
    const move = join(server.folder, 'move');
    mkdirSync(move);
    this.#paths = {
      [`/var/lib/${server.name}`]: dataFolder,
      '/var/tmp/move': move,
      '/var/tmp/back': join(server.folder, 'back'),
    };
  }

  async run(text: string): Promise<void> {
    const handlers: Record<string, Handler> = {
      systemctl: async ([verb, ...units]) => {
        for (const unit of units) {
          const component = /^entourage@(.*)$/.exec(unit)?.[1];
          if (component !== undefined) await this.#components.get(component)?.stop();
          else if (unit !== this.#server.name) throw new Error(`no unit ${unit}`);
          else await (verb === 'stop' ? this.#server.kill('SIGTERM') : this.#server.start());
        }
      },
      npx: ([name, ...args]) => {
        assert.equal(name, 'entourage');
        return this.#entourage(args);
      },
      ejabberdctl: (args) => this.#server.control(...args),
      rm: (args) => runToEnd('rm', args),
      chown: (args) => runToEnd('chown', args),
    };
    await runLines(text, handlers, this.#paths);
  }

  async #entourage(args: readonly string[]): Promise<void> {
    const [command = ''] = args;
    if (command === 'store') {
      const result = await this.deployment.run(args);
      assert.equal(result.code, 0, result.error + result.out);
      assert.doesNotMatch(result.error, /left/, result.error);
      return;
    }
    // A component is ready when the server has granted it what it needs.
    const running = await this.deployment.start(args, '', { LOG_LEVEL: 'debug' });
    this.#components.set(command, running);
    const end = performance.now() + 20_000;
    while (readRunFile(join(this.deployment.folder, 'data'), command)?.ready !== true) {
      assert.ok(performance.now() < end, running.lines.join('\n'));
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

/** Handed over, lived with, and handed back. */
async function handOver(
  server: ForeignServer,
  place: Place,
  how: { readonly theirs: () => void; readonly ours: () => void; readonly startBlock: number },
): Promise<void> {
  const [there, back] = [`### ${title(server)}: there`, `### ${title(server)}: back`];
  const home = homeOf(server);
  await moveIn(home, STAYING);
  await place.run(blockOf(there, 'sh', 0));
  how.ours();
  await place.run(blockOf(there, 'sh', how.startBlock));
  await moveBackIn(home, STAYING);
  const changes = await liveOn(home);
  await moveBackIn(home, { ...STAYING, messages: true }, changes);
  await place.run(blockOf(back, 'sh', 0).replace(/^systemctl start.*$/m, ''));
  how.theirs();
  await place.run(server.name === 'ejabberd' ? blockOf(back, 'sh', 1) : 'systemctl start prosody');
  await moveBackIn(home, { ...STAYING, messages: true }, changes);
}

function title(server: ForeignServer): string {
  return server.name === 'prosody' ? 'Prosody' : 'ejabberd';
}

test('Prosody hands its rooms, vCards and nodes over to our components, and takes them back', async (t) => {
  const modules = ['offline', 'pep', 'vcard_legacy'];
  const theirs = { modules, more: `Component "conference.${DOMAIN}" "muc"\n` };
  const server = await prepareProsody({
    domain: DOMAIN,
    plain: true,
    needs: 'mod_delegation',
    users: HOUSEHOLD,
    ...theirs,
  });
  if (server === undefined) return t.skip('prosody with prosody-modules is not installed');
  t.after(() => server.stop());
  await server.start();
  const place = new Place(t, server, server.dataFolder, { CORE_PORT: String(server.componentPort) });
  await handOver(server, place, {
    theirs: () => server.configure(theirs),
    startBlock: 1,
    ours: () => server.configure({ modules, more: blockOf('### Prosody: there', 'lua') }),
  });
});

test('ejabberd hands its rooms, vCards and nodes over to our components, and takes them back', async (t) => {
  const kept = '  mod_offline: {}\n  mod_caps: {}\n';
  const theirs = {
    modules: `${kept}  mod_vcard: {}\n  mod_pubsub: {plugins: [flat, pep]}\n  mod_muc: {host: conference.${DOMAIN}}\n  mod_muc_admin: {}\n`,
    listen: '',
    top: '',
  };
  const server = await prepareEjabberd({ domain: DOMAIN, users: HOUSEHOLD, ...theirs });
  if (server === undefined) return t.skip('ejabberd is not installed');
  t.after(() => server.stop());
  await server.start();
  const there = '### ejabberd: there';
  // The guide's ports, each another that is free here.
  const numbers: Record<string, string> = { '5347': String(server.componentPort) };
  const ports: Record<string, string> = { CORE_PORT: String(server.componentPort) };
  for (const line of blockOf(there, 'sh', 1).trim().split('\n')) {
    const [name = '', number = ''] = line.split('=');
    ports[name] = numbers[number] = String(await freePort());
  }
  const place = new Place(t, server, server.spool, ports);
  const guide = blockOf(there, 'yaml').replace(/port: (\d+)/g, (_, port) => `port: ${numbers[port]}`);
  const section = (name: string): string =>
    new RegExp(`^${name}:\\n((?: .*\\n)*)`, 'm').exec(guide)?.[1] ?? '';
  await handOver(server, place, {
    theirs: () => server.configure(theirs),
    startBlock: 2,
    ours: () =>
      server.configure({
        modules: kept + section('modules'),
        listen: section('listen'),
        top: `acl:\n${section('acl')}access_rules:\n${section('access_rules')}`,
      }),
  });
});
