import { createHash } from 'node:crypto';
import { z } from 'zod';
import { documentsOf } from '../../shared/storage/walk.js';
import { child, childElements, clone, type Element, xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Core } from '../core.js';
import { defineFeature } from '../feature.js';
import type { Session } from '../sessions/session.js';

/** After everything else that looks at what clients send. */
const LAST = 900;

/**
 * The hash of the account's vCard avatar on its presence (XEP-0398 §4, XEP-0153 §3.1), broadcast and directed. It is
 * learned from the vCards that the managing component (XEP-0355) accepts: the vCard itself is the component's alone.
 */
export const avatarHash = defineFeature({
  name: 'avatar hash',
  xeps: [
    { id: '0153', version: '1.1.1', note: 'The hash is stamped on presence.' },
    {
      id: '0398',
      version: '1.0.0',
      note: 'The pep process converts; announced while a component that manages pubsub may read and write vCards.',
    },
  ],
  setup(core) {
    const stamps = new AvatarStamps(core);
    core.hooks.delegationAnswered.on((request) => stamps.vcardSet(request));
    core.hooks.accountRemoved.on((account) => stamps.forget(account));
    core.hooks.clientInbound.add(LAST, (session, stanza) => stamps.inbound(session, stanza));
    core.disco.contribute((scope, _query, info) => {
      if (scope === 'account' && converts(core)) info.features.push(NS.avatarConversion);
    });
    opened.set(core, stamps);
  },
  async start(core) {
    await opened.get(core)?.load();
  },
});

const opened = new WeakMap<Core, AvatarStamps>();

/** Whether somebody converts avatars: a component that manages pubsub and may exchange vCards as the accounts. */
function converts(core: Core): boolean {
  return [...core.components.domains.values()].some(
    ({ connected, grants }) =>
      connected &&
      grants.iq.get(NS.vcard) === 'both' &&
      grants.delegations.some(({ namespace }) => namespace === NS.pubsub),
  );
}

class AvatarStamps {
  readonly #core: Core;
  readonly #stored;
  /** Bare JID → SHA-1 in hex, `''` for a vCard without photo; accounts whose vCard never passed are not in it. */
  readonly #hashes = new Map<string, string>();
  /** Sessions whose client says of itself that it has no avatar: theirs is left alone (XEP-0398 §4). */
  readonly #declining = new WeakSet<Session>();

  constructor(core: Core) {
    this.#core = core;
    this.#stored = core.storage.keyval({
      name: 'avatar-hashes',
      schema: z.object({ hash: z.string() }),
      schemaVersion: 1,
    });
  }

  async load(): Promise<void> {
    const bad = (account: string, error: Error) =>
      this.#core.log.warn({ code: 'avatar.hash-unreadable', account, error }, 'an avatar hash is left out');
    for await (const [owner, { value }] of documentsOf(this.#stored, bad))
      this.#hashes.set(owner, value.hash);
  }

  forget(account: string): void {
    if (this.#hashes.delete(account)) this.#stored.delete(account).catch((error) => this.#notWritten(error));
  }

  /** A request that a managing component has answered with a result. */
  vcardSet(request: Stanza): void {
    const from = request.fromJid;
    if (request.type !== 'set' || request.payload?.namespace !== NS.vcard || !from || from.local === '')
      return;
    // Only one's own: the server's vCard, which administrators set, is no account's.
    if (request.toJid && request.toJid.bare !== from.bare) return;
    const account = from.bare;
    const hash = photoHash(request.element.getChildElements()[0]);
    // No photo, and never one: nothing to say. So it is too when a removed account's vCard is emptied.
    if ((this.#hashes.get(account) ?? '') === hash) return;
    this.#hashes.set(account, hash);
    this.#stored.put(account, { hash }).catch((error) => this.#notWritten(error));
    this.#core.directory.with(
      from,
      (state) => {
        for (const session of state.sessions) {
          if (session.presence === null || this.#declining.has(session)) continue;
          this.#core.presence.outbound(stamped(session.presence, hash), session);
        }
      },
      () => undefined,
    );
  }

  /** Takes available presence over and sends it on with the hash. */
  inbound(session: Session, stanza: Stanza): boolean {
    if (stanza.name !== 'presence' || stanza.type !== undefined) return false;
    const hash = this.#hashes.get(session.account.bare);
    const said = stanza.hasChild('x', NS.vcardUpdate) ? photoOf(stanza) : undefined;
    if (stanza.to === undefined) {
      if (said === '') this.#declining.add(session);
      else this.#declining.delete(session);
    }
    if (hash === undefined || said === '' || said === hash) return false;
    this.#core.presence.outbound(stamped(stanza, hash), session);
    return true;
  }

  #notWritten(error: unknown): void {
    this.#core.log.warn({ code: 'avatar.hash-not-stored', error }, 'an avatar hash was not stored');
  }
}

/** What a client says of its avatar: undefined for nothing yet, `''` for none (XEP-0153 §4.1). */
function photoOf(presence: Stanza): string | undefined {
  const update = child(presence.element, 'x', NS.vcardUpdate);
  return update && child(update, 'photo', NS.vcardUpdate)?.getText().trim();
}

function stamped(presence: Stanza, hash: string): Stanza {
  const copy = clone(presence.element);
  for (const element of childElements(copy)) {
    if (element.is('x', NS.vcardUpdate)) copy.remove(element);
  }
  copy.append(xml('x', { xmlns: NS.vcardUpdate }, xml('photo', {}, hash === '' ? undefined : hash)));
  return Stanza.fromElement(copy);
}

/** SHA-1 of the photo's bytes, in hex; `''` where there is none. */
function photoHash(vcard: Element | undefined): string {
  const data = vcard?.getChild('PHOTO', NS.vcard)?.getChildText('BINVAL', NS.vcard) ?? '';
  const bytes = Buffer.from(data, 'base64');
  return bytes.length === 0 ? '' : createHash('sha1').update(bytes).digest('hex');
}
