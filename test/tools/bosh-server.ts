import { type Bosh, type BoshOptions, composeBosh } from '../../components/bosh/bosh.js';
import { type BoshLimits, defaultLimits } from '../../components/bosh/session/limits.js';
import { createMetrics } from '../../shared/observability/metrics.js';
import { type Attributes, type BoshAnswer, BoshClient, type PostOptions } from './bosh-client.js';
import { type ScriptedStream, ScriptedUpstream } from './scripted-upstream.js';
import { recordingLogger } from './silent-logger.js';

/** A session that a client has created, and the stream behind it. */
interface TestSession {
  readonly client: BoshClient;
  readonly stream: ScriptedStream;
  /** The answer to the session creation request. */
  readonly created: BoshAnswer;
}

export interface TestBosh extends Bosh {
  readonly upstream: ScriptedUpstream;
  readonly port: number;
  /** Creates a session with these attributes (XEP-0124 §7.1). */
  session(attributes?: Attributes, options?: PostOptions): Promise<TestSession>;
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
  const session = async (attributes?: Attributes, options?: PostOptions) => {
    const client = new BoshClient(port);
    const created = await client.create(attributes, options);
    return { client, stream: upstream.last, created };
  };
  return { ...bosh, upstream, port, session, stop: () => bosh.drain() };
}
