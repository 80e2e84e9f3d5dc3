import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { Bystanders } from '../../tools/bystanders.js';
import type { Address } from '../../tools/core-harness.js';
import type { FederatedCore } from '../../tools/federation.js';
import { type Bare, bare } from '../../tools/flood.js';
import type { RawClient } from '../../tools/raw-client.js';
import { joinComponent } from '../../tools/raw-component.js';
import { RawServer } from '../../tools/raw-server.js';
import { besiegeAmongBystanders, ECHO, type SiegeAmongBystanders } from '../../tools/siege.js';

// Slow-loris: whoever connects and gets nowhere, at every door and at every step, is let go in time (RFC 6120 §13.12,
// XEP-0205 §4.3). The doors over HTTP are in test/long/abuse-web.test.ts: their times are longer.

const STRANGER_SECONDS = 2;
let siege: SiegeAmongBystanders;
let peer: RawServer;
let capulet: FederatedCore;
let bystanders: Bystanders;

before(async () => {
  siege = await besiegeAmongBystanders(
    {
      C2S_TLS_PORT: 'auto',
      S2S_TLS_PORT: 'auto',
      COMPONENT_TLS_PORT: 'auto',
      ...ECHO,
      COMPONENT_KEEPALIVE_SECONDS: '1',
      LIMIT_UNAUTHENTICATED_SECONDS: String(STRANGER_SECONDS),
      LIMIT_STANZA_SECONDS: '5',
    },
    ['mallory'],
  );
  ({ peer, capulet, bystanders } = siege);
});
after(() => siege?.stop());

const header = (namespace: string, more = '') =>
  `<?xml version='1.0'?><stream:stream xmlns='${namespace}' xmlns:stream='http://etherx.jabber.org/streams' to='capulet.test' ${more}>`;
const CLIENT = header('jabber:client', "version='1.0'");
const SERVER = header('jabber:server', "from='montague.test' version='1.0'");
const COMPONENT = header('jabber:component:accept').replace("'capulet.test'", "'echo.capulet.test'");
const STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
/** The first bytes of a TLS record whose rest never comes. */
const HALF_HELLO = Buffer.from('16030100c8010000', 'hex');
const AUTH = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>";
const FIRST = Buffer.from('n,,n=mallory,r=abc').toString('base64');

/** [listener, what, what is said, then again and again until the end, the stream error if one can be heard] */
const strangers: readonly (readonly [
  listener: string,
  what: string,
  said: readonly (string | Buffer)[],
  drip: string,
  condition: string | null,
])[] = [
  ['c2s', 'nothing', [], '', 'connection-timeout'],
  ['c2s', 'half a header', ['<?xml version="1.0"?><stream:str'], '', 'connection-timeout'],
  ['c2s', 'a header byte by byte', ["<stream:stream to='"], 'a', 'connection-timeout'],
  ['c2s', 'a header', [CLIENT], '', 'connection-timeout'],
  ['c2s', 'white space for ever', [CLIENT], ' ', 'connection-timeout'],
  ['c2s', 'half a TLS handshake after STARTTLS', [CLIENT, STARTTLS, HALF_HELLO], '', null],
  ['c2s', 'half of <auth/>', [CLIENT, AUTH], 'A', 'connection-timeout'],
  ['c2s', 'the first of two SASL messages', [CLIENT, `${AUTH}${FIRST}</auth>`], '', 'connection-timeout'],
  ['c2s-tls', 'nothing', [], '', null],
  ['c2s-tls', 'half a TLS handshake', [HALF_HELLO], '', null],
  ['s2s', 'nothing', [], '', 'connection-timeout'],
  ['s2s', 'a header', [SERVER], '', 'connection-timeout'],
  ['s2s', 'half an element', [SERVER, '<db:result '], ' ', 'connection-timeout'],
  ['s2s', 'half a TLS handshake after STARTTLS', [SERVER, STARTTLS, HALF_HELLO], '', null],
  ['s2s-tls', 'half a TLS handshake', [HALF_HELLO], '', null],
  ['component', 'nothing', [], '', 'connection-timeout'],
  ['component', 'a header', [COMPONENT], '', 'connection-timeout'],
  ['component', 'half a handshake', [COMPONENT, '<handshake>'], 'a', 'connection-timeout'],
  ['component-tls', 'half a TLS handshake', [HALF_HELLO], '', null],
];

