import { createHash } from 'node:crypto';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { StreamHeader } from '../../shared/xml/stream-parser.js';
import type { CoreUnderTest } from './core-harness.js';
import { RawClient } from './raw-client.js';

/** Opens a component stream to the core, without handshake. */
export async function openComponent(
  core: CoreUnderTest,
  domain: string,
): Promise<{ component: RawClient; header: StreamHeader }> {
  const { host, port } = core.address('component');
  const component = await RawClient.connect(host, port);
  component.send(
    `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='${domain}'>`,
  );
  return { component, header: await component.header() };
}

/** The handshake of XEP-0114 §3 for a stream id and a secret. */
export function handshake(id: string | undefined, secret: string): string {
  return `<handshake>${createHash('sha1').update(`${id}${secret}`).digest('hex')}</handshake>`;
}

/** A component that is in; what the core tells it of its grants is still to be read. */
export async function joinComponent(
  core: CoreUnderTest,
  domain: string,
  secret = 'secret',
): Promise<RawClient> {
  const { component, header } = await openComponent(core, domain);
  component.jid = domain;
  component.send(handshake(header.id, secret));
  await component.element('handshake');
  return component;
}

/** The `<iq/>` that a delegation wraps. */
export function forwarded(request: Stanza, namespace = 'urn:xmpp:delegation:2') {
  const inner = request.element
    .getChild('delegation', namespace)
    ?.getChild('forwarded', 'urn:xmpp:forward:0')
    ?.getChild('iq', 'jabber:client');
  if (inner === undefined) throw new Error(`not a forwarded request: ${request.source}`);
  return inner;
}

/** The answer of a managing entity to a forwarded request. */
export function answerTo(request: Stanza, inner: string, namespace = 'urn:xmpp:delegation:2'): string {
  return (
    `<iq type='result' id='${request.id}' from='${request.to}' to='${request.from}'><delegation xmlns='${namespace}'>` +
    `<forwarded xmlns='urn:xmpp:forward:0'>${inner}</forwarded></delegation></iq>`
  );
}
