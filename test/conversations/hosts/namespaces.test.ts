import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { control } from '../../../shared/cli/control-client.js';
import { testCertificate, writePair } from '../../tools/certificates.js';
import { ProcessUnderTest } from '../../tools/core-harness.js';
import { namespacesMissing, TestNetwork } from '../../tools/network-namespaces.js';
import { RawClient } from '../../tools/raw-client.js';

const DOMAIN = 'capulet.example';
const MUC = `conference.${DOMAIN}`;
const ROOM = `ball@${MUC}`;
const missing = namespacesMissing();

interface Host {
  readonly process: ProcessUnderTest;
  readonly folder: string;
}

/** A host's folder with its `.env`; both go with the test. */
function folderOf(env: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-host-'));
  // at the very end: hooks run in the order in which they were set, and the processes are stopped by later ones
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  writeFileSync(
    join(folder, '.env'),
    Object.entries(env)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  return folder;
}

function run(
  t: TestContext,
  network: TestNetwork,
  name: string,
  host: string,
  env: Readonly<Record<string, string>>,
): Host {
  const folder = folderOf(env);
  const process = new ProcessUnderTest(name, folder, { LOG_LEVEL: 'debug' }, network.within(host));
  t.after(() => process.stop());
  return { process, folder };
}

/** Waits for a line that a process logs after `from`. */
async function logged({ process }: Host, pattern: RegExp, from = 0, milliseconds = 30_000): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!pattern.test(process.output.slice(from))) {
    if (performance.now() > end)
      throw new Error(`${pattern} was not logged in:\n${process.output.slice(from)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Two authorities (one for the core, one for components) and what they signed, as files. */
function makeCertificates(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-pki-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const serverCa = testCertificate(['server authority'], { authority: true });
  const componentCa = testCertificate(['component authority'], { authority: true });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  return {
    serverCa: file('server-ca.pem', serverCa.certificate),
    componentCa: file('component-ca.pem', componentCa.certificate),
    core: writePair(join(folder, 'core'), testCertificate([DOMAIN, MUC], { issuer: serverCa })),
    component: writePair(join(folder, 'component'), testCertificate([MUC], { issuer: componentCa })),
    stranger: writePair(join(folder, 'stranger'), testCertificate([MUC])),
    mucSecret: file('muc.secret', 'Montague\n'),
    vcardSecret: file('vcard.secret', 'Tybalt\n'),
  };
}

/** A core on a host of its own and, on two others, what a component's `.env` there needs. */
async function hosts(t: TestContext) {
  const network = new TestNetwork(t, 'core');
  const files = makeCertificates(t);
  const ours = network.addOurselves();
  const muc = network.addHost(t, 'muc');
  const vcard = network.addHost(t, 'vcard');
  const core = run(t, network, 'core', 'core', {
    XMPP_DOMAINS: DOMAIN,
    COMPONENTS: 'muc,vcard',
    TLS_CERT: files.core.cert,
    TLS_KEY: files.core.key,
    COMPONENT_CA: files.componentCa,
    COMPONENT_MUC_SECRET_FILE: files.mucSecret,
    COMPONENT_VCARD_SECRET_FILE: files.vcardSecret,
    COMPONENT_KEEPALIVE_SECONDS: '2',
    COMPONENT_GRACE_SECONDS: '60',
    C2S_REQUIRE_TLS: 'false',
    SASL_ITERATIONS: '4096',
    S2S_PORT: '0',
    S2S_TLS_PORT: '0',
  });
  const link = (hub: string) => ({
    XMPP_DOMAINS: DOMAIN,
    CORE_HOST: hub,
    CORE_TLS: 'true',
    CORE_CA: files.serverCa,
    CORE_CLIENT_CERT: files.component.cert,
    CORE_CLIENT_KEY: files.component.key,
    CORE_KEEPALIVE_SECONDS: '2',
  });
  await core.process.ready();
  const login = async (user: string): Promise<RawClient> => {
    const client = await RawClient.connect(ours.hub, 5222);
    t.after(() => client.cut());
    await client.login(user, 'secret', DOMAIN, 'test');
    await client.goOnline();
    return client;
  };
  const addUsers = async (...users: string[]): Promise<void> => {
    for (const user of users) {
      await control(join(core.folder, 'run', 'core.sock'), 'user.add', {
        jid: `${user}@${DOMAIN}`,
        password: 'secret',
      });
    }
  };
  return { network, files, core, muc, vcard, link, login, addUsers };
}

test('core and components on hosts of their own: a cut link heals, nothing reflected is lost or doubled', async (t) => {
  if (missing !== null) return t.skip(missing);
  const { network, files, core, muc, vcard, link, login, addUsers } = await hosts(t);
  // STORAGE_URL: each host keeps its own data in its own folder, which is its working directory
  const mucHost = run(t, network, 'muc', 'muc', { ...link(muc.hub), MUC_SECRET_FILE: files.mucSecret });
  const vcardHost = run(t, network, 'vcard', 'vcard', {
    ...link(vcard.hub),
    VCARD_SECRET_FILE: files.vcardSecret,
  });
  await Promise.all([mucHost.process.ready(), vcardHost.process.ready()]);
  await addUsers('juliet', 'romeo');
  const juliet = await login('juliet');
  const romeo = await login('romeo');

  const seen = { juliet: [] as string[], romeo: [] as string[] };
  const enter = async (client: RawClient, nick: string): Promise<void> => {
    client.send(`<presence to='${ROOM}/${nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`);
    await client.stanza((stanza) => stanza.name === 'message' && stanza.hasChild('subject', 'jabber:client'));
  };
  await enter(juliet, 'juliet');
  await juliet.iq(
    'set',
    "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>",
    ROOM,
  );
  await enter(romeo, 'romeo');

  const isGroupchat = (name: string, id: string | undefined) => name === 'message' && id?.startsWith('m');
  const read = async (client: RawClient, into: string[], until: string): Promise<void> => {
    while (!into.includes(until)) {
      const { id } = await client.stanza((stanza) => isGroupchat(stanza.name, stanza.id) === true, 60_000);
      into.push(id ?? '');
    }
  };
  const say = (id: string): void =>
    juliet.send(`<message to='${ROOM}' type='groupchat' id='${id}'><body>${id}</body></message>`);
  const before = Array.from({ length: 10 }, (_, number) => `m${number}`);
  for (const id of before) say(id);
  await Promise.all([read(juliet, seen.juliet, 'm9'), read(romeo, seen.romeo, 'm9')]);

  // the cable is pulled until both ends have noticed
  const coreFrom = core.process.output.length;
  const mucFrom = mucHost.process.output.length;
  network.setLink('muc', 'down');
  await logged(core, new RegExp(`component\\.down.*${MUC}`), coreFrom);
  await logged(mucHost, /component\.(dis|lost|closed|down)/, mucFrom);
  // What comes now is held: the core knows that the component is away and waits for it.
  const during = Array.from({ length: 20 }, (_, number) => `mheld${number}`);
  for (const id of during) say(id);
  // the other component, on its own wire, is not concerned
  const vcardText = "<vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>";
  assert.equal((await juliet.iq('set', vcardText)).type, 'result');
  const held = (await control(join(core.folder, 'run', 'core.sock'), 'component.list')) as {
    name: string;
    held: number;
  }[];
  assert.ok((held.find(({ name }) => name === 'muc')?.held ?? 0) >= during.length);

  const backFrom = core.process.output.length;
  network.setLink('muc', 'up');
  await logged(core, new RegExp(`component\\.up.*${MUC}`), backFrom, 60_000);
  say('mlast');
  await Promise.all([read(juliet, seen.juliet, 'mlast'), read(romeo, seen.romeo, 'mlast')]);
  const expected = [...before, ...during, 'mlast'];
  assert.deepEqual(seen.juliet, expected);
  assert.deepEqual(seen.romeo, expected);
  assert.ok((await juliet.iq('get', "<vCard xmlns='vcard-temp'/>")).source.includes('Juliet'));
});

