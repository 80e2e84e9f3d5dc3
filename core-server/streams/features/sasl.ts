import { escapeText } from '../../../shared/xml/escape.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import type { Core } from '../../core.js';
import { defineFeature } from '../../feature.js';
import { failure, type SaslFailure } from '../../sasl/mechanism.js';
import type { SaslNegotiation, SaslReply } from '../../sasl/negotiation.js';
import type { ClientStream } from '../client-stream.js';
import { closedToLogins, endsStream, loginRefusal } from '../login-admission.js';
import { loginOutcomes } from '../login-outcomes.js';
import { contradictsHeader, endWithCertificate, negotiationOf } from '../sasl-negotiations.js';

/** SASL on client streams (RFC 6120 §6). */
export const sasl = defineFeature({
  name: 'sasl',
  specifications: ['RFC 6120 §6', 'RFC 4422'],
  xeps: [
    { id: '0440', version: '1.0.0', status: 'complete' },
    { id: '0178', version: '1.2', status: 'complete' },
  ],
  metrics: [
    { name: 'sasl_success_total', kind: 'counter', help: 'Successful authentications' },
    { name: 'sasl_failure_total', kind: 'counter', help: 'Failed authentications', labels: ['condition'] },
  ],
  setup(core) {
    const outcomes = loginOutcomes(core);

    core.streamFeatures.add({
      name: 'sasl',
      namespaces: [NS.sasl],
      offer: (stream) => offer(core, stream),
      receive(stream, element) {
        if (stream.account !== null || stream.domain === null || !stream.modern)
          return stream.fail('not-authorized');
        const negotiation = negotiationOf(core, stream);
        switch (element.name) {
          case 'auth':
            return begin(stream, negotiation, element);
          case 'response':
            return take(stream, negotiation, negotiation.respond(element.element.getText()));
          case 'abort':
            return take(stream, negotiation, negotiation.abort());
          default:
            return stream.fail('unsupported-stanza-type');
        }
      },
    });

    function begin(stream: ClientStream, negotiation: SaslNegotiation, element: Stanza): void {
      // RFC 6120 §5.3.1, §6.5.4: nothing is offered before TLS where TLS is required
      if (!stream.secure && core.settings.C2S_REQUIRE_TLS)
        return refuse(stream, negotiation, failure('encryption-required'));
      const closed = closedToLogins(core, stream);
      if (closed !== null) return refuse(stream, negotiation, closed);
      // RFC 6120 §6.4.2: the exchange before is discarded; §6.4.5: not again and again
      if (negotiation.inProgress && negotiation.failures + 1 >= core.settings.SASL_TRIES)
        return stream.fail('policy-violation', 'too many failed attempts');
      const text = element.element.getText();
      take(
        stream,
        negotiation,
        negotiation.begin(element.attribute('mechanism'), text === '' ? undefined : text),
      );
    }

    function take(
      stream: ClientStream,
      negotiation: SaslNegotiation,
      reply: SaslReply | Promise<SaslReply>,
    ): void {
      if (!(reply instanceof Promise)) return answer(stream, negotiation, reply);
      // one step at a time: what the client sends meanwhile waits
      stream.transport.pause();
      void reply.then((done) => answer(stream, negotiation, done)).finally(() => stream.transport.resume());
    }

    function answer(stream: ClientStream, negotiation: SaslNegotiation, reply: SaslReply): void {
      if (stream.state.step === 'closed') return;
      if (reply.kind === 'challenge') {
        stream.send(`<challenge xmlns='${NS.sasl}'>${reply.data}</challenge>`);
        return;
      }
      if (reply.kind === 'failure') return refuse(stream, negotiation, reply.failure);
      const { mechanism } = reply;
      const { account, validUntil } = reply.success;
      if (contradictsHeader(stream, mechanism, account)) {
        refuse(stream, negotiation, failure('invalid-authzid', undefined, account));
        return stream.fail('invalid-from');
      }
      const refusal = loginRefusal(core, stream, account);
      if (refusal !== null) return refuse(stream, negotiation, refusal);
      endWithCertificate(stream, validUntil);
      outcomes.succeeded(stream, account, mechanism);
      stream.send(
        reply.data === undefined
          ? `<success xmlns='${NS.sasl}'/>`
          : `<success xmlns='${NS.sasl}'>${reply.data}</success>`,
      );
      stream.authenticated(account, true);
    }

    function refuse(stream: ClientStream, negotiation: SaslNegotiation, failure: SaslFailure): void {
      const { condition, text } = failure;
      outcomes.failed(stream, failure);
      stream.send(
        `<failure xmlns='${NS.sasl}'><${condition}/>${
          text === undefined ? '' : `<text xml:lang='en'>${escapeText(text)}</text>`
        }</failure>`,
      );
      // §6.4.5: a limit on retries
      const final = condition === 'encryption-required' || endsStream(failure);
      if (negotiation.failures >= core.settings.SASL_TRIES || final) {
        const why = condition === 'encryption-required' ? 'TLS comes first' : 'too many failed attempts';
        stream.fail('policy-violation', why);
      }
    }
  },
});

function offer(core: Core, stream: ClientStream): string | null {
  if (stream.account !== null || (!stream.secure && core.settings.C2S_REQUIRE_TLS)) return null;
  const { mechanisms, channelBindings } = negotiationOf(core, stream).offer;
  if (mechanisms.length === 0) return null;
  const names = mechanisms.map((name) => `<mechanism>${name}</mechanism>`).join('');
  // XEP-0440: which channel bindings this connection really has
  const bindings = channelBindings.map((type) => `<channel-binding type='${type}'/>`).join('');
  return (
    `<mechanisms xmlns='${NS.sasl}'>${names}</mechanisms>` +
    (bindings === ''
      ? ''
      : `<sasl-channel-binding xmlns='${NS.saslChannelBinding}'>${bindings}</sasl-channel-binding>`)
  );
}
