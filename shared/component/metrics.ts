import type { Counter, Metrics } from '../observability/types.js';
import type { ComponentHealth } from './component.js';

const GAUGES = {
  component_connected: 'Whether the stream to the server is up (1) or not (0).',
  component_outbound_bytes: 'Bytes that wait to be written to the server.',
  component_pending_requests: 'IQ requests that are being handled.',
} as const;

const COUNTERS = {
  component_stanzas_received_total: 'Stanzas received from the server.',
  component_stanzas_sent_total: 'Stanzas handed to the stream.',
  component_stanzas_not_taken_total: 'Stanzas refused because the link was down or its queue full.',
  component_answers_late_total: 'Answers dropped because their stream had ended.',
  component_requests_refused_total: 'Requests answered resource-constraint.',
} as const;

/** What every component's link to its server is measured by, for the generated list. */
export const LINK_METRICS = [
  ...Object.entries(GAUGES).map(([name, help]) => ({ name, kind: 'gauge' as const, help })),
  ...Object.entries(COUNTERS).map(([name, help]) => ({ name, kind: 'counter' as const, help })),
];

export interface LinkCounters {
  readonly received: Counter;
  readonly sent: Counter;
  readonly notTaken: Counter;
  readonly late: Counter;
  readonly overload: Counter;
}

/** Declares the metrics of one component's link. */
export function declareMetrics(
  metrics: Metrics,
  component: { readonly health: ComponentHealth },
): LinkCounters {
  const gauge = (name: keyof typeof GAUGES, read: () => number): void =>
    metrics.observedGauge(name, GAUGES[name], read);
  const counter = (name: keyof typeof COUNTERS): Counter => metrics.counter(name, COUNTERS[name]);
  gauge('component_connected', () => (component.health.connected ? 1 : 0));
  gauge('component_outbound_bytes', () => component.health.outboundBytes);
  gauge('component_pending_requests', () => component.health.pending);
  return {
    received: counter('component_stanzas_received_total'),
    sent: counter('component_stanzas_sent_total'),
    notTaken: counter('component_stanzas_not_taken_total'),
    late: counter('component_answers_late_total'),
    overload: counter('component_requests_refused_total'),
  };
}
