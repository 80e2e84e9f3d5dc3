import type { Counter, Metrics } from '../../shared/observability/types.js';

const COUNTERS = {
  pep_notifications_sent_total: 'Event notifications handed to the server.',
  pep_capabilities_asked_total: 'disco#info requests sent to learn what a client wants.',
} as const;

const GAUGES = {
  pep_resources_known: 'Available resources that the server has told of.',
  pep_contacts_kept: 'Roster contacts kept in memory.',
  pep_capabilities_kept: 'Capability hashes kept in memory.',
} as const;

/** For the generated list. */
export const PEP_METRICS = [
  ...Object.entries(COUNTERS).map(([name, help]) => ({ name, kind: 'counter' as const, help })),
  ...Object.entries(GAUGES).map(([name, help]) => ({ name, kind: 'gauge' as const, help })),
];

/** The counters of the pep process. */
export function pepCounters(metrics: Metrics): { readonly sent: Counter; readonly asked: Counter } {
  const counter = (name: keyof typeof COUNTERS): Counter => metrics.counter(name, COUNTERS[name]);
  return { sent: counter('pep_notifications_sent_total'), asked: counter('pep_capabilities_asked_total') };
}

/** Registers the gauges of the pep process; `read` is asked when they are. */
export function observePep(
  metrics: Metrics,
  read: Readonly<Record<keyof typeof GAUGES, () => number>>,
): void {
  const names: (keyof typeof GAUGES)[] = [
    'pep_resources_known',
    'pep_contacts_kept',
    'pep_capabilities_kept',
  ];
  for (const name of names) metrics.observedGauge(name, GAUGES[name], read[name]);
}
