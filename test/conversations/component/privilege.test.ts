import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { xml } from '../../../shared/xml/element.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { componentBefore } from '../../tools/component.js';
import { within } from '../../tools/fake-server.js';

const PUBSUB = 'http://jabber.org/protocol/pubsub';

function grant(generation: number, perms: string): string {
  return (
    "<message from='capulet.lit' to='vcard.capulet.lit' id='54321'>" +
    `<privilege xmlns='urn:xmpp:privilege:${generation}'>${perms}</privilege></message>`
  );
}

const ALL =
  "<perm access='roster' type='both' push='false'/><perm access='message' type='outgoing'/>" +
  `<perm access='iq'><namespace ns='${PUBSUB}' type='set'/><namespace ns='x' type='none'/></perm>` +
  "<perm access='presence' type='roster'/>";

const forbidden = (error: unknown): boolean =>
  error instanceof StanzaError && error.condition === 'forbidden';

/** A component that has been granted all of it. */
async function privileged(t: TestContext) {
  const { component, server } = await componentBefore(t, { expect: { privileges: true } });
  const started = component.start();
  const stream = await server.accept();
  await stream.establish();
  stream.write(grant(2, ALL));
  await started;
  return { component, stream };
}

const EVENT = xml(
  'message',
  { from: 'juliet@capulet.lit', to: 'romeo@montague.lit/orchard', id: 'foo' },
  xml('event', { xmlns: `${PUBSUB}#event` }),
);

test('nothing is granted until the server says so', async (t) => {
  const { component, server } = await componentBefore(t);
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  assert.throws(() => component.privileged.sendMessageAs(EVENT), forbidden);
  await assert.rejects(component.privileged.getRoster('juliet@capulet.lit'), forbidden);
  await assert.rejects(
    component.privileged.requestAs(
      xml('iq', { type: 'set', from: 'juliet@capulet.lit', to: 'a@b' }, xml('pubsub', PUBSUB)),
    ),
    forbidden,
  );
  assert.equal(stream.unread, 0);
});

for (const generation of [1, 2]) {
  test(`XEP-0356 :${generation}: what is granted is read and used`, async (t) => {
    const { component, server } = await componentBefore(t, { expect: { privileges: true } });
    const started = component.start();
    const stream = await server.accept();
    await stream.establish();
    stream.write(grant(generation, ALL));
    await within(started, 'start');
    const { privileges } = component.server;
    assert.deepEqual(
      { ...privileges, iq: [...privileges.iq] },
      {
        generation,
        roster: 'both',
        rosterPush: false,
        rosterPushSaid: false,
        message: 'outgoing',
        presence: 'roster',
        iq: [[PUBSUB, 'set']],
      },
    );

    component.privileged.sendMessageAs(EVENT);
    const wrapped = await stream.next();
    assert.deepEqual(
      [wrapped.name, wrapped.from, wrapped.to],
      ['message', 'vcard.capulet.lit', 'capulet.lit'],
    );
    const inner = wrapped.element
      .getChild('privilege', `urn:xmpp:privilege:${generation}`)
      ?.getChild('forwarded', 'urn:xmpp:forward:0')
      ?.getChild('message', 'jabber:client');
    assert.deepEqual(
      [inner?.attrs['from'], inner?.attrs['to']],
      ['juliet@capulet.lit', 'romeo@montague.lit/orchard'],
    );
    assert.ok(inner?.getChild('event', `${PUBSUB}#event`));

    const roster = component.privileged.getRoster('juliet@capulet.lit');
    const asked = await stream.next();
    assert.deepEqual([asked.type, asked.to, asked.from], ['get', 'juliet@capulet.lit', 'vcard.capulet.lit']);
    stream.write(
      `<iq id='${asked.id}' from='juliet@capulet.lit' to='vcard.capulet.lit' type='result'>` +
        "<query xmlns='jabber:iq:roster' ver='ver7'><item jid='romeo@example.net'/></query></iq>",
    );
    assert.equal((await roster).getChild('item')?.attrs['jid'], 'romeo@example.net');

    const set = component.privileged.setRoster(
      'juliet@capulet.lit',
      xml('query', 'jabber:iq:roster', xml('item', { jid: 'a@b' })),
    );
    const setting = await stream.next();
    assert.deepEqual([setting.type, setting.payload?.namespace], ['set', 'jabber:iq:roster']);
    stream.write(`<iq id='${setting.id}' from='juliet@capulet.lit' to='vcard.capulet.lit' type='result'/>`);
    await within(set, 'the roster set');
  });
}

