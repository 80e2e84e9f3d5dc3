import type { CoreSettings } from '../settings.js';
import { unreadByStrangers } from './door.js';
import type { StreamLimits } from './transport.js';

type LimitSettings = Pick<
  CoreSettings,
  'LIMIT_XML_DEPTH' | 'LIMIT_XML_ATTRIBUTES' | 'LIMIT_XML_ELEMENTS' | 'LIMIT_STANZA_BYTES_UNAUTHENTICATED'
>;

/** What a client or another server may send, and leave unread, of these sizes in bytes. */
export function streamLimits(
  settings: LimitSettings,
  stanzaBytes: number,
  outboundBytes: number,
): StreamLimits {
  return {
    stanzaBytes,
    outboundBytes,
    depth: settings.LIMIT_XML_DEPTH,
    attributes: settings.LIMIT_XML_ATTRIBUTES,
    elements: settings.LIMIT_XML_ELEMENTS,
  };
}

/** The same for who has not said yet who it is. */
export function strangerLimits(settings: LimitSettings): StreamLimits {
  const stanzaBytes = settings.LIMIT_STANZA_BYTES_UNAUTHENTICATED;
  return streamLimits(settings, stanzaBytes, unreadByStrangers(stanzaBytes));
}
