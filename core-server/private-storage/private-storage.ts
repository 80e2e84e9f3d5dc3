import { StorageError } from '../../shared/storage/storage.js';
import { childElements, clone, type Element, xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { writeElement } from '../../shared/xml/write.js';
import type { BareJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { defineFeature } from '../feature.js';
import type { IqRequest } from '../iq/iq-registry.js';
import { keyOf, PRIVATE_XML } from './private-document.js';

/** So often a set is tried again that other resources' sets came before. */
const ATTEMPTS = 10;

/** What clients keep on the server for themselves (XEP-0049): bookmarks and notes of older ones, settings. */
export const privateStorage = defineFeature({
  name: 'private XML storage',
  xeps: [{ id: '0049', version: '1.2', status: 'complete' }],
  setup(core) {
    const collection = core.storage.keyval(PRIVATE_XML);
    core.disco.feature('server', NS.privateStorage);
    core.disco.feature('account', NS.privateStorage);

    core.iq.on('account', 'get', NS.privateStorage, 'query', async (request) => {
      const account = ownerOf(request);
      const [asked, ...more] = fragmentsOf(request, 'bad-request');
      // "MUST NOT query for more than one namespace"
      if (asked === undefined || more.length > 0) throw new StanzaError('bad-request');
      const stored = await collection.get(account);
      const found = stored?.value.fragments
        .map((text) => Stanza.parse(text, '').element)
        .find((fragment) => keyOf(fragment) === keyOf(asked));
      return xml('query', { xmlns: NS.privateStorage }, clone(found ?? asked));
    });

    core.iq.on('account', 'set', NS.privateStorage, 'query', async (request): Promise<undefined> => {
      const account = ownerOf(request);
      const given = new Map(
        fragmentsOf(request, 'not-acceptable').map((fragment) => [keyOf(fragment), fragment]),
      );
      for (let attempt = 0; ; attempt++) {
        const stored = await collection.get(account);
        const kept = (stored?.value.fragments ?? []).filter(
          (text) => !given.has(keyOf(Stanza.parse(text, '').element)),
        );
        const fragments = [
          ...kept,
          // a copy declares for itself the prefixes that were declared around it
          ...[...given.values()].filter(hasContent).map((one) => writeElement(clone(one), '')),
        ];
        const octets = fragments.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
        if (octets > core.settings.LIMIT_PRIVATE_BYTES)
          throw new StanzaError('resource-constraint', { text: 'Too much private data' });
        try {
          await collection.put(account, { fragments }, { expect: stored?.version ?? 0 });
          return undefined;
        } catch (error) {
          // Another resource was faster: what it has set stays.
          const again = error instanceof StorageError && error.code === 'conflict' && attempt < ATTEMPTS;
          if (!again) throw error;
        }
      }
    });

    core.hooks.accountRemoved.on((account) => {
      collection.delete(account).catch((error: unknown) => {
        core.log.warn(
          { code: 'storage.private-unremovable', account, error },
          'private data could not be removed',
        );
      });
    });
  },
});

/** One's own only; that there is another's account is not told by the answer. */
function ownerOf({ account, from }: IqRequest): BareJid {
  if (account === null || from.bare !== account.bare) throw new StanzaError('service-unavailable');
  return account.bare;
}

/** At least one element, each with a namespace of its own. */
function fragmentsOf({ payload }: IqRequest, without: 'bad-request' | 'not-acceptable'): Element[] {
  const fragments = childElements(payload);
  if (fragments.length === 0) throw new StanzaError(without);
  if (fragments.some((fragment) => fragment.getNS() === NS.privateStorage))
    throw new StanzaError('not-acceptable', { text: 'Private data has a namespace of its own' });
  return fragments;
}

/** An empty element stands for nothing: that is what a get of it gives as well. */
function hasContent(fragment: Element): boolean {
  return (
    fragment.children.length > 0 || Object.keys(fragment.attrs).some((name) => !name.startsWith('xmlns'))
  );
}
