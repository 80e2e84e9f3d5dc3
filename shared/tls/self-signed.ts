import { randomUUID, X509Certificate } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { domainToDns } from '../xmpp/jid.js';
import { makeCertificate } from './make-certificate.js';

const DAY_MILLISECONDS = 86_400_000;
const VALID_DAYS = 3650;

/**
 * The file with the self-signed certificate and key of a domain, made if it is not there or has expired; `made` says
 * whether it was. Several processes may ask at once: all get the same.
 */
export async function selfSignedFor(
  domain: string,
  folder: string,
  now = Date.now(),
): Promise<{ readonly file: string; readonly made: boolean }> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = domainToDns(domain);
  const file = join(folder, `${name.replaceAll(':', '_')}.pem`);
  const known = await expiryOf(file);
  if (known !== null && known > now) return { file, made: false };
  const { certificate, key } = makeCertificate({
    names: [name, ...(isName(name) ? [`*.${name}`] : [])], // the components' domains lie below it
    xmppAddresses: [domain],
    serviceNames: isName(name) ? [`_xmpp-client.${name}`, `_xmpp-server.${name}`] : [],
    notBefore: new Date(now - DAY_MILLISECONDS),
    notAfter: new Date(now + VALID_DAYS * DAY_MILLISECONDS),
  });
  // not the process's id: that is 1 in each of several containers on one volume
  const fresh = `${file}.${randomUUID()}`;
  await writeFile(fresh, certificate + key, { mode: 0o600 });
  try {
    if (known === null) await link(fresh, file);
    else await rename(fresh, file);
    return { file, made: true };
  } catch (error) {
    if (!isErrorCode(error, 'EEXIST')) throw error;
    return { file, made: false }; // another process was first
  } finally {
    await rm(fresh, { force: true });
  }
}

/** Whether it is a DNS name, and not an address. */
const isName = (name: string) => !/^[\d.]+$|:/.test(name);

async function expiryOf(file: string): Promise<number | null> {
  try {
    return Date.parse(new X509Certificate(await readFile(file)).validTo);
  } catch (error) {
    if (isErrorCode(error, 'ENOENT')) return null;
    throw new Error(`${file} cannot be used; remove it to have a new one made`, { cause: error });
  }
}

function isErrorCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
