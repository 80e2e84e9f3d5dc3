import type { FieldDeclaration } from '../../shared/xmpp/forms.js';
import type { CommandRequest } from '../commands/command-registry.js';
import type { Core } from '../core.js';
import { textsOf } from './admin-command.js';
import { announceToAll } from './announce.js';

const DELAYS = [0, 30, 60, 120, 300, 600, 1800];

/** XEP-0133 §4.30, §4.31: when, and what everybody is told before. */
export const SERVICE_END_FIELDS: readonly FieldDeclaration[] = [
  {
    var: 'delay',
    type: 'list-single',
    label: 'Time delay before it happens',
    options: DELAYS.map((seconds) => ({ value: String(seconds), label: `${seconds} seconds` })),
    default: '60',
    required: true,
  },
  { var: 'announcement', type: 'text-multi', label: 'Announcement to online users' },
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
