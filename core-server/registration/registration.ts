import { stanzaErrorOf } from '../../shared/entity/failure.js';
import { child, type Element, xml } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { AccountError } from '../accounts/account-error.js';
import { HashingQueueFull } from '../accounts/password-hasher.js';
import type { Core } from '../core.js';
import { defineFeature } from '../feature.js';
import type { IqRequest } from '../iq/iq-registry.js';
import { RegistrationRates } from '../rates/registration-rates.js';
import type { ClientStream } from '../streams/client-stream.js';

/** In-band registration, password change and cancellation (XEP-0077). */
export const registration = defineFeature({
  name: 'in-band registration',
  xeps: [{ id: '0077', version: '2.4', status: 'complete' }],
  setup(core) {
    const open = core.settings.REGISTRATION === 'open';
    const recent = new RegistrationRates(core.settings.REGISTRATIONS_PER_ADDRESS);
    core.disco.feature('server', NS.register);

    core.streamFeatures.add({
      name: 'registration',
      namespaces: [],
      // §8: only where it is possible now
      offer: (stream) =>
        open && stream.account === null && safe(core, stream)
          ? `<register xmlns='${NS.registerFeature}'/>`
          : null,
      receive: () => {},
    });

    core.streamFeatures.addUnboundIq({
      namespace: NS.register,
      name: 'query',
      receive(stream, iq) {
        if (stream.account !== null) return stream.answer(iq, new StanzaError('not-allowed'));
        // §3.1: whoever does not offer it says so
        if (!open || stream.domain === null) return stream.answer(iq, new StanzaError('service-unavailable'));
        // another host of this server is asked on a stream to it
        if (iq.toJid != null && iq.toJid.domain !== stream.domain)
          return stream.answer(iq, new StanzaError('service-unavailable'));
        if (!safe(core, stream))
          return stream.answer(iq, new StanzaError('not-allowed', { text: 'TLS is required' }));
        if (iq.type === 'get') return stream.answer(iq, formFor(null).toString());
        void register(stream, iq);
      },
    });

    async function register(stream: ClientStream, iq: Stanza): Promise<void> {
      stream.transport.pause();
      try {
        const query = child(iq.element, 'query', NS.register);
        // §3.2: there is nothing to cancel for whom nobody knows
        if (query !== undefined && child(query, 'remove', NS.register) !== undefined)
          throw new StanzaError('unexpected-request');
        const username = query === undefined ? '' : (child(query, 'username')?.text() ?? '');
        const password = query === undefined ? '' : (child(query, 'password')?.text() ?? '');
        // §3.1: every required field must be there
        if (username === '' || password === '') throw new StanzaError('not-acceptable');
        const jid = parseJid(`${username}@${stream.domain}`);
        if (jid === null || jid.resource !== '' || jid.local === '') throw new StanzaError('not-acceptable');
        if (!recent.allow(stream.remoteAddress))
          throw new StanzaError('resource-constraint', { type: 'wait' });
        await core.accounts.create(jid.bare, password);
        core.log.info(
          { code: 'account.registered', account: jid.bare, address: stream.remoteAddress },
          'registered',
        );
        stream.answer(iq, '');
      } catch (error) {
        stream.answer(iq, asStanzaError(core, error));
      } finally {
        stream.transport.resume();
      }
    }

    core.iq.on('server', 'get', NS.register, 'query', (request) => ownForm(request));
    core.iq.on('account', 'get', NS.register, 'query', (request) => ownForm(request));
    core.iq.on('server', 'set', NS.register, 'query', (request) => change(core, request));
    core.iq.on('account', 'set', NS.register, 'query', (request) => change(core, request));
  },
});

/** §3.1: what an existing account sees. */
function ownForm(request: IqRequest): Element {
  if (request.origin.session === null) throw new StanzaError('forbidden');
  refuseOthers(request);
  return formFor(request.from.local);
}

/**
 * Nobody registers with somebody else's account, and the answer does not tell whether there is one (RFC 6120 §10.2). At
 * another host than one's own one has no account, so there is none to change or cancel.
 */
function refuseOthers({ account, from, to }: IqRequest): void {
  if (account !== null ? account.bare !== from.bare : to.domain !== from.domain)
    throw new StanzaError('service-unavailable');
}

function formFor(username: string | null): Element {
  return xml(
    'query',
    { xmlns: NS.register },
    ...(username === null
      ? [xml('instructions', {}, 'Choose a username and a password.')]
      : [xml('registered'), xml('instructions', {}, 'Choose a new password, or cancel your account.')]),
    xml('username', {}, ...(username === null ? [] : [username])),
    xml('password'),
  );
}

/** Password change (§3.3) and cancellation (§3.2) of one's own account, always possible. */
async function change(core: Core, request: IqRequest): Promise<Element | undefined> {
  const session = request.origin.session;
  if (session === null) throw new StanzaError('forbidden');
  const own = session.account.bare;
  refuseOthers(request);
  const query = request.payload;
  if (child(query, 'remove') !== undefined) {
    // §3.2: exactly <remove/>
    if (query.getChildElements().length !== 1) throw new StanzaError('bad-request');
    // the result must reach the client before its streams are closed
    const stream = session.stream;
    queueMicrotask(() => {
      const go = () => void core.accountRemoval.remove(own, false);
      if (stream === null) go();
      else stream.afterFlush(go);
    });
    return undefined;
  }
  const username = child(query, 'username')?.text() ?? '';
  const password = child(query, 'password')?.text() ?? '';
  if (username === '' || password === '') throw new StanzaError('bad-request');
  if (parseJid(`${username}@${session.jid.domain}`)?.bare !== own) throw new StanzaError('not-allowed');
  // §3.3.1: never in the clear
  if (session.stream?.secure !== true && core.settings.C2S_REQUIRE_TLS)
    throw new StanzaError('not-authorized');
  try {
    await core.accounts.setPassword(own, password);
  } catch (error) {
    throw asStanzaError(core, error);
  }
  // the other sessions may be why the password is changed
  core.sessions.endAll(session.account, 'not-authorized', 'the password was changed', session);
  core.log.info({ code: 'account.password-changed', account: own }, 'password changed');
  return undefined;
}

function safe(core: Core, stream: ClientStream): boolean {
  return stream.secure || !core.settings.C2S_REQUIRE_TLS;
}

function asStanzaError(core: Core, error: unknown): StanzaError {
  if (error instanceof StanzaError) return error;
  if (error instanceof AccountError) {
    return new StanzaError(
      error.code === 'exists' || error.code === 'name-blocked' ? 'conflict' : 'not-acceptable',
    );
  }
  if (error instanceof HashingQueueFull) return new StanzaError('resource-constraint', { type: 'wait' });
  core.log.error({ code: 'account.registration-failed', error }, 'a registration failed');
  return stanzaErrorOf(error);
}