test('the component port believes neither a stranger’s certificate nor the right one with a wrong secret', async (t) => {
  if (missing !== null) return t.skip(missing);
  const { network, files, core, muc, vcard, link } = await hosts(t);
  const coreLog = (pattern: RegExp) => pattern.test(core.process.output);

  const stranger = run(t, network, 'muc', 'muc', {
    ...link(muc.hub),
    MUC_SECRET_FILE: files.mucSecret,
    CORE_CLIENT_CERT: files.stranger.cert,
    CORE_CLIENT_KEY: files.stranger.key,
  });
  await logged(stranger, /component\.(connect-failed|disconnected|lost|closed)/);
  await stranger.process.stop();
  assert.ok(!coreLog(/component\.up/));

  const wrongSecret = run(t, network, 'muc', 'muc', { ...link(muc.hub), MUC_SECRET_FILE: files.vcardSecret });
  await logged(core, /component\.handshake-failed/);
  await wrongSecret.process.stop();
  assert.ok(!coreLog(/component\.up/));

  // and the component does not tell its secret's hash to a server whose certificate it cannot verify
  const deceived = run(t, network, 'vcard', 'vcard', {
    ...link(vcard.hub),
    VCARD_SECRET_FILE: files.vcardSecret,
    CORE_CA: files.componentCa,
  });
  await logged(deceived, /component\.connect-failed/);
  await deceived.process.stop();
  assert.ok(!coreLog(/component\.up/));
});
