import { type IqHandler, type IqRequest, NOT_MINE } from '../../shared/component/component.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { subjectOf } from './subject.js';
import { type VcardStore, vcardText } from './vcard-store.js';

export interface VcardOptions {
  /** Bare JIDs of the accounts that may set the server's own vCard. */
  readonly admins: readonly string[];
  readonly maxBytes: number;
}

/** Publishing or replacing one's own vCard (XEP-0054 §3.2), or the server's by its administrators. */
export function updateVcard(store: VcardStore, options: VcardOptions): IqHandler {
  const admins = new Set(options.admins);

  return async (request) => {
    if (request.delegated === null) return NOT_MINE;
    const { kind, owner } = subjectOf(request);
    // §3.2: `forbidden` for another's vCard, whether or not there is such an account.
    if (kind === 'other' || (kind === 'server' && !isAdmin(request))) throw new StanzaError('forbidden');

    const { payload } = request;
    if (payload.children.length === 0 && request.from.isBare) {
      // So the server removes those of removed accounts. What a client publishes is published, empty or not.
      await store.remove(owner);
      return undefined;
    }
    const text = vcardText(payload);
    if (Buffer.byteLength(text) > options.maxBytes) {
      throw new StanzaError('policy-violation', {
        text: `a vCard may have at most ${options.maxBytes} bytes`,
      });
    }
    await store.put(owner, text);
    return undefined;
  };

  function isAdmin({ from }: IqRequest): boolean {
    return admins.has(from.bare);
  }
}
