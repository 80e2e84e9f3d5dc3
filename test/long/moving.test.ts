import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Deployment } from '../tools/cli.js';
import { type Ejabberd, startEjabberd } from '../tools/foreign/ejabberd.js';
import { type Prosody, prepareProsody } from '../tools/foreign/prosody.js';
import type { ForeignServer } from '../tools/foreign/server.js';
import { blockOf, runLines } from '../tools/migration/guide.js';
import { HOUSEHOLD, type Home, moveBackIn, moveIn } from '../tools/migration/household.js';

// A whole server moves, both ways: everything that people had, by the commands of docs/other-servers.md as they stand there.

const MOVING = '## Moving a whole server';
/** What is not moved: nothing. */
const LOSSES = {};
/** What `import_prosody` needs. */
const LUA_IN_ERLANG = '/usr/lib/erlang/lib';
const ROOMS = 'conference.localhost';

const homeOf = (server: ForeignServer): Home => ({
  domain: 'localhost',
  rooms: ROOMS,
  port: server.c2sPort,
});

/** With the modules that its documentation recommends for these things. */
async function prosody(t: TestContext): Promise<Prosody | undefined> {
  const server = await prepareProsody({
    plain: true,
    modules: ['offline', 'pep', 'private', 'vcard_legacy', 'blocklist'],
    global: 'authentication = "internal_hashed"\n',
    more: `Component "${ROOMS}" "muc"\n`,
  });
  if (server !== undefined) t.after(() => server.stop());
  return server;
}

async function ejabberd(
  t: TestContext,
  users: Readonly<Record<string, string>> = {},
): Promise<Ejabberd | undefined> {
  const server = await startEjabberd({
    users,
    modules: `  mod_vcard: {}
  mod_offline: {}
  mod_privacy: {}
  mod_private: {}
  mod_blocking: {}
  mod_caps: {}
  mod_pubsub: {plugins: [flat, pep]}
  mod_muc: {host: ${ROOMS}}
  mod_muc_admin: {}
`,
  });
  if (server !== undefined) t.after(() => server.stop());
  return server;
}

class Ours {
  readonly deployment: Deployment;
  #stop: (() => Promise<unknown>) | undefined;

  constructor(t: TestContext) {
    this.deployment = new Deployment(t, {
      C2S_REQUIRE_TLS: 'false',
      C2S_TLS_PORT: '0',
      COMPONENTS: 'muc,pep,privacy,vcard',
      SASL_ITERATIONS: '4096',
    });
  }

  async run(...args: readonly string[]): Promise<{ out: string; error: string }> {
    const result = await this.deployment.run(args);
    assert.equal(result.code, 0, result.error + result.out);
    return result;
  }

  /** Runs a block of the guide, which has nothing to complain of; resolves with what our commands said. */
  async follow(text: string, server: Prosody | Ejabberd, dataFolder: string): Promise<string> {
    let said = '';
    await runLines(
      text,
      {
        npx: async ([, ...args]) => {
          const { out, error } = await this.run(...args);
          assert.equal(error, '');
          said += out;
        },
        ejabberdctl: (args) => server.control(...args),
      },
      {
        [`/var/lib/${server.name}`]: dataFolder,
        '/var/tmp/move': join(server.folder, 'move'),
        '/var/tmp/back': join(server.folder, 'back'),
      },
    );
    return said;
  }

  async start(): Promise<Home> {
    const running = await this.deployment.start(['start'], 'ready ');
    const ready = await running.line('ready ');
    this.#stop = () => running.stop();
    return { domain: 'localhost', rooms: ROOMS, port: Number(/ c2s=127\.0\.0\.1:(\d+)/.exec(ready)?.[1]) };
  }

  async stop(): Promise<void> {
    await this.#stop?.();
  }
}

/** Ours with everybody moved in, stopped again. */
async function inhabited(t: TestContext): Promise<Ours> {
  const ours = new Ours(t);
  for (const [user, password] of Object.entries(HOUSEHOLD))
    await ours.run('user', 'add', `${user}@localhost`, '--password', password);
  await moveIn(await ours.start(), LOSSES);
  await ours.stop();
  return ours;
}

describe('a whole server moves', () => {
  test('from Prosody to ours', async (t) => {
    const server = await prosody(t);
    if (server === undefined) return t.skip('prosody is not installed');
    for (const [user, password] of Object.entries(HOUSEHOLD))
      await server.control('register', user, 'localhost', password);
    await server.start();
    await moveIn(homeOf(server), LOSSES);
    await server.kill('SIGTERM');
    const ours = new Ours(t);
    const said = await ours.follow(blockOf(MOVING, 'sh', 0), server, server.dataFolder);
    assert.match(said, /2 accounts, 1 rooms imported/);
    await moveBackIn(await ours.start(), LOSSES);
    await ours.stop();
  });

  test('from ours to Prosody', async (t) => {
    const server = await prosody(t);
    if (server === undefined) return t.skip('prosody is not installed');
    const ours = await inhabited(t);
    const said = await ours.follow(blockOf(MOVING, 'sh', 2), server, server.dataFolder);
    assert.match(said, /2 accounts, 1 rooms/);
    await server.start();
    await moveBackIn(homeOf(server), LOSSES);
  });

  test('from ejabberd to ours', async (t) => {
    const server = await ejabberd(t, HOUSEHOLD);
    if (server === undefined) return t.skip('ejabberd is not installed');
    await moveIn(homeOf(server), LOSSES);
    const ours = new Ours(t);
    mkdirSync(join(server.folder, 'move'));
    const exporting = blockOf('### ejabberd: there', 'sh').replace(/^(?!ejabberdctl).*$/gm, '');
    await ours.follow(exporting, server, server.spool);
    await server.kill('SIGTERM');
    const said = await ours.follow(blockOf(MOVING, 'sh', 1), server, server.spool);
    assert.match(said, /2 accounts imported/);
    assert.match(said, /1 accounts, 1 rooms imported/);
    await moveBackIn(await ours.start(), LOSSES);
    await ours.stop();
  });

  test('from ours to ejabberd', async (t) => {
    if (!existsSync(LUA_IN_ERLANG) || !readdirSync(LUA_IN_ERLANG).some((name) => name.startsWith('luerl-')))
      return t.skip('erlang-luerl is not installed');
    const server = await ejabberd(t);
    if (server === undefined) return t.skip('ejabberd is not installed');
    const ours = await inhabited(t);
    await ours.follow(blockOf(MOVING, 'sh', 3), server, server.spool);
    await moveBackIn(homeOf(server), LOSSES);
  });
});
