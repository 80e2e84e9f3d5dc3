import { createHash } from 'node:crypto';
import { child, clone, type Element } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { type Jid, prepareResource } from '../../../shared/xmpp/jid.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import type { Core } from '../../core.js';
import { randomResource } from '../../sessions/session-service.js';
import type { ClientStream } from '../client-stream.js';

/** What XEP-0386 §3 advertises inside `<authentication/>`. */
export const BIND2_INLINE =
  `<bind xmlns='${NS.bind2}'><inline><feature var='${NS.carbons}'/><feature var='${NS.clientState}'/>` +
  `<feature var='${NS.streamManagement}'/></inline></bind>`;

interface InlineBinding {
  /** The full JID. */
  readonly identity: string;
  /** `<bound/>` with the answers of inline features. */
  readonly text: string;
  /** To be called when `<success/>` has been sent. */
  begin(): void;
}

/** Binds a resource inside SASL2 (XEP-0386 §3.2). Rejects with a StanzaError when it cannot be. */
export async function bindInline(
  core: Core,
  stream: ClientStream,
  request: Element,
  bind: Element,
): Promise<InlineBinding> {
  const account = stream.account;
  if (account === null) throw new Error('not authenticated');
  const session = await core.sessions.bind(
    stream,
    account,
    resourceFor(account, request, bind),
    stream.lang,
    'replace',
  );
  stream.bound(session);
  let features = '';
  const enable = child(bind, 'enable', NS.streamManagement);
  if (enable !== undefined)
    features += core.streamManagement.enable(stream, Stanza.fromElement(clone(enable)));
  if (child(bind, 'enable', NS.carbons) !== undefined) session.carbons = true;
  const inactive = child(bind, 'inactive', NS.clientState) !== undefined;
  return {
    identity: session.jid.full,
    text: `<bound xmlns='${NS.bind2}'>${features}</bound>`,
    begin: () => {
      if (inactive) core.clientState.set(session, false);
    },
  };
}

/** XEP-0388 §2.3: what an id has to be; anything else identifies nobody, an empty one least of all. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * §4.1: the client's tag, then something of ours: derived from the user agent's id where there is one, so that the same
 * installation gets the same resource (and its former session is replaced), without showing the id, nor that two accounts
 * share it.
 */
function resourceFor(account: Jid, request: Element, bind: Element): string {
  const tag = child(bind, 'tag', NS.bind2)?.getText().trim() ?? '';
  const agent = child(request, 'user-agent', NS.sasl2)?.attrs['id'];
  const own =
    agent === undefined || !UUID.test(agent)
      ? randomResource()
      : createHash('sha256')
          .update(`bind2\0${account.bare}\0${agent}\0${tag}`)
          .digest('base64url')
          .slice(0, 16);
  const wanted = tag === '' ? own : `${tag}/${own}`;
  return prepareResource(wanted) ?? own;
}
