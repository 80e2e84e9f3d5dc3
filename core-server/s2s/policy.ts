import { prepareDomain } from '../../shared/xmpp/jid.js';

/** How another server must prove itself. `dialback` still prefers a valid certificate. */
type FederationRule = 'strict' | 'dialback' | 'refuse';

/** What the operator asks of other servers, by domain. */
export class FederationPolicy {
  readonly requireTls: boolean;
  readonly #general: FederationRule;
  readonly #exceptions: ReadonlyMap<string, FederationRule>;

  constructor(general: FederationRule, exceptions: ReadonlyMap<string, FederationRule>, requireTls: boolean) {
    this.#general = general;
    this.#exceptions = exceptions;
    this.requireTls = requireTls;
  }

  /** The rule for a remote domain (prepared); an exception for `*.example.org` holds for all domains below it. */
  ruleFor(domain: string): FederationRule {
    const own = this.#exceptions.get(domain);
    if (own !== undefined) return own;
    for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
      const above = this.#exceptions.get(`*${domain.slice(dot)}`);
      if (above !== undefined) return above;
    }
    return this.#general;
  }
}

/** Reads `domain=strict|dialback|refuse`; `*.domain` is all below it. Null where it is something else. */
export function parseException(text: string): readonly [domain: string, rule: FederationRule] | null {
  const [domainText = '', rule = '', ...more] = text.split('=').map((part) => part.trim());
  const wild = domainText.startsWith('*.');
  const domain = prepareDomain(wild ? domainText.slice(2) : domainText);
  if (domain === null || more.length > 0) return null;
  if (rule !== 'strict' && rule !== 'dialback' && rule !== 'refuse') return null;
  return [wild ? `*.${domain}` : domain, rule];
}

/** Reads the setting S2S_POLICY_EXCEPTIONS. Throws a TypeError that names the first that cannot be read. */
export function parseExceptions(texts: readonly string[]): Map<string, FederationRule> {
  return new Map(
    texts.map((text) => {
      const exception = parseException(text);
      if (exception === null) {
        throw new TypeError(`S2S_POLICY_EXCEPTIONS: expected domain=strict|dialback|refuse, got ${text}`);
      }
      return exception;
    }),
  );
}
