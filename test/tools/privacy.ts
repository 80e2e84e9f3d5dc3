import assert from 'node:assert/strict';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { CoreUnderTest } from './core-harness.js';
import type { RawClient } from './raw-client.js';

export const PRIVACY = 'jabber:iq:privacy';
export const BLOCKING = 'urn:xmpp:blocking';

/** Settings of a core whose only component is privacy. */
export const PRIVACY_ONLY = { COMPONENTS: 'privacy', COMPONENT_PRIVACY_SECRET: 'secret' } as const;

/** Blocks (XEP-0191), and insists that it was accepted. */
export async function block(client: RawClient, ...jids: string[]): Promise<void> {
  const items = jids.map((jid) => `<item jid='${jid}'/>`).join('');
  const answer = await client.iq('set', `<block xmlns='${BLOCKING}'>${items}</block>`);
  assert.equal(answer.type, 'result', answer.source);
}

/** Unblocks, everybody without arguments. */
export async function unblock(client: RawClient, ...jids: string[]): Promise<void> {
  const items = jids.map((jid) => `<item jid='${jid}'/>`).join('');
  const answer = await client.iq('set', `<unblock xmlns='${BLOCKING}'>${items}</unblock>`);
  assert.equal(answer.type, 'result', answer.source);
}

export async function blockList(client: RawClient): Promise<string[]> {
  const answer = await client.iq('get', `<blocklist xmlns='${BLOCKING}'/>`);
  const list = answer.element.getChild('blocklist', BLOCKING);
  assert.ok(list, answer.source);
  return list.getChildren('item').map((item) => item.attrs['jid'] ?? '');
}

/** A `jabber:iq:privacy` set with this content; returns the answer. */
export function privacySet(client: RawClient, content: string): Promise<Stanza> {
  return client.iq('set', `<query xmlns='${PRIVACY}'>${content}</query>`);
}

export function privacyGet(client: RawClient, content = ''): Promise<Stanza> {
  return client.iq('get', `<query xmlns='${PRIVACY}'>${content}</query>`);
}

/** Several sets, each accepted. */
export async function configure(client: RawClient, ...contents: string[]): Promise<void> {
  for (const content of contents) {
    const answer = await privacySet(client, content);
    assert.equal(answer.type, 'result', answer.source);
  }
}

/** `result`, or the condition of the error, with `+blocked` where that application condition is there. */
export function outcome(stanza: Stanza): string {
  if (stanza.type !== 'error') return stanza.type ?? '';
  const error = stanza.element.getChild('error');
  const names = error?.getChildElements().map((child) => child.getName()) ?? [];
  return `${names[0]}${names.includes('blocked') ? '+blocked' : ''}`;
}

/** Two accounts that see each other's presence; what they received meanwhile is forgotten. */
export async function befriend(one: RawClient, other: RawClient): Promise<void> {
  one.send(`<presence to='${bare(other)}' type='subscribe'/>`);
  await other.stanza((stanza) => stanza.type === 'subscribe');
  other.send(`<presence to='${bare(one)}' type='subscribed'/><presence to='${bare(one)}' type='subscribe'/>`);
  await one.stanza((stanza) => stanza.type === 'subscribe');
  one.send(`<presence to='${bare(other)}' type='subscribed'/>`);
  await other.stanza((stanza) => stanza.type === 'subscribed');
  await other.stanza((stanza) => stanza.name === 'presence' && stanza.from === one.jid);
  await one.stanza((stanza) => stanza.name === 'presence' && stanza.from === other.jid);
  await one.ping();
  await other.ping();
  forget(one, other);
}

let accounts = 0;

/** A new account whose name begins like this, online. */
export async function newcomer(core: CoreUnderTest, name: string, resource = 'r'): Promise<RawClient> {
  const user = `${name}${++accounts}`;
  await core.addUsers(user);
  return core.online(user, resource);
}

/** A new account with these resources online; what they heard of each other is forgotten. */
export async function newResources(core: CoreUnderTest, ...names: readonly string[]): Promise<RawClient[]> {
  const user = `several${++accounts}`;
  await core.addUsers(user);
  const clients: RawClient[] = [];
  for (const name of names) clients.push(await core.online(user, name));
  for (const client of clients) await client.ping();
  forget(...clients);
  return clients;
}

export async function closeAll(clients: readonly RawClient[]): Promise<void> {
  for (const client of clients) await client.close();
}

/** What either did has reached the other, on one server. */
export async function both(one: RawClient, other: RawClient): Promise<void> {
  await one.ping();
  await other.ping();
  await one.ping();
}

export function bare(client: RawClient): string {
  return client.jid.replace(/\/.*/, '');
}

export function forget(...clients: RawClient[]): void {
  for (const client of clients) client.received.length = 0;
}

/** What came so far, as short words, and forgotten. A ping of both ends before makes it complete on one server. */
export function taken(client: RawClient): string[] {
  return client.received.splice(0).map((item) => {
    if (item.kind !== 'element') return item.kind;
    const { name, type, from, id } = item.stanza;
    return [name, type ?? '-', from ?? '-', id ?? '-'].join(' ');
  });
}
