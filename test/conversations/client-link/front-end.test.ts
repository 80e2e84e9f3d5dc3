import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LinkUpstream } from '../../../components/bosh/upstreams/link/link.js';
import type {
  ServerElement,
  ServerHeader,
  UpstreamEnd,
  UpstreamStream,
} from '../../../components/bosh/upstreams/upstream.js';
import { type Operation, readOperation } from '../../../shared/client-link/operations.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { componentBefore } from '../../tools/component.js';
import type { FakeStream } from '../../tools/fake-server.js';

// docs/protocols/client-link.md, at the front's end: the bosh component's upstream before a scripted server.

const ns = 'urn:entourage:client-link:1';
const terms =
  `<link xmlns='${ns}' version='1' min='1' max='1' credit='1000' stanza-bytes='5000' depth='20' attributes='20' streams='2' trusted='true'>` +
  '<domain>capulet.lit</domain></link>';

/** The front with its link up, and the scripted server's end of it. */
async function linked(t: TestContext, answer: string | null = terms) {
  const { component, server } = await componentBefore(t);
  let changed: (problem: string | undefined) => void = () => undefined;
  const settled = new Promise<string | undefined>((resolve) => {
    changed = resolve;
  });
  const upstream = new LinkUpstream({
    component,
    serverDomain: 'capulet.lit',
    stanzaBytes: 9_000,
    log: component.log,
    state: (problem) => changed(problem),
  });
  component.start().catch(() => undefined);
  const core = await server.accept();
  await core.establish(answer === null ? [] : [ns]);
  if (answer !== null) {
    const request = await core.next();
    assert.match(request.source, /<link [^>]*min='1'/);
    const type = answer.startsWith('<error') ? 'error' : 'result';
    core.write(
      `<iq type='${type}' id='${request.id}' from='capulet.lit' to='vcard.capulet.lit'>${answer}</iq>`,
    );
  }
  return { upstream, core, server, problem: await settled };
}

/** What the client's side hears of its stream. */
class Client {
  readonly opened: ServerHeader[] = [];
  readonly elements: ServerElement[] = [];
  ends: UpstreamEnd[] = [];
  writable = 0;
  readonly stream: UpstreamStream;

  constructor(upstream: LinkUpstream) {
    this.stream = upstream.open(
      { to: 'capulet.lit', from: undefined, version: '1.0', lang: 'en' },
      { transport: 'bosh', address: '192.0.2.7', secure: true },
      {
        opened: (header) => this.opened.push(header),
        element: (element) => this.elements.push(element),
        writable: () => {
          this.writable++;
        },
        ended: (end) => this.ends.push(end),
      },
    );
  }
}

function operationOf(stanza: Stanza): Operation {
  const operation = readOperation(stanza.source);
  if (operation === null) throw new Error(`no operation: ${stanza.source}`);
  return operation;
}
const next = async (core: FakeStream) => operationOf(await core.next());
const say = (core: FakeStream, text: string) =>
  core.write(`<message from='capulet.lit' to='vcard.capulet.lit'>${text}</message>`);
