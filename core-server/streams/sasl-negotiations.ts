import { whenCertificateExpires } from '../../shared/tls/expiry.js';
import type { BareJid } from '../../shared/xmpp/jid.js';
import type { Core } from '../core.js';
import { channelBindingOf } from '../sasl/channel-binding.js';
import { clientCertificateOf } from '../sasl/client-certificate.js';
import type { SaslPolicy } from '../sasl/mechanism.js';
import { SaslNegotiation } from '../sasl/negotiation.js';
import type { ClientStream } from './client-stream.js';

const NEGOTIATION = 'sasl.negotiation';
const NEGOTIATION_2 = 'sasl2.negotiation';

/** The SASL negotiation of a stream as it is now; begins anew when TLS or another domain changed what can be offered. */
export function negotiationOf(core: Core, stream: ClientStream, sasl2 = false): SaslNegotiation {
  const key = sasl2 ? NEGOTIATION_2 : NEGOTIATION;
  const known = stream.notes.get(key) as { stream: string; negotiation: SaslNegotiation } | undefined;
  // the stream's id changes with each header (RFC 6120 §4.3.3)
  if (known?.stream === stream.id) return known.negotiation;
  if (stream.domain === null) throw new Error('no stream header yet');
  const { tls, kind } = stream.transport;
  const link = kind === 'client-link';
  const negotiation = new SaslNegotiation({
    domain: stream.domain,
    peer: stream.remoteAddress,
    streamFrom: stream.from,
    secure: stream.secure,
    channelBinding: tls === null ? null : channelBindingOf(tls, { tlsUnique: core.settings.SASL_TLS_UNIQUE }),
    clientCertificate: tls === null ? null : clientCertificateOf(tls),
    accounts: core.accounts,
    policy: {
      // TLS of HTTP ends at the component, so nothing that shows the password passes it unless allowed
      plain: !link || core.settings.CLIENT_LINK_ALLOW_PLAIN,
      plainWithoutTls: !core.settings.C2S_REQUIRE_TLS && !link,
      digestMd5: core.settings.SASL_DIGEST_MD5 && !link,
      external: link ? 'off' : clientCertificates(core),
    },
    downgradeProtection: sasl2,
    log: core.log,
  });
  stream.notes.set(key, { stream: stream.id, negotiation });
  return negotiation;
}

/** With the operator's own authorities a common name counts too (XEP-0178 §2 case 3). */
function clientCertificates({ settings }: Core): SaslPolicy['external'] {
  if (!settings.C2S_CLIENT_CERTIFICATES) return 'off';
  return settings.C2S_CLIENT_CA === undefined ? 'addresses' : 'names';
}

/** Ends a stream when the certificate that authenticated it expires (RFC 6120 §13.7.2.3). */
export function endWithCertificate(stream: ClientStream, validUntil: number | undefined): void {
  const { tls } = stream.transport;
  if (tls === null || validUntil === undefined) return;
  whenCertificateExpires(tls, validUntil, () => stream.fail('reset', 'the certificate expired'));
}

/**
 * Whether somebody else has logged in than the stream's header announced inside TLS (RFC 6120 §6.4.6). A certificate may
 * stand for another address than its owner said, and old libraries name their machine, which is no account.
 */
export function contradictsHeader(stream: ClientStream, mechanism: string, account: BareJid): boolean {
  const { from, secure } = stream;
  return secure && from !== null && from.local !== '' && from.bare !== account && mechanism !== 'EXTERNAL';
}
