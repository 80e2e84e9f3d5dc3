import { type Bosh, type BoshOptions, composeBosh } from '../../components/bosh/bosh.js';
import { type BoshLimits, defaultLimits } from '../../components/bosh/session/limits.js';
import { createMetrics } from '../../shared/observability/metrics.js';
import { ScriptedUpstream } from './scripted-upstream.js';
import { recordingLogger } from './silent-logger.js';

export interface TestBosh extends Bosh {
  readonly upstream: ScriptedUpstream;
  readonly port: number;
  stop(): Promise<void>;
}

/** The HTTP side on a free port, over a scripted upstream. */
export async function startBosh(
  limits: Partial<BoshLimits> = {},
  options: Partial<BoshOptions> = {},
): Promise<TestBosh> {
  const upstream = new ScriptedUpstream();
  if (limits.stanzaBytes !== undefined) upstream.limits.stanzaBytes = limits.stanzaBytes;
  const bosh = composeBosh({
    upstream,
    limits: { ...defaultLimits, hold: 4, ...limits },
    origins: [],
    trustedProxies: [],
    publicUrl: undefined,
    requireTls: false,
    compress: true,
    instance: '',
    pingSeconds: 30,
    log: recordingLogger(),
    metrics: createMetrics({ process: 'bosh' }),
    pages: new Map(),
    ...options,
  });
  const { port } = await bosh.server.listen(0, '127.0.0.1');
  return { ...bosh, upstream, port, stop: () => bosh.drain() };
}
