import { createHash } from 'node:crypto';
import { child, type Element, xml } from '../xml/element.js';
import type { Stanza } from '../xml/stanza.js';
import { NS } from '../xmpp/namespaces.js';

/** Which of so many processes of one component domain serves an owner: core and components must agree on this. */
export function shareOf(owner: string, of: number): number {
  return of < 2 ? 0 : createHash('md5').update(owner).digest().readUInt32BE(0) % of;
}

/** One process's part in a domain that several may serve (`docs/protocols/shared-domain.md`). Never changed. */
export class Share {
  /** Whether the server may have several processes of this domain at all. */
  readonly possible: boolean;
  readonly index: number;
  readonly of: number;
  /** The place that a process had which was lost just now: of what it had not finished nobody knows. */
  readonly lost: number | undefined;

  private constructor(possible: boolean, index: number, of: number, lost?: number) {
    this.possible = possible;
    this.index = index;
    this.of = of;
    this.lost = lost;
  }

  /** Everything is ours: the server has said nothing else. */
  static readonly sole = new Share(false, 0, 1);

  /** Reads the server's word; null for any other message. */
  static read(message: Stanza): Share | null {
    if (!message.hasChild('share', NS.share)) return null;
    const element = child(message.element, 'share', NS.share);
    const index = Number(element?.attrs['index']);
    const of = Number(element?.attrs['of']);
    const lost = Number(element?.attrs['lost'] ?? Number.NaN);
    const right = Number.isSafeInteger(index) && Number.isSafeInteger(of) && index >= 0 && index < of;
    return right ? new Share(true, index, of, Number.isSafeInteger(lost) ? lost : undefined) : null;
  }

  mine(owner: string): boolean {
    return shareOf(owner, this.of) === this.index;
  }
}

/** The server's word to one process; `lost`: the place of one that went without a word. */
export function shareElement(index: number, of: number, lost?: number): Element {
  return xml('share', { xmlns: NS.share, index, of, ...(lost === undefined ? {} : { lost }) });
}
