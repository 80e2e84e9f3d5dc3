import { isRequest, openAttacker } from './client.js';
import { ATTACKERS, anySteps, worldOf } from './client-door.js';
import { openComponent } from './component-client.js';
import { Dice } from './dice.js';
import { anyElement } from './documents.js';
import type { Door, Step } from './door.js';
import { Speaker } from './speaker.js';
import { anyWrapper } from './stanzas.js';
import { runScript } from './stream-door.js';
import { anyHeader } from './stream-scripts.js';
import type { SystemUnderFire } from './system.js';
import { element, escapeXml, type Node, render } from './tree.js';
import { anyText, anyValue, hostileJid } from './values.js';
import { childOf, type Heard, Wire } from './wire.js';
import { anyJid, type World } from './world.js';
import { mutateText, mutateTree } from './xml-mutations.js';

const NAMESPACE = 'jabber:component:accept';
const NAMES = ['evil', 'trusted'] as const;
/** How a delegated request is answered: by the next answer in line. */
type Answer = (request: Heard) => string;

/** A stanza that makes use, right or wrong, of what a component may be granted. */
function anyPrivilege(dice: Dice, world: World, id: string, from: string): string {
  const forwarded = (node: Node): Node => element('forwarded', { xmlns: 'urn:xmpp:forward:0' }, node);
  const victim = dice.chance(0.7) ? dice.pick(world.attackers) : anyJid(dice, world);
  const node = dice.pick<() => Node>([
    // In the name of an account (XEP-0356 §"Message Permission", §"IQ Permission"): never of a victim, since it may.
    () =>
      element(
        'message',
        { from, to: 'localhost', id },
        element(
          'privilege',
          { xmlns: 'urn:xmpp:privilege:2' },
          forwarded(
            element(
              'message',
              {
                xmlns: 'jabber:client',
                from: victim,
                to: dice.pick(world.victims),
                type: dice.maybe(0.5, 'chat'),
              },
              element('body', {}, anyText(dice)),
            ),
          ),
        ),
      ),
    () =>
      element(
        'iq',
        { from, to: victim, id, type: dice.pick(['get', 'set']) },
        element(
          'privileged_iq',
          { xmlns: 'urn:xmpp:privilege:2' },
          element(
            'iq',
            {
              xmlns: 'jabber:client',
              type: dice.pick(['get', 'set']),
              id: anyText(dice),
              from: dice.maybe(0.5, victim),
              to: dice.maybe(0.5, anyJid(dice, world)),
            },
            element(dice.pick(['query', 'ping', 'vCard', 'pubsub']), {
              xmlns: dice.pick([
                'jabber:iq:version',
                'urn:xmpp:ping',
                'vcard-temp',
                'http://jabber.org/protocol/pubsub',
                'jabber:iq:private',
              ]),
            }),
          ),
        ),
      ),
    () =>
      element(
        'iq',
        { from, to: victim, id, type: dice.pick(['get', 'set']) },
        element(
          'query',
          { xmlns: 'jabber:iq:roster' },
          ...dice.several(0, 3, () =>
            element('item', {
              jid: anyJid(dice, world),
              subscription: dice.maybe(0.5, dice.pick(['both', 'remove', 'to', 'x'])),
              name: anyText(dice),
            }),
          ),
        ),
      ),
    () =>
      element('presence', {
        from: dice.chance(0.5) ? from : anyJid(dice, world),
        to: anyJid(dice, world),
        type: dice.maybe(0.5, dice.pick(['subscribe', 'probe', 'unavailable', 'subscribed'])),
      }),
    () =>
      element(
        'message',
        { from, to: dice.pick(['localhost', anyJid(dice, world)]), id },
        anyWrapper(dice, world),
      ),
    () => element('iq', { from, to: 'localhost', id, type: 'set' }, anyWrapper(dice, world)),
    () =>
      element(
        'message',
        { from, to: 'localhost', id },
        element(
          'addresses',
          { xmlns: 'http://jabber.org/protocol/address' },
          ...dice.several(0, dice.chance(0.03) ? 3000 : 8, () =>
            element('address', { type: dice.pick(['bcc', 'bcc', 'to', 'x']), jid: anyJid(dice, world) }),
          ),
        ),
        element('body', {}, anyText(dice)),
      ),
    () =>
      element(
        'iq',
        { from, to: 'localhost', id, type: 'set' },
        element(
          dice.pick(['rules', 'sync', 'link', 'set', 'query']),
          {
            xmlns: dice.pick(['urn:entourage:privacy-enforcement:1', 'urn:entourage:client-link:1']),
            account: victim,
            epoch: anyText(dice),
            sequence: anyValue(dice),
            min: '1',
            max: '1',
          },
          anyText(dice),
        ),
      ),
  ])();
  const tree = dice.chance(0.4) ? mutateTree(dice, node) : node;
  const text = render(tree);
  return dice.chance(0.05) ? mutateText(dice, text) : text;
}

