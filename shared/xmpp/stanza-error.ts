import { clone, type Element, xml } from '../xml/element.js';
import { Stanza } from '../xml/stanza.js';
import { NS } from './namespaces.js';

export type StanzaErrorType = 'auth' | 'cancel' | 'continue' | 'modify' | 'wait';

/**
 * Every condition of RFC 6120 §8.3.3 (and `payment-required`, which RFC 3920 had) with the type that goes with it and its
 * legacy code (XEP-0086 table 1). Where RFC 6120 and XEP-0086 name different types, the RFC's is here; where the RFC leaves
 * a choice (`unexpected-request`, `policy-violation`), the one that tells the sender not to repeat itself at once.
 */
export const definedConditions = {
  'bad-request': { type: 'modify', code: 400 },
  conflict: { type: 'cancel', code: 409 },
  'feature-not-implemented': { type: 'cancel', code: 501 },
  forbidden: { type: 'auth', code: 403 },
  gone: { type: 'cancel', code: 302 },
  'internal-server-error': { type: 'cancel', code: 500 },
  'item-not-found': { type: 'cancel', code: 404 },
  'jid-malformed': { type: 'modify', code: 400 },
  'not-acceptable': { type: 'modify', code: 406 },
  'not-allowed': { type: 'cancel', code: 405 },
  'not-authorized': { type: 'auth', code: 401 },
  'payment-required': { type: 'auth', code: 402 },
  // Younger than XEP-0086: what is asked for is well-formed and understood, and not acceptable here.
  'policy-violation': { type: 'modify', code: 406 },
  'recipient-unavailable': { type: 'wait', code: 404 },
  redirect: { type: 'modify', code: 302 },
  'registration-required': { type: 'auth', code: 407 },
  'remote-server-not-found': { type: 'cancel', code: 404 },
  'remote-server-timeout': { type: 'wait', code: 504 },
  'resource-constraint': { type: 'wait', code: 500 },
  'service-unavailable': { type: 'cancel', code: 503 },
  'subscription-required': { type: 'auth', code: 407 },
  'undefined-condition': { type: 'cancel', code: 500 },
  'unexpected-request': { type: 'wait', code: 400 },
} as const satisfies Record<string, { type: StanzaErrorType; code: number }>;

export type DefinedCondition = keyof typeof definedConditions;

/** What a bare legacy code means (XEP-0086 table 2); the type only where it is not the condition's own. */
const legacyCodes: Readonly<Record<string, { condition: DefinedCondition; type?: StanzaErrorType }>> = {
  302: { condition: 'redirect' },
  400: { condition: 'bad-request' },
  401: { condition: 'not-authorized' },
  402: { condition: 'payment-required' },
  403: { condition: 'forbidden' },
  404: { condition: 'item-not-found' },
  405: { condition: 'not-allowed' },
  406: { condition: 'not-acceptable' },
  407: { condition: 'registration-required' },
  408: { condition: 'remote-server-timeout' },
  409: { condition: 'conflict' },
  500: { condition: 'internal-server-error', type: 'wait' },
  501: { condition: 'feature-not-implemented' },
  502: { condition: 'service-unavailable', type: 'wait' },
  503: { condition: 'service-unavailable' },
  504: { condition: 'remote-server-timeout' },
  510: { condition: 'service-unavailable' },
};

export interface StanzaErrorOptions {
  /** Default: the condition's own. */
  readonly type?: StanzaErrorType | undefined;
  /** For people, in the language `lang` (default `en`). Nothing secret and no message body may be in it. */
  readonly text?: string | undefined;
  readonly lang?: string | undefined;
  /** The new address that `gone` and `redirect` may carry, as a URI (RFC 6120 §8.3.3.5, §8.3.3.14). */
  readonly address?: string | undefined;
  /** The application-specific condition (RFC 6120 §8.3.4), with its namespace. */
  readonly application?: Element | undefined;
  /** The JID of the entity that found the error. */
  readonly by?: string | undefined;
}

/** A stanza error (RFC 6120 §8.3): thrown by handlers as the answer to a request, and what an error answer is read as. */
export class StanzaError extends Error {
  override readonly name = 'StanzaError';
  readonly type: StanzaErrorType;
  readonly condition: DefinedCondition;
  readonly text: string | undefined;
  readonly lang: string | undefined;
  readonly address: string | undefined;
  readonly application: Element | undefined;
  readonly by: string | undefined;

