import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRoutes } from '../../../core-server/s2s/routes.js';
import { inServiceOrder } from '../../../core-server/s2s/srv-order.js';
import { createNameService, TargetResolver } from '../../../core-server/s2s/targets.js';
import { DnsServer, type Zone } from '../../tools/dns-server.js';

async function resolverFor(zone: Zone): Promise<{ dns: DnsServer; resolver: TargetResolver }> {
  const dns = await DnsServer.start(zone);
  return { dns, resolver: new TargetResolver(createNameService([dns.address]), new Map()) };
}

test('RFC 2782: lower priority first, weights within one priority', () => {
  const record = (name: string, priority: number, weight: number) => ({
    name,
    port: 1,
    priority,
    weight,
    direct: false,
  });
  const records = [record('later', 20, 100), record('light', 10, 10), record('heavy', 10, 90)];
  let heavyFirst = 0;
  for (let k = 0; k < 2000; k++) {
    const order = inServiceOrder(records).map(({ name }) => name);
    assert.equal(order[2], 'later');
    if (order[0] === 'heavy') heavyFirst++;
  }
  assert.ok(heavyFirst > 1700 && heavyFirst < 1900, `heavy first ${heavyFirst} of 2000 times`);
  // the running sum of the algorithm, step by step
  const at = (random: number) => inServiceOrder(records, () => random)[0]?.name;
  assert.equal(at(0), 'light');
  assert.equal(at(0.999), 'heavy');
  // weight 0 comes first only when nothing else is chosen
  const zero = [record('some', 1, 5), record('zero', 1, 0)];
  assert.equal(inServiceOrder(zero, () => 0)[0]?.name, 'zero');
  assert.equal(inServiceOrder(zero, () => 0.5)[0]?.name, 'some');
  assert.equal(inServiceOrder(zero, () => 0.5).length, 2);
});

test('RFC 6120 §3.2.1, XEP-0368: both services mixed by priority', async () => {
  const { dns, resolver } = await resolverFor({
    srv: {
      '_xmpp-server._tcp.a.example': [
        { port: 5269, target: 'second.a.example', priority: 2 },
        { port: 5299, target: 'fourth.a.example', priority: 4 },
      ],
      '_xmpps-server._tcp.a.example': [
        { port: 5270, target: 'first.a.example', priority: 1 },
        { port: 443, target: 'third.a.example', priority: 3 },
      ],
    },
    a: { 'first.a.example': ['127.0.0.1', '127.0.0.2'] },
  });
  assert.deepEqual(await resolver.targets('a.example'), [
    { host: 'first.a.example', port: 5270, direct: true, fallback: false },
    { host: 'second.a.example', port: 5269, direct: false, fallback: false },
    { host: 'third.a.example', port: 443, direct: true, fallback: false },
    { host: 'fourth.a.example', port: 5299, direct: false, fallback: false },
  ]);
  assert.deepEqual(await resolver.addresses('first.a.example'), ['127.0.0.1', '127.0.0.2']);
  assert.deepEqual(await resolver.addresses('second.a.example'), []);
  await dns.stop();
});

test('RFC 6120 §3.2.2: without SRV records the domain itself at 5269', async () => {
  const { dns, resolver } = await resolverFor({ a: { 'b.example': ['127.0.0.3'] } });
  assert.deepEqual(await resolver.targets('b.example'), [
    { host: 'b.example', port: 5269, direct: false, fallback: true },
  ]);
  assert.deepEqual(await resolver.targets('bücher.example'), [
    { host: 'xn--bcher-kva.example', port: 5269, direct: false, fallback: true },
  ]);
  assert.deepEqual(await resolver.targets('127.0.0.9'), [
    { host: '127.0.0.9', port: 5269, direct: false, fallback: true },
  ]);
  assert.deepEqual(await resolver.targets('[::1]'), [
    { host: '::1', port: 5269, direct: false, fallback: true },
  ]);
  await dns.stop();
});

test('RFC 2782: the target "." says that there is no service, and no fallback follows', async () => {
  const { dns, resolver } = await resolverFor({
    srv: {
      '_xmpp-server._tcp.c.example': [{ port: 0, target: '.' }],
      '_xmpps-server._tcp.d.example': [{ port: 0, target: '.' }],
      '_xmpp-server._tcp.d.example': [{ port: 5269, target: 'x.d.example' }],
    },
    a: { 'c.example': ['127.0.0.1'] },
  });
  await assert.rejects(resolver.targets('c.example'), { condition: 'remote-server-not-found' });
  // XEP-0368 §5: only direct TLS is not offered
  assert.deepEqual(await resolver.targets('d.example'), [
    { host: 'x.d.example', port: 5269, direct: false, fallback: false },
  ]);
  await dns.stop();
});

test('RFC 8305 §4: address families take turns', async () => {
  const resolver = new TargetResolver(
    {
      resolveSrv: () => Promise.reject(new Error('none')),
      resolve4: async () => ['192.0.2.1', '192.0.2.2', '192.0.2.3'],
      resolve6: async () => ['2001:db8::1'],
    },
    new Map(),
  );
  assert.deepEqual(await resolver.addresses('x.example'), [
    '2001:db8::1',
    '192.0.2.1',
    '192.0.2.2',
    '192.0.2.3',
  ]);
});

test('S2S_ROUTES: domains without DNS, the rest by `*`, direct TLS by tls://', async () => {
  const routes = parseRoutes(['A.example=10.0.0.1:5300', 'b.example=tls://[::1]:443', '*=relay.example']);
  const resolver = new TargetResolver(createNameService([]), routes);
  assert.deepEqual(await resolver.targets('a.example'), [
    { host: '10.0.0.1', port: 5300, direct: false, fallback: false },
  ]);
  assert.deepEqual(await resolver.targets('b.example'), [
    { host: '::1', port: 443, direct: true, fallback: false },
  ]);
  assert.deepEqual(await resolver.targets('c.example'), [
    { host: 'relay.example', port: 5269, direct: false, fallback: false },
  ]);
  for (const bad of ['a.example', '=x:1', 'a.example=', 'a.example=x:99999', 'a b=@:1'])
    assert.throws(() => parseRoutes([bad]), TypeError, bad);
});