/** What a managing entity says to a delegated request (XEP-0355 §4.3.1): right, nearly so, or nothing like it. */
function anyDelegatedAnswer(dice: Dice, world: World): Answer {
  const kind = dice.below(8);
  const payload = render(anyElement(dice, world));
  const type = dice.pick(['result', 'error', 'set', 'x']);
  const stranger = anyJid(dice, world);
  return (request) => {
    const inner = childOf(childOf(childOf(request, 'delegation') ?? request, 'forwarded') ?? request, 'iq');
    const { id = '', from = '', to = '' } = request.attributes;
    const back = `id='${escapeXml(id)}' from='${escapeXml(to)}' to='${escapeXml(from)}'`;
    const of = (name: string): string => escapeXml(inner?.attributes[name] ?? '');
    const wrapped = (content: string): string =>
      `<iq type='result' ${back}><delegation xmlns='urn:xmpp:delegation:2'><forwarded xmlns='urn:xmpp:forward:0'>${content}</forwarded></delegation></iq>`;
    switch (kind) {
      case 0:
        return wrapped(
          `<iq xmlns='jabber:client' type='result' id='${of('id')}' from='${of('to')}' to='${of('from')}'/>`,
        );
      case 1:
        return wrapped(
          `<iq xmlns='jabber:client' type='${type}' id='${of('id')}' from='${escapeXml(stranger)}' to='${of('from')}'/>`,
        );
      case 2:
        return wrapped(
          `<iq xmlns='jabber:client' type='result' id='x' to='${escapeXml(stranger)}'>${payload}</iq>`,
        );
      case 3:
        return wrapped(payload);
      case 4:
        return wrapped('');
      case 5:
        return `<iq type='error' ${back}><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`;
      case 6:
        return `<iq type='${type === 'set' ? 'result' : 'error'}' ${back}/>`;
      default:
        // Twice.
        return `<iq type='result' ${back}/>`.repeat(2);
    }
  };
}

/** Components that are let in: one without grants, one with many, which also answers what is delegated to it. */
export function componentDoor(system: SystemUnderFire): Door {
  const answers: Answer[] = [];
  let delegated = 0;
  const speakers = NAMES.map(
    (name) =>
      new Speaker(
        {
          name,
          namespace: NAMESPACE,
          pingAddresses: ` from='${name}.localhost' to='localhost'`,
          answersFrom: true,
          expects: (said) =>
            isRequest(said, NAMESPACE) &&
            new RegExp(`^(?:[a-z]+@)?${name}\\.localhost$`).test(said.attributes['from'] ?? '') &&
            (said.attributes['to'] ?? '') !== '' &&
            !(said.attributes['to'] ?? '').includes(`${name}.localhost`),
          connect: () => openComponent(system, `${name}.localhost`),
          answers: (heard) =>
            childOf(heard, 'delegation', 'urn:xmpp:delegation:2') === undefined
              ? undefined
              : answers.shift()?.(heard),
        },
        system.findings,
      ),
  );
  const client = new Speaker(
    {
      name: 'a0',
      namespace: 'jabber:client',
      pingAddresses: " to='localhost'",
      answersFrom: false,
      expects: (said) => isRequest(said, 'jabber:client'),
      connect: () => openAttacker(system.core, 'a0', 'delegates'),
    },
    system.findings,
  );
  return {
    name: 'component port',
    async start() {
      await system.core.addUsers(...ATTACKERS).catch(() => undefined);
      for (const speaker of speakers) await speaker.connect();
      await client.connect();
    },
    make(dice) {
      const kind = dice.next();
      if (kind < 0.12) {
        const steps: Step[] = [
          'stream',
          anyHeader(
            dice,
            NAMESPACE,
            dice.pick([
              'evil.localhost',
              'evil.localhost',
              'conference.localhost',
              'x.localhost',
              hostileJid(dice, ['evil.localhost']),
            ]),
          ),
        ];
        for (let i = dice.below(4); i > 0; i--)
          steps.push(
            dice.pick([
              `<handshake>${anyText(dice)}</handshake>`,
              '<handshake/>',
              `<handshake xmlns='x'/>`,
              render(anyElement(dice, worldOf('a0@localhost'))),
            ]),
          );
        return steps;
      }
      if (kind < 0.35)
        return [
          'delegated',
          String(dice.below(2 ** 31)),
          `<iq type='${dice.pick(['get', 'set'])}' id='d-${dice.below(1e9)}'><query xmlns='urn:fuzz:delegated'>${escapeXml(anyText(dice))}</query></iq>`,
        ];
      const who = dice.pick(NAMES);
      const from = dice.chance(0.9)
        ? dice.pick([`${who}.localhost`, `bot@${who}.localhost`])
        : anyJid(dice, worldOf(`${who}.localhost`));
      const id = `${who}-${dice.below(1e9)}`;
      const world = worldOf(from);
      const steps = dice.chance(0.5)
        ? [anyPrivilege(dice, world, id, from)]
        : anySteps(dice, world, who, from);
      // Whoever may speak in the name of accounts might do it in that of a victim: rightly, and no spoofing.
      return [
        who,
        ...steps.map((step) =>
          typeof step === 'string' ? step.replaceAll(/from='v[01]@/g, "from='a0@") : step,
        ),
      ];
    },
    async run([who = '', ...steps], dice, report) {
      if (who === 'stream') {
        await runScript(
          system,
          await Wire.connect(system.core.address('component')),
          steps,
          dice,
          'component port',
          report,
        );
        return;
      }
      if (who === 'delegated') {
        const [seed = '1', request = ''] = steps;
        await speakers[1]?.connect();
        answers.length = 0;
        answers.push(anyDelegatedAnswer(new Dice(Number(seed)), worldOf('a0@localhost/delegates')));
        await client.say(request, dice, report);
        delegated += 1 - answers.length;
        // Whoever answered with what is no XML has to come again before anything else is asked.
        await speakers[1]?.say('', dice, report);
        return;
      }
      const speaker = speakers[NAMES.indexOf(who as (typeof NAMES)[number])];
      for (const step of steps) await speaker?.say(step, dice, report);
    },
    told() {
      const all = [...speakers, client];
      return `${all.reduce((sum, one) => sum + one.asked, 0)} requests answered, ${delegated} by delegation, ${all.reduce((sum, one) => sum + one.streams, 0)} streams`;
    },
    async stop() {
      for (const speaker of [...speakers, client]) await speaker.stop();
    },
  };
}
