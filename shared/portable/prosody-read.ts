import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Element, xml } from '../xml/element.js';
import { formatDateTime } from '../xmpp/datetime.js';
import { NS } from '../xmpp/namespaces.js';
import type { PortableUser } from './document.js';
import { LuaTable, type LuaValue, parseLuaFile, parseLuaList, textOfOctets } from './lua.js';
import { PIE, PIE_SCRAM } from './part.js';
import { decodeName, encodeName } from './prosody-names.js';
import { elementOfLua } from './prosody-stanza.js';
import { AFFILIATIONS, oneOf, type PortableAffiliation, type PortableRoom, ROLES } from './rooms.js';
import { vcardTempOf } from './vcard4.js';

/** Stores that have a file for each user. */
const USER_STORES = ['accounts', 'roster', 'vcard', 'private', 'blocklist', 'privacy', 'offline', 'pep'];
const VCARD4 = 'urn:xmpp:vcard4';
const AVATAR = 'urn:xmpp:avatar:';
/** Names of a node's settings that differ from their fields' (XEP-0060 §16.4.4). */
const NODE_FIELDS: Readonly<Record<string, string>> = {
  notify_items: 'deliver_notifications',
  include_payload: 'deliver_payloads',
  payload_type: 'type',
};

/** Whether a folder is one of Prosody's "internal" storage: hosts with stores. */
export function isProsodyFolder(folder: string): boolean {
  return hostsOf(folder).length > 0;
}

/** The users of a Prosody that is stopped, each as XEP-0227 would have them. */
export function* prosodyUsers(folder: string): Generator<PortableUser> {
  for (const host of hostsOf(folder)) {
    const names = new Set<string>();
    for (const store of USER_STORES) for (const name of filesOf(join(folder, host, store))) names.add(name);
    for (const name of [...names].sort()) {
      const store = new UserStores(join(folder, host), name);
      yield { domain: decodeName(host), name: decodeName(name), user: userElement(store), file: folder };
    }
  }
}

/** The rooms of a Prosody that is stopped; what is not persistent is not there any more. */
export function* prosodyRooms(folder: string): Generator<PortableRoom> {
  for (const host of hostsOf(folder)) {
    for (const name of filesOf(join(folder, host, 'config'))) {
      const config = new UserStores(join(folder, host), name).table('config');
      const room = config && roomOf(decodeName(name), decodeName(host), config);
      if (room?.persistent) yield room;
    }
  }
}

function hostsOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => statSync(join(folder, name)).isDirectory())
    .filter((host) => [...USER_STORES, 'config'].some((store) => existsSync(join(folder, host, store))))
    .sort();
}

/** The names that a store has files for. */
function filesOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((file) => /^(.+)\.(?:dat|list)$/.exec(file)?.[1] ?? []);
}

/** One user's, or one room's, files. */
class UserStores {
  readonly #host: string;
  readonly #name: string;

  constructor(host: string, name: string) {
    this.#host = host;
    this.#name = name;
  }

  #read<T>(store: string, extension: string, parse: (file: Buffer) => T): T | undefined {
    const path = join(this.#host, store, `${this.#name}.${extension}`);
    if (!existsSync(path)) return undefined;
    try {
      return parse(readFileSync(path));
    } catch (error) {
      throw new SyntaxError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  table(store: string): LuaTable | undefined {
    const value = this.#read(store, 'dat', parseLuaFile);
    return value instanceof LuaTable ? value : undefined;
  }

  list(store: string): LuaTable[] {
    return this.#read(store, 'list', parseLuaList) ?? [];
  }

  /** What was published at a node, oldest first. */
  items(node: string): LuaTable[] {
    return this.list(`pep_${encodeName(node)}`);
  }
}

function userElement(store: UserStores): Element {
  const account = store.table('accounts');
  const password = account?.text('password');
  const user = xml('user', { xmlns: PIE, ...(password === undefined ? {} : { password }) });
  const vcard = store.table('vcard');
  user.append(
    ...(account === undefined ? [] : credentials(account)),
    ...roster(store.table('roster')),
    ...(vcard === undefined ? convertedVcard(store) : [elementOfLua(vcard)]),
    ...privateXml(store.table('private')),
    ...privacy(store.table('privacy'), store.table('blocklist')),
    ...pep(store),
    ...offline(store.list('offline')),
  );
  return user;
}

function credentials(account: LuaTable): Element[] {
  const octets = (name: string, encoding: 'hex' | 'latin1'): Buffer => {
    const value = account.get(name);
    return Buffer.from(typeof value === 'string' ? value : '', encoding);
  };
  const [storedKey, serverKey] = [octets('stored_key', 'hex'), octets('server_key', 'hex')];
  const iterations = account.number('iteration_count');
  if (storedKey.length === 0 || iterations === undefined) return [];
  const mechanism = storedKey.length === 20 ? 'SCRAM-SHA-1' : 'SCRAM-SHA-256';
  return [
    xml(
      'scram-credentials',
      { xmlns: PIE_SCRAM, mechanism },
      xml('iter-count', {}, String(iterations)),
      xml('salt', {}, octets('salt', 'latin1').toString('base64')),
      xml('server-key', {}, serverKey.toString('base64')),
      xml('stored-key', {}, storedKey.toString('base64')),
    ),
  ];
}

function roster(table: LuaTable | undefined): Element[] {
  if (table === undefined) return [];
  const query = xml('query', { xmlns: NS.roster });
  for (const [jid, item] of table.named()) {
    if (!(item instanceof LuaTable)) continue;
    const { name, subscription, ask } = textsOf(item);
    const groups = [...(item.table('groups')?.named() ?? [])].map(([group]) => xml('group', {}, group));
    query.append(
      xml(
        'item',
        { jid, name, subscription, ask, approved: item.flag('approved') ? 'true' : undefined },
        ...groups,
      ),
    );
  }
  const meta = table.get(false);
  const pending = meta instanceof LuaTable ? [...(meta.table('pending')?.named() ?? [])] : [];
  return [query, ...pending.map(([from]) => xml('presence', { xmlns: NS.client, type: 'subscribe', from }))];
}

function textsOf(table: LuaTable): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, value] of table.named()) if (typeof value === 'string') found[key] = textOfOctets(value);
  return found;
}

