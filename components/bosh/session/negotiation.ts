import type { BodyRequest } from './body-request.js';
import type { BodyAttributes } from './body-response.js';
import type { TerminalCondition } from './conditions.js';
import { isKey } from './key-sequence.js';
import type { BoshLimits } from './limits.js';

/** What client and connection manager agreed on when the session was created. Times in seconds. */
export interface SessionTerms {
  readonly wait: number;
  readonly hold: number;
  readonly requests: number;
  readonly polling: number;
  readonly inactivity: number;
  /** 0: not offered. */
  readonly maxpause: number;
  /** Undefined for a legacy client, which named none. */
  readonly ver: string | undefined;
  readonly contentType: string;
  /** The client acknowledges responses, so we acknowledge requests. */
  readonly acknowledgements: boolean;
  /** Encodings that request bodies may have, as told to the client. */
  readonly accept: string | undefined;
  /** The client may not hold requests open (XEP-0124 §"Polling Sessions"). */
  readonly isPolling: boolean;
}

/** The highest version of XEP-0124 that is implemented here. */
const ourVersion: readonly [number, number] = [1, 11];

/**
 * Content types that a constrained client may ask for (XEP-0124 §"Session Creation Request"). The value comes from
 * whoever sent the request, a hostile web page's form included: nothing a browser would run is among them. (`text/html`
 * is what such clients need most; the responses carry a sandboxing Content-Security-Policy.)
 */
const contentType =
  /^(?:text\/(?:xml|plain|html)|application\/(?:xml|xhtml\+xml))(?:\s*;\s*charset\s*=\s*"?utf-?8"?)?$/i;

/** Whether responses may bear this content type: one that says XML or text, in UTF-8 (XEP-0124 §7.1). */
export function isContentType(content: string | undefined): content is string {
  return content !== undefined && contentType.test(content);
}

/** Settles the terms of a new session (XEP-0124 §"Initiating a BOSH Session"), or says what is wrong with the request. */
export function negotiate(request: BodyRequest, limits: BoshLimits): SessionTerms | TerminalCondition {
  if (request.rid === undefined) return 'bad-request';
  const { wait = limits.wait, hold = 1, ver, content = 'text/xml; charset=utf-8' } = request;
  if (Number.isNaN(wait) || Number.isNaN(hold)) return 'bad-request';
  if (!isContentType(content)) return 'bad-request';
  const version = ver === undefined ? undefined : lowerVersion(ver);
  if (version === null) return 'bad-request';
  if (request.newkey !== undefined && !isKey(request.newkey)) return 'bad-request';
  // §"Request IDs": the session must be able to go on from here.
  if (request.rid > Number.MAX_SAFE_INTEGER - 1_000_000) return 'bad-request';
  if (request.to === undefined || request.to === '') return 'improper-addressing';
  const grantedWait = Math.min(wait, limits.wait);
  const grantedHold = Math.min(hold, limits.hold);
  const isPolling = grantedWait === 0 || grantedHold === 0;
  return {
    wait: grantedWait,
    hold: grantedHold,
    requests: grantedHold + 1,
    polling: limits.polling,
    // §"Polling Sessions": higher than normal, by more than the polling interval.
    inactivity: isPolling
      ? limits.inactivity + Math.max(limits.inactivity, 2 * limits.polling)
      : limits.inactivity,
    maxpause: limits.maxpause,
    ver: version,
    contentType: content,
    acknowledgements: request.ack === 1,
    accept: limits.compressedRequests ? 'gzip,deflate' : undefined,
    isPolling,
  };
}

/** The lower of the client's version and ours, minor numbers being integers of their own; null where it is none. */
function lowerVersion(theirs: string): string | null {
  const match = /^(\d{1,4})\.(\d{1,4})$/.exec(theirs);
  if (match === null) return null;
  const major = Number(match[1]);
  const minor = Number(match[2]);
  const [ourMajor, ourMinor] = ourVersion;
  return major < ourMajor || (major === ourMajor && minor < ourMinor)
    ? `${major}.${minor}`
    : `${ourMajor}.${ourMinor}`;
}

/** What only the response to the creation request says (§"Session Creation Response"; XEP-0206, `restartlogic`). */
export function creationAttributes(terms: SessionTerms, sid: string, rid: number): BodyAttributes {
  return {
    sid,
    wait: terms.wait,
    requests: terms.requests,
    hold: terms.hold,
    ver: terms.ver,
    polling: terms.polling,
    inactivity: terms.inactivity,
    maxpause: terms.maxpause > 0 ? terms.maxpause : undefined,
    ack: terms.acknowledgements ? rid : undefined,
    accept: terms.accept,
    charsets: 'UTF-8',
    'xmpp:restartlogic': 'true',
  };
}
