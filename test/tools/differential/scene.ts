import { Random } from '../ledger/random.js';
import { ACCOUNTS, type Conversation, type Step } from './conversation.js';

const RESOURCES = ['home', 'work'] as const;
export type Saying = readonly [kind: string, text: string];
/** What may be said next, with how often relative to the others. */
export type Repertoire = readonly (readonly [weight: number, say: (scene: Scene) => Saying])[];

/** A conversation that is being made up. It knows who is there, so that little is said by nobody. */
export class Scene {
  readonly random: Random;
  readonly steps: Step[] = [];
  readonly online = new Set<string>();
  /** Who is speaking. */
  speaker = '';
  /** Who has tried to enter the room. */
  readonly #joined = new Set<string>();
  #ids = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  id(): string {
    this.#ids += 1;
    return `s${this.#ids}`;
  }

  pick<T>(...all: readonly T[]): T {
    return this.random.pick(all);
  }

  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  get account(): string {
    return this.speaker.split('/')[0] ?? '';
  }

  /** Another account's bare JID. */
  other(): string {
    return `${this.random.pick(ACCOUNTS.filter((name) => name !== this.account))}@localhost`;
  }

  full(bare: string): string {
    return `${bare}/${this.pick(...RESOURCES)}`;
  }

  own(): string {
    return `${this.account}@localhost`;
  }

  connect(at: string): void {
    this.online.add(at);
    this.steps.push({ at, do: 'connect' });
  }

  send(at: string, kind: string, text: string): void {
    this.speaker = at;
    const again = kind.startsWith('join') && this.#joined.has(at);
    if (kind.startsWith('join')) this.#joined.add(at);
    else if (kind === 'leave') this.#joined.delete(at);
    this.steps.push({ at, do: 'send', kind: again ? kind.replace('join', 'join again') : kind, text });
  }

  leave(at: string, how: 'close' | 'cut'): void {
    this.online.delete(at);
    this.#joined.delete(at);
    this.steps.push({ at, do: how });
  }

  /** Says something of a repertoire as somebody who is there. */
  improvise(repertoire: Repertoire): void {
    this.speaker = this.random.pick([...this.online]);
    let at = this.random.next() * repertoire.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, say] of repertoire) {
      at -= weight;
      if (at > 0) continue;
      this.send(this.speaker, ...say(this));
      return;
    }
  }

  /** Somebody comes, goes or comes back. */
  move(): void {
    const at = `${this.pick(...ACCOUNTS)}/${this.pick(...RESOURCES)}`;
    if (this.online.has(at)) {
      if (this.online.size > 1) this.leave(at, this.pick('close', 'close', 'cut'));
    } else {
      this.connect(at);
      if (this.chance(0.4))
        this.send(
          at,
          'roster get',
          `<iq type='get' id='${this.id()}'><query xmlns='jabber:iq:roster'/></iq>`,
        );
      if (this.chance(0.8)) this.send(at, 'presence', '<presence/>');
    }
  }

  conversation(theme: string, seed: number, barriers: readonly string[] = []): Conversation {
    return { theme, seed, steps: this.steps, barriers };
  }
}

/** A text, or how it comes from who speaks and what chance says. */
type Part = string | ((scene: Scene) => string);

const said = (part: Part, scene: Scene): string => (typeof part === 'string' ? part : part(scene));

/** An IQ of its own id, without `to` if none is given. */
export const iq =
  (type: string, kind: string, payload: Part, to?: Part) =>
  (scene: Scene): Saying => {
    const content = said(payload, scene);
    const address = to === undefined ? '' : ` to='${said(to, scene)}'`;
    return [kind, `<iq type='${type}' id='${scene.id()}'${address}>${content}</iq>`];
  };

/** Addresses for {@link iq}: another account, and the speaker's own. */
export const toOther = (scene: Scene): string => scene.other();
export const toOwn = (scene: Scene): string => scene.own();

/** Two accounts that see each other's presence, made in the proper way. */
export function befriend(scene: Scene, one: string, other: string): void {
  const [a = '', b = ''] = [one.split('/')[0], other.split('/')[0]];
  scene.send(one, 'subscribe', `<presence type='subscribe' to='${b}@localhost'/>`);
  scene.send(other, 'subscribed', `<presence type='subscribed' to='${a}@localhost'/>`);
  scene.send(other, 'subscribe', `<presence type='subscribe' to='${a}@localhost'/>`);
  scene.send(one, 'subscribed', `<presence type='subscribed' to='${b}@localhost'/>`);
}

/** All resources of some accounts come online. */
export function assemble(scene: Scene, ats: readonly string[], presence = '<presence/>'): void {
  for (const at of ats) {
    scene.connect(at);
    scene.send(at, 'roster get', `<iq type='get' id='${scene.id()}'><query xmlns='jabber:iq:roster'/></iq>`);
    scene.send(at, 'presence', presence);
  }
}
