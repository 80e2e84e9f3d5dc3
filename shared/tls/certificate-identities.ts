import { readCertificate, readString } from './certificate-fields.js';
import { DER, type DerElement, objectIdentifier, readConstructed, readDer } from './der.js';

/** Whom a certificate says it belongs to, as written in it (RFC 6120 §13.7.1.2, RFC 6125 §1.8). */
export interface CertificateIdentities {
  /** id-on-xmppAddr: JIDs. */
  readonly xmppAddr: readonly string[];
  /** id-on-dnsSRV: `_service.domain` (RFC 4985). */
  readonly srvName: readonly string[];
  readonly dnsName: readonly string[];
  /** Whether there are identifiers of the URI type, which rule out the common name too (RFC 6125 §6.4.4). */
  readonly uri: readonly string[];
  readonly commonName: readonly string[];
}

const ID_ON_XMPP_ADDR = '1.3.6.1.5.5.7.8.5';
const ID_ON_DNS_SRV = '1.3.6.1.5.5.7.8.7';
const COMMON_NAME = '2.5.4.3';

const NONE: CertificateIdentities = { xmppAddr: [], srvName: [], dnsName: [], uri: [], commonName: [] };

/** The identities in a certificate; none in what is not a certificate. Names with a NUL or control are left out. */
export function identitiesOf(certificateDer: Buffer): CertificateIdentities {
  try {
    const { subject, alternativeNames } = readCertificate(certificateDer);
    const found = {
      xmppAddr: [] as string[],
      srvName: [] as string[],
      dnsName: [] as string[],
      uri: [] as string[],
      commonName: subject.filter(({ oid }) => oid === COMMON_NAME).map(({ text }) => text),
    };
    for (const name of alternativeNames) {
      if (name.tag === DER.context(2)) found.dnsName.push(readString(name));
      else if (name.tag === DER.context(6)) found.uri.push(readString(name));
      else if (name.tag === DER.contextConstructed(0)) {
        const other = readOtherName(name);
        if (other?.oid === ID_ON_XMPP_ADDR) found.xmppAddr.push(other.text);
        else if (other?.oid === ID_ON_DNS_SRV) found.srvName.push(other.text);
      }
    }
    const clean = (names: string[]) =>
      names.filter((name) => name !== '' && !/[\0-\x1f\x7f\ufffd]/.test(name));
    return {
      xmppAddr: clean(found.xmppAddr),
      srvName: clean(found.srvName),
      dnsName: clean(found.dnsName),
      uri: found.uri,
      commonName: clean(found.commonName),
    };
  } catch {
    return NONE;
  }
}

/** otherName: an object identifier, then the value in an explicit [0] (RFC 5280 §4.2.1.6). */
function readOtherName(name: DerElement): { oid: string; text: string } | null {
  const [type, wrapped] = readDer(name.contents);
  const value = wrapped ? readConstructed(wrapped, DER.contextConstructed(0))[0] : undefined;
  const isText = value?.tag === DER.utf8String || value?.tag === DER.ia5String;
  return isText ? { oid: objectIdentifier(type), text: readString(value) } : null;
}
