// A process of the launcher's tests: it listens, reports its address, and misbehaves as FAKE_BEHAVIOUR says.
import { createServer } from 'node:net';
import { runProcess } from '../../shared/cli/process.js';
import {
  componentSettings,
  defineSettings,
  port,
  setting,
  sharedSettings,
  text,
} from '../../shared/settings/settings.js';

const definition = defineSettings({
  ...sharedSettings,
  ...componentSettings,
  COMPONENT_PORT: setting(port, { description: 'Where it listens, as the core.', default: 'auto' }),
  BOSH_PORT: setting(port, { description: 'Where it listens, as a component.', default: 'auto' }),
  FAKE_BEHAVIOUR: setting(text, { description: 'What it does wrong.', default: 'nothing' }),
});

const name = process.env['FAKE_NAME'] ?? 'core';

await runProcess({
  name,
  definition,
  async start({ settings, log, control, setReadiness }) {
    if (settings.FAKE_BEHAVIOUR === 'unready')
      setReadiness({ ready: false, reason: 'what it needs is away' });
    if (settings.FAKE_BEHAVIOUR === 'die') throw new Error('it cannot start');
    control.handle('crash', () => {
      setImmediate(() => {
        throw new Error('a handler throws');
      });
    });
    const server = createServer();
    const wanted = name === 'core' ? settings.COMPONENT_PORT : settings.BOSH_PORT;
    await new Promise<void>((resolve) =>
      server.listen({ port: wanted === 'auto' ? 0 : wanted, host: '127.0.0.1' }, resolve),
    );
    const address = server.address();
    const real = typeof address === 'object' && address !== null ? address.port : 0;
    log.info({ code: 'fake.core', corePort: settings.CORE_PORT });
    return {
      addresses: { [name === 'core' ? 'component' : 'http']: `127.0.0.1:${real}` },
      async drain() {
        if (settings.FAKE_BEHAVIOUR === 'hang') await new Promise(() => undefined);
        log.info({ code: 'fake.drained' });
        server.close();
      },
      reload() {
        log.info({ code: 'fake.reloaded' });
      },
    };
  },
});
