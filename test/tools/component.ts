import type { TestContext } from 'node:test';
import type { Component } from '../../shared/component/component.js';
import { type ComponentOptions, createComponent } from '../../shared/component/runtime.js';
import { createMetrics } from '../../shared/observability/metrics.js';
import type { CoreUnderTest } from './core-harness.js';
import { FakeServer } from './fake-server.js';
import { type RecordingLogger, recordingLogger } from './silent-logger.js';

interface TestComponent {
  readonly component: Component;
  readonly server: FakeServer;
  readonly log: RecordingLogger;
}

/** A component `<name>.localhost` of a running core that knows it by the secret `secret`; not started. */
export function componentOf(core: CoreUnderTest, name: string, serverDomains = ['localhost']): Component {
  const { host, port } = core.address('component');
  return createComponent({
    domain: `${name}.localhost`,
    secret: 'secret',
    host,
    port,
    serverDomains,
    software: { name: 'test', version: '1' },
    log: recordingLogger(),
    metrics: createMetrics({ process: 'test' }),
  });
}

/** A component `vcard.capulet.lit` before a fake server `capulet.lit`, not started; both end with the test. */
export async function componentBefore(
  t: TestContext,
  options: Partial<ComponentOptions> & { server?: FakeServer } = {},
): Promise<TestComponent> {
  const server = options.server ?? (await FakeServer.listen());
  const log = recordingLogger();
  const component = createComponent({
    domain: 'vcard.capulet.lit',
    secret: 'Öffne dich',
    host: '127.0.0.1',
    port: server.port,
    serverDomains: ['capulet.lit'],
    software: { name: 'test', version: '1' },
    log,
    metrics: createMetrics({ process: 'test' }),
    ...options,
    timing: {
      lost: { first: 5, most: 40 },
      broken: { first: 5, most: 40 },
      closeMilliseconds: 100,
      drainMilliseconds: 1_000,
      ...options.timing,
    },
  });
  t.after(async () => {
    await component.stop('leaving');
    await server.close();
  });
  return { component, server, log };
}
