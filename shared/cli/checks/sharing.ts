import { type Finding, finding } from './finding.js';

/** Ours that keep by owner whatever they keep, so that several processes can share it. */
const SHAREABLE = new Set(['vcard', 'pep']);
/** Ours that keep nothing: what belongs to a client's stream goes to the process that opened it. */
const WITHOUT_DATA = new Set(['bosh']);
const OURS = new Set(['muc', 'pep', 'vcard', 'privacy', 'bosh']);

/**
 * Whether the components whose load is shared (`COMPONENT_<NAME>_CONFLICT=share`) can share it: all their processes need
 * the same data, which an embedded store is not. `storageOf` is a component's STORAGE_URL where its settings are here.
 */
export function checkSharing(
  components: ReadonlyMap<string, { readonly CONFLICT?: unknown }>,
  storageOf: (name: string) => string | undefined,
): Finding[] {
  const findings: Finding[] = [];
  for (const [name, { CONFLICT: conflict }] of components) {
    if (conflict !== 'share' || WITHOUT_DATA.has(name)) continue;
    const setting = `COMPONENT_${name.toUpperCase()}_CONFLICT=share`;
    if (OURS.has(name) && !SHAREABLE.has(name)) {
      findings.push(
        finding('error', 'components', `${setting}: ${name} cannot share its domain between processes`),
      );
    } else if (storageOf(name)?.startsWith('lmdb:')) {
      findings.push(
        finding(
          'error',
          'components',
          `${setting}: ${name} keeps its data in an embedded store of its own; all its processes need the same mongodb://…`,
        ),
      );
    }
  }
  return findings;
}