/** Says it, then goes on dripping until the connection is gone. */
async function loris(address: Address, said: readonly (string | Buffer)[], drip: string): Promise<Bare> {
  const connection = await bare(address.host, address.port);
  for (const part of said) {
    connection.socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const dripping = setInterval(() => drip !== '' && connection.socket.write(drip), 200);
  connection.socket.once('close', () => clearInterval(dripping));
  await connection.gone();
  return connection;
}

test('whoever is slow before it is known who it is, is let go, at each door; bystanders notice nothing', async () => {
  const ends: { door: string; heard: string; condition: string | null }[] = [];
  await bystanders.unhurtBy('slow strangers', () =>
    Promise.all(
      strangers.map(async ([listener, what, said, drip, condition]) => {
        const { heard } = await loris(capulet.core.address(listener), said, drip);
        ends.push({ door: `${listener}: ${what}`, heard, condition });
      }),
    ),
  );
  assert.equal(ends.length, strangers.length);
  for (const { door, heard, condition } of ends) {
    if (condition !== null) assert.match(heard, new RegExp(`<${condition} `), door);
  }
});

describe('after log-in: half a stanza is not waited for longer than LIMIT_STANZA_SECONDS', {
  concurrency: true,
}, () => {
  /** Drips the beginning of a stanza; resolves with the stream error. */
  async function drip(client: RawClient, beginning: string): Promise<string> {
    client.send(beginning);
    const dripping = setInterval(() => client.send('x'), 100);
    const error = await client.stanza((stanza) => stanza.name === 'error', 12_000);
    clearInterval(dripping);
    client.cut();
    return error.source;
  }

  test('a client, another server', async () => {
    const client = await capulet.core.login('mallory', 'slow', 'capulet.test');
    const { stream } = await RawServer.openTo(capulet, 'montague.test');
    stream.send("<db:result from='montague.test' to='capulet.test'>key</db:result>");
    const verify = await peer.answerVerify('valid');
    await stream.element('db:result');
    const said = await Promise.all([
      drip(client, '<message><body>'),
      drip(stream, "<message from='a@montague.test' to='reader@capulet.test'><body>"),
    ]);
    verify.stream.cut();
    for (const error of said) assert.match(error, /<connection-timeout /);
  });

  test('many stanzas one after the other are no slow one', async () => {
    const client = await capulet.core.login('mallory', 'steady', 'capulet.test');
    // always in the middle of one, for longer than the limit
    client.send('<message><body>');
    const until = performance.now() + 5500;
    while (performance.now() < until) {
      client.send("</body></message><message type='headline' to='mallory@capulet.test'><body>");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    client.send('</body></message>');
    await client.ping();
    client.cut();
  });

  test('a component that does not finish what it says does not answer the ping either', async () => {
    const component = await joinComponent(capulet.core, 'echo.capulet.test');
    component.send("<message to='reader@capulet.test'><body>");
    const dripping = setInterval(() => component.send('x'), 100);
    const end = performance.now() + 12_000;
    while (!component.received.some((item) => item.kind === 'lost') && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 50));
    clearInterval(dripping);
    assert.ok(component.received.some((item) => item.kind === 'lost'));
  });
});

test('a TLS handshake that is finished, and then nothing: connection-timeout inside TLS', async () => {
  const { host, port } = capulet.core.address('c2s-tls');
  const socket = connectTls({ host, port, rejectUnauthorized: false, ALPNProtocols: ['xmpp-client'] });
  socket.on('error', () => {});
  let heard = '';
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
  });
  await once(socket, 'close');
  assert.match(heard, /<connection-timeout /);
});
