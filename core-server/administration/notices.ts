import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { KeyValueCollection, Storage } from '../../shared/storage/storage.js';
import { xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import type { BareJid } from '../../shared/xmpp/jid.js';
import type { Session } from '../sessions/session.js';

/** A standing notice of one domain. */
interface Notice {
  /** Changes with each new message of the day, not when one is corrected: who has had it does not get it again. */
  readonly id: string;
  readonly lines: readonly string[];
}
type NoticeKind = 'motd' | 'welcome';

const noticeSchema = z.object({ id: z.string(), lines: z.array(z.string()) });
/** Of one account: the message of the day that it has had; whether it is still to be welcomed. */
const heardSchema = z.object({ motd: z.string().optional(), newcomer: z.boolean().optional() });
type Heard = z.infer<typeof heardSchema>;

/** The message of the day and the welcome message of each domain (XEP-0133), and which account has had them. */
export class Notices {
  readonly #notices: KeyValueCollection<{ id: string; lines: string[] }>;
  readonly #heard: KeyValueCollection<Heard>;
  readonly #kept = new Map<string, Notice>();
  /** Accounts that are being told, until what they have had is stored. */
  readonly #telling = new Map<BareJid, Promise<void>>();

  constructor(storage: Storage) {
    this.#notices = storage.keyval({ name: 'notices', schema: noticeSchema, schemaVersion: 1 });
    this.#heard = storage.keyval({ name: 'notices-heard', schema: heardSchema, schemaVersion: 1 });
  }

  async open(): Promise<void> {
    for await (const key of this.#notices.owners()) {
      const stored = await this.#notices.get(key);
      if (stored !== undefined) this.#kept.set(key, stored.value);
    }
  }

  get(kind: NoticeKind, domain: string): Notice | undefined {
    return this.#kept.get(keyOf(kind, domain));
  }

  /** Sets it; `same`: who has had the one before has had this one. */
  async set(kind: NoticeKind, domain: string, lines: readonly string[], same = false): Promise<Notice> {
    const before = this.get(kind, domain);
    const notice = { id: (same ? before?.id : undefined) ?? randomUUID(), lines: [...lines] };
    await this.#notices.put(keyOf(kind, domain), notice);
    this.#kept.set(keyOf(kind, domain), notice);
    return notice;
  }

  /** False when there was none. */
  async delete(kind: NoticeKind, domain: string): Promise<boolean> {
    this.#kept.delete(keyOf(kind, domain));
    return this.#notices.delete(keyOf(kind, domain));
  }

  /** A new account: to be welcomed where there is a welcome message now. */
  async created(account: BareJid, domain: string): Promise<void> {
    if (this.get('welcome', domain) !== undefined) await this.#heard.put(account, { newcomer: true });
  }
  async removed(account: BareJid): Promise<void> {
    await this.#heard.delete(account);
  }

  /** A session is available: it gets what its account has not had. Of sessions that come at once the first one does. */
  tell(session: Session): Promise<void> {
    const { bare } = session.jid;
    const before = this.#telling.get(bare);
    const telling = before === undefined ? this.#tell(session) : before.then(() => this.#tell(session));
    // whoever waits is told also where the one before could not be
    const over = telling
      .catch(() => {})
      .then(() => {
        if (this.#telling.get(bare) === over) this.#telling.delete(bare);
      });
    this.#telling.set(bare, over);
    return telling;
  }

  async #tell(session: Session): Promise<void> {
    const { bare, domain } = session.jid;
    const motd = this.get('motd', domain);
    const welcome = this.get('welcome', domain);
    if (motd === undefined && welcome === undefined) return;
    const heard = (await this.#heard.get(bare))?.value ?? {};
    const newcomer = heard.newcomer === true && welcome !== undefined;
    const news = motd !== undefined && heard.motd !== motd.id;
    if (!newcomer && !news) return;
    if (newcomer) say(session, domain, welcome.lines);
    if (news) say(session, domain, motd.lines);
    await this.#heard.put(bare, motd === undefined ? {} : { motd: motd.id });
  }
}

function keyOf(kind: NoticeKind, domain: string): string {
  return `${kind} ${domain}`;
}

/** A headline, which is never stored: whoever is told has just said that it is there. */
function say(session: Session, from: string, lines: readonly string[]): void {
  const body = xml('body', {}, lines.join('\n'));
  session.deliver(Stanza.fromElement(xml('message', { from, to: session.jid.full, type: 'headline' }, body)));
}
