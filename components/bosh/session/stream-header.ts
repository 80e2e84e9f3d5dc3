import { prepareDomain } from '../../../shared/xmpp/jid.js';
import type { ClientEnd, ClientHeader } from '../upstreams/upstream.js';
import type { BodyRequest } from './body-request.js';
import type { TerminalCondition } from './conditions.js';

/** The stream header that a creation request stands for (XEP-0206 §"Session Creation Request"). */
export function headerOf({ to = '', from, version, lang, route }: BodyRequest): ClientHeader {
  return { to, from, version, lang, route };
}

/**
 * A restart request names the version never and the rest seldom (XEP-0206): the session's own hold. Undefined where it
 * names another domain: which ones may be asked for, and who the server is, was settled for the first.
 */
export function restartHeader(
  header: ClientHeader,
  { to, from, lang, version }: Partial<ClientHeader>,
): ClientHeader | undefined {
  if (to !== undefined && prepareDomain(to) !== header.to) return undefined;
  return {
    ...header,
    from: from ?? header.from,
    lang: lang ?? header.lang,
    version: version ?? header.version,
  };
}

/** What the server is told of a client whose session ended by its own fault. */
export function clientEndOf(condition: TerminalCondition): ClientEnd {
  return condition === 'policy-violation' || condition === 'bad-request' ? condition : 'connection-lost';
}
