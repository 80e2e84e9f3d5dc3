import { clone, type Element } from '../xml/element.js';
import { escapeText } from '../xml/escape.js';
import { NS } from './namespaces.js';

/** Every stream error condition of RFC 6120 §4.9.3. */
export const streamErrorConditions = [
  'bad-format',
  'bad-namespace-prefix',
  'conflict',
  'connection-timeout',
  'host-gone',
  'host-unknown',
  'improper-addressing',
  'internal-server-error',
  'invalid-from',
  'invalid-namespace',
  'invalid-xml',
  'not-authorized',
  'not-well-formed',
  'policy-violation',
  'remote-connection-failed',
  'reset',
  'resource-constraint',
  'restricted-xml',
  'see-other-host',
  'system-shutdown',
  'undefined-condition',
  'unsupported-encoding',
  'unsupported-feature',
  'unsupported-stanza-type',
  'unsupported-version',
] as const;

export type StreamErrorCondition = (typeof streamErrorConditions)[number];

interface StreamErrorOptions {
  /** For people, in English. */
  readonly text?: string | undefined;
  /** `host:port` of `see-other-host` (RFC 6120 §4.9.3.19). */
  readonly host?: string | undefined;
  /** The application-specific condition, with its namespace (RFC 6120 §4.9.4). */
  readonly application?: Element | undefined;
}

/** A stream error (RFC 6120 §4.9): sent last on a stream, then the stream is closed. */
export class StreamError extends Error {
  override readonly name = 'StreamError';
  readonly condition: StreamErrorCondition;
  readonly text: string | undefined;
  readonly host: string | undefined;
  readonly application: Element | undefined;

  constructor(condition: StreamErrorCondition, options: StreamErrorOptions = {}) {
    // An answer, not a fault: a flood of refused streams must not cost a stack trace each.
    const depth = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(options.text === undefined ? condition : `${condition}: ${options.text}`);
    Error.stackTraceLimit = depth;
    this.condition = condition;
    this.text = options.text;
    this.host = options.host;
    this.application = options.application;
  }

  /**
   * The wire text. On a TCP stream the `stream` prefix is the one the header bound; with `declare` (WebSocket framing, RFC
   * 7395 §3.4, and BOSH) the element declares it itself.
   */
  toText(declare = false): string {
    const { condition, text, application } = this;
    const host = condition === 'see-other-host' && this.host !== undefined ? escapeText(this.host) : '';
    const namespace = `xmlns='${NS.streamErrors}'`;
    return [
      declare ? `<stream:error xmlns:stream='${NS.streams}'>` : '<stream:error>',
      host === '' ? `<${condition} ${namespace}/>` : `<${condition} ${namespace}>${host}</${condition}>`,
      text === undefined ? '' : `<text ${namespace} xml:lang='en'>${escapeText(text)}</text>`,
      application === undefined ? '' : clone(application).toString(),
      '</stream:error>',
    ].join('');
  }

  /** Reads a `<stream:error/>`; what has no known condition is an `undefined-condition`. */
  static fromElement(error: Element): StreamError {
    let condition: StreamErrorCondition | undefined;
    let host: string | undefined;
    let text: string | undefined;
    let application: Element | undefined;
    for (const child of error.getChildElements()) {
      const name = child.getName();
      if (child.getNS() !== NS.streamErrors) {
        application ??= child;
      } else if (name === 'text') {
        text ??= child.getText();
      } else if (name === 'xml-not-well-formed') {
        condition ??= 'not-well-formed'; // its name in RFC 3920
      } else if (isStreamErrorCondition(name)) {
        condition ??= name;
        if (name === 'see-other-host') host ??= child.getText().trim() || undefined;
      }
    }
    return new StreamError(condition ?? 'undefined-condition', { text, host, application });
  }
}

/** Whether a text names a condition of RFC 6120 §4.9.3. */
export function isStreamErrorCondition(name: string): name is StreamErrorCondition {
  return (streamErrorConditions as readonly string[]).includes(name);
}