  constructor(condition: DefinedCondition, options: StanzaErrorOptions = {}) {
    // An answer, not a fault: a flood of refused stanzas must not cost a stack trace each.
    const depth = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(options.text === undefined ? condition : `${condition}: ${options.text}`);
    Error.stackTraceLimit = depth;
    this.condition = condition;
    this.type = options.type ?? definedConditions[condition].type;
    this.text = options.text;
    this.lang = options.lang;
    this.address = options.address;
    this.application = options.application;
    this.by = options.by;
  }

  /** The legacy code of the condition (XEP-0086). */
  get code(): number {
    return definedConditions[this.condition].code;
  }

  /** A new `<error/>` in the namespace of the stanza it is put into. */
  toElement(): Element {
    const { condition, text, application } = this;
    const error = xml('error', { code: this.code, type: this.type, by: this.by });
    const address = condition === 'gone' || condition === 'redirect' ? this.address : undefined;
    error.append(xml(condition, { xmlns: NS.stanzaErrors }, address));
    if (text !== undefined) {
      error.append(xml('text', { xmlns: NS.stanzaErrors, 'xml:lang': this.lang ?? 'en' }, text));
    }
    if (application !== undefined) error.append(clone(application));
    return error;
  }

  /**
   * Reads an `<error/>`: of RFC 6120, or a legacy one with a code and a text (`<error code='404'>Not Found</error>`).
   * Never throws: what is neither is an `undefined-condition`.
   */
  static fromElement(error: Element): StanzaError {
    let condition: DefinedCondition | undefined;
    let address: string | undefined;
    let text: string | undefined;
    let lang: string | undefined;
    let application: Element | undefined;
    for (const child of error.getChildElements()) {
      const name = child.getName();
      if (child.getNS() !== NS.stanzaErrors) {
        application ??= child.getNS() === error.getNS() ? undefined : child;
      } else if (name === 'text') {
        text ??= child.getText();
        lang ??= child.attrs['xml:lang'];
      } else if (isDefinedCondition(name)) {
        condition ??= name;
        if (condition === name) address ??= child.getText().trim() || undefined;
      }
    }
    const legacy = legacyCodes[error.attrs['code'] ?? ''];
    const ofLegacy = condition === undefined ? legacy : undefined;
    const known = condition ?? legacy?.condition ?? 'undefined-condition';
    const type = error.attrs['type'];
    return new StanzaError(known, {
      type: isErrorType(type) ? type : ofLegacy?.type,
      text: text ?? (condition === undefined ? error.getText().trim() || undefined : undefined),
      lang,
      address,
      application,
      by: error.attrs['by'],
    });
  }

  /** The error that an error stanza carries; `undefined-condition` if it carries none. */
  static fromStanza(stanza: Stanza): StanzaError {
    const error = stanza.element.getChild('error');
    return error === undefined ? new StanzaError('undefined-condition') : StanzaError.fromElement(error);
  }
}

interface ErrorReplyOptions {
  /** The address that answers, where it is not the one that was written to (RFC 6120 §8.3.1, rule 2). */
  readonly from?: string | undefined;
  /** Parts of the original to send back, before the error. */
  readonly original?: readonly Element[] | undefined;
  /** The language of those. */
  readonly lang?: string | undefined;
}

/**
 * The error answer to a stanza: addresses swapped, same `id`. Null where none may be sent: the stanza is an error or an
 * IQ result itself (RFC 6120 §8.3.1, rule 8; §8.2.3).
 *
 * The original content is not returned unless asked for (rule 6 leaves that free): a body would travel twice, and could end
 * up with whoever a forwarded or spoofed stanza claims to be from.
 */
export function errorReply(
  stanza: Stanza,
  error: StanzaError,
  options: ErrorReplyOptions = {},
): Stanza | null {
  const { name, type } = stanza;
  if (type === 'error' || (name === 'iq' && type === 'result')) return null;
  const reply = xml(name, {
    type: 'error',
    id: stanza.id,
    from: options.from ?? stanza.to,
    to: stanza.from,
    'xml:lang': options.lang,
  });
  for (const part of options.original ?? []) reply.append(clone(part));
  reply.append(error.toElement());
  return Stanza.fromElement(reply);
}

function isDefinedCondition(name: string): name is DefinedCondition {
  return Object.hasOwn(definedConditions, name);
}

function isErrorType(type: string | undefined): type is StanzaErrorType {
  return type === 'auth' || type === 'cancel' || type === 'continue' || type === 'modify' || type === 'wait';
}
