import type { FieldDeclaration } from '../../shared/xmpp/forms.js';
import type { CommandRequest } from '../commands/command-registry.js';
import type { Core } from '../core.js';
import { textsOf } from './admin-command.js';
import { announceToAll } from './announce.js';

const DELAYS = [
  { value: '0', label: 'At once' },
  { value: '30', label: '30 seconds' },
  { value: '60', label: '60 seconds' },
  { value: '90', label: '90 seconds' },
  { value: '120', label: '2 minutes' },
  { value: '180', label: '3 minutes' },
  { value: '240', label: '4 minutes' },
  { value: '300', label: '5 minutes' },
];

/** XEP-0133 §4.30, §4.31: when, and what everybody is told before. */
export const serviceEndFields = (before: string): readonly FieldDeclaration[] => [
  {
    var: 'delay',
    type: 'list-single',
    label: `Time delay before ${before}`,
    options: DELAYS,
    default: '60',
    required: true,
  },
  { var: 'announcement', type: 'text-multi', label: 'Announcement' },
];

/** The answer to the command has to leave before the service does. */
const LEAST_MILLISECONDS = 500;

/** Announces the end, then runs `end`; returns the delay in seconds. */
export function endLater(core: Core, request: CommandRequest, end: () => void): number {
  const announcement = textsOf(request, 'announcement').join('\n');
  if (announcement.trim() !== '') announceToAll(core, request.to.domain, announcement);
  const seconds = Number(request.values['delay'] ?? 0);
  setTimeout(end, Math.max(LEAST_MILLISECONDS, seconds * 1000)).unref();
  return seconds;
}
