import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccountState } from '../../../core-server/sessions/account-state.js';
import { Session, type SessionStream } from '../../../core-server/sessions/session.js';
import { ManagedSession } from '../../../core-server/sessions/stream-management/managed-session.js';
import { flushNow } from '../../../core-server/streams/write-scheduler.js';
import { jid } from '../../../shared/xmpp/jid.js';

function stream(sent: string[]): SessionStream {
  return {
    send: (text) => void sent.push(text),
    afterFlush() {},
    queuedBytes: 0,
    remoteAddress: '127.0.0.1',
    secure: true,
    pauseFor() {},
    fail() {},
    close() {},
    destroy() {},
  };
}

test('XEP-0198 §4: what asks on the stream of a resumption is answered, though the stream of before has asked in the same turn', () => {
  const [former, later]: [string[], string[]] = [[], []];
  const address = jid('juliet@capulet.lit/balcony');
  const session = new Session({
    id: 'x',
    jid: address,
    account: new AccountState(address.toBare(), true),
    stream: stream(former),
    lang: undefined,
    outboundLimit: 1000,
    outboundFilter: () => false,
  });
  const managed = new ManagedSession(session, 300);
  session.inbound.received = 1;
  managed.answer();
  session.stream = stream(later);
  session.inbound.received = 2;
  managed.answer();
  session.inbound.received = 3;
  managed.answer();
  flushNow();
  assert.deepEqual(former, []);
  assert.deepEqual(later, ["<a xmlns='urn:xmpp:sm:3' h='2'/><a xmlns='urn:xmpp:sm:3' h='3'/>"]);
});
