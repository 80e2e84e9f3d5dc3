import type { Metrics } from '../observability/types.js';
import type { ComponentHealth } from './component.js';

/** The metrics of every component's link to its server. */
export function declareMetrics(metrics: Metrics, component: { readonly health: ComponentHealth }) {
  metrics.observedGauge(
    'component_connected',
    'Whether the stream to the server is up (1) or not (0).',
    () => (component.health.connected ? 1 : 0),
  );
  metrics.observedGauge(
    'component_outbound_bytes',
    'Bytes that wait to be written to the server.',
    () => component.health.outboundBytes,
  );
  metrics.observedGauge(
    'component_pending_requests',
    'IQ requests that are being handled.',
    () => component.health.pending,
  );
  return {
    received: metrics.counter('component_stanzas_received', 'Stanzas received from the server.'),
    sent: metrics.counter('component_stanzas_sent', 'Stanzas handed to the stream.'),
    notTaken: metrics.counter(
      'component_stanzas_not_taken',
      'Stanzas refused because the link was down or its queue full.',
    ),
    late: metrics.counter('component_answers_late', 'Answers dropped because their stream had ended.'),
    overload: metrics.counter('component_requests_refused', 'Requests answered resource-constraint.'),
  };
}
