import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createComponent } from '../../shared/component/runtime.js';
import { createMetrics } from '../../shared/observability/metrics.js';
import { xml } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { within } from '../tools/fake-server.js';
import {
  type ForeignComponent,
  startEjabberdWith,
  startProsodyWith,
} from '../tools/foreign/component-host.js';
import type { ForeignServer } from '../tools/foreign/server.js';
import { RawClient } from '../tools/raw-client.js';
import { recordingLogger } from '../tools/silent-logger.js';

const PEP: ForeignComponent = {
  domain: 'pep.localhost',
  secret: 'hush',
  delegations: ['http://jabber.org/protocol/pubsub'],
  privileged: true,
  replaces: ['pep'],
};

test('privileges of Prosody (:2)', async (t) => {
  const server = await startProsodyWith(PEP, { juliet: 'secret', nurse: 'secret' });
  if (server === undefined) return t.skip('prosody with prosody-modules is not installed');
  t.after(() => server.stop());
  await conversation(t, server, 2);
});

test('privileges of ejabberd (:1)', async (t) => {
  const server = await startEjabberdWith(PEP, { juliet: 'secret', nurse: 'secret' });
  if (server === undefined) return t.skip('ejabberd is not installed');
  t.after(() => server.stop());
  await conversation(t, server, 1);
});

async function conversation(t: TestContext, server: ForeignServer, generation: 1 | 2): Promise<void> {
  const log = recordingLogger();
  const component = createComponent({
    domain: PEP.domain,
    secret: PEP.secret,
    host: '127.0.0.1',
    port: server.componentPort,
    serverDomains: ['localhost'],
    software: { name: 'test', version: '1' },
    log,
    metrics: createMetrics({ process: 'test' }),
    expect: { delegations: PEP.delegations, privileges: true },
  });
  t.after(() => component.stop('leaving'));
  const presences: Stanza[] = [];
  let came: () => void = () => undefined;
  component.onPresence((presence) => {
    presences.push(presence);
    came();
  });
  await within(component.start(), 'the grants', 20_000);
  assert.equal(component.server.privileges.generation, generation);
  assert.equal(component.server.delegations.get(PEP.delegations[0] ?? '')?.generation, generation);
  assert.ok(!log.lines.some(({ code }) => code === 'component.grants-missing'));

  const client = await RawClient.connect('127.0.0.1', server.c2sPort);
  t.after(() => client.cut());
  await client.login('juliet', 'secret', 'localhost', 'balcony');
  await client.iq('set', "<query xmlns='jabber:iq:roster'><item jid='romeo@montague.lit' name='R'/></query>");
  const online = new Promise<void>((resolve) => {
    came = resolve;
  });
  await client.goOnline('<presence><status>here</status></presence>');
  await within(online, 'the account’s presence');
  assert.equal(presences[0]?.from, 'juliet@localhost/balcony');
  assert.equal(presences[0]?.element.getChildText('status'), 'here');

  const roster = await within(component.privileged.getRoster('juliet@localhost'), 'the roster');
  assert.equal(roster.getChild('item')?.attrs['jid'], 'romeo@montague.lit');

  component.privileged.sendMessageAs(
    xml(
      'message',
      { from: 'nurse@localhost', to: 'juliet@localhost/balcony', id: 'n1', type: 'headline' },
      xml('event', { xmlns: 'http://jabber.org/protocol/pubsub#event' }, xml('items', { node: 'x' })),
    ),
  );
  // Prosody tells clients too that it grants them nothing.
  const event = await client.stanza((stanza) => stanza.payload?.namespace.endsWith('#event') === true);
  assert.equal(event.from, 'nurse@localhost', event.text);
}
