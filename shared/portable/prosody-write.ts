import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { child, childElements, children, clone, type Element, namespaceOf, textOf } from '../xml/element.js';
import { parseDateTime } from '../xmpp/datetime.js';
import { NS } from '../xmpp/namespaces.js';
import { LuaTable, type LuaValue, luaText, parseLuaFile, writeLua } from './lua.js';
import { PIE_SCRAM } from './part.js';
import { encodeName } from './prosody-names.js';
import { luaOfElement } from './prosody-stanza.js';
import type { PortableRoom } from './rooms.js';

/** Fields of a node whose names in Prosody's settings differ (XEP-0060 §16.4.4). */
const NODE_SETTINGS: Readonly<Record<string, string>> = {
  deliver_notifications: 'notify_items',
  deliver_payloads: 'include_payload',
  type: 'payload_type',
};
const VCARD4 = 'urn:xmpp:vcard4';
/** Settings of a node that are texts there, whatever they look like. */
const TEXT_SETTINGS = new Set(['title', 'description', 'payload_type']);

/**
 * Writes the stores of Prosody's "internal" storage, which `ejabberdctl import_prosody` reads as well: personal
 * eventing and rooms are written in the older form too, that of Prosody 0.10, which it knows.
 */
export class ProsodyWriter {
  readonly #folder: string;
  readonly #persistent = new Map<string, LuaTable>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  #write(domain: string, store: readonly string[], name: string, extension: string, text: string): void {
    const folder = join(this.#folder, encodeName(domain), ...store);
    if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, `${encodeName(name)}.${extension}`), text, { mode: 0o600 });
  }

  #table(domain: string, store: string, name: string, value: LuaValue): void {
    this.#write(domain, [store], name, 'dat', `return ${writeLua(value)};\n`);
  }

  #list(domain: string, store: string, name: string, items: readonly LuaTable[]): void {
    const text = items.map((item) => `item(${writeLua(item)});\n`).join('');
    this.#write(domain, [store], name, 'list', text);
  }

  /** A user's data as XEP-0227 has it; a verifier (SHA-1 if there is one, Prosody's default) becomes the account. */
  user(domain: string, name: string, data: readonly Element[]): void {
    const is = (wanted: string, namespace: string) => (element: Element) =>
      element.getName() === wanted && namespaceOf(element) === namespace;
    const verifiers = data.filter(is('scram-credentials', PIE_SCRAM));
    const verifier =
      verifiers.find((element) => element.attrs['mechanism'] === 'SCRAM-SHA-1') ?? verifiers[0];
    if (verifier !== undefined) this.#table(domain, 'accounts', name, account(verifier));
    const roster = data.find(is('query', NS.roster));
    const requests = data.filter(is('presence', NS.client));
    if (roster !== undefined) this.#table(domain, 'roster', name, rosterTable(roster, requests));
    const vcard = data.find(is('vCard', NS.vcard));
    if (vcard !== undefined) this.#vcard(domain, name, vcard);
    const private_ = data.find(is('query', NS.privateStorage));
    if (private_ !== undefined) this.#table(domain, 'private', name, privateTable(private_));
    const lists = data.find(is('query', NS.privacy));
    if (lists !== undefined) this.#privacy(domain, name, lists);
    const messages = data.find((element) => element.getName() === 'offline-messages');
    if (messages !== undefined)
      this.#list(domain, 'offline', name, childElements(messages).map(storedMessage));
    const owner = data.find(is('pubsub', NS.pubsubOwner));
    const items = data.find(is('pubsub', NS.pubsub));
    if (owner !== undefined) this.#nodes(domain, name, owner, items, vcard !== undefined);
  }

  /**
   * Prosody serves it from there with `mod_vcard`; `mod_vcard_legacy` makes a vCard4 of it when its owner logs in, but
   * only where there is none yet.
   */
  #vcard(domain: string, name: string, vcard: Element): void {
    this.#table(domain, 'vcard', name, luaOfElement(vcard));
    const nodes = this.#known(domain, ['pep'], name);
    if (nodes.entries.delete(VCARD4)) this.#table(domain, 'pep', name, nodes);
  }

  /** What is in the folder already. */
  #known(domain: string, store: readonly string[], name: string): LuaTable {
    const path = join(this.#folder, encodeName(domain), ...store, `${encodeName(name)}.dat`);
    const value = existsSync(path) ? parseLuaFile(readFileSync(path)) : undefined;
    return value instanceof LuaTable ? value : new LuaTable();
  }

  #privacy(domain: string, name: string, query: Element): void {
    const chosen = query.getChild('default')?.attrs['name'];
    const lists = query.getChildren('list').map((list) => {
      const items = list.getChildren('item').map(privacyItem);
      const title = luaText(list.attrs['name'] ?? '');
      return [title, LuaTable.of({ name: title, items: LuaTable.list(items) })] as const;
    });
    const table = { default: chosen === undefined ? undefined : luaText(chosen) };
    this.#table(
      domain,
      'privacy',
      name,
      LuaTable.of({ ...table, lists: LuaTable.of(Object.fromEntries(lists)) }),
    );
    // XEP-0191 §5, for mod_blocklist
    const blocked = query
      .getChildren('list')
      .filter((list) => list.attrs['name'] === chosen)
      .flatMap((list) => list.getChildren('item'))
      .filter(
        ({ attrs, children: kinds }) =>
          attrs['type'] === 'jid' && attrs['action'] === 'deny' && kinds.length === 0,
      );
    if (blocked.length > 0)
      this.#table(
        domain,
        'blocklist',
        name,
        LuaTable.of(Object.fromEntries(blocked.map(({ attrs }) => [luaText(attrs['value'] ?? ''), true]))),
      );
  }

  #nodes(domain: string, name: string, owner: Element, items: Element | undefined, hasVcard: boolean): void {
    const nodes = new LuaTable();
    for (const configure of owner.getChildren('configure')) {
      const node = configure.attrs['node'] ?? '';
      if (node === VCARD4 && hasVcard) continue;
      const of = (list: string): Element[] =>
        owner.getChildren(list).filter((element) => element.attrs['node'] === node);
      const affiliations = of('affiliations').flatMap((list) => list.getChildren('affiliation'));
      const subscriptions = of('subscriptions').flatMap((list) => list.getChildren('subscription'));
      const published = (items?.getChildren('items') ?? [])
        .filter((element) => element.attrs['node'] === node)
        .flatMap((list) => list.getChildren('item'));
      const table = LuaTable.of({
        name: luaText(node),
        config: nodeSettings(configure),
        affiliations: LuaTable.of(
          Object.fromEntries(
            affiliations.map(({ attrs }) => [
              luaText(attrs['jid'] ?? ''),
              luaText(attrs['affiliation'] ?? ''),
            ]),
          ),
        ),
        subscribers: LuaTable.of(
          Object.fromEntries(
            subscriptions
              .filter(({ attrs }) => attrs['subscription'] === 'subscribed')
              .map(({ attrs }) => [luaText(attrs['jid'] ?? ''), true]),
          ),
        ),
      });
      nodes.entries.set(luaText(node), table);
      this.#list(domain, `pep_${encodeName(node)}`, name, published.flatMap(publishedItem));
      this.#oldNode(domain, name, node, table, published);
    }
    this.#table(domain, 'pep', name, nodes);
  }

  /** The form before 0.11: everything of a node in one file. */
  #oldNode(domain: string, name: string, node: string, table: LuaTable, items: readonly Element[]): void {
    const data = items.map((item) => [luaText(item.attrs['id'] ?? ''), luaOfElement(item)] as const);
    const authors = items.map((item) => [
      luaText(item.attrs['id'] ?? ''),
      luaText(item.attrs['publisher'] ?? `${name}@${domain}`),
    ]);
    const old = LuaTable.of({
      ...Object.fromEntries(table.entries),
      data: LuaTable.of(Object.fromEntries(data)),
      data_author: LuaTable.of(Object.fromEntries(authors)),
    });
    this.#write(domain, ['pep', encodeName(name)], node, 'dat', `return ${writeLua(old)};\n`);
  }

  room(room: PortableRoom): void {
    const jid = luaText(`${room.name}@${room.domain}`);
    const known = this.#persistent.get(room.domain) ?? this.#known(room.domain, [], 'persistent');
    known.entries.set(jid, true);
    this.#persistent.set(room.domain, known);
    this.#table(room.domain, 'config', room.name, roomTable(jid, room));
  }

  /** Writes what is known only when all rooms are. */
  end(): void {
    for (const [domain, rooms] of this.#persistent)
      this.#write(domain, [], 'persistent', 'dat', `return ${writeLua(rooms)};\n`);
  }
}

