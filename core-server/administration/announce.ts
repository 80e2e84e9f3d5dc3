import { xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import type { Core } from '../core.js';
import { type AdminCommand, failed, textsOf } from './admin-command.js';

/** XEP-0133 §4.23: a message to everybody who has a session, and to nobody else. */
export const announce: AdminCommand = {
  node: 'announce',
  name: 'Send Announcement to Online Users',
  title: 'Making an Announcement',
  instructions: 'Fill out this form to make an announcement to all active users of this service.',
  fields: () => [{ var: 'announcement', type: 'text-multi', label: 'Announcement', required: true }],
  run(core, request) {
    const text = textsOf(request, 'announcement').join('\n');
    if (text.trim() === '') return failed('there is nothing to announce');
    const count = announceToAll(core, request.to.domain, text);
    return { note: { type: 'info', text: `Sent to ${count} session${count === 1 ? '' : 's'}` } };
  },
};

/** Sends a headline, which is never stored, to every session; returns how many there are. */
export function announceToAll(core: Core, from: string, text: string): number {
  let count = 0;
  for (const account of core.directory.online()) {
    for (const session of account.sessions) {
      session.deliver(
        Stanza.fromElement(
          xml('message', { from, to: session.jid.full, type: 'headline' }, xml('body', {}, text)),
        ),
      );
      count++;
    }
  }
  return count;
}