test('XEP-0356 §6.3: an IQ as an account, its answer and its errors', async (t) => {
  const { component, stream } = await privileged(t);
  const subscribe = (type = 'set', namespace: string = PUBSUB) =>
    component.privileged.requestAs(
      xml(
        'iq',
        { type, from: 'juliet@capulet.lit', to: 'romeo@montaigu.lit', id: 'sub_1' },
        xml('pubsub', { xmlns: namespace }),
      ),
    );
  await assert.rejects(subscribe('get'), forbidden);
  await assert.rejects(subscribe('set', 'x'), forbidden);

  for (const type of ['result', 'error']) {
    const answer = subscribe();
    const outer = await stream.next();
    assert.deepEqual([outer.type, outer.to, outer.from], ['set', 'juliet@capulet.lit', 'vcard.capulet.lit']);
    const iq = outer.element
      .getChild('privileged_iq', 'urn:xmpp:privilege:2')
      ?.getChild('iq', 'jabber:client');
    assert.deepEqual(
      [iq?.attrs['type'], iq?.attrs['to'], iq?.attrs['id']],
      ['set', 'romeo@montaigu.lit', 'sub_1'],
    );
    const payload =
      type === 'error'
        ? "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        : `<pubsub xmlns='${PUBSUB}'/>`;
    stream.write(
      `<iq type='result' from='juliet@capulet.lit' to='vcard.capulet.lit' id='${outer.id}'>` +
        "<privilege xmlns='urn:xmpp:privilege:2'><forwarded xmlns='urn:xmpp:forward:0'>" +
        `<iq xmlns='jabber:client' type='${type}' from='romeo@montaigu.lit' to='juliet@capulet.lit' id='sub_1'>${payload}</iq>` +
        '</forwarded></privilege></iq>',
    );
    if (type === 'error') {
      await assert.rejects(
        answer,
        (error) => error instanceof StanzaError && error.condition === 'item-not-found',
      );
    } else {
      const inner = await answer;
      assert.deepEqual([inner.from, inner.payload?.name], ['romeo@montaigu.lit', 'pubsub']);
    }
  }
});

test('pushes are the default where the roster may be read, and only there (XEP-0356 §4.2)', async (t) => {
  const { component, server } = await componentBefore(t, { expect: { privileges: true } });
  void component.start();
  const stream = await server.accept();
  await stream.establish();
  const pushOf = async (perms: string): Promise<boolean> => {
    const changed = new Promise<void>((resolve) => component.onGrantsChanged(() => resolve()));
    stream.write(grant(2, perms));
    await within(changed, 'the change');
    return component.server.privileges.rosterPush;
  };
  assert.equal(await pushOf("<perm access='roster' type='get'/>"), true);
  assert.equal(await pushOf("<perm access='roster' type='both' push='true'/>"), true);
  assert.equal(await pushOf("<perm access='roster' type='set' push='true'/>"), false);
  assert.equal(await pushOf("<perm access='message' type='outgoing'/>"), false);
  assert.equal(component.server.privileges.roster, 'none', 'an advertisement replaces the one before');
});

test('accounts of another domain are not ours to speak for', async (t) => {
  const { component } = await privileged(t);
  for (const from of ['romeo@montague.lit', 'juliet@capulet.lit/balcony', 'vcard.capulet.lit', '', '@']) {
    assert.throws(
      () => component.privileged.sendMessageAs(xml('message', { from, to: 'a@b' })),
      forbidden,
      from,
    );
  }
});
