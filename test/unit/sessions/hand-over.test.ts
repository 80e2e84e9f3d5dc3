import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noteRecipients } from '../../../core-server/messages/holders.js';
import { createHooks } from '../../../core-server/routing/hooks.js';
import { localOrigin, type Origin } from '../../../core-server/routing/origin.js';
import { Router } from '../../../core-server/routing/router.js';
import { RoutingMetrics } from '../../../core-server/routing/routing-metrics.js';
import { AccountState } from '../../../core-server/sessions/account-state.js';
import { HandOver } from '../../../core-server/sessions/hand-over.js';
import type { Session } from '../../../core-server/sessions/session.js';
import { createMetrics } from '../../../shared/observability/metrics.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { jid } from '../../../shared/xmpp/jid.js';
import { recordingLogger } from '../../tools/silent-logger.js';

const juliet = new AccountState(jid('juliet@capulet.lit'), true);

function message(id: number | string): Stanza {
  return Stanza.parse(
    `<message xmlns='jabber:client' from='romeo@montague.lit/orchard' to='juliet@capulet.lit' id='${id}'><body>x</body></message>`,
  );
}

/** A hand-over that notes what it hands on, and errors that go to Romeo. */
function handOver(milliseconds: number) {
  const hooks = createHooks();
  const log = recordingLogger();
  const router = new Router(log, new RoutingMetrics(createMetrics({ process: 'test' })));
  const bounced: string[] = [];
  router.setRemote({ deliver: (stanza) => bounced.push(stanza.id ?? '') });
  const handed: string[] = [];
  const over = new HandOver({
    hooks,
    router,
    limit: 1000,
    handOn(_account, stanza, origin) {
      const end = performance.now() + milliseconds;
      while (performance.now() < end);
      handed.push(stanza.id ?? '');
      void origin;
    },
  });
  const done = new Promise<void>((resolve) => hooks.leavingsHandedOn.on(() => resolve()));
  return { hooks, over, handed, bounced, done };
}

const many = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => String(from + k));

test('a few are handed on at once', () => {
  const { over, handed } = handOver(0);
  over.take(juliet, [message(1), message(2)], null);
  assert.deepEqual(handed, ['1', '2']);
});

test('very many are handed on in several turns, in order, and what comes meanwhile after them', async () => {
  const { hooks, over, handed, done } = handOver(0.1);
  over.take(juliet, many(0, 500).map(message), null);
  assert.deepEqual(handed, []);
  let held = 0;
  const origin: Origin = {
    ...localOrigin,
    hold: () => {
      held++;
      return () => held--;
    },
  };
  assert.equal(hooks.messageUndelivered.run(juliet, message('later'), origin), true);
  assert.equal(held, 1, 'its sender is not told yet that it is handled');
  over.take(juliet, many(500, 600).map(message), null);
  let turns = 0;
  const count = () => {
    turns++;
    ticking = setImmediate(count);
  };
  let ticking = setImmediate(count);
  await done;
  clearImmediate(ticking);
  assert.ok(turns >= 5, `${turns} turns`);
  assert.deepEqual(handed, [...many(0, 500), 'later', ...many(500, 600)]);
  assert.equal(held, 0);
  assert.equal(hooks.messageUndelivered.run(juliet, message('after'), localOrigin), false);
});

test('more than may wait is refused meanwhile', () => {
  const { hooks, over, handed, bounced } = handOver(0);
  over.take(juliet, many(0, 500).map(message), null);
  for (let k = 0; k < 20; k++)
    assert.equal(hooks.messageUndelivered.run(juliet, message(`l${k}`), localOrigin), true);
  assert.ok(bounced.length > 0 && bounced.length < 20, bounced.join());
  over.finish();
  assert.equal(handed.length + bounced.length, 520);
});

test('a core that stops hands on everything at once', () => {
  const { over, handed } = handOver(0);
  over.take(juliet, many(0, 500).map(message), null);
  over.finish();
  assert.deepEqual(handed, many(0, 500));
});

test('an account that is removed meanwhile leaves nothing to one of the same name', () => {
  const { hooks, over, handed, bounced } = handOver(0);
  over.take(juliet, many(0, 500).map(message), null);
  hooks.accountRemoved.emit(juliet.bare);
  over.finish();
  assert.deepEqual(handed, []);
  assert.deepEqual(bounced, many(0, 500));
});

test('what several resources of a removed account have left goes back to its sender once', () => {
  const { hooks, over, bounced } = handOver(0);
  // nothing of a session matters here but which it is
  const [phone, desktop] = [{} as Session, {} as Session];
  const messages = many(0, 300).map(message);
  for (const each of messages) noteRecipients(each, [phone, desktop]);
  for (const session of [phone, desktop]) over.take(juliet, messages, session);
  hooks.accountRemoved.emit(juliet.bare);
  over.finish();
  assert.deepEqual(bounced, many(0, 300));
});
