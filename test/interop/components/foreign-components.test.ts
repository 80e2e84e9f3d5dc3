import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const PYTHON = '/usr/bin/python3';
const SOURCES = join(import.meta.dirname, '..', '..', '..', '..', 'test');
const COMMANDS = 'http://jabber.org/protocol/commands';
const INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>";

let core: CoreUnderTest;
let romeo: RawClient;
before(async () => {
  core = await CoreUnderTest.start({
    COMPONENT_BIBOUMI_DOMAIN: 'irc.localhost',
    COMPONENT_BIBOUMI_SECRET: 'secret',
    COMPONENT_ECHO_DOMAIN: 'echo.localhost',
    COMPONENT_ECHO_SECRET: 'a "secret" & more',
    COMPONENT_GO_DOMAIN: 'go.localhost',
    COMPONENT_GO_SECRET: 'secret',
  });
  await core.addUsers('romeo');
  romeo = await core.online('romeo', 'orchard');
});
after(async () => {
  await romeo?.close();
  await core?.stop();
});

function installed(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).error === undefined;
}

/** Runs somebody else's component until the test ends; resolves when the core has it. */
async function connectToCore(
  t: TestContext,
  domain: string,
  program: string,
  args: readonly string[],
  folder?: string,
): Promise<void> {
  const from = core.process.output.length;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder ?? tmpdir() });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      output += data;
    });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 4000);
    await gone;
    clearTimeout(late);
  });
  const up = new RegExp(`"component\\.up","domain":"${domain.replaceAll('.', '\\.')}"`);
  const end = performance.now() + 20_000;
  while (!up.test(core.process.output.slice(from))) {
    if (child.exitCode !== null || performance.now() > end)
      throw new Error(`${program} did not connect: ${output}\n${core.process.output.slice(from)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function isAnItemOfTheServer(domain: string): Promise<void> {
  const items = await romeo.iq('get', "<query xmlns='http://jabber.org/protocol/disco#items'/>", 'localhost');
  const listed = items.element.getChild('query')?.getChildren('item') ?? [];
  assert.ok(
    listed.some((item) => item.attrs['jid'] === domain),
    items.source,
  );
}

async function identityOf(domain: string): Promise<string> {
  const info = await romeo.iq('get', INFO, domain);
  assert.equal(info.type, 'result', info.source);
  const { category, type } = info.element.getChild('query')?.getChild('identity')?.attrs ?? {};
  return `${category}/${type}`;
}

/** RFC 6121 §3.1: asks for the component's presence, as clients do to log in at gateways. */
async function subscribeTo(domain: string): Promise<void> {
  romeo.send(`<presence to='${domain}' type='subscribe'/>`);
  const push = await romeo.stanza(
    (stanza) =>
      stanza.name === 'iq' && stanza.source.includes(domain) && /subscription=.to/.test(stanza.source),
  );
  romeo.send(`<iq type='result' id='${push.id}'/>`);
}

describe('foreign components on our core', () => {
  test('biboumi: found, its disco, its commands, in the roster', async (t) => {
    if (!installed('biboumi', '--version-of-nothing')) return t.skip('biboumi is not installed');
    const { host, port } = core.address('component');
    const folder = mkdtempSync(join(tmpdir(), 'biboumi-'));
    // at the very end: it is stopped by a later hook than this
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const settings = {
      hostname: 'irc.localhost',
      password: 'secret',
      xmpp_server_ip: host,
      port: String(port),
      admin: 'romeo@localhost',
      db_name: join(folder, 'biboumi.sqlite'),
      log_level: '1',
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(join(folder, 'biboumi.cfg'), lines.join(''));
    await connectToCore(t, 'irc.localhost', 'biboumi', [join(folder, 'biboumi.cfg')], folder);
    await isAnItemOfTheServer('irc.localhost');
    assert.equal(await identityOf('irc.localhost'), 'conference/irc');
    const commands = await romeo.iq(
      'get',
      `<query xmlns='http://jabber.org/protocol/disco#items' node='${COMMANDS}'/>`,
      'irc.localhost',
    );
    const nodes = (commands.element.getChild('query')?.getChildren('item') ?? []).map(
      (item) => item.attrs['node'],
    );
    assert.ok(nodes.includes('ping') && nodes.includes('configure'), commands.source);
    const pong = await romeo.iq(
      'set',
      `<command xmlns='${COMMANDS}' node='ping' action='execute'/>`,
      'irc.localhost',
    );
    assert.equal(pong.element.getChild('command')?.getChildText('note'), 'Pong');
    const form = await romeo.iq(
      'set',
      `<command xmlns='${COMMANDS}' node='configure' action='execute'/>`,
      'irc.localhost',
    );
    assert.equal(form.element.getChild('command')?.attrs['status'], 'executing');
    assert.ok(form.element.getChild('command')?.getChild('x', 'jabber:x:data'), form.source);
    assert.equal((await romeo.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'irc.localhost')).type, 'result');
    await subscribeTo('irc.localhost');
  });

  test('one by slixmpp: echo, disco, a command of two stages, subscription', async (t) => {
    if (!existsSync(PYTHON) || spawnSync(PYTHON, ['-c', 'import slixmpp']).status !== 0)
      return t.skip('python3-slixmpp is not installed');
    const { host, port } = core.address('component');
    const script = join(SOURCES, 'interop', 'components', 'slixmpp_component.py');
    await connectToCore(t, 'echo.localhost', PYTHON, [
      script,
      host,
      String(port),
      'echo.localhost',
      'a "secret" & more',
    ]);
    await isAnItemOfTheServer('echo.localhost');
    assert.equal(await identityOf('echo.localhost'), 'component/generic');
    romeo.send(
      "<message to='someone@echo.localhost/desk' id='e1' type='chat'><body>é &lt;&amp; 🌹</body></message>",
    );
    const echo = await romeo.stanza((stanza) => stanza.name === 'message');
    assert.equal(echo.from, 'someone@echo.localhost/desk');
    assert.equal(echo.element.getChildText('body'), 'é <& 🌹');
    const first = await romeo.iq(
      'set',
      `<command xmlns='${COMMANDS}' node='greet' action='execute'/>`,
      'echo.localhost',
    );
    const session = first.element.getChild('command')?.attrs['sessionid'];
    const second = await romeo.iq(
      'set',
      `<command xmlns='${COMMANDS}' node='greet' sessionid='${session}' action='complete'><x xmlns='jabber:x:data' type='submit'><field var='name'><value>Juliet</value></field></x></command>`,
      'echo.localhost',
    );
    assert.equal(second.element.getChild('command')?.getChildText('note'), 'Hello, Juliet!');
    await subscribeTo('echo.localhost');
  });

  test('one written in Go: echo, disco, ping, errors', async (t) => {
    if (!installed('go', 'version')) return t.skip('go is not installed');
    const binary = join(mkdtempSync(join(tmpdir(), 'go-component-')), 'component');
    t.after(() => rmSync(join(binary, '..'), { recursive: true, force: true }));
    const built = spawnSync('go', ['build', '-o', binary, '.'], {
      cwd: join(SOURCES, 'tools', 'go-component'),
      env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '' },
      encoding: 'utf8',
      timeout: 180_000,
    });
    assert.equal(built.status, 0, built.stderr);
    const { host, port } = core.address('component');
    await connectToCore(t, 'go.localhost', binary, [`${host}:${port}`, 'go.localhost', 'secret']);
    await isAnItemOfTheServer('go.localhost');
    assert.equal(await identityOf('go.localhost'), 'component/generic');
    assert.equal((await romeo.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'go.localhost')).type, 'result');
    assert.equal((await romeo.iq('get', "<query xmlns='jabber:iq:last'/>", 'go.localhost')).type, 'error');
    romeo.send("<message to='x@go.localhost' id='g1' type='chat'><body>Gopher</body></message>");
    const echo = await romeo.stanza((stanza) => stanza.name === 'message');
    assert.equal(echo.from, 'x@go.localhost');
    assert.equal(echo.element.getChildText('body'), 'Gopher');
  });
});