/** `mod_vcard_legacy` serves vcard-temp from personal eventing. */
function convertedVcard(store: UserStores): Element[] {
  const [card, data, metadata] = [VCARD4, `${AVATAR}data`, `${AVATAR}metadata`].map((node) => {
    const last = store.items(node).at(-1);
    return last === undefined ? undefined : elementOfLua(last);
  });
  if (card === undefined && data === undefined) return [];
  const type = metadata?.getChild('info')?.attrs['type'] ?? 'image/png';
  const photo = data === undefined ? undefined : { type, base64: data.getText() };
  return [vcardTempOf(card, photo)];
}

function privateXml(table: LuaTable | undefined): Element[] {
  const elements = [...(table?.named() ?? [])].flatMap(([, value]) =>
    value instanceof LuaTable ? [elementOfLua(value)] : [],
  );
  return elements.length === 0 ? [] : [xml('query', { xmlns: NS.privateStorage }, ...elements)];
}

/** Lists of `mod_privacy` and `mod_privacy_lists`; without any, what `mod_blocklist` has. */
function privacy(lists: LuaTable | undefined, blocklist: LuaTable | undefined): Element[] {
  const query = xml('query', { xmlns: NS.privacy });
  for (const [name, list] of lists?.table('lists')?.named() ?? []) {
    if (!(list instanceof LuaTable)) continue;
    const items = (list.table('items')?.items() ?? []).flatMap((item) =>
      item instanceof LuaTable ? [privacyItem(item)] : [],
    );
    query.append(xml('list', { name }, ...items));
  }
  const chosen = lists?.text('default');
  if (chosen !== undefined) query.append(xml('default', { name: chosen }));
  const blocked = [...(blocklist?.named() ?? [])].map(([jid]) => jid);
  if (query.children.length === 0 && blocked.length > 0) {
    const items = blocked.map((value, at) =>
      xml('item', { type: 'jid', value, action: 'deny', order: String(at + 1) }),
    );
    query.append(xml('default', { name: 'blocked' }), xml('list', { name: 'blocked' }, ...items));
  }
  return query.children.length === 0 ? [] : [query];
}

function privacyItem(item: LuaTable): Element {
  const { type, value, action = 'deny' } = textsOf(item);
  const kinds = ['message', 'iq', 'presence-in', 'presence-out'].filter((kind) => item.flag(kind));
  const order = String(Math.trunc(item.number('order') ?? Number(item.text('order') ?? 0)));
  return xml('item', { type, value, action, order }, ...kinds.map((kind) => xml(kind)));
}

