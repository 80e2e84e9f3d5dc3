import type { CoreUnderTest } from '../core-harness.js';
import type { Said } from './judge.js';
import { childOf, type Heard, textIn, Wire } from './wire.js';

const HEADER = (domain: string): string =>
  `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${domain}' version='1.0'>`;

/** A client's stream, authenticated and bound; what it hears from then on is the caller's. */
export async function openClient(core: CoreUnderTest, user: string, resource: string): Promise<Wire> {
  const wire = await Wire.connect(core.address('c2s'));
  const heard: Heard[] = [];
  wire.onElement = (element) => heard.push(element);
  const next = async (name: string): Promise<Heard> => {
    const find = (): number =>
      heard.findIndex((element) => element.name === name || element.name === 'failure');
    await wire.until(() => find() >= 0 || wire.closed, 10_000);
    const [found] = heard.splice(find(), 1);
    if (found?.name !== name) throw new Error(`${user} got no <${name}/>: ${wire.tail}`);
    return found;
  };
  const plain = Buffer.from(`\0${user}\0secret`).toString('base64');
  wire.send(HEADER('localhost'));
  await next('features');
  wire.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`);
  await next('success');
  wire.send(HEADER('localhost'));
  await next('features');
  wire.send(
    `<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq>`,
  );
  const bound = await next('iq');
  if (textIn(childOf(childOf(bound, 'bind') ?? bound, 'jid')) === '')
    throw new Error(`${user} is not bound: ${wire.tail}`);
  return wire;
}

/** The same for an attacker, who may have changed his password or removed his account (XEP-0077): he gets it back. */
export async function openAttacker(core: CoreUnderTest, user: string, resource: string): Promise<Wire> {
  try {
    return await openClient(core, user, resource);
  } catch {
    await giveBack(core, user);
    return openClient(core, user, resource);
  }
}

/** The account, and the password, of an attacker. */
export async function giveBack(core: CoreUnderTest, user: string): Promise<void> {
  const account = { jid: `${user}@localhost`, password: 'secret' };
  await core
    .control('user.add', { ...account, force: true })
    .catch(() => core.control('user.passwd', account));
}

/** RFC 6120 §8.2.3: a get or set is answered. Nobody can tell what answers one without an id, or with one used before. */
export function isRequest(said: Said, namespace: string): boolean {
  return (
    said.name === 'iq' &&
    said.namespace === namespace &&
    (said.attributes['type'] === 'get' || said.attributes['type'] === 'set') &&
    (said.attributes['id'] ?? '') !== ''
  );
}
