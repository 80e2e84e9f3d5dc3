import { NS } from '../../shared/xmpp/namespaces.js';

/** XEP-0203, by the room (XEP-0045 §7.2.13). `room` is an attribute's value already. */
export function delayElement(room: string, milliseconds: number): string {
  return `<delay xmlns='${NS.delay}' from='${room}' stamp='${new Date(milliseconds).toISOString()}'/>`;
}
