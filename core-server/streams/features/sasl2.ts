import { child, clone, type Element } from '../../../shared/xml/element.js';
import { escapeText } from '../../../shared/xml/escape.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import type { Core } from '../../core.js';
import { defineFeature } from '../../feature.js';
import { failure, type SaslFailure, type SaslSuccess } from '../../sasl/mechanism.js';
import type { SaslReply } from '../../sasl/negotiation.js';
import type { ManagedSession } from '../../sessions/stream-management/managed-session.js';
import type { ClientStream } from '../client-stream.js';
import { closedToLogins, endsStream, loginRefusal } from '../login-admission.js';
import { loginOutcomes } from '../login-outcomes.js';
import { contradictsHeader, endWithCertificate, negotiationOf } from '../sasl-negotiations.js';
import { BIND2_INLINE, bindInline } from './bind2.js';

const REQUEST = 'sasl2.request';

/** Log-in, resource and resumption in one round trip (XEP-0388 with inline XEP-0386 and XEP-0198). */
export const sasl2 = defineFeature({
  name: 'extensible sasl profile',
  xeps: [
    { id: '0388', version: '1.0.3', status: 'complete', note: 'no tasks are offered' },
    {
      id: '0386',
      version: '1.0.1',
      status: 'partial',
      note: 'without an archive offline messages are delivered',
    },
    { id: '0474', version: '0.4.0', status: 'complete' },
  ],
  setup(core) {
    const outcomes = loginOutcomes(core);
    core.streamFeatures.add({
      name: 'extensible sasl profile',
      namespaces: [NS.sasl2],
      offer: (stream) => offer(core, stream),
      receive(stream, element) {
        if (stream.domain === null || !stream.modern || !offerable(stream))
          return stream.fail('not-authorized');
        // §"Multiple Authentication"
        if (stream.account !== null) return stream.fail('policy-violation', 'already authenticated');
        const negotiation = negotiationOf(core, stream, true);
        switch (element.name) {
          case 'authenticate': {
            const closed = closedToLogins(core, stream);
            if (closed !== null) return refuse(stream, closed);
            // §2.4: only the response to the challenge may come now
            if (negotiation.inProgress) return stream.fail('not-authorized', 'an exchange is in progress');
            const request = element.element;
            const initial = child(request, 'initial-response', NS.sasl2);
            stream.notes.set(REQUEST, request);
            // an empty <initial-response/> is an initial response of no octets: RFC 6120's "="
            const text = initial === undefined ? undefined : initial.getText().trim() || '=';
            return take(stream, negotiation.begin(element.attribute('mechanism'), text));
          }
          case 'response':
            return take(stream, negotiation.respond(element.element.getText().trim()));
          case 'abort':
            return take(stream, negotiation.abort());
          default:
            return stream.fail('unsupported-stanza-type');
        }
      },
    });

    function take(stream: ClientStream, reply: SaslReply | Promise<SaslReply>): void {
      // what the client pipelines behind a success meets a bound session
      stream.transport.pause();
      void Promise.resolve(reply)
        .then((done) => answer(stream, done))
        .finally(() => stream.transport.resume());
    }

    async function answer(stream: ClientStream, reply: SaslReply): Promise<void> {
      if (stream.state.step === 'closed') return;
      // §2.4: nothing but the exchange, as long as it is the client's turn
      stream.reserve(reply.kind === 'challenge' ? NS.sasl2 : null);
      if (reply.kind === 'challenge')
        return stream.send(`<challenge xmlns='${NS.sasl2}'>${reply.data}</challenge>`);
      if (reply.kind === 'failure') return refuse(stream, reply.failure);
      const { account } = reply.success;
      if (!isForSender(stream, reply.success))
        return refuse(stream, failure('invalid-authzid', undefined, account));
      if (contradictsHeader(stream, reply.mechanism, account)) {
        refuse(stream, failure('invalid-authzid', undefined, account));
        return stream.fail('invalid-from');
      }
      const refusal = loginRefusal(core, stream, account);
      if (refusal !== null) return refuse(stream, refusal);
      await succeed(stream, reply).catch((error: unknown) => {
        // there is no failure to answer with any more: the stream error says that there are too many sessions
        if (error instanceof StanzaError && error.condition === 'resource-constraint') {
          stream.fail('resource-constraint', 'this account has too many sessions');
          return;
        }
        core.log.error({ code: 'c2s.sasl2-failed', error }, 'an inline feature failed');
        stream.fail('internal-server-error');
      });
    }

    function refuse(stream: ClientStream, failure: SaslFailure): void {
      const { condition, text } = failure;
      stream.notes.delete(REQUEST);
      outcomes.failed(stream, failure);
      stream.send(
        `<failure xmlns='${NS.sasl2}'><${condition} xmlns='${NS.sasl}'/>${
          text === undefined ? '' : `<text>${escapeText(text)}</text>`
        }</failure>`,
      );
      const tries = negotiationOf(core, stream, true).failures;
      if (endsStream(failure) || tries >= core.settings.SASL_TRIES)
        stream.fail('policy-violation', 'too many failed attempts');
    }

    /** §"Success": inline features are carried out now, resumption before binding (XEP-0386). */
    async function succeed(
      stream: ClientStream,
      { data, mechanism, success }: Extract<SaslReply, { kind: 'success' }>,
    ): Promise<void> {
      const request = stream.notes.get(REQUEST) as Element | undefined;
      stream.notes.delete(REQUEST);
      stream.authenticated(success.account, false);
      endWithCertificate(stream, success.validUntil);
      outcomes.succeeded(stream, success.account, mechanism);
      let identity: string = success.account;
      let inline = '';
      let resumed: ManagedSession | null = null;
      const resume = request && child(request, 'resume', NS.streamManagement);
      if (resume !== undefined) {
        const outcome = core.streamManagement.take(stream, Stanza.fromElement(clone(resume)));
        if (outcome === null) return;
        if (typeof outcome === 'string') inline += outcome;
        else {
          inline += outcome.resumed;
          resumed = outcome.managed;
          identity = resumed.session.jid.full;
        }
      }
      const bind = request && child(request, 'bind', NS.bind2);
      const bound =
        resumed === null && bind !== undefined && request !== undefined
          ? await bindInline(core, stream, request, bind)
          : null;
      if (bound !== null) {
        identity = bound.identity;
        inline += bound.text;
      }
      const additional =
        data === undefined ? '' : `<additional-data>${data === '=' ? '' : data}</additional-data>`;
      stream.send(
        `<success xmlns='${NS.sasl2}'>${additional}` +
          `<authorization-identifier>${escapeText(identity)}</authorization-identifier>${inline}</success>`,
      );
      // no restart: the features of the authenticated stream follow at once. A resumed stream has had its own: it goes on
      // where it was (XEP-0198 §8.2 MUST NOT)
      if (resumed !== null) {
        stream.bound(resumed.session);
        core.streamManagement.replay(stream, resumed);
        return;
      }
      stream.sendFeatures();
      bound?.begin();
    }
  },
});

/** §2.3: an authorization identity is the address that the stream came from, where it says so. */
function isForSender({ from }: ClientStream, { authorizationId }: SaslSuccess): boolean {
  return authorizationId === undefined || from === null || from.bare === authorizationId.bare;
}

/** XEP-0388 §"Security Considerations": only inside TLS. */
function offerable(stream: ClientStream): boolean {
  return stream.secure;
}

function offer(core: Core, stream: ClientStream): string | null {
  if (stream.account !== null || !offerable(stream)) return null;
  const { mechanisms } = negotiationOf(core, stream, true).offer;
  if (mechanisms.length === 0) return null;
  return (
    `<authentication xmlns='${NS.sasl2}'>${mechanisms.map((name) => `<mechanism>${name}</mechanism>`).join('')}` +
    `<inline><sm xmlns='${NS.streamManagement}'/>${BIND2_INLINE}</inline></authentication>`
  );
}
