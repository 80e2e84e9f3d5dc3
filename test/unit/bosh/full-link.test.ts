import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkUpstream } from '../../../components/bosh/upstreams/link/link.js';
import { readOperation } from '../../../shared/client-link/operations.js';
import type { Component } from '../../../shared/component/component.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { recordingLogger } from '../../tools/silent-logger.js';

const LINK = 'urn:entourage:client-link:1';
const header = { to: 'example.com', from: undefined, version: '1.0', lang: undefined };
const origin = { transport: 'bosh', address: '192.0.2.1', secure: true } as const;

/** A link to a core that the test speaks for, and that takes as much as the test says. */
async function link() {
  const sent: string[] = [];
  const state = { room: Number.POSITIVE_INFINITY };
  let drained: () => void = () => undefined;
  let up: (link: unknown) => void = () => undefined;
  let receive: (message: Stanza) => void = () => undefined;
  const component = {
    domain: 'bosh.example.com',
    server: { connected: true },
    onUp: (handler: typeof up) => {
      up = handler;
    },
    onDown() {},
    onServerMessage: (_namespace: string, handler: typeof receive) => {
      receive = handler;
    },
    request: () =>
      Promise.resolve(
        Stanza.parse(
          `<iq><link xmlns='${LINK}' version='1' credit='65536'><domain>example.com</domain></link></iq>`,
        ),
      ),
    send(text: string) {
      if (state.room <= 0) return false;
      state.room--;
      const operation = readOperation(text);
      sent.push(
        `${operation?.name} ${operation?.attributes.get('bytes') ?? operation?.content ?? ''}`.trim(),
      );
      return true;
    },
    drained: () =>
      new Promise<void>((resolve) => {
        drained = resolve;
      }),
  } as unknown as Component;
  const upstream = new LinkUpstream({
    component,
    serverDomain: 'example.com',
    stanzaBytes: 262_144,
    log: recordingLogger(),
  });
  up({ features: new Set([LINK]) });
  await new Promise((resolve) => setImmediate(resolve));
  const streams: string[] = [];
  const open = () => {
    const stream = upstream.open(header, origin, {
      opened() {},
      element() {},
      writable() {},
      ended() {},
    });
    streams.push((stream as unknown as { name: string }).name);
    say(streams.length - 1, 'opened');
    return stream;
  };
  const say = (stream: number, operation: string, inside = '') =>
    receive(
      Stanza.parse(
        `<message from='example.com' to='bosh.example.com'><${operation} xmlns='${LINK}' stream='${streams[stream]}'>${inside}</${operation}></message>`,
      ),
    );
  return {
    sent,
    open,
    say,
    full: () => {
      state.room = 0;
    },
    async drain() {
      state.room = Number.POSITIVE_INFINITY;
      drained();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const PRESENCE = "<presence xmlns='jabber:client'/>";

test('§6: a full link loses no credit, no restart and no close, and keeps their order with what follows', async () => {
  const { sent, open, say, full, drain } = await link();
  const [one, two, three] = [open(), open(), open()];
  const large = `<message xmlns='jabber:client'><body>${'x'.repeat(50_000)}</body></message>`;
  say(0, 'data', large);
  sent.length = 0;
  full();
  one.taken(Buffer.byteLength(large));
  two.close('closed');
  three.restart(header);
  assert.equal(three.send(PRESENCE), false);
  assert.deepEqual(sent, []);
  await drain();
  const [credit, ...rest] = sent;
  assert.match(credit ?? '', /^credit \d+$/);
  assert.deepEqual(rest, ['close', 'restart', `data ${PRESENCE}`]);
});

test('§6: a link that is full a second time loses nothing either', async () => {
  const { sent, open, full, drain } = await link();
  const [one, two] = [open(), open()];
  sent.length = 0;
  full();
  one.restart(header);
  await drain();
  full();
  two.close('closed');
  assert.deepEqual(sent, ['restart']);
  await drain();
  assert.deepEqual(sent, ['restart', 'close']);
});
