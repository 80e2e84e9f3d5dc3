import { alone, type Difference, differences, type Three } from './compare.js';
import type { Conversation } from './conversation.js';
import { COMPONENTS } from './known-components.js';
import { CORE } from './known-core.js';

/** Differences that were looked into, and why ours is as it should be. */
export interface Explanation {
  /** Only in conversations of this theme. */
  readonly theme?: string;
  /** What was done: the `kind` of a step, or `connect`, `close`, `cut`. */
  readonly kind: RegExp;
  /** The normalised stanza of which not all servers said as many. */
  readonly line: RegExp;
  /** How often from ours, Prosody, ejabberd: `-` for never. */
  readonly counts?: RegExp;
  readonly clause: string;
  readonly why: string;
  /** The servers hold different things from here on, so that what follows says nothing. */
  readonly ends?: boolean;
}

const explanations = [...CORE, ...COMPONENTS];

function explanationOf({ theme, step, line, counts }: Difference): Explanation | undefined {
  const kind = step.do === 'send' ? step.kind : step.do;
  const counted = counts.map((count) => (count === 0 ? '-' : count)).join('');
  return explanations.find(
    (explanation) =>
      (explanation.theme === undefined || explanation.theme === theme) &&
      explanation.kind.test(kind) &&
      explanation.line.test(line) &&
      (explanation.counts === undefined || explanation.counts.test(counted)),
  );
}

/** The differences of the first step in which there are any that nobody has explained, ours being like neither. */
export function unexplained(conversation: Conversation, three: Three): readonly Difference[] {
  const all = differences(conversation, three);
  for (const index of new Set(all.map((difference) => difference.index))) {
    const found = all.filter((difference) => difference.index === index);
    const known = found.map(explanationOf);
    if (known.some((explanation) => explanation?.ends === true)) return [];
    const left = found.filter((difference, at) => known[at] === undefined && alone(difference));
    if (left.length > 0) return left;
  }
  return [];
}