function account(verifier: Element): LuaTable {
  const octets = (name: string): Buffer => Buffer.from(textOf(child(verifier, name)), 'base64');
  return LuaTable.of({
    iteration_count: Number(textOf(child(verifier, 'iter-count'))),
    salt: octets('salt').toString('latin1'),
    server_key: octets('server-key').toString('hex'),
    stored_key: octets('stored-key').toString('hex'),
  });
}

function rosterTable(roster: Element, requests: readonly Element[]): LuaTable {
  const table = new LuaTable();
  const pending = requests.map((presence) => [luaText(presence.attrs['from'] ?? ''), true] as const);
  table.entries.set(false, LuaTable.of({ version: 1, pending: LuaTable.of(Object.fromEntries(pending)) }));
  for (const item of children(roster, 'item')) {
    const { jid = '', name, subscription = 'none', ask, approved } = item.attrs;
    const groups = children(item, 'group').map((group) => [luaText(textOf(group)), true] as const);
    table.entries.set(
      luaText(jid),
      LuaTable.of({
        name: name === undefined ? undefined : luaText(name),
        subscription,
        ask,
        approved: approved === 'true' ? true : undefined,
        groups: LuaTable.of(Object.fromEntries(groups)),
      }),
    );
  }
  return table;
}

function privateTable(query: Element): LuaTable {
  const fragments = childElements(query).map(
    (fragment) =>
      [luaText(`${fragment.getName()}:${namespaceOf(fragment)}`), luaOfElement(fragment)] as const,
  );
  return LuaTable.of(Object.fromEntries(fragments));
}

