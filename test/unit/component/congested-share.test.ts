import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ComponentDomain } from '../../../core-server/component-link/component-domain.js';
import { ComponentStream } from '../../../core-server/component-link/component-stream.js';
import { parseGrants } from '../../../core-server/component-link/grants.js';
import { localOrigin } from '../../../core-server/routing/origin.js';
import type { Router } from '../../../core-server/routing/router.js';
import { silentHandler, type Transport } from '../../../core-server/streams/transport.js';
import { shareOf } from '../../../shared/component/share.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import type { Domain } from '../../../shared/xmpp/jid.js';
import { recordingLogger } from '../../tools/silent-logger.js';

// Several processes of one component domain (docs/protocols/shared-domain.md), some of which do not read.

const FULL = 64 * 1024 * 1024;

/** A process of the domain: what it was sent, by id. */
class Process {
  readonly got: string[] = [];
  /** What it was told of its place, last. */
  place = '';
  full = false;
  readonly stream: ComponentStream;

  constructor() {
    const seen = this;
    const transport: Transport = {
      kind: 'socket',
      remoteAddress: '',
      secure: false,
      tls: null,
      compressed: false,
      get queuedBytes() {
        return seen.full ? FULL : 0;
      },
      handler: silentHandler,
      sendHeader() {},
      send: (text) => {
        const id = /id=['"]([^'"]*)/.exec(text)?.[1] ?? '';
        if (!text.includes('urn:entourage:share:1')) seen.got.push(id);
        else seen.place = /index=.*?(?=\/>)/.exec(text)?.[0].replaceAll('"', "'") ?? '';
      },
      afterFlush() {},
      expectRestart() {},
      setLimits() {},
      pause() {},
      resume() {},
      close() {},
      fail() {},
      destroy() {},
    };
    this.stream = new ComponentStream(transport, {
      log: recordingLogger(),
      find: () => undefined,
      receive() {},
      closed() {},
      authenticated() {},
    });
  }
}

function sharedDomain(lost: (stream: ComponentStream) => void = () => {}) {
  const bounced: string[] = [];
  const grants = parseGrants('');
  assert.ok(typeof grants !== 'string');
  const domain = new ComponentDomain({
    name: 'pep.a.example' as Domain,
    label: 'pep',
    secret: 'secret',
    grants,
    conflict: 'share',
    generation: 2,
    graceSeconds: 5,
    server: 'a.example',
    router: { bounce: (stanza: Stanza) => bounced.push(stanza.id ?? '') } as unknown as Router,
    log: recordingLogger(),
    up() {},
    streamLost: (_domain, stream) => lost(stream),
    down() {},
    roundTrip() {},
    gone() {},
  });
  const join = (): Process => {
    const process = new Process();
    domain.attach(process.stream);
    return process;
  };
  return { domain, bounced, join };
}

/** A bare JID that belongs to that one of so many processes. */
function ownerOf(index: number, of: number, not: readonly string[] = []): string {
  for (let i = 0; ; i++) {
    const owner = `user${i}@a.example`;
    if (shareOf(owner, of) === index && !not.includes(owner)) return owner;
  }
}

const message = (from: string, id: string) =>
  Stanza.parse(`<message from='${from}' to='pep.a.example' id='${id}'/>`);
const result = (from: string, id: string) =>
  Stanza.parse(`<iq type='result' from='${from}' to='pep.a.example' id='${id}'/>`);
const asking = (to: string, id: string) =>
  Stanza.parse(`<iq type='get' from='pep.a.example' to='${to}' id='${id}'><query xmlns='urn:q'/></iq>`);

test('an answer does not overtake what was sent before it to the same process', () => {
  const { domain, join } = sharedDomain();
  const [first] = [join(), join()];
  const owner = ownerOf(0, 2);
  domain.asks(asking(owner, 'answer'), first.stream);
  first.full = true;
  domain.deliver(message(owner, 'm1'), localOrigin);
  domain.deliver(result(owner, 'answer'), localOrigin);
  assert.deepEqual(first.got, []);
  first.full = false;
  domain.drained(first.stream);
  assert.deepEqual(first.got, ['m1', 'answer']);
});

test('an answer that waits still goes to the process that asked, not to the owner of its sender', () => {
  const { domain, join } = sharedDomain();
  const [first, second] = [join(), join()];
  const stranger = ownerOf(1, 2);
  domain.asks(asking(stranger, 'answer'), first.stream);
  first.full = true;
  domain.deliver(result(stranger, 'answer'), localOrigin);
  first.full = false;
  domain.drained(first.stream);
  assert.deepEqual([first.got, second.got], [['answer'], []]);
});

test('a process that does not read keeps nothing from the others, and nothing waits for it when it is lost', () => {
  const { domain, bounced, join } = sharedDomain();
  const [first, second] = [join(), join()];
  const [hers, his] = [ownerOf(0, 2), ownerOf(1, 2)];
  first.full = true;
  domain.deliver(message(hers, 'h1'), localOrigin);
  domain.deliver(message(his, 'h2'), localOrigin);
  assert.deepEqual(second.got, ['h2']);
  assert.equal(domain.held, 1);
  domain.detach(first.stream, true);
  assert.deepEqual(second.got, ['h2', 'h1']);
  assert.equal(domain.held, 0);
  assert.deepEqual(bounced, []);
});

test('the others are told the place of one that was lost, not of one that said it would go', () => {
  const { domain, join } = sharedDomain();
  const [first, second, third] = [join(), join(), join()];
  second.stream.finishedItsWork = true;
  domain.detach(second.stream, true);
  assert.deepEqual([first.place, third.place], ["index='0' of='2'", "index='1' of='2'"]);
  domain.detach(first.stream, true);
  assert.equal(third.place, "index='0' of='1' lost='0'");
  join();
  assert.equal(third.place, "index='0' of='2'");
});

test('requests that wait while a process joins go where the owner has work, and later ones behind them', () => {
  const { domain, join } = sharedDomain();
  const first = join();
  const owner = ownerOf(1, 2);
  let workplace: ComponentStream | undefined = first.stream;
  const deliver = (id: string) =>
    domain.deliverFor(message('a.example', id), localOrigin, owner, { place: () => workplace });
  first.full = true;
  deliver('r1');
  const second = join();
  deliver('r2');
  // its work there is done, but these still wait for the same process
  workplace = undefined;
  deliver('r3');
  assert.deepEqual([first.got, second.got], [[], []]);
  first.full = false;
  domain.drained(first.stream);
  assert.deepEqual([first.got, second.got], [['r1', 'r2', 'r3'], []]);
  deliver('r4');
  assert.deepEqual(second.got, ['r4']);
});

test('what a lost process had not answered comes before what waited behind it', () => {
  const owner = ownerOf(0, 1);
  const { domain, join } = sharedDomain((stream) => {
    if (stream !== only.stream) return;
    domain.deliverFor(message('a.example', 'unanswered'), localOrigin, owner, { again: true });
  });
  const only = join();
  only.full = true;
  domain.deliverFor(message('a.example', 'waited'), localOrigin, owner);
  domain.detach(only.stream, true);
  domain.deliverFor(message('a.example', 'during the grace'), localOrigin, owner);
  assert.equal(domain.held, 3);
  const next = join();
  assert.deepEqual(next.got, ['unanswered', 'waited', 'during the grace']);
});
