import { randomBytes } from 'node:crypto';
import { createLogger } from '../../shared/observability/logger.js';
import { PIE_SCRAM, type PortableAccounts } from '../../shared/portable/part.js';
import { loadSettings } from '../../shared/settings/load.js';
import type { Storage } from '../../shared/storage/storage.js';
import { child, childElements, type Element, namespaceOf, textOf, xml } from '../../shared/xml/element.js';
import type { BareJid } from '../../shared/xmpp/jid.js';
import {
  ACCOUNTS,
  type AccountDocument,
  credentialsOf,
  storedCredentials,
} from '../accounts/account-document.js';
import { type Credentials, MINIMUM_ITERATIONS, type ScramVerifier } from '../accounts/credentials.js';
import { openAccounts } from '../accounts/open-accounts.js';
import { HASH_OCTETS, type ScramHash } from '../accounts/password-hasher.js';
import { coreSettings } from '../settings.js';

const HASHES: readonly ScramHash[] = ['SHA-1', 'SHA-256'];

/** The accounts of a store, to be exported and imported (XEP-0227 §"Users", §"SCRAM credentials"). */
export async function openPortableAccounts(
  storage: Storage,
  environment: NodeJS.ProcessEnv,
): Promise<PortableAccounts> {
  const settings = loadSettings(coreSettings, { process: 'core', environment });
  const log = createLogger({ process: 'store', level: 'warn' });
  const documents = storage.keyval(ACCOUNTS);
  return {
    domains: settings.XMPP_DOMAINS,
    async *list() {
      for await (const owner of documents.owners()) {
        const found = await documents.get(owner);
        if (found === undefined || found.value.state === 'removed') continue;
        yield { account: owner as BareJid, disabled: found.value.state === 'disabled' };
      }
    },
    async credentials(account, twice) {
      const found = await documents.get(account);
      return found === undefined ? [] : scramElements(credentialsOf(found.value), twice);
    },
    async exists(account) {
      const found = await documents.get(account);
      return found !== undefined && found.value.state !== 'removed';
    },
    async create(account, user) {
      const { password } = user.attrs;
      if (password !== undefined && password !== '') {
        const accounts = await openAccounts(storage, settings, log);
        await accounts.create(account, password, { force: true });
        return true;
      }
      const scram = verifiersOf(user);
      const now = Date.now();
      const document: AccountDocument = {
        state: 'active',
        created: now,
        passwordChanged: now,
        ...storedCredentials({ scram: scram.size > 0 ? scram : unusable() }),
      };
      await documents.put(account, document);
      return scram.size > 0;
    },
  };
}

function scramElements({ scram }: Credentials, twice: boolean): Element[] {
  const encoded = (octets: Buffer): string => {
    const text = octets.toString('base64');
    return twice ? Buffer.from(text).toString('base64') : text;
  };
  return [...scram].map(([hash, verifier]) =>
    xml(
      'scram-credentials',
      { xmlns: PIE_SCRAM, mechanism: `SCRAM-${hash}` },
      xml('iter-count', {}, String(verifier.iterations)),
      xml('salt', {}, encoded(verifier.salt)),
      xml('server-key', {}, encoded(verifier.serverKey)),
      xml('stored-key', {}, encoded(verifier.storedKey)),
    ),
  );
}

/** The verifiers that we can check passwords against; what is malformed or of another hash is left out. */
function verifiersOf(user: Element): Map<ScramHash, ScramVerifier> {
  const found = new Map<ScramHash, ScramVerifier>();
  for (const element of childElements(user)) {
    if (element.getName() !== 'scram-credentials' || namespaceOf(element) !== PIE_SCRAM) continue;
    const hash = HASHES.find((candidate) => element.attrs['mechanism'] === `SCRAM-${candidate}`);
    const part = (name: string) => textOf(child(element, name)).trim();
    const iterations = Number(part('iter-count'));
    const fields = [part('salt'), part('server-key'), part('stored-key')].map((text) =>
      Buffer.from(text, 'base64'),
    );
    const octets = hash === undefined ? 0 : HASH_OCTETS[hash];
    // ejabberd (23.01) encodes its values, which are base64 already, once more.
    const twice = fields[2]?.length !== octets;
    const [salt, serverKey, storedKey] = twice
      ? fields.map((field) => Buffer.from(field.toString(), 'base64'))
      : fields;
    if (hash === undefined || salt === undefined || serverKey === undefined || storedKey === undefined)
      continue;
    if (!(iterations >= MINIMUM_ITERATIONS) || !Number.isSafeInteger(iterations) || salt.length === 0)
      continue;
    if (serverKey.length !== octets || storedKey.length !== octets) continue;
    found.set(hash, { salt, iterations, storedKey, serverKey });
  }
  return found;
}

/** A verifier of no password: the account exists, and its owner needs a new one. */
function unusable(): Map<ScramHash, ScramVerifier> {
  const verifier = {
    salt: randomBytes(16),
    iterations: MINIMUM_ITERATIONS,
    storedKey: randomBytes(HASH_OCTETS['SHA-256']),
    serverKey: randomBytes(HASH_OCTETS['SHA-256']),
  };
  return new Map([['SHA-256' as const, verifier]]);
}
