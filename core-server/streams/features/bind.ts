import { child } from '../../../shared/xml/element.js';
import { escapeText } from '../../../shared/xml/escape.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { defineFeature } from '../../feature.js';
import type { ClientStream } from '../client-stream.js';
import { conformingResource } from '../conforming-resource.js';

/** RFC 6120 §7.7.3: between 5 and 10 more tries after the first, then the stream is closed. */
const TRIES = 6;
const FAILED_TRIES = 'bind.failed-tries';
const IN_PROGRESS = 'bind.in-progress';

/** Resource binding (RFC 6120 §7). */
export const bind = defineFeature({
  name: 'bind',
  specifications: ['RFC 6120 §7'],
  setup(core) {
    core.streamFeatures.add({
      name: 'bind',
      namespaces: [],
      offer: (stream) =>
        stream.account === null || stream.session !== null ? null : `<bind xmlns='${NS.bind}'/>`,
      receive: () => {},
    });
    core.streamFeatures.addUnboundIq({ namespace: NS.bind, name: 'bind', receive });

    function receive(stream: ClientStream, iq: Stanza): void {
      const account = stream.account;
      if (account === null) return stream.fail('not-authorized');
      if (iq.type !== 'set') return stream.answer(iq, new StanzaError('bad-request'));
      if (stream.notes.has(IN_PROGRESS)) return stream.answer(iq, new StanzaError('not-allowed'));
      const request = child(iq.element, 'bind', NS.bind);
      const text = (request && child(request, 'resource', NS.bind))?.text() ?? '';
      // §7.7.2.1 SHOULD: what cannot be a resource is made one; an empty one asks the server for one
      const wanted = conformingResource(text);
      stream.notes.set(IN_PROGRESS, true);
      stream.transport.pause();
      core.sessions
        .bind(stream, account, wanted, stream.lang)
        .then(
          (session) => {
            if (stream.state.step === 'closed') return core.sessions.end(session);
            stream.bound(session);
            stream.answer(iq, `<bind xmlns='${NS.bind}'><jid>${escapeText(session.jid.full)}</jid></bind>`);
          },
          (error: unknown) =>
            refuse(
              stream,
              iq,
              error instanceof StanzaError ? error : new StanzaError('internal-server-error'),
            ),
        )
        .finally(() => {
          stream.notes.delete(IN_PROGRESS);
          stream.transport.resume();
        });
    }

    function refuse(stream: ClientStream, iq: Stanza, error: StanzaError): void {
      stream.answer(iq, error);
      const tries = Number(stream.notes.get(FAILED_TRIES) ?? 0) + 1;
      stream.notes.set(FAILED_TRIES, tries);
      if (tries >= TRIES) stream.fail('policy-violation', 'too many attempts to bind a resource');
    }
  },
});
