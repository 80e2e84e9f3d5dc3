import type { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { defineFeature } from '../feature.js';
import type { Session } from './session.js';

/** More than this is handed over even to an inactive client. */
const HELD_LIMIT = 500;

/** Client state indication (XEP-0352): an inactive client is spared presence and chat states until something matters. */
export const clientState = defineFeature({
  name: 'client state indication',
  xeps: [{ id: '0352', version: '1.0.0', status: 'complete' }],
  setup(core) {
    /** Held stanzas of inactive sessions, the newest for each key, in order of their first appearance. */
    const inactive = new WeakMap<Session, Map<string, Stanza>>();

    core.streamFeatures.add({
      name: 'client state indication',
      namespaces: [NS.clientState],
      offer: (stream) => (stream.account === null ? null : `<csi xmlns='${NS.clientState}'/>`),
      receive(stream, element) {
        const { session } = stream;
        if (session === null) return stream.fail('not-authorized');
        if (element.name === 'active') core.clientState.set(session, true);
        else if (element.name === 'inactive') core.clientState.set(session, false);
        else stream.fail('unsupported-stanza-type');
      },
    });

    core.clientState = {
      set(session, active) {
        if (!active) {
          if (!inactive.has(session)) inactive.set(session, new Map());
          return;
        }
        const held = inactive.get(session);
        inactive.delete(session);
        if (held !== undefined) release(session, held);
      },
    };
    // §4.2: a client that resumes is active again
    core.hooks.sessionResumed.on((session) => core.clientState.set(session, true));

    core.hooks.sessionOutbound.add(50, (session, stanza) => {
      const held = inactive.get(session);
      if (held === undefined) return undefined;
      const key = mergeKey(stanza);
      if (key !== null && held.size < HELD_LIMIT) {
        held.delete(key);
        held.set(key, stanza);
        return true;
      }
      // something important: what was held comes first, so that the order stays
      if (held.size > 0) {
        inactive.set(session, new Map());
        release(session, held);
      }
      return undefined;
    });

    function release(session: Session, held: ReadonlyMap<string, Stanza>): void {
      for (const stanza of held.values()) session.enqueue(stanza);
    }
  },
});

/** Under which key a newer stanza replaces an older one; null for what must be delivered at once. */
function mergeKey(stanza: Stanza): string | null {
  if (stanza.name === 'presence') {
    // the client itself came to, left or was put out of a room (XEP-0045 §15.6.2: status 110)
    if (/\bcode=(['"])110\1/.test(stanza.source) && stanza.hasChild('x', NS.mucUser)) return null;
    // subscription requests want an answer
    return stanza.type === undefined || stanza.type === 'unavailable' ? `presence ${stanza.from}` : null;
  }
  if (stanza.name !== 'message' || stanza.type === 'error') return null;
  const children = stanza.children();
  const onlyChatState =
    children.length > 0 &&
    children.some(({ namespace }) => namespace === NS.chatStates) &&
    children.every(
      ({ name, namespace }) => namespace === NS.chatStates || name === 'thread' || namespace === NS.hints,
    );
  return onlyChatState ? `state ${stanza.from}` : null;
}
