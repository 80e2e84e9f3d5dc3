import type { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { defineFeature } from '../feature.js';
import type { Session } from './session.js';

/** More than this is handed over even to an inactive client. */
const HELD_LIMIT = 500;
/** The same in bytes (UTF-16 units): what is held is outside the bound of the session's own queue. */
const HELD_BYTES = 128 * 1024;

/** Held stanzas of an inactive session, the newest for each key, in order. */
interface Held {
  readonly stanzas: Map<string, Stanza>;
  bytes: number;
}

/** Client state indication (XEP-0352): an inactive client is spared presence and chat states until something matters. */
export const clientState = defineFeature({
  name: 'client state indication',
  xeps: [{ id: '0352', version: '1.0.0', status: 'complete' }],
  setup(core) {
    const inactive = new WeakMap<Session, Held>();

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
          if (!inactive.has(session)) inactive.set(session, nothingHeld());
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
      if (key !== null && held.stanzas.size < HELD_LIMIT && held.bytes + stanza.source.length <= HELD_BYTES) {
        held.bytes += stanza.source.length - (held.stanzas.get(key)?.source.length ?? 0);
        held.stanzas.delete(key);
        held.stanzas.set(key, stanza);
        return true;
      }
      // something important: what was held comes first, so that the order stays
      if (held.stanzas.size > 0) {
        inactive.set(session, nothingHeld());
        release(session, held);
      }
      return undefined;
    });

    function release(session: Session, held: Held): void {
      for (const stanza of held.stanzas.values()) session.enqueue(stanza);
    }
  },
});

function nothingHeld(): Held {
  return { stanzas: new Map(), bytes: 0 };
}

/** Under which key a newer stanza replaces an older one; null for what must be delivered at once. */
function mergeKey(stanza: Stanza): string | null {
  if (stanza.name === 'presence') {
    // the client itself came to, left or was put out of a room (XEP-0045 §16.6.2: status 110)
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
