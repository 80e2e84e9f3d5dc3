import { xml } from '../../../shared/xml/element.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { defineFeature } from '../../feature.js';

/** Entity time of the server (XEP-0202). */
export const time = defineFeature({
  name: 'entity time',
  xeps: [
    { id: '0202', version: '2.0', status: 'complete' },
    { id: '0082', version: '1.1.1', status: 'complete' },
  ],
  setup(core) {
    core.disco.feature('server', NS.time);
    core.iq.on('server', 'get', NS.time, 'time', () => {
      const now = new Date();
      return xml(
        'time',
        { xmlns: NS.time },
        xml('tzo', {}, offsetOf(now)),
        xml('utc', {}, now.toISOString().replace(/\.\d+Z$/, 'Z')),
      );
    });
  },
});

/** XEP-0082's time zone definition of the place where the server runs. */
function offsetOf(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  if (minutes === 0) return 'Z';
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}
