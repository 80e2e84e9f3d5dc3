import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pep } from '../../../components/pep/context.js';
import { dispatch } from '../../../components/pep/requests/dispatch.js';
import type { IqRequest } from '../../../shared/component/component.js';
import { xml } from '../../../shared/xml/element.js';
import { jid } from '../../../shared/xmpp/jid.js';
import { NS } from '../../../shared/xmpp/namespaces.js';

test('a change is answered behind its notifications, and nothing that is read waits for them', async () => {
  let sent = (): void => undefined;
  const pep = {
    accounts: { with: async () => 'answer' },
    notifier: { sent: () => new Promise<void>((resolve) => (sent = resolve)) },
  } as unknown as Pep;
  const ask = (type: 'get' | 'set', name: string) =>
    dispatch(pep)({
      type,
      delegated: {},
      from: jid('romeo@a.example/r'),
      to: jid('juliet@a.example'),
      payload: xml('pubsub', { xmlns: NS.pubsub }, xml(name, { node: 'n' })),
    } as unknown as IqRequest);
  assert.equal(await ask('get', 'items'), 'answer');
  let answered = false;
  const published = Promise.resolve(ask('set', 'publish')).then(() => {
    answered = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(answered, false);
  sent();
  await published;
});
