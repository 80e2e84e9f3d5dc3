import { readFileSync } from 'node:fs';
import { type Element, xml } from '../xml/element.js';
import { NS } from '../xmpp/namespaces.js';
import type { PortableUser } from './document.js';
import { listOf, parseErlangTerms, properties, type Term, Tuple, tagged, textOfTerm } from './erlang.js';
import { PIE } from './part.js';
import { AFFILIATIONS, oneOf, type PortableRoom, ROLES } from './rooms.js';

/** What a text dump of ejabberd's database (`ejabberdctl dump`, `dump_table`) has that its XEP-0227 export has not. */
interface EjabberdDump {
  /** Their personal eventing nodes only. */
  readonly users: readonly PortableUser[];
  readonly rooms: readonly PortableRoom[];
}

/** Whether a file begins as such a dump does. */
export function isEjabberdDump(begin: string): boolean {
  return /^\s*\{tables,/.test(begin);
}

/** @throws SyntaxError where the file is no dump. */
export function readEjabberdDump(path: string): EjabberdDump {
  const nodes = new Map<number, Node>();
  const later: (() => void)[] = [];
  const rooms: PortableRoom[] = [];
  try {
    for (const term of parseErlangTerms(readFileSync(path))) {
      const room = tagged(term, 'muc_room');
      if (room !== undefined) rooms.push(...roomsOf(room));
      const node = tagged(term, 'pubsub_node');
      if (node !== undefined) addNode(nodes, node);
      // Their nodes may come after them.
      const state = tagged(term, 'pubsub_state');
      if (state !== undefined) later.push(() => addState(nodes, state));
      const item = tagged(term, 'pubsub_item');
      if (item !== undefined) later.push(() => addItem(nodes, item));
    }
  } catch (error) {
    throw new SyntaxError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  for (const add of later) add();
  return { users: usersOf([...nodes.values()], path), rooms };
}

/** `{<<"user">>, <<"host">>, <<"resource">>}` as a bare JID. */
function bareOf(term: Term | undefined): string | undefined {
  if (!(term instanceof Tuple)) return undefined;
  const [user, host] = term.parts.map((part) => textOfTerm(part));
  if (host === undefined || host === '') return undefined;
  return user === '' ? host : `${user}@${host}`;
}

interface Node {
  readonly owner: string;
  readonly name: string;
  readonly fields: Element[];
  readonly affiliations: Element[];
  readonly subscriptions: Element[];
  readonly items: { readonly at: number; readonly element: Element }[];
}

function addNode(nodes: Map<number, Node>, [id, index, , , , options]: readonly Term[]): void {
  if (!(id instanceof Tuple) || typeof index !== 'number') return;
  const [host, name] = id.parts;
  const owner = bareOf(host);
  // A node of a whole server's publish-subscribe service: nobody's.
  if (owner === undefined || !owner.includes('@')) return;
  const fields = [...properties(options)].flatMap(([option, value]) => {
    if (Array.isArray(value)) return [];
    const text = textOfTerm(value)
      .replace(/^true$/, '1')
      .replace(/^false$/, '0');
    return [xml('field', { var: `pubsub#${option}` }, xml('value', {}, text))];
  });
  nodes.set(index, {
    owner,
    name: textOfTerm(name),
    fields,
    affiliations: [],
    subscriptions: [],
    items: [],
  });
}

function addState(nodes: Map<number, Node>, [id, , , affiliation, subscriptions]: readonly Term[]): void {
  const [entity, index] = id instanceof Tuple ? id.parts : [];
  const node = typeof index === 'number' ? nodes.get(index) : undefined;
  const bare = bareOf(entity);
  if (node === undefined || bare === undefined || !(entity instanceof Tuple)) return;
  const standing = textOfTerm(affiliation).replaceAll('_', '-');
  if (bare !== node.owner && standing !== 'none')
    node.affiliations.push(xml('affiliation', { jid: bare, affiliation: standing }));
  const resource = textOfTerm(entity.parts[2]);
  const jid = resource === '' ? bare : `${bare}/${resource}`;
  for (const entry of listOf(subscriptions)) {
    const [state, subid] = entry instanceof Tuple ? entry.parts.map(textOfTerm) : [];
    node.subscriptions.push(xml('subscription', { jid, subscription: state, subid }));
  }
}

function addItem(nodes: Map<number, Node>, [id, , , modification, payload]: readonly Term[]): void {
  const [itemId, index] = id instanceof Tuple ? id.parts : [];
  const node = typeof index === 'number' ? nodes.get(index) : undefined;
  if (node === undefined) return;
  const [stamp, publisher] = modification instanceof Tuple ? modification.parts : [];
  const [mega = 0, seconds = 0, micro = 0] = (stamp instanceof Tuple ? stamp.parts : []).map(Number);
  const elements = listOf(payload).flatMap((part) => elementOf(part) ?? []);
  const element = xml('item', { id: textOfTerm(itemId), publisher: bareOf(publisher) }, ...elements);
  node.items.push({ at: (mega * 1e6 + seconds) * 1e6 + micro, element });
}

/** `{xmlel, Name, Attributes, Children}`. */
function elementOf(term: Term): Element | string | undefined {
  const text = tagged(term, 'xmlcdata');
  if (text !== undefined) return textOfTerm(text[0]);
  const parts = tagged(term, 'xmlel');
  if (parts === undefined) return undefined;
  const [name, attributes, children] = parts;
  const attrs: Record<string, string> = {};
  for (const attribute of listOf(attributes)) {
    const [key, value] = attribute instanceof Tuple ? attribute.parts.map(textOfTerm) : [];
    if (key !== undefined && value !== undefined) attrs[key] = value;
  }
  return xml(textOfTerm(name), attrs, ...listOf(children).flatMap((child) => elementOf(child) ?? []));
}

function usersOf(nodes: readonly Node[], file: string): PortableUser[] {
  const owners = new Set(nodes.map((node) => node.owner));
  return [...owners].sort().map((jid) => {
    const owner = xml('pubsub', { xmlns: NS.pubsubOwner });
    const items = xml('pubsub', { xmlns: NS.pubsub });
    for (const { owner: of, name: node, ...rest } of nodes) {
      if (of !== jid) continue;
      const form = xml('x', { xmlns: NS.dataForms, type: 'submit' }, ...rest.fields);
      owner.append(xml('configure', { node }, form));
      if (rest.affiliations.length > 0) owner.append(xml('affiliations', { node }, ...rest.affiliations));
      if (rest.subscriptions.length > 0) owner.append(xml('subscriptions', { node }, ...rest.subscriptions));
      const oldestFirst = rest.items.sort((a, b) => a.at - b.at).map(({ element }) => element);
      items.append(xml('items', { node }, ...oldestFirst));
    }
    const at = jid.indexOf('@');
    return {
      domain: jid.slice(at + 1),
      name: jid.slice(0, at),
      user: xml('user', { xmlns: PIE }, owner, items),
      file,
    };
  });
}

function roomsOf([id, opts]: readonly Term[]): PortableRoom[] {
  const [name, domain] = id instanceof Tuple ? id.parts.map(textOfTerm) : [];
  const options = properties(opts);
  const flag = (option: string): boolean => textOfTerm(options.get(option)) === 'true';
  const text = (option: string): string => textOfTerm(options.get(option));
  if (name === undefined || domain === undefined || !flag('persistent')) return [];
  const maxUsers = options.get('max_users');
  const broadcast = listOf(options.get('presence_broadcast')).map(textOfTerm);
  const subject = subjectOf(options.get('subject'));
  return [
    {
      name,
      domain,
      title: text('title'),
      description: text('description'),
      language: text('lang'),
      public: flag('public'),
      persistent: true,
      moderated: flag('moderated'),
      membersOnly: flag('members_only'),
      changeSubject: flag('allow_change_subj'),
      memberInvites: flag('allow_user_invites'),
      password: flag('password_protected') && text('password') !== '' ? text('password') : null,
      whois: flag('anonymous') ? 'moderators' : 'anyone',
      privateMessages: options.has('allow_private_messages')
        ? flag('allow_private_messages')
          ? 'anyone'
          : 'none'
        : (oneOf(['anyone', 'participants', 'moderators', 'none'], text('allowpm')) ?? 'anyone'),
      presenceBroadcast: broadcast.length === 0 ? ROLES : ROLES.filter((role) => broadcast.includes(role)),
      ...(typeof maxUsers === 'number' ? { maxUsers } : {}),
      affiliations: affiliationsOf(options.get('affiliations')),
      subject:
        subject === ''
          ? null
          : // When it was set, ejabberd does not keep.
            { text: subject, nick: text('subject_author'), at: Date.now() },
      voice: listOf(options.get('roles')).flatMap((entry) => {
        const [entity, role] = entry instanceof Tuple ? entry.parts : [];
        const [jid, known] = [bareOf(entity), oneOf(['visitor', 'participant'] as const, textOfTerm(role))];
        return jid === undefined || known === undefined ? [] : [[jid, known] as const];
      }),
    },
  ];
}

/** A list of `{text, Language, Text}`, or (older) a text. */
function subjectOf(term: Term | undefined): string {
  const [first] = listOf(term);
  const localized = tagged(first, 'text');
  return textOfTerm(localized === undefined ? term : localized[1]);
}

function affiliationsOf(term: Term | undefined): PortableRoom['affiliations'] {
  return listOf(term).flatMap((entry) => {
    const [entity, standing] = entry instanceof Tuple ? entry.parts : [];
    const jid = bareOf(entity);
    const [word, why] = standing instanceof Tuple ? standing.parts : [standing];
    const affiliation = oneOf(AFFILIATIONS, textOfTerm(word));
    const reason = textOfTerm(why);
    if (jid === undefined || affiliation === undefined) return [];
    return [{ jid, affiliation, ...(reason === '' ? {} : { reason }) }];
  });
}
