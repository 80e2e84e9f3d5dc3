import { creditWindow } from '../../shared/client-link/credit.js';
import { integerOf, type Operation, readOperation } from '../../shared/client-link/operations.js';
import { xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { errorReply, StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { ComponentStream } from '../component-link/component-stream.js';
import type { Core } from '../core.js';
import { defineFeature } from '../feature.js';
import { ClientStream } from '../streams/client-stream.js';
import { ClientLink } from './link.js';
import { LinkTransport } from './link-transport.js';

const version = 1;
const mostStreams = 50_000;
const wrapperBytes = 4096;

/** Clients whose streams a component carries: BOSH and WebSocket (docs/protocols/client-link.md). */
export const clientLink = defineFeature({
  name: 'client-link',
  setup(core) {
    const links = new Map<ComponentStream, ClientLink>();
    core.disco.contribute((scope, query, info) => {
      const asker = core.components.domains.get(query.from.domain);
      if (scope === 'server' && asker?.grants.clientLink === true) info.features.push(NS.clientLink);
    });
    core.components.onStanza(NS.clientLink, (stanza, domain, stream) => {
      const to = stanza.toJid;
      // Anyone who was not granted it gets what an unknown namespace gets.
      if (!domain.grants.clientLink || !to?.isBare || to.local !== '' || !core.hosts(to.domain)) return false;
      if (stanza.name === 'iq') negotiate(stanza, stream);
      else if (stanza.name === 'message' && stanza.type !== 'error') operate(stanza, stream);
      return true;
    });
    core.components.onStreamLost((_domain, stream) => {
      links.get(stream)?.lost();
      links.delete(stream);
    });
    // §7: what was sent is kept until the front says that the client has it.
    core.hooks.sessionBound.on((session) => {
      const transport = session.stream instanceof ClientStream ? session.stream.transport : null;
      if (!(transport instanceof LinkTransport)) return;
      transport.session = session;
      session.outbound.keepUntilAcknowledged();
    });
    core.metrics.observedGauge('client_link_streams', 'Client streams carried by components', () =>
      [...links.values()].reduce((count, link) => count + link.transports.size, 0),
    );

    /** §4. */
    function negotiate(stanza: Stanza, stream: ComponentStream): void {
      if (stanza.type !== 'set' && stanza.type !== 'get') return;
      const request = stanza.element.getChild('link', NS.clientLink);
      if (stanza.type === 'get' || request === undefined) {
        return refuse(stanza, stream, new StanzaError('bad-request'));
      }
      const min = Number(request.attrs['min'] ?? version);
      const max = Number(request.attrs['max'] ?? version);
      if (!(min <= version && max >= version)) {
        const range = { xmlns: NS.clientLink, min: version, max: version };
        const application = xml('unsupported-version', range);
        return refuse(stanza, stream, new StanzaError('feature-not-implemented', { application }));
      }
      const addresses = { component: stanza.from ?? '', server: stanza.to ?? '' };
      links.get(stream)?.lost();
      links.set(stream, new ClientLink(stream, addresses));
      const { LIMIT_STANZA_BYTES, LIMIT_STANZA_BYTES_COMPONENT, LIMIT_XML_DEPTH, LIMIT_XML_ATTRIBUTES } =
        core.settings;
      const answer = xml(
        'link',
        {
          xmlns: NS.clientLink,
          version,
          min: version,
          max: version,
          credit: creditWindow,
          // The link must take what a client may send, wrapped.
          'stanza-bytes': Math.min(LIMIT_STANZA_BYTES, LIMIT_STANZA_BYTES_COMPONENT - wrapperBytes),
          depth: LIMIT_XML_DEPTH,
          attributes: LIMIT_XML_ATTRIBUTES,
          streams: mostStreams,
          trusted: 'true',
        },
        ...core.domains.map((domain) => xml('domain', {}, domain)),
      );
      const { from, to, id } = stanza;
      stream.send(Stanza.fromElement(xml('iq', { type: 'result', from: to, to: from, id }, answer)).text);
    }

    function operate(stanza: Stanza, stream: ComponentStream): void {
      const link = links.get(stream);
      if (link === undefined) return refuse(stanza, stream, new StanzaError('service-unavailable'));
      const operation = readOperation(stanza.source);
      if (operation === null) return refuse(stanza, stream, new StanzaError('bad-request'));
      if (operation.name === 'open') open(core, link, operation);
      else link.receive(operation);
    }
  },
});

/** §5.1. */
function open(core: Core, link: ClientLink, operation: Operation): void {
  const { stream: name, attributes } = operation;
  const credit = integerOf(operation, 'credit');
  const services = core.clientServices;
  const before = link.transports.get(name);
  if (before !== undefined) {
    before.destroy();
    return link.control('close', name, { condition: 'policy-violation' });
  }
  if (services === null) return link.control('close', name, { condition: 'system-shutdown' });
  if (credit === undefined) return link.control('close', name, { condition: 'policy-violation' });
  const address = attributes.get('address') ?? 'unknown';
  if (!core.streams.welcome(address)) return link.control('close', name, { condition: 'policy-violation' });
  if (link.transports.size >= mostStreams || !core.streams.admit(address)) {
    core.log.warn({ code: 'c2s.too-many-connections', address }, 'too many connections from one address');
    return link.control('close', name, { condition: 'resource-constraint' });
  }
  const { settings } = core;
  const transport = new LinkTransport(link, {
    name,
    address,
    // The grant of the link is the grant to be believed (§9.2).
    secure: attributes.get('secure') === 'true',
    credit,
    limits: {
      stanzaBytes: settings.LIMIT_STANZA_BYTES_UNAUTHENTICATED,
      depth: settings.LIMIT_XML_DEPTH,
      attributes: settings.LIMIT_XML_ATTRIBUTES,
      elements: settings.LIMIT_XML_ELEMENTS,
    },
    bytesPerSecond: settings.LIMIT_BYTES_PER_SECOND,
    gone: () => core.streams.release(address),
  });
  link.add(transport);
  new ClientStream(transport, services);
  transport.opened(operation);
}

/** The component itself is told, on the stream on which it asked. */
function refuse(stanza: Stanza, stream: ComponentStream, error: StanzaError): void {
  const reply = errorReply(stanza, error);
  if (reply !== null) stream.send(reply.text);
}
