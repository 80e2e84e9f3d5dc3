import { childElements, clone, type Element } from '../../../shared/xml/element.js';
import { writeElement } from '../../../shared/xml/write.js';
import { NS } from '../../../shared/xmpp/namespaces.js';

/** Features that cannot be used through a hop that ends here (XEP-0206 §"Session Creation Response", RFC 7395 §3.9). */
const unusable: ReadonlySet<string> = new Set([NS.tls, NS.compressFeature, NS.saslChannelBinding]);

export interface FeaturePolicy {
  /** Mechanisms that show the password to us, or could be guessed against, may be offered. */
  readonly allowPlain: boolean;
}

/**
 * `<stream:features/>` as a client on the web may see them: without TLS and compression, without SASL mechanisms that
 * bind to a TLS channel (the client's ends here) or need its certificate.
 */
export function usableFeatures(features: Element, policy: FeaturePolicy): string {
  let content = '';
  for (const feature of childElements(features)) {
    const namespace = feature.getNS() ?? '';
    if (unusable.has(namespace)) continue;
    if (!policy.allowPlain && namespace === NS.iqAuthFeature) continue;
    const copy = clone(feature);
    const isMechanisms = namespace === NS.sasl && feature.getName() === 'mechanisms';
    if (isMechanisms || (namespace === NS.sasl2 && feature.getName() === 'authentication')) {
      for (const mechanism of copy.getChildren('mechanism')) {
        if (!isUsable(mechanism.getText().trim(), policy)) copy.remove(mechanism);
      }
    }
    content += writeElement(copy, '');
  }
  const start = `<stream:features xmlns:stream='${NS.streams}'`;
  return content === '' ? `${start}/>` : `${start}>${content}</stream:features>`;
}

function isUsable(mechanism: string, { allowPlain }: FeaturePolicy): boolean {
  if (mechanism.endsWith('-PLUS') || mechanism === 'EXTERNAL') return false;
  return allowPlain || (mechanism !== 'PLAIN' && mechanism !== 'LOGIN' && mechanism !== 'DIGEST-MD5');
}
