import { writeElement } from '../../../shared/xml/write.js';
import { capsHash } from '../../../shared/xmpp/caps.js';
import { infoElement } from '../../../shared/xmpp/disco.js';
import type { RawClient } from '../raw-client.js';

/** What a test client says of itself: interests are nodes, its features `<node>+notify`. */
export class Interests {
  readonly node = 'https://example.org/test-client';
  readonly ver: string;
  /** The disco#info answer. */
  readonly info: (node: string) => string;

  constructor(...nodes: string[]) {
    const info = {
      identities: [{ category: 'client', type: 'pc', name: 'test' }],
      features: ['http://jabber.org/protocol/disco#info', ...nodes.map((name) => `${name}+notify`)],
    };
    this.ver = capsHash(infoElement(info));
    this.info = (node) => writeElement(infoElement(info, node));
  }

  /** `<presence/>` with these capabilities. */
  get presence(): string {
    return `<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='${this.node}' ver='${this.ver}'/></presence>`;
  }

  /** Waits for the question what the hash means and answers it; returns who asked. */
  async answer(client: RawClient): Promise<string> {
    const asked = await client.stanza(
      (stanza) =>
        stanza.name === 'iq' &&
        stanza.type === 'get' &&
        stanza.payload?.namespace === 'http://jabber.org/protocol/disco#info',
    );
    const node = asked.element.getChild('query')?.attrs['node'] ?? '';
    client.send(`<iq type='result' id='${asked.id}' to='${asked.from}'>${this.info(node)}</iq>`);
    return asked.from ?? '';
  }
}

/** Mutual presence subscriptions between accounts of one server, as their clients make them. */
export async function befriend(one: RawClient, other: RawClient): Promise<void> {
  const bare = (client: RawClient): string => client.jid.replace(/\/.*$/, '');
  for (const [asker, asked] of [
    [one, other],
    [other, one],
  ] as const) {
    asker.send(`<presence type='subscribe' to='${bare(asked)}'/>`);
    await asked.stanza((stanza) => stanza.name === 'presence' && stanza.type === 'subscribe');
    asked.send(`<presence type='subscribed' to='${bare(asker)}'/>`);
    await asker.stanza((stanza) => stanza.name === 'presence' && stanza.type === 'subscribed');
  }
  await one.ping();
  await other.ping();
}
