import type { Conversation } from './conversation.js';
import { assemble, befriend, type Repertoire, Scene } from './scene.js';
import { blocking, privacy, stores } from './themes-accounts.js';
import { carbons, iqs, malformed, messages, presence, rosters, subscriptions } from './themes-core.js';
import { muc, mucConfigure, mucJoin, mucUnlock } from './themes-muc.js';
import { capsPresence, pep } from './themes-pep.js';

interface Theme {
  readonly steps: number;
  /** Weights of repertoires. */
  readonly says: readonly (readonly [number, Repertoire])[];
  readonly moves: number;
  readonly barriers?: readonly string[];
  open(scene: Scene): void;
}

const ROOM =
  "<iq type='get' id='ID' to='hall@conference.localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>";
const NODE =
  "<iq type='get' id='ID'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:example:barrier'/></pubsub></iq>";
const couple = ['romeo/home', 'juliet/home'];

function friends(scene: Scene): void {
  assemble(scene, scene.chance(0.5) ? couple : [...couple, scene.pick('romeo/work', 'juliet/work')]);
  if (scene.chance(0.7)) befriend(scene, 'romeo/home', 'juliet/home');
}

export const THEMES: Readonly<Record<string, Theme>> = {
  presence: {
    steps: 14,
    moves: 0.15,
    says: [
      [4, presence],
      [1, subscriptions],
      [0.5, messages],
    ],
    open: friends,
  },
  subscriptions: {
    steps: 14,
    moves: 0.1,
    says: [
      [4, subscriptions],
      [2, rosters],
      [0.7, presence],
    ],
    open: (scene) => assemble(scene, couple),
  },
  messages: {
    steps: 16,
    moves: 0.15,
    says: [
      [6, messages],
      [1, presence],
      [0.7, carbons],
    ],
    open: friends,
  },
  iqs: {
    steps: 16,
    moves: 0.1,
    says: [
      [6, iqs],
      [0.5, presence],
    ],
    open: friends,
  },
  malformed: {
    steps: 10,
    moves: 0.05,
    says: [
      [3, malformed],
      [1, messages],
    ],
    open: friends,
  },
  blocking: {
    steps: 16,
    moves: 0.08,
    says: [
      [3, blocking],
      [2, messages],
      [1.5, presence],
      [0.5, subscriptions],
      [0.7, iqs],
    ],
    open: friends,
  },
  privacy: {
    steps: 16,
    moves: 0.08,
    says: [
      [4, privacy],
      [2, messages],
      [1.5, presence],
      [0.3, subscriptions],
      [0.3, rosters],
      [0.5, iqs],
    ],
    open: friends,
  },
  stores: { steps: 16, moves: 0.1, says: [[1, stores]], open: friends },
  pep: {
    steps: 16,
    moves: 0.06,
    says: [
      [6, pep],
      [0.3, subscriptions],
    ],
    barriers: [NODE],
    open(scene) {
      assemble(scene, couple, capsPresence);
      if (scene.chance(0.7)) befriend(scene, 'romeo/home', 'juliet/home');
      if (scene.chance(0.5))
        assemble(scene, [scene.pick('juliet/work', 'mercutio/home', 'romeo/work')], capsPresence);
    },
  },
  muc: {
    steps: 18,
    moves: 0.05,
    says: [[1, muc]],
    barriers: [ROOM],
    open(scene) {
      assemble(
        scene,
        scene.chance(0.5) ? couple : [...couple, scene.pick('romeo/work', 'juliet/work', 'mercutio/home')],
      );
      scene.send('romeo/home', 'join', mucJoin('Romeo'));
      scene.send('romeo/home', 'unlock', mucUnlock(scene.id()));
      if (scene.chance(0.5))
        scene.send('romeo/home', 'configure', mucConfigure(scene.id(), 'persistentroom', '1'));
      if (scene.chance(0.9)) scene.send('juliet/home', 'join', mucJoin('Juliet'));
    },
  },
};

/** The conversation of a theme that a seed stands for. */
export function generate(theme: string, seed: number): Conversation {
  const found = THEMES[theme];
  if (found === undefined) throw new Error(`no theme ${theme}`);
  const scene = new Scene(seed * 7919 + theme.length * 104_729 + (theme.charCodeAt(0) << 8));
  found.open(scene);
  const sum = found.says.reduce((total, [weight]) => total + weight, 0);
  for (let step = 0; step < found.steps; step += 1) {
    if (scene.chance(found.moves)) {
      scene.move();
      continue;
    }
    let at = scene.random.next() * sum;
    const chosen = found.says.find(([weight]) => {
      at -= weight;
      return at <= 0;
    });
    scene.improvise((chosen ?? found.says[0] ?? [1, presence])[1]);
  }
  return scene.conversation(theme, seed, found.barriers);
}
