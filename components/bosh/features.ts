import { runtimeFeatures } from '../../shared/component/features.js';

/** What the bosh process speaks and counts, for the DOAP file and the list of metrics. */
export const features = [
  ...runtimeFeatures,
  {
    name: 'bosh',
    xeps: [
      { id: '0124', version: '1.11.2', status: 'complete', note: 'without the optional multiple streams' },
      { id: '0206', version: '1.4', status: 'complete' },
      { id: '0156', version: '1.4.0', status: 'complete', note: 'host-meta, XRD and JRD' },
    ],
    metrics: [
      { name: 'bosh_requests_total', kind: 'counter', help: 'Requests to the BOSH endpoint.' },
      { name: 'bosh_sessions', kind: 'gauge', help: 'BOSH sessions.' },
      { name: 'bosh_held_requests', kind: 'gauge', help: 'BOSH requests held open.' },
    ],
  },
  {
    name: 'websocket',
    specifications: ['RFC 7395'],
    metrics: [
      { name: 'bosh_websocket_handshakes_total', kind: 'counter', help: 'WebSocket handshakes.' },
      { name: 'bosh_websocket_sessions', kind: 'gauge', help: 'WebSocket sessions.' },
    ],
  },
];
