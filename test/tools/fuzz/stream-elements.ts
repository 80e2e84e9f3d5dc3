import type { Dice } from './dice.js';
import { element, type Node } from './tree.js';
import { anyNumber, anyText, anyValue } from './values.js';

/** First-level elements of a client's stream that are no stanzas: stream management, client state, what belongs before. */
export function anyStreamElement(dice: Dice): Node {
  const sm = dice.pick(['urn:xmpp:sm:3', 'urn:xmpp:sm:2']);
  return dice.pick<() => Node>([
    () =>
      element('enable', {
        xmlns: sm,
        resume: dice.maybe(0.4, dice.pick(['true', '1', 'x'])),
        max: dice.maybe(0.3, anyNumber(dice)),
      }),
    () => element('r', { xmlns: sm }),
    () => element('a', { xmlns: sm, h: dice.maybe(0.95, anyNumber(dice)) }),
    () =>
      element('resume', {
        xmlns: sm,
        h: dice.maybe(0.9, anyNumber(dice)),
        previd: dice.maybe(0.9, anyText(dice)),
      }),
    () => element(dice.pick(['enabled', 'resumed', 'failed']), { xmlns: sm }),
    () => element(dice.pick(['active', 'inactive']), { xmlns: 'urn:xmpp:csi:0' }),
    () => element('starttls', { xmlns: 'urn:ietf:params:xml:ns:xmpp-tls' }),
    () => element('auth', { xmlns: 'urn:ietf:params:xml:ns:xmpp-sasl', mechanism: 'PLAIN' }, anyValue(dice)),
    () => element('response', { xmlns: 'urn:ietf:params:xml:ns:xmpp-sasl' }, anyValue(dice)),
    () =>
      element(
        'authenticate',
        { xmlns: 'urn:xmpp:sasl:2', mechanism: 'PLAIN' },
        element('initial-response', {}, anyValue(dice)),
      ),
    () =>
      element(
        'compress',
        { xmlns: 'http://jabber.org/protocol/compress' },
        element('method', {}, dice.pick(['lzw', 'x', anyText(dice)])),
      ),
    () => element('handshake', {}, anyText(dice)),
    () => element('stream:features', { 'xmlns:stream': 'http://etherx.jabber.org/streams' }),
    () =>
      element(
        'stream:error',
        { 'xmlns:stream': 'http://etherx.jabber.org/streams' },
        element(dice.pick(['conflict', 'reset', 'x']), { xmlns: 'urn:ietf:params:xml:ns:xmpp-streams' }),
      ),
    () =>
      element(
        'db:result',
        { 'xmlns:db': 'jabber:server:dialback', from: anyText(dice), to: 'localhost' },
        anyText(dice),
      ),
    () =>
      element(
        dice.pick(['route', 'log', 'xdb', 'x', 'body']),
        { xmlns: dice.maybe(0.5, anyText(dice)) },
        anyText(dice),
      ),
  ])();
}