function privacyItem(item: Element): LuaTable {
  const { type, value, action = 'deny', order = '0' } = item.attrs;
  const kinds = childElements(item).map((kind) => [kind.getName(), true] as const);
  return LuaTable.of({
    type,
    value: value === undefined ? undefined : luaText(value),
    action,
    order: Number(order),
    ...Object.fromEntries(kinds),
  });
}

function storedMessage(message: Element, at: number): LuaTable {
  const plain = clone(message);
  const delay = plain.getChild('delay', NS.delay);
  const stamp = parseDateTime(delay?.attrs['stamp'] ?? '') ?? Date.now();
  // It adds one of its own.
  if (delay !== undefined) plain.children.splice(plain.children.indexOf(delay), 1);
  const table = luaOfElement(plain);
  const attributes = table.table('attr');
  // The old form of a delay (XEP-0091), which import_prosody reads.
  attributes?.entries.set('stamp', new Date(stamp).toISOString().replace(/\.\d+/, ''));
  attributes?.entries.set('stamp_legacy', new Date(stamp).toISOString().replace(/-|\.\d+Z/g, ''));
  table.entries.set('when', Math.trunc(stamp / 1000));
  table.entries.set('with', '');
  table.entries.set('key', `moved-${at + 1}`);
  return table;
}

function nodeSettings(configure: Element): LuaTable {
  const table = new LuaTable();
  const fields = configure.getChild('x')?.getChildren('field') ?? [];
  for (const field of fields) {
    const name = field.attrs['var'] ?? '';
    const text = field.getChildText('value') ?? '';
    if (!name.startsWith('pubsub#') || text === '') continue;
    const option = name.slice('pubsub#'.length);
    const setting = NODE_SETTINGS[option] ?? option;
    table.entries.set(setting, settingOf(setting, field.attrs['type'], text));
  }
  return table;
}

function settingOf(name: string, type: string | undefined, text: string): LuaValue {
  if (type === 'boolean') return text === '1' || text === 'true';
  if (!TEXT_SETTINGS.has(name) && /^\d{1,9}$/.test(text)) return Number(text);
  return luaText(text);
}

function publishedItem(item: Element): LuaTable[] {
  const [payload] = childElements(item);
  if (payload === undefined) return [];
  const table = luaOfElement(payload);
  table.entries.set('key', luaText(item.attrs['id'] ?? ''));
  table.entries.set('when', Math.trunc(Date.now() / 1000));
  if (item.attrs['publisher'] !== undefined) table.entries.set('with', luaText(item.attrs['publisher']));
  return [table];
}

function roomTable(jid: string, room: PortableRoom): LuaTable {
  const { subject } = room;
  const affiliations = room.affiliations.map((entry) => [luaText(entry.jid), entry.affiliation] as const);
  const more = room.affiliations.flatMap((entry) => {
    const { nick, reason } = entry;
    if (nick === undefined && reason === undefined) return [];
    const details = LuaTable.of({
      reserved_nickname: nick === undefined ? undefined : luaText(nick),
      reason: reason === undefined ? undefined : luaText(reason),
    });
    return [[luaText(entry.jid), details] as const];
  });
  const broadcast = ['moderator', 'participant', 'visitor'].map(
    (role) => [role, (room.presenceBroadcast as readonly string[]).includes(role)] as const,
  );
  return LuaTable.of({
    jid,
    _data: LuaTable.of({
      name: luaText(room.title),
      description: luaText(room.description),
      language: room.language === '' ? undefined : luaText(room.language),
      hidden: !room.public,
      persistent: room.persistent,
      moderated: room.moderated,
      members_only: room.membersOnly,
      changesubject: room.changeSubject,
      allow_member_invites: room.memberInvites,
      allow_pm: room.privateMessages,
      password: room.password === null ? undefined : luaText(room.password),
      whois: room.whois,
      history_length: room.history,
      max_users: room.maxUsers,
      presence_broadcast: LuaTable.of(Object.fromEntries(broadcast)),
      ...(subject === null
        ? {}
        : {
            subject: luaText(subject.text),
            subject_from: `${jid}/${luaText(subject.nick)}`,
            subject_time: Math.trunc(subject.at / 1000),
          }),
    }),
    _affiliations: LuaTable.of(Object.fromEntries(affiliations)),
    _affiliation_data: LuaTable.of(Object.fromEntries(more)),
  });
}
