import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { client, type XmppClient, xml } from '@xmpp/client';
import { compiledRoot } from '../../../shared/settings/registry.js';
import { CoreUnderTest, type ProcessUnderTest } from '../../tools/core-harness.js';
import { isInstalled } from '../../tools/terminal.js';

const PYTHON = '/usr/bin/python3'; // Debian's, which Debian's packages are for
const here = join(compiledRoot, '..', 'test', 'interop', 'core');

let core: CoreUnderTest;
let vcard: ProcessUnderTest;
before(async () => {
  core = await CoreUnderTest.start({
    C2S_REQUIRE_TLS: 'true',
    COMPONENTS: 'vcard',
    COMPONENT_VCARD_SECRET: 'hush',
  });
  await core.addUsers('romeo', 'juliet', 'benvolio', 'nurse', 'sender');
  vcard = await core.component('vcard');
});
after(() => core.stop());

/** A foreign client, its output, and waiting for a part of it. */
class Foreign {
  readonly child: ChildProcess;
  output = '';
  readonly ended: Promise<number | null>;
  #wake: () => void = () => {};

  constructor(command: string, args: readonly string[], environment: Record<string, string> = {}) {
    this.child = spawn(command, args, { stdio: 'pipe', env: { ...process.env, ...environment } });
    const collect = (chunk: Buffer) => {
      this.output += chunk.toString();
      this.#wake();
    };
    this.child.stdout?.on('data', collect);
    this.child.stderr?.on('data', collect);
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    void this.ended.then(() => this.#wake());
  }

  async shows(part: string): Promise<void> {
    const end = performance.now() + 40_000;
    while (!this.output.includes(part)) {
      if (performance.now() > end || this.child.exitCode !== null)
        throw new Error(`never: ${part}\n${this.output}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 200);
      });
    }
  }

  stop(): void {
    if (this.child.exitCode === null) this.child.kill('SIGKILL');
  }
}

/** Ends the vcard process as an upgrade does, lets `go` happen while it is away, and starts it again. */
async function restartVcard(go: () => void): Promise<void> {
  await vcard.stop('SIGTERM');
  go();
  vcard = await core.component('vcard');
}

test('slixmpp and aioxmpp through TLS: subscriptions, presence, messages, vCards, and a restart in the middle', async (t) => {
  if (!(await isInstalled(PYTHON, '-c', 'import slixmpp'))) return t.skip('python3-slixmpp is not installed');
  if (!(await isInstalled(PYTHON, '-c', 'import aioxmpp'))) return t.skip('python3-aioxmpp is not installed');
  const { host, port } = core.address();
  const juliet = new Foreign(PYTHON, [join(here, 'aioxmpp_juliet.py'), host, String(port), 'localhost']);
  t.after(() => juliet.stop());
  await juliet.shows('ready');
  const romeo = new Foreign(PYTHON, [join(here, 'slixmpp_romeo.py'), host, String(port), 'localhost']);
  t.after(() => romeo.stop());
  await romeo.shows('restart');
  await restartVcard(() => romeo.child.stdin?.write('\n'));
  await romeo.shows('done');
  await juliet.shows('done');
  assert.equal(await juliet.ended, 0, juliet.output);
  assert.equal(await romeo.ended, 0, romeo.output);
});

/** `a@b/node/tag` as `a@b/node`. */
const withoutTag = (text: string) => text.replace(/(@localhost\/node)\/[^ ]+/, '$1');

test('two @xmpp/client through TLS: subscriptions, presence, messages, vCards, and a restart in the middle', async (t) => {
  // the certificate of the test is self-signed
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  t.after(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  });
  const { host, port } = core.address();
  const heard = new Map<string, string[]>();
  let wake = () => {};
  const connected = async (username: string): Promise<XmppClient> => {
    const one = client({
      service: `xmpp://${host}:${port}`,
      domain: 'localhost',
      username,
      password: 'secret',
      resource: 'node',
    });
    one.timeout = 20_000;
    const list: string[] = [];
    heard.set(username, list);
    one.on('error', () => {});
    one.on('stanza', (stanza) => {
      if (stanza.is('message')) list.push(`message ${stanza.attrs['from']} ${stanza.getChildText('body')}`);
      if (stanza.is('presence')) list.push(`${stanza.attrs['type'] ?? 'available'} ${stanza.attrs['from']}`);
      wake();
    });
    t.after(() => one.stop());
    await one.start();
    await one.iqCaller.request(xml('iq', { type: 'get' }, xml('query', { xmlns: 'jabber:iq:roster' })));
    await one.send(xml('presence'));
    return one;
  };
  const hears = async (who: string, what: string) => {
    const end = performance.now() + 15_000;
    // by SASL2 and Bind 2 the resource has a part that the server makes
    while (heard.get(who)?.some((each) => each.startsWith(what) || withoutTag(each) === what) !== true) {
      assert.ok(performance.now() < end, `${who} never heard ${what}: ${heard.get(who)?.join(', ')}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 200);
      });
    }
  };
  const benvolio = await connected('benvolio');
  const nurse = await connected('nurse');
  for (const [asks, approves, from, to] of [
    [benvolio, nurse, 'benvolio', 'nurse'],
    [nurse, benvolio, 'nurse', 'benvolio'],
  ] as const) {
    await asks.send(xml('presence', { type: 'subscribe', to: `${to}@localhost` }));
    await hears(to, `subscribe ${from}@localhost`);
    await approves.send(xml('presence', { type: 'subscribed', to: `${from}@localhost` }));
    await hears(from, `subscribed ${to}@localhost`);
    await hears(from, `available ${to}@localhost/node`);
  }
  await benvolio.send(
    xml(
      'message',
      { to: 'nurse@localhost', type: 'chat' },
      xml('body', {}, 'Peace, I hear thy master calling'),
    ),
  );
  await hears('nurse', 'message benvolio@localhost/node Peace, I hear thy master calling');
  const card = (who: XmppClient, type: 'get' | 'set', to?: string) =>
    who.iqCaller.request(
      xml(
        'iq',
        { type, ...(to === undefined ? {} : { to }) },
        type === 'get'
          ? xml('vCard', { xmlns: 'vcard-temp' })
          : xml('vCard', { xmlns: 'vcard-temp' }, xml('FN', {}, 'Angelica')),
      ),
      20_000,
    );
  await card(nurse, 'set');
  assert.match(String(await card(benvolio, 'get', 'nurse@localhost')), /<FN>Angelica<\/FN>/);
  let answer: Promise<{ toString(): string }> | null = null;
  await restartVcard(() => {
    answer = card(benvolio, 'get', 'nurse@localhost');
  });
  assert.match(String(await answer), /<FN>Angelica<\/FN>/, 'asked while the process was away');
  await nurse.stop();
  await hears('benvolio', 'unavailable nurse@localhost/node');
});

for (const [name, run] of [
  [
    'go-sendxmpp',
    (host: string, port: number, _folder: string) =>
      new Foreign('go-sendxmpp', [
        '-u',
        'sender@localhost',
        '-p',
        'secret',
        '-j',
        `${host}:${port}`,
        '-n',
        'romeo@localhost',
      ]),
  ],
  [
    'sendxmpp',
    (host: string, port: number, folder: string) => {
      const file = join(folder, 'rc');
      writeFileSync(
        file,
        `username: sender\njserver: ${host}\nport: ${port}\ncomponent: localhost\npassword: secret\n`,
        { mode: 0o600 },
      );
      return new Foreign('sendxmpp', ['-f', file, '-t', '-n', 'romeo@localhost']);
    },
  ],
] as const) {
  test(`${name} through TLS: a message arrives`, async (t) => {
    if (!(await isInstalled(name, '--help'))) return t.skip(`${name} is not installed`);
    const folder = mkdtempSync(join(tmpdir(), 'entourage-interop-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const { host, port } = core.address();
    const romeo = await receiver();
    const sender = run(host, port, folder);
    t.after(() => sender.stop());
    sender.child.stdin?.end(`from ${name}: ünïcode & <tags>\n`);
    const message = await romeo
      .stanza((stanza) => stanza.name === 'message', 20_000)
      .catch(async (error) => {
        throw new Error(`${error.message}\n${sender.output}`);
      });
    assert.match(message.from ?? '', /^sender@localhost\//);
    assert.equal(message.element.getChildText('body')?.trim(), `from ${name}: ünïcode & <tags>`);
    assert.equal(await sender.ended, 0, sender.output);
    await romeo.close();
  });
}

/** A raw client inside TLS that waits for what the senders say. */
async function receiver() {
  const romeo = await core.connect();
  await romeo.open('localhost');
  await romeo.startTls('localhost');
  await romeo.authenticate('romeo', 'secret', 'localhost');
  await romeo.bind('receiver');
  await romeo.goOnline();
  return romeo;
}
