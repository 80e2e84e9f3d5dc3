import { Stanza } from '../../../shared/xml/stanza.js';
import { BoshClient } from '../bosh-client.js';
import type { Book, Kind } from './book.js';

const SM = 'urn:xmpp:sm:3';

/** A chatter over BOSH, with XEP-0198 without resumption. When its session is lost it makes another. */
export class WebChatter {
  readonly user: string;
  readonly #port: () => number;
  readonly #book: Book;
  #stopped = false;
  #running: Promise<void> | null = null;
  #outbox: { id: string; text: string }[] = [];
  #unacknowledged: string[] = [];
  #received = 0;
  #acknowledged = 0;
  #sequence = 0;
  online = false;
  sessions = 0;
  /** Why its sessions ended. */
  readonly ends = new Map<string, number>();

  constructor(user: string, port: () => number, book: Book) {
    this.user = user;
    this.#port = port;
    this.#book = book;
  }

  start(): void {
    this.#running = this.#live();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  say(to: { readonly user: string; readonly kind: Kind }): void {
    if (!this.online || this.#outbox.length > 20) return;
    this.#sequence++;
    const id = `${this.user}-${this.#sequence}`;
    this.#outbox.push({
      id,
      text: `<message xmlns='jabber:client' to='${to.user}@localhost' type='chat' id='${id}'><body>${id}</body></message>`,
    });
    this.#book.sent(id, to.kind, to.user);
  }

  async #live(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#session();
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.ends.set(why, (this.ends.get(why) ?? 0) + 1);
      }
      this.online = false;
      for (const id of [...this.#unacknowledged.splice(0), ...this.#outbox.splice(0).map((one) => one.id)])
        this.#book.uncertain(id);
      if (!this.#stopped) await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  async #session(): Promise<void> {
    const bosh = new BoshClient(this.#port());
    const taken = async (attributes: Record<string, string>, payload: string): Promise<Stanza[]> => {
      const answer = await bosh.send(attributes, payload);
      if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`);
      const stanzas = [...answer.body.children]
        .filter((child) => typeof child !== 'string')
        .map((child) => Stanza.parse(child.toString()));
      if (answer.body.attrs['type'] === 'terminate') {
        // what came with the end was received all the same
        for (const stanza of stanzas) this.#handle(stanza);
        throw new Error(`terminated: ${answer.body.attrs['condition'] ?? 'no condition'}`);
      }
      return stanzas;
    };
    const until = async (
      attributes: Record<string, string>,
      payload: string,
      name: string,
    ): Promise<void> => {
      let stanzas = await taken(attributes, payload);
      for (let tries = 0; tries < 10; tries++) {
        if (stanzas.some((stanza) => stanza.name === name)) return;
        stanzas = await taken({}, '');
      }
      throw new Error(`no <${name}/> came`);
    };
    const created = await bosh.create({ to: 'localhost', wait: 1, hold: 1 });
    if (bosh.sid === undefined) throw new Error(`no session: ${created.body.attrs['condition']}`);
    const plain = Buffer.from(`\0${this.user}\0secret`).toString('base64');
    await until(
      {},
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`,
      'success',
    );
    await until({ 'xmpp:restart': 'true', to: 'localhost' }, '', 'features');
    await until(
      {},
      "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
      'iq',
    );
    await until({}, `<enable xmlns='${SM}'/>`, 'enabled');
    this.#received = 0;
    this.#acknowledged = 0;
    this.sessions++;
    this.online = true;
    let payload = "<presence xmlns='jabber:client'/>";
    let first = true;
    while (!this.#stopped) {
      const batch = this.#outbox.splice(0);
      this.#unacknowledged.push(...(first ? ['presence'] : []), ...batch.map((one) => one.id));
      first = false;
      payload += batch.map((one) => one.text).join('');
      const mark = this.#received;
      const stanzas = await taken({}, `${payload}<r xmlns='${SM}'/>`);
      for (const stanza of stanzas) this.#handle(stanza);
      payload = this.#received === mark ? '' : `<a xmlns='${SM}' h='${this.#received}'/>`;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await taken({}, payload);
    await bosh.send({ type: 'terminate' }, `<presence xmlns='jabber:client' type='unavailable'/>`);
  }

  #handle(stanza: Stanza): void {
    if (stanza.namespace === SM) {
      if (stanza.name !== 'a') return;
      const h = Number(stanza.attribute('h'));
      for (const id of this.#unacknowledged.splice(0, h - this.#acknowledged)) this.#book.acknowledged(id);
      this.#acknowledged = h;
      return;
    }
    if (stanza.name !== 'message' && stanza.name !== 'presence' && stanza.name !== 'iq') return;
    this.#received++;
    if (stanza.name !== 'message' || stanza.id === undefined) return;
    if (stanza.type === 'chat') this.#book.delivered(stanza.id);
    else if (stanza.type === 'error')
      this.#book.bounced(stanza.id, /<error.*?<([a-z-]+)/.exec(stanza.source)?.[1] ?? 'unknown');
  }
}
