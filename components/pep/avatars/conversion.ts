import { z } from 'zod';
import { OwnerQueue } from '../../../shared/component/owner-queue.js';
import type { KeyValueCollection, Storage } from '../../../shared/storage/storage.js';
import { child, type Element, xml } from '../../../shared/xml/element.js';
import { detachedCopy } from '../../../shared/xml/names.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { parseJid } from '../../../shared/xmpp/jid.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import type { Pep } from '../context.js';
import type { Account } from '../nodes/account.js';
import type { PepNode } from '../nodes/node.js';
import { newNode } from '../requests/create.js';
import { store } from '../requests/publish.js';
import {
  type Avatar,
  dataPayload,
  metadataPayload,
  photoOf,
  readData,
  readMetadata,
  withPhoto,
} from './avatar.js';

interface Synced {
  /** The picture that both sides had when they were last made equal; `''` for none. */
  readonly hash: string;
}

/** What an account has published: the picture; null for none; undefined where it is not complete; or not for everyone. */
type Published = Avatar | null | undefined | 'closed';

/**
 * Avatars in both forms (XEP-0398): what is published for everyone (XEP-0084) becomes the vCard's photo (XEP-0153), and
 * a new photo is published. vCards are read and written as the account (XEP-0356); that they have changed is seen from
 * the hash in the account's presence. What both sides had last tells which of them is new; equal hashes end the exchange.
 */
export class AvatarConversion {
  readonly #pep: Pep;
  readonly #synced: KeyValueCollection<Synced>;
  readonly #queue: OwnerQueue;
  /** Hashes in presence that led nowhere: account → hash. */
  readonly #inVain = new Map<string, string>();