const until = async (condition: () => boolean) => {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

test('§4: what the server states is kept: domains, limits, credit, streams', async (t) => {
  const { upstream, problem } = await linked(t);
  assert.equal(problem, undefined);
  assert.equal(upstream.ready, true);
  assert.equal(upstream.serves('capulet.lit'), true);
  assert.equal(upstream.serves('elsewhere.example'), false);
  assert.deepEqual(upstream.limits, { stanzaBytes: 5_000, depth: 20, attributes: 10 });
});

test('§4: a server without the link, or one that refuses it, is said to be one', async (t) => {
  const without = await linked(t, null);
  assert.equal(without.upstream.ready, false);
  assert.match(String(without.problem), /does not offer/);
  const refusing = await linked(
    t,
    "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
  );
  assert.equal(refusing.upstream.ready, false);
  assert.match(String(refusing.problem), /service-unavailable/);
});

test('§5: open, opened, data both ways, restart', async (t) => {
  const { upstream, core } = await linked(t);
  const client = new Client(upstream);
  const open = await next(core);
  assert.equal(open.name, 'open');
  const { stream: name, ...attributes } = Object.fromEntries(open.attributes);
  assert.deepEqual(attributes, {
    to: 'capulet.lit',
    version: '1.0',
    'xml:lang': 'en',
    transport: 'bosh',
    address: '192.0.2.7',
    secure: 'true',
    credit: '65536',
  });
  say(
    core,
    `<opened xmlns='${ns}' stream='${name}' id='i1' from='capulet.lit' version='1.0' xml:lang='de'/>`,
  );
  say(
    core,
    `<data xmlns='${ns}' stream='${name}'><features xmlns='http://etherx.jabber.org/streams'><x xmlns='urn:x'/></features></data>`,
  );
  await until(() => client.elements.length === 1);
  assert.deepEqual(client.opened, [{ id: 'i1', from: 'capulet.lit', version: '1.0', lang: 'de' }]);
  assert.equal(client.elements[0]?.kind, 'features');
  assert.match(client.elements[0]?.text ?? '', /^<stream:features xmlns:stream=/);
  client.stream.send("<presence xmlns='jabber:client'/>");
  const data = await next(core);
  assert.equal(data.name, 'data');
  assert.equal(data.content, "<presence xmlns='jabber:client'/>");
  client.stream.restart({ to: 'capulet.lit', from: undefined, version: '1.0', lang: 'x'.repeat(1_000) });
  const restart = await next(core);
  assert.equal(restart.name, 'restart');
  assert.equal(restart.attributes.get('xml:lang'), undefined, 'what is too long to be one is not passed on');
});

test('§6: the front stops when its credit is spent, and goes on with more, in order', async (t) => {
  const { upstream, core } = await linked(t);
  const client = new Client(upstream);
  const { stream: name } = await next(core);
  say(core, `<opened xmlns='${ns}' stream='${name}' id='i' from='capulet.lit'/>`);
  await until(() => client.opened.length === 1);
  const message = (id: number) =>
    `<message xmlns='jabber:client' id='${id}'><body>${'x'.repeat(300)}</body></message>`;
  const answers = [0, 1, 2, 3, 4, 5].map((id) => client.stream.send(message(id)));
  assert.deepEqual(answers, [true, true, false, false, false, false], 'a window of 1000 bytes');
  for (const id of [0, 1, 2]) assert.match((await next(core)).content, new RegExp(`id='${id}'`));
  say(core, `<credit xmlns='${ns}' stream='${name}' bytes='100'/>`);
  await until(() => client.writable === 0);
  say(core, `<credit xmlns='${ns}' stream='${name}' bytes='5000'/>`);
  for (const id of [3, 4, 5]) assert.match((await next(core)).content, new RegExp(`id='${id}'`));
  await until(() => client.writable === 1);
});

test('§6, §7: what the client took is granted, and acknowledgements travel with data', async (t) => {
  const { upstream, core } = await linked(t);
  const client = new Client(upstream);
  const { stream: name } = await next(core);
  say(core, `<opened xmlns='${ns}' stream='${name}' id='i' from='capulet.lit'/>`);
  const element = `<message xmlns='jabber:client'><body>${'ü'.repeat(10_000)}</body></message>`;
  say(core, `<data xmlns='${ns}' stream='${name}'>${element}</data>`);
  say(core, `<data xmlns='${ns}' stream='${name}'>${element}</data>`);
  await until(() => client.elements.length === 2);
  const bytes = Buffer.byteLength(element);
  assert.equal(client.elements[0]?.bytes, bytes);
  client.stream.taken(bytes);
  client.stream.taken(bytes);
  client.stream.acknowledged(1);
  const credit = await next(core);
  assert.equal(credit.name, 'credit');
  assert.equal(credit.attributes.get('bytes'), String(2 * bytes), 'more than half of the window');
  client.stream.acknowledged(2);
  client.stream.send("<presence xmlns='jabber:client'/>");
  const operations = [await next(core)];
  if (operations[0]?.name === 'credit') operations.push(await next(core));
  const told = operations.map((one) => one.attributes.get('h')).filter((h) => h !== undefined);
  assert.equal(told.at(-1), '2');
});

test('§6: a server that sends without credit loses that stream', async (t) => {
  const { upstream, core } = await linked(t);
  const client = new Client(upstream);
  const { stream: name } = await next(core);
  say(core, `<opened xmlns='${ns}' stream='${name}' id='i' from='capulet.lit'/>`);
  const element = `<message xmlns='jabber:client'><body>${'x'.repeat(40_000)}</body></message>`;
  for (let i = 0; i < 3; i++) say(core, `<data xmlns='${ns}' stream='${name}'>${element}</data>`);
  await until(() => client.ends.length === 1);
  assert.deepEqual(client.ends, ['internal-server-error']);
  assert.equal((await next(core)).attributes.get('condition'), 'policy-violation');
});

test('§8: a close of the client says how far it came; the server answers', async (t) => {
  const { upstream, core } = await linked(t);
  const client = new Client(upstream);
  const { stream: name } = await next(core);
  say(core, `<opened xmlns='${ns}' stream='${name}' id='i' from='capulet.lit'/>`);
  say(core, `<data xmlns='${ns}' stream='${name}'><presence xmlns='jabber:client'/></data>`);
  await until(() => client.elements.length === 1);
  client.stream.acknowledged(1);
  client.stream.close('connection-lost');
  const close = await next(core);
  assert.equal(close.name, 'close');
  assert.equal(close.attributes.get('condition'), 'connection-lost');
  assert.equal(close.attributes.get('h'), '1');
  assert.equal(upstream.streamCount, 1, 'until the server has answered');
  say(core, `<close xmlns='${ns}' stream='${name}'/>`);
  await until(() => upstream.streamCount === 0);
  assert.deepEqual(client.ends, []);
});

test('§8: a close of the server is answered when the client has got what there was', async (t) => {
  const { upstream, core } = await linked(t);
  const client = new Client(upstream);
  const { stream: name } = await next(core);
  say(core, `<opened xmlns='${ns}' stream='${name}' id='i' from='capulet.lit'/>`);
  say(core, `<data xmlns='${ns}' stream='${name}'><presence xmlns='jabber:client'/></data>`);
  say(core, `<close xmlns='${ns}' stream='${name}' condition='system-shutdown'/>`);
  await until(() => client.ends.length === 1);
  assert.deepEqual(client.ends, ['system-shutdown']);
  assert.equal(core.unread, 0, 'not before the client has it');
  client.stream.acknowledged(1);
  client.stream.close('closed');
  const close = await next(core);
  assert.equal(close.attributes.get('h'), '1');
  assert.equal(upstream.streamCount, 0);
});

test('§8: conditions of the server as BOSH knows them', async (t) => {
  const { upstream, core } = await linked(t);
  for (const [condition, end] of [
    ['host-unknown', 'host-unknown'],
    ['resource-constraint', 'remote-connection-failed'],
    ['policy-violation', 'internal-server-error'],
    ['something-new', 'remote-connection-failed'],
  ] as const) {
    const client = new Client(upstream);
    const { stream: name } = await next(core);
    say(core, `<close xmlns='${ns}' stream='${name}' condition='${condition}'/>`);
    await until(() => client.ends.length === 1);
    assert.deepEqual(client.ends, [end]);
    client.stream.close('closed');
    await next(core);
  }
});

test('§8.1: data for a stream that is not there is answered by close', async (t) => {
  const { core } = await linked(t);
  say(core, `<data xmlns='${ns}' stream='nobody'><presence xmlns='jabber:client'/></data>`);
  const close = await next(core);
  assert.equal(close.stream, 'nobody');
  assert.equal(close.attributes.get('condition'), 'item-not-found');
});

test('§4: more streams than the server allows are refused here', async (t) => {
  const { upstream, core } = await linked(t);
  new Client(upstream);
  new Client(upstream);
  const third = new Client(upstream);
  await until(() => third.ends.length === 1);
  assert.deepEqual(third.ends, ['remote-connection-failed']);
  await next(core);
  await next(core);
  assert.equal(core.unread, 0);
});

test('§8.2: when the link is lost all streams are, and new ones open on the next', async (t) => {
  const { upstream, core, server } = await linked(t);
  const client = new Client(upstream);
  await next(core);
  core.socket.destroy();
  await until(() => client.ends.length === 1);
  assert.deepEqual(client.ends, ['remote-connection-failed']);
  assert.equal(upstream.ready, false);
  const again = await server.accept();
  await again.establish([ns]);
  const request = await again.next();
  again.write(`<iq type='result' id='${request.id}' from='capulet.lit' to='vcard.capulet.lit'>${terms}</iq>`);
  await until(() => upstream.ready);
  new Client(upstream);
  assert.equal((await next(again)).name, 'open');
});
