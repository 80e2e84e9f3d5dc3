import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { xml } from '../../../shared/xml/element.js';
import { componentBefore } from '../../tools/component.js';
import { FakeServer, within } from '../../tools/fake-server.js';

const STREAM_ERROR = (condition: string): string =>
  `<stream:error><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`;

/** Long enough for several tries at the back-off of these tests (5 to 40 ms). */
const SEVERAL_TRIES = 150;
const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

test('a server that accepts and then says nothing is given up and tried again', async (t) => {
  const { component, server, log } = await componentBefore(t, {
    timing: { openMilliseconds: 400 },
  });
  void component.start();
  const silent = await server.accept();
  assert.equal(await silent.closed(), 'socket', 'nothing stays open');
  const noHandshake = await server.accept();
  await noHandshake.header();
  noHandshake.open();
  await noHandshake.closed();
  const third = await server.accept();
  await third.establish();
  assert.equal(log.lines.filter(({ kind }) => kind === 'timeout').length, 2);
});

test('a server that is away is tried with growing delays until it is there', async (t) => {
  const gone = await FakeServer.listen();
  const { port } = gone;
  await gone.close();
  const { component, log } = await componentBefore(t, { port });
  const started = component.start();
  while (log.lines.filter(({ code }) => code === 'component.connect-failed').length < 6) await pause(5);
  const delays = log.lines
    .filter(({ code }) => code === 'component.connect-failed')
    .map(({ retryInMilliseconds }) => Number(retryInMilliseconds));
  // Steps of 5, 10, 20, 40, 40 ms, each between half and all of it.
  [5, 10, 20, 40, 40].forEach((step, k) => {
    assert.ok((delays[k] ?? 0) >= step / 2 && (delays[k] ?? 0) <= step, delays.join());
  });
  assert.match(component.health.lastError ?? '', /ECONNREFUSED/);
  const back = await FakeServer.listen({ port });
  t.after(() => back.close());
  const stream = await back.accept();
  await stream.establish();
  await within(started, 'start');
  assert.equal(component.health.connected, true);
});

test('a refused secret is not tried again', async (t) => {
  let reason = '';
  const { component, server, log } = await componentBefore(t, {
    gaveUp: (text) => {
      reason = text;
    },
  });
  const started = component.start();
  const stream = await server.accept();
  await stream.header();
  stream.open();
  await stream.next();
  stream.write(STREAM_ERROR('not-authorized'));
  await assert.rejects(within(started, 'the refusal'), /not-authorized/);
  await pause(SEVERAL_TRIES);
  assert.equal(server.connections, 1);
  assert.match(reason, /not-authorized/);
  assert.deepEqual(
    log.lines.filter(({ level }) => level === 'error').map(({ code }) => code),
    ['component.not-authorized'],
  );
  assert.ok(!JSON.stringify(log.lines).includes('Öffne dich'), 'the secret is in no log line');

  // The operator mends the secret and has the process read its settings again.
  component.renew({ secret: 'Sesam', tls: null });
  const again = await server.accept();
  await again.header();
  again.open('second');
  const handshake = await again.next();
  assert.equal(handshake.element.getText(), createHash('sha1').update('secondSesam').digest('hex'));
});

for (const condition of ['host-unknown', 'conflict', 'invalid-namespace']) {
  test(`${condition} is tried again, but slowly`, async (t) => {
    const { component, server, log } = await componentBefore(t, {
      timing: {
        refused: { first: 60_000, most: 60_000 },
      },
    });
    void component.start();
    const stream = await server.accept();
    await stream.header();
    stream.open();
    stream.write(STREAM_ERROR(condition));
    await stream.closed();
    await pause(SEVERAL_TRIES);
    assert.equal(server.connections, 1);
    const line = log.lines.find(({ code }) => code === 'component.connect-failed');
    assert.equal(line?.['condition'], condition);
    assert.ok(Number(line?.['retryInMilliseconds']) >= 30_000);
  });
}

test('conflict on a stream that was up does not become a fight', async (t) => {
  const { component, server } = await componentBefore(t, {
    timing: {
      refused: { first: 60_000, most: 60_000 },
    },
  });
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  stream.write(STREAM_ERROR('conflict'));
  await stream.closed();
  await pause(SEVERAL_TRIES);
  assert.equal(server.connections, 1);
});

for (const end of ['system-shutdown', 'close', 'cut']) {
  test(`after ${end} the component is back, and says that it was away`, async (t) => {
    const { component, server } = await componentBefore(t);
    const events: string[] = [];
    component.onUp(() => events.push('up'));
    component.onDown(() => events.push('down'));
    const started = component.start();
    const stream = await server.accept();
    await stream.establish();
    await started;
    if (end === 'cut') stream.socket.destroy();
    else stream.write(end === 'close' ? '</stream:stream>' : STREAM_ERROR(end));
    const again = await server.accept();
    const up = new Promise<void>((resolve) => component.onUp(() => resolve()));
    await again.establish();
    await within(up, 'being up again');
    assert.deepEqual(events, ['up', 'down', 'up']);
  });
}