  constructor(pep: Pep, storage: Storage) {
    this.#pep = pep;
    this.#synced = storage.keyval({
      name: 'avatars',
      schema: z.object({ hash: z.string() }),
      schemaVersion: 1,
    });
    this.#queue = new OwnerQueue({
      limitPerOwner: 10,
      failed: (error) => {
        const { log } = pep.component;
        if (error instanceof StanzaError)
          log.info({ code: 'pep.avatar-not-converted', error }, 'an avatar was not converted');
        else log.error({ code: 'pep.avatar-failed', error }, 'converting an avatar failed');
      },
    });
  }

  /** Others may have changed what was looked at. */
  forget(): void {
    this.#inVain.clear();
  }

  /** The owner has published, retracted or deleted something at a node. */
  nodeChanged(owner: string, node: PepNode): void {
    if (node.name !== NS.avatarMetadata || !this.#granted(owner)) return;
    this.#inVain.delete(owner);
    // A node that is deleted is not there to be looked at any more: what it was counts.
    const open = node.config.accessModel === 'open';
    this.#queue.run(owner, () => (open ? this.#toVcard(owner) : this.#withdraw(owner)));
  }

  /** Who may read a node has been changed: its picture may be for everyone now, or no longer. */
  accessChanged(owner: string, node: PepNode): void {
    if ((node.name !== NS.avatarMetadata && node.name !== NS.avatarData) || !this.#granted(owner)) return;
    this.#inVain.delete(owner);
    this.#queue.run(owner, async () => {
      const published = await this.#pep.accounts.with(owner, (account) => this.#published(account));
      // None published says nothing about the vCard's own photo.
      if (published !== null) await this.#toVcard(owner);
    });
  }

  /** Presence of an account's resource, with what it says of the vCard's photo. */
  presence(presence: Stanza): void {
    const from = presence.fromJid;
    if (!from || presence.type !== undefined || !presence.hasChild('x', NS.vcardUpdate)) return;
    // Every process of a shared domain hears this.
    if (!this.#pep.component.share.mine(from.bare) || !this.#granted(from.bare)) return;
    const hash = photoHash(presence);
    if (hash === undefined || this.#inVain.get(from.bare) === hash) return;
    this.#queue.run(from.bare, () => this.#seen(from.bare, hash));
  }

  /** Only of the server's own accounts, where it lets us read and write their vCards. */
  #granted(account: string): boolean {
    const domain = parseJid(account)?.domain ?? '';
    return this.#pep.component.server.domains.get(domain)?.privileges.iq.get(NS.vcard) === 'both';
  }

  async #seen(owner: string, hash: string): Promise<void> {
    const published = await this.#pep.accounts.with(owner, (account) => this.#published(account));
    const synced = (await this.#synced.get(owner))?.value.hash;
    if (published === undefined || published === 'closed' || (published?.hash ?? '') === hash)
      return this.#note(owner, hash, published === 'closed' ? undefined : synced);
    // The vCard is as it was when both were equal, or what was published has never been converted: that is the news.
    if (hash === synced || (synced === undefined && published !== null)) await this.#toVcard(owner);
    else await this.#toPep(owner, hash);
  }

  /** XEP-0398 §3.1. */
  async #toVcard(owner: string): Promise<void> {
    const avatar = await this.#pep.accounts.with(owner, (account) => this.#published(account));
    if (avatar === 'closed') return this.#withdraw(owner);
    if (avatar === undefined) return;
    const vcard = await this.#vcard(owner, 'get');
    if (photoOf(vcard)?.hash !== avatar?.hash) await this.#vcard(owner, 'set', withPhoto(vcard, avatar));
    await this.#synced.put(owner, { hash: avatar?.hash ?? '' });
  }

  /** XEP-0398 §7: what was copied into the vCard, which everyone may read, is taken out once contacts only may see it. */
  async #withdraw(owner: string): Promise<void> {
    const copied = (await this.#synced.get(owner))?.value.hash ?? '';
    if (copied === '') return;
    const vcard = await this.#vcard(owner, 'get');
    if (photoOf(vcard)?.hash === copied) await this.#vcard(owner, 'set', withPhoto(vcard, null));
    await this.#synced.put(owner, { hash: '' });
  }

  /** XEP-0398 §3.2: `seen` is what presence says that the photo has become. */
  async #toPep(owner: string, seen: string): Promise<void> {
    const avatar = photoOf(await this.#vcard(owner, 'get'));
    // Presence may be older than the vCard, or the client says what is not so.
    if ((avatar?.hash ?? '') !== seen) return this.#note(owner, seen, undefined);
    await this.#pep.accounts.with(owner, (account) => this.#publish(account, avatar));
    await this.#synced.put(owner, { hash: seen });
  }

  async #publish(account: Account, avatar: Avatar | null): Promise<void> {
    const { accounts } = this.#pep;
    const owner = parseJid(account.owner);
    if (owner === null) return;
    // Everyone may read the vCard, so everyone may read this.
    const config = accounts.defaults.with({ 'pubsub#access_model': 'open' });
    const put = async (name: string, id: string, payload: string): Promise<void> => {
      const node = account.node(name) ?? (await newNode(this.#pep, account, name, owner, config));
      await store(this.#pep, account, node, { id, payload, publisher: owner.bare, stamp: Date.now() });
    };
    if (avatar !== null) await put(NS.avatarData, avatar.hash, dataPayload(avatar));
    await put(NS.avatarMetadata, avatar?.hash ?? 'current', metadataPayload(avatar));
  }

  async #published(account: Account): Promise<Published> {
    const metadata = account.node(NS.avatarMetadata);
    if (metadata === undefined) return null;
    // XEP-0398 §7: a picture for contacts only must not get into a vCard, which everyone may read.
    if (metadata.config.accessModel !== 'open') return 'closed';
    const item = await account.lastItem(metadata);
    const announced = item === undefined || item.payload === '' ? null : readMetadata(item.payload);
    if (announced === null) return null;
    const node = account.node(NS.avatarData);
    if (node === undefined) return undefined;
    if (node.config.accessModel !== 'open') return 'closed';
    const entry = (await account.items(node)).find(({ id }) => id.toLowerCase() === announced.id);
    const data = entry === undefined ? undefined : await account.read(node, entry);
    return data === undefined || data.payload === ''
      ? undefined
      : (readData(data.payload, announced) ?? undefined);
  }

  async #vcard(owner: string, type: 'get' | 'set', vcard?: Element): Promise<Element | undefined> {
    const payload = vcard ?? xml('vCard', { xmlns: NS.vcard });
    try {
      const answer = await this.#pep.component.privileged.requestAs(
        xml('iq', { type, from: owner, to: owner }, payload),
      );
      return child(answer.element, 'vCard', NS.vcard);
    } catch (error) {
      // XEP-0054 §3.1: what a server may answer for no vCard
      if (type === 'get' && error instanceof StanzaError && error.condition === 'item-not-found')
        return undefined;
      throw error;
    }
  }

  /** Both are equal, or nothing can be done about this hash: the next presence with it needs no look. */
  async #note(owner: string, hash: string, synced: string | undefined): Promise<void> {
    if (this.#inVain.size > 20_000) this.#inVain.clear();
    this.#inVain.set(owner, hash);
    if (synced !== undefined && synced !== hash) await this.#synced.put(owner, { hash });
  }
}

/**
 * What a presence says of the vCard's photo (XEP-0153 §4.1): a SHA-1 in hex, `''` for none, undefined where it says nothing
 * or what can be neither. It is remembered: not as a slice of the presence.
 */
export function photoHash(presence: Stanza): string | undefined {
  const update = child(presence.element, 'x', NS.vcardUpdate);
  const photo = update && child(update, 'photo', NS.vcardUpdate);
  const hash = photo?.getText().trim().toLowerCase();
  return hash !== undefined && /^([0-9a-f]{40})?$/.test(hash) ? detachedCopy(hash) : undefined;
}
