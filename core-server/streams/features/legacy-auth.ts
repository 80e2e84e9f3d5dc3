import { child } from '../../../shared/xml/element.js';
import { escapeText } from '../../../shared/xml/escape.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { parseJid, prepareResource } from '../../../shared/xmpp/jid.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { HashingQueueFull } from '../../accounts/password-hasher.js';
import { defineFeature } from '../../feature.js';
import { accountOf } from '../../sasl/identity.js';
import type { SaslFailure } from '../../sasl/mechanism.js';
import type { ClientStream } from '../client-stream.js';
import { closedToLogins, endsStream, loginRefusal } from '../login-admission.js';
import { noteFailedLogin } from '../login-outcomes.js';
import { negotiationOf } from '../sasl-negotiations.js';

const FAILED_TRIES = 'legacy-auth.failed-tries';

interface Credentials {
  readonly username: string;
  readonly resource: string;
  readonly password: string | undefined;
  readonly digest: string | undefined;
}

/** Non-SASL authentication (XEP-0078), for clients from before XMPP 1.0; log-in and resource in one step. */
export const legacyAuth = defineFeature({
  name: 'legacy-auth',
  xeps: [
    { id: '0078', version: '2.5', status: 'complete' },
    { id: '0086', version: '1.0', status: 'complete', note: 'In every error, of components too.' },
  ],
  setup(core) {
    const { settings } = core;
    // the digest is of the password itself, which is kept only where the operator wants so
    const digestKept = settings.PASSWORD_STORAGE === 'plain';
    // RFC 6120 §5.3.1: no authentication before TLS where TLS is required. BOSH clients from before XEP-0206 know
    // nothing else, but what carries them sees the password
    const possible = (stream: ClientStream): boolean =>
      settings.LEGACY_AUTH &&
      stream.account === null &&
      (stream.transport.kind === 'socket'
        ? stream.secure || !settings.C2S_REQUIRE_TLS
        : stream.secure && settings.CLIENT_LINK_ALLOW_PLAIN);

    core.streamFeatures.add({
      name: 'legacy-auth',
      namespaces: [],
      offer: (stream) => (possible(stream) ? `<auth xmlns='${NS.iqAuthFeature}'/>` : null),
      receive: () => {},
    });
    core.streamFeatures.addUnboundIq({ namespace: NS.iqAuth, name: 'query', receive });

    function receive(stream: ClientStream, iq: Stanza): void {
      // §2.1: a server without it says so
      if (!possible(stream)) return stream.answer(iq, new StanzaError('service-unavailable'));
      // §2.1, §6: not as a second try after SASL
      if (negotiationOf(core, stream).failures > 0)
        return stream.fail('policy-violation', 'SASL has failed on this stream');
      if (iq.type === 'get') return describe(stream, iq);
      const closed = closedToLogins(core, stream);
      if (closed !== null) return turnAway(stream, iq, closed);
      const credentials = read(iq);
      if (credentials === null) return stream.answer(iq, new StanzaError('not-acceptable'));
      stream.transport.pause();
      void logIn(stream, iq, credentials).finally(() => stream.transport.resume());
    }

    /** §2.1: the same for every user name, whether it exists or not. */
    function describe(stream: ClientStream, iq: Stanza): void {
      const query = child(iq.element, 'query', NS.iqAuth);
      const username = (query && child(query, 'username', NS.iqAuth)?.getText()) ?? '';
      const name = username === '' ? '<username/>' : `<username>${escapeText(username)}</username>`;
      stream.answer(
        iq,
        `<query xmlns='${NS.iqAuth}'>${name}<password/>${digestKept ? '<digest/>' : ''}<resource/></query>`,
      );
    }

    async function logIn(stream: ClientStream, iq: Stanza, credentials: Credentials): Promise<void> {
      const { domain } = stream;
      if (domain === null) return;
      const account = accountOf(credentials.username, domain);
      const { digest, password, resource } = credentials;
      try {
        const outcome =
          digest !== undefined && digestKept
            ? await core.accounts.passwords.verifyStreamDigest(account, stream.id, digest)
            : password !== undefined
              ? await core.accounts.passwords.verify(account, password, stream.remoteAddress)
              : 'wrong';
        if (stream.state.step === 'closed') return;
        const jid = account === null ? null : parseJid(account);
        if (outcome !== 'ok' || account === null || jid === null) return refuse(stream, iq, account);
        const refusal = loginRefusal(core, stream, account);
        if (refusal !== null) return turnAway(stream, iq, refusal);
        const session = await core.sessions.bind(stream, jid, resource, stream.lang);
        // bind lends the stream; it may have been lost meanwhile
        if ((stream.state.step as string) === 'closed') return core.sessions.end(session);
        stream.log.info(
          { code: 'c2s.authenticated', account, address: stream.remoteAddress, by: NS.iqAuth },
          'authenticated',
        );
        stream.authenticated(account, false);
        stream.bound(session);
        stream.answer(iq, '');
      } catch (error) {
        if (error instanceof StanzaError) {
          // §2.1: the policy for resources in use is that of binding; here the condition is of type cancel
          const answer = error.condition === 'conflict' ? new StanzaError('conflict') : error;
          return stream.answer(iq, answer);
        }
        const busy = error instanceof HashingQueueFull;
        if (!busy) stream.log.error({ code: 'c2s.login-error', error }, 'a log-in could not be decided');
        stream.answer(iq, new StanzaError(busy ? 'resource-constraint' : 'internal-server-error'));
      }
    }

    /** Whatever the credentials are. */
    function turnAway(stream: ClientStream, iq: Stanza, failure: SaslFailure): void {
      const { text = 'try again soon' } = failure;
      stream.answer(iq, new StanzaError('resource-constraint', { type: 'wait', text }));
      if (endsStream(failure)) stream.fail('policy-violation', 'too many failed attempts');
    }

    function refuse(stream: ClientStream, iq: Stanza, claimed: string | null): void {
      noteFailedLogin(core, stream, 'not-authorized', claimed ?? undefined);
      stream.answer(iq, new StanzaError('not-authorized'));
      const tries = Number(stream.notes.get(FAILED_TRIES) ?? 0) + 1;
      stream.notes.set(FAILED_TRIES, tries);
      if (tries >= settings.SASL_TRIES) stream.fail('policy-violation', 'too many failed attempts');
    }
  },
});

/** §2.1: user name, resource and one of password or digest; null where something is missing or cannot be. */
function read(iq: Stanza): Credentials | null {
  const query = child(iq.element, 'query', NS.iqAuth);
  if (query === undefined) return null;
  const text = (name: string): string | undefined => child(query, name, NS.iqAuth)?.getText();
  const username = text('username')?.trim();
  const resource = prepareResource(text('resource')?.trim() ?? '');
  const [password, digest] = [text('password'), text('digest')?.trim()];
  if (username === undefined || username === '' || resource === null) return null;
  if (password === undefined && digest === undefined) return null;
  return { username, resource, password, digest };
}
