import { ACCOUNTS, type Conversation, type Step } from './conversation.js';
import type { Observation } from './run.js';

/** A line that was not received equally often everywhere, by one client because of one step. */
export interface Difference {
  readonly theme: string;
  readonly index: number;
  readonly step: Step;
  /** Who received it. */
  readonly at: string;
  readonly line: string;
  /** How often from ours, Prosody, ejabberd. */
  readonly counts: readonly [number, number, number];
}

export type Three = readonly [readonly Observation[], readonly Observation[], readonly Observation[]];

export function differences(conversation: Conversation, three: Three): Difference[] {
  // Prosody has no privacy lists: there ours is compared with ejabberd alone
  const lists = conversation.theme === 'privacy';
  const found: Difference[] = [];
  conversation.steps.forEach((step, index) => {
    const places = new Set(three.flatMap((observations) => [...(observations[index]?.keys() ?? [])]));
    for (const at of [...places].sort()) {
      const received = three.map((observations) => observations[index]?.get(at) ?? []);
      for (const line of [...new Set(received.flat())].sort()) {
        const [ours = 0, theirs = 0, ejabberd = 0] = received.map(
          (lines) => lines.filter((other) => other === line).length,
        );
        const prosody = lists ? ejabberd : theirs;
        if (ours === prosody && ours === ejabberd) continue;
        found.push({ theme: conversation.theme, index, step, at, line, counts: [ours, prosody, ejabberd] });
      }
    }
  });
  return found;
}

/** Whether ours is like neither. */
export function alone({ counts: [ours, prosody, ejabberd] }: Difference): boolean {
  return ours !== prosody && ours !== ejabberd;
}

/** What is alike in differences of one kind: who is meant by names, seen from who spoke. */
export function signature(difference: Difference): string {
  const { step, at, line, counts } = difference;
  const speaker = step.at.split('/')[0] ?? '';
  const roles = new Map([[speaker, 'me']]);
  const role = (name: string): string => {
    const known = roles.get(name);
    if (known !== undefined) return known;
    roles.set(name, `other${roles.size > 1 ? roles.size : ''}`);
    return roles.get(name) ?? '';
  };
  const names = new RegExp(`\\b(${ACCOUNTS.join('|')})(?=[@/])`, 'g');
  const place = at === step.at ? 'self' : at.split('/')[0] === speaker ? 'own other' : 'other';
  const kind = step.do === 'send' ? step.kind : step.do;
  const said = line
    .replace(names, (name: string) => role(name))
    .replace(/\/(home|work)\b/g, '/res')
    .replace(/\b[a-z]+\d+\b/g, 'N');
  return `${kind} | ${place} | ${counts.map((count) => (count === 0 ? '-' : count)).join('')} | ${said}`;
}

/** The conversation as one reads it, up to a step. */
export function transcript(conversation: Conversation, end: number): string {
  return conversation.steps
    .slice(0, end + 1)
    .map((step) => `  ${step.at}: ${step.do === 'send' ? step.text : `(${step.do})`}`)
    .join('\n');
}
