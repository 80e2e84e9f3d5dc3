import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLogger } from '../../../shared/observability/logger.js';
import { createMetrics } from '../../../shared/observability/metrics.js';
import { type Readiness, startObservabilityServer } from '../../../shared/observability/server.js';

function capture() {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    process: 'muc',
    destination: { write: (line) => lines.push(JSON.parse(line)) },
  });
  return { log, lines };
}

describe('logger', () => {
  test('writes JSON with process, level and code, and cuts out secrets', () => {
    const { log, lines } = capture();
    log
      .child({ stream: 's1' })
      .warn(
        { code: 'c2s.login-failed', password: 'p', request: { secret: 's' }, error: new Error('no') },
        'refused',
      );
    const { time, error, ...line } = lines[0] ?? {};
    assert.deepEqual(line, {
      level: 'warn',
      process: 'muc',
      stream: 's1',
      code: 'c2s.login-failed',
      password: '(hidden)',
      request: { secret: '(hidden)' },
      msg: 'refused',
    });
    assert.ok(!Number.isNaN(Date.parse(String(time))));
    assert.equal((error as { message: string }).message, 'no');
  });

  test('a new level holds for children made before', () => {
    const { log, lines } = capture();
    const child = log.child({ a: 1 });
    child.debug({ code: 'x.one' });
    log.level = 'debug';
    child.debug({ code: 'x.two' });
    log.level = 'error';
    child.warn({ code: 'x.three' });
    assert.deepEqual(
      lines.map(({ code }) => code),
      ['x.two'],
    );
    assert.equal(child.isLevelEnabled('error'), true);
    assert.equal(child.isLevelEnabled('warn'), false);
  });
});

describe('metrics', () => {
  test('counts between scrapes, with and without labels', async () => {
    const metrics = createMetrics({ process: 'core' });
    const plain = metrics.counter('things_total', 'Things.');
    const labelled = metrics.counter('stanzas_total', 'Stanzas.', ['kind']);
    let queue = 7;
    metrics.observedGauge('queue', 'Queue.', () => queue);
    assert.match(await metrics.expose(), /^xmpp_things_total\{process="core"\} 0$/m);
    plain.inc();
    plain.inc(2);
    labelled.inc(1, { kind: 'iq' });
    labelled.inc(1, { kind: 'iq' });
    queue = 8;
    await metrics.expose();
    labelled.inc(3, { kind: 'message' });
    const text = await metrics.expose();
    assert.match(text, /^xmpp_things_total\{process="core"\} 3$/m);
    assert.match(text, /^xmpp_stanzas_total\{kind="iq",process="core"\} 2$/m);
    assert.match(text, /^xmpp_stanzas_total\{kind="message",process="core"\} 3$/m);
    assert.match(text, /^xmpp_queue\{process="core"\} 8$/m);
  });

  test('a name declared twice is one metric, and cannot change its type', async () => {
    const metrics = createMetrics({ process: 'core' });
    metrics.counter('a_total', 'A.').inc();
    metrics.counter('a_total', 'A.').inc();
    assert.match(await metrics.expose(), /^xmpp_a_total\{process="core"\} 2$/m);
    assert.throws(() => metrics.gauge('a_total', 'A.'), TypeError);
    assert.deepEqual(
      metrics.descriptions().map(({ name, type }) => [name, type]),
      [['xmpp_a_total', 'counter']],
    );
  });
});

describe('observability server', () => {
  test('serves metrics, health and readiness', async (t) => {
    let readiness: Readiness = { ready: false, reason: 'no link to the core' };
    const { log } = capture();
    const server = await startObservabilityServer({
      port: 'auto',
      host: '127.0.0.1',
      metrics: createMetrics({ process: 'muc' }),
      log,
      ready: () => readiness,
    });
    t.after(() => server.close());
    const get = async (path: string, method = 'GET') => {
      const response = await fetch(`http://127.0.0.1:${server.address?.port}${path}`, { method });
      return [response.status, await response.text()] as const;
    };
    assert.match((await get('/metrics'))[1], /process_cpu_seconds_total/);
    assert.deepEqual(await get('/healthz'), [200, 'ok\n']);
    assert.deepEqual(await get('/readyz'), [503, 'not ready: no link to the core\n']);
    readiness = { ready: true };
    assert.deepEqual(await get('/readyz'), [200, 'ready\n']);
    assert.equal((await get('/secret'))[0], 404);
    assert.equal((await get('/metrics', 'POST'))[0], 405);
  });

  test('port 0 is off', async () => {
    const { log } = capture();
    const server = await startObservabilityServer({
      port: 0,
      host: '127.0.0.1',
      metrics: createMetrics({ process: 'muc' }),
      log,
      ready: () => ({ ready: true }),
    });
    assert.equal(server.address, null);
    await server.close();
  });
});