/** A component that works at a request with this id until it is released. */
async function atWork(t: TestContext, id: string) {
  const { component, server } = await componentBefore(t);
  let release: () => void = () => undefined;
  component.onIq('get', 'urn:example:x', 'q', async () => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return undefined;
  });
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  stream.write(`<iq type='get' id='${id}' from='a@b' to='vcard.capulet.lit'><q xmlns='urn:example:x'/></iq>`);
  stream.write("<iq type='get' id='p' from='c@d' to='vcard.capulet.lit'><ping xmlns='urn:xmpp:ping'/></iq>");
  assert.equal((await stream.next()).id, 'p');
  return { component, server, stream, release: () => release() };
}

test('what a handler answers after its stream has ended is not sent on the next one', async (t) => {
  const { server, stream, release } = await atWork(t, 'old');
  stream.socket.destroy();
  const again = await server.accept();
  await again.establish();
  release();
  again.write("<iq type='get' id='new' from='c@d' to='vcard.capulet.lit'><ping xmlns='urn:xmpp:ping'/></iq>");
  assert.equal((await again.next()).id, 'new');
  assert.equal(again.unread, 0);
});

test('a silent stream is pinged, a dead one replaced', async (t) => {
  const { component, server, log } = await componentBefore(t, {
    timing: {
      keepalive: { idleMilliseconds: 30, answerMilliseconds: 1_000 },
    },
  });
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const ping = await stream.next();
  assert.deepEqual(ping.payload, { name: 'ping', namespace: 'urn:xmpp:ping' });
  assert.equal(ping.to, 'capulet.lit');
  // Any sign of life will do; a server without XEP-0199 answers with an error.
  stream.write(
    `<iq type='error' id='${ping.id}' from='capulet.lit' to='vcard.capulet.lit'><error type='cancel'>` +
      "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
  );
  assert.equal((await stream.next()).payload?.name, 'ping', 'the stream has survived');
  await stream.closed();
  const again = await server.accept();
  await again.establish();
  assert.ok(log.lines.some(({ code, text }) => code === 'component.lost' && text === 'the server is silent'));
});

test('a component that only listens sends white space, so that nobody takes it for dead', async (t) => {
  const { component, server } = await componentBefore(t, {
    timing: {
      keepalive: { idleMilliseconds: 40, answerMilliseconds: 1_000 },
    },
  });
  component.onPresence(() => undefined);
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const chatter = setInterval(() => stream.write("<presence from='a@b/c' to='vcard.capulet.lit'/>"), 5);
  t.after(() => clearInterval(chatter));
  assert.equal(await stream.whitespace(), true);
});

test('a server that does not read fills a bounded queue, and gets all of it when it reads again', async (t) => {
  const { component, server } = await componentBefore(t, {
    limits: { outboundBytes: 256 * 1024, outboundLowWater: 32 * 1024 },
  });
  const started = component.start();
  const stream = await server.accept();
  await stream.establish();
  await within(started, 'start');
  stream.socket.pause();
  const body = 'x'.repeat(10_000);
  const message = (id: number) =>
    xml('message', { to: 'a@b', from: 'vcard.capulet.lit', id: String(id) }, xml('body', {}, body));
  let sent = 0;
  // The kernel's own buffers take some first; they end, since nobody reads.
  while (sent < 10_000) {
    if (component.send(message(sent))) {
      sent += 1;
    } else if (component.health.outboundBytes >= 256 * 1024) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!component.send(message(sent))) break;
      sent += 1;
    }
  }
  assert.ok(sent < 10_000, 'it is bounded');
  assert.ok(component.health.outboundBytes <= 256 * 1024 + 2 * body.length);
  const drained = component.drained();
  stream.socket.resume();
  await within(drained, 'the queue to drain');
  assert.ok(component.health.outboundBytes < 32 * 1024);
  assert.ok(component.send(message(sent)));
  for (let id = 0; id <= sent; id += 1) assert.equal((await stream.next()).id, String(id));
});

test('while the link is down nothing is taken', async (t) => {
  const { component, server } = await componentBefore(t);
  assert.equal(component.send(xml('message', { to: 'a@b' })), false);
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const drained = component.drained();
  await within(drained, 'an empty queue');
  assert.equal(component.send(xml('message', { to: 'a@b' })), true);
});

test('restart: accepted work is finished, then reset and close', async (t) => {
  const { component, server, stream, release } = await atWork(t, 'work');
  const stopped = component.stop('restart');
  release();
  assert.deepEqual([(await stream.next()).id, (await stream.next()).name], ['work', 'error']);
  assert.ok(stream.raw.includes("<reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"));
  assert.equal(await stream.closed(), 'stream');
  await within(stopped, 'the stop');
  await pause(SEVERAL_TRIES);
  assert.equal(server.connections, 1);
});

test('leaving: a plain close, also where the server never answers it', async (t) => {
  const { component, server } = await componentBefore(t);
  void component.start();
  const stream = await server.accept();
  stream.answersClose = false;
  await stream.establish();
  await within(component.stop('leaving'), 'the stop');
  assert.equal(await stream.closed(), 'stream');
  assert.ok(!stream.raw.includes('stream:error'));
  assert.equal(await stream.closed(), 'socket');
});

test('stopping while the server is away ends the tries', async (t) => {
  const { component, server } = await componentBefore(t);
  void component.start();
  const stream = await server.accept();
  stream.socket.destroy();
  await within(component.stop('restart'), 'the stop');
  await pause(SEVERAL_TRIES);
  assert.ok(server.connections <= 2);
});