function pep(store: UserStores): Element[] {
  const owner = xml('pubsub', { xmlns: NS.pubsubOwner });
  const items = xml('pubsub', { xmlns: NS.pubsub });
  for (const [node, data] of store.table('pep')?.named() ?? []) {
    const table = data instanceof LuaTable ? data : undefined;
    owner.append(xml('configure', { node }, configuration(table?.table('config'))));
    const affiliations = Object.entries(textsOf(table?.table('affiliations') ?? new LuaTable()));
    if (affiliations.length > 0)
      owner.append(
        xml(
          'affiliations',
          { node },
          ...affiliations.map(([jid, affiliation]) => xml('affiliation', { jid, affiliation })),
        ),
      );
    const subscribers = [...(table?.table('subscribers')?.named() ?? [])];
    if (subscribers.length > 0)
      owner.append(
        xml(
          'subscriptions',
          { node },
          ...subscribers.map(([jid]) => xml('subscription', { jid, subscription: 'subscribed' })),
        ),
      );
    items.append(xml('items', { node }, ...store.items(node).map(publishedItem)));
  }
  return owner.children.length === 0 ? [] : [owner, items];
}

function configuration(config: LuaTable | undefined): Element {
  const fields = [...(config?.named() ?? [])].flatMap(([name, value]) => {
    if (name.startsWith('_') || value instanceof LuaTable) return [];
    const text = typeof value === 'string' ? textOfOctets(value) : String(value === true ? 1 : value || 0);
    return [xml('field', { var: `pubsub#${NODE_FIELDS[name] ?? name}` }, xml('value', {}, text))];
  });
  return xml(
    'x',
    { xmlns: NS.dataForms, type: 'submit' },
    xml('field', { var: 'FORM_TYPE', type: 'hidden' }, xml('value', {}, NS.pubsubNodeConfig)),
    ...fields,
  );
}

function publishedItem(stored: LuaTable): Element {
  const payload = elementOfLua(stored);
  delete payload.attrs['stamp'];
  const publisher = stored.text('with');
  return xml(
    'item',
    { id: stored.text('key'), publisher: publisher === '' ? undefined : publisher },
    payload,
  );
}

function offline(messages: readonly LuaTable[]): Element[] {
  if (messages.length === 0) return [];
  const elements = messages.map((stored) => {
    const message = elementOfLua(stored);
    const when = stored.number('when');
    delete message.attrs['stamp'];
    message.attrs['xmlns'] = NS.client;
    if (when !== undefined && message.getChild('delay', NS.delay) === undefined)
      message.append(xml('delay', { xmlns: NS.delay, stamp: formatDateTime(when * 1000) }));
    return message;
  });
  return [xml('offline-messages', { xmlns: PIE }, ...elements)];
}

function roomOf(name: string, domain: string, config: LuaTable): PortableRoom {
  const data = config.table('_data') ?? new LuaTable();
  const broadcast = data.table('presence_broadcast');
  const from = data.text('subject_from');
  const subject = data.text('subject') ?? '';
  const maxUsers = data.number('max_users');
  const history = data.number('history_length');
  return {
    name,
    domain,
    title: data.text('name') ?? '',
    description: data.text('description') ?? '',
    language: data.text('language') ?? '',
    public: !data.flag('hidden'),
    persistent: data.flag('persistent'),
    moderated: data.flag('moderated'),
    membersOnly: data.flag('members_only'),
    changeSubject: data.flag('changesubject'),
    memberInvites: data.flag('allow_member_invites'),
    password: data.text('password') || null,
    whois: data.text('whois') === 'anyone' ? 'anyone' : 'moderators',
    privateMessages:
      oneOf(['anyone', 'participants', 'moderators', 'none'], data.text('allow_pm')) ?? 'anyone',
    presenceBroadcast:
      broadcast === undefined ? ROLES : ROLES.filter((role) => broadcast.get(role) !== false),
    ...(maxUsers === undefined ? {} : { maxUsers }),
    ...(history === undefined ? {} : { history }),
    affiliations: affiliationsOf(config),
    subject:
      subject === '' || from === undefined
        ? null
        : {
            text: subject,
            nick: from.slice(from.indexOf('/') + 1),
            at: (data.number('subject_time') ?? 0) * 1000,
          },
    voice: [],
  };
}

/** Beside the room's settings by bare JID, or (before 0.11) in a table of their own. */
function affiliationsOf(config: LuaTable): PortableAffiliation[] {
  const more = config.table('_affiliation_data');
  const entries: Iterable<[string, LuaValue]> = (config.table('_affiliations') ?? config).named();
  return [...entries].flatMap(([jid, value]) => {
    const affiliation = oneOf(AFFILIATIONS, typeof value === 'string' ? value : undefined);
    if (affiliation === undefined || jid.startsWith('_') || jid === 'jid') return [];
    const details = more?.table(jid) ?? new LuaTable();
    const nick = details.text('reserved_nickname');
    const reason = details.text('reason');
    return [
      {
        jid,
        affiliation,
        ...(nick === undefined ? {} : { nick }),
        ...(reason === undefined ? {} : { reason }),
      },
    ];
  });
}
