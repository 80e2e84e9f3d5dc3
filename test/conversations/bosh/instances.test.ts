import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BoshClient } from '../../tools/bosh-client.js';
import { type BoshInstance, startInstance } from '../../tools/bosh-instances.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { connectStrophe, type WebClient } from '../../tools/web-clients.js';

// Several bosh processes that share one domain at our core (`COMPONENT_BOSH_CONFLICT=share`, docs/web.md).

let core: CoreUnderTest;
const instances: BoshInstance[] = [];
before(async () => {
  core = await CoreUnderTest.start({
    COMPONENTS: 'bosh',
    COMPONENT_BOSH_SECRET: 'between-us',
    COMPONENT_BOSH_CONFLICT: 'share',
  });
  await core.addUsers('juliet', 'romeo', 'mercutio', 'tybalt');
  instances.push(await startInstance(core, 'a'), await startInstance(core, 'b'));
});
after(async () => {
  for (const instance of instances) await instance.stop();
  await core?.stop();
});

test('each stream is served on the connection that opened it, and all talk to each other', async () => {
  const users = ['juliet', 'romeo', 'mercutio', 'tybalt'];
  const clients: WebClient[] = await Promise.all(
    users.map((user, k) => {
      const port = instances[k % 2]?.port;
      const url = k < 2 ? `http://127.0.0.1:${port}/http-bind` : `ws://127.0.0.1:${port}/xmpp-websocket`;
      return connectStrophe(url, `${user}@localhost`, 'secret');
    }),
  );
  for (const from of clients) {
    for (const to of clients) {
      from.sendMessage(to.jid, `${from.jid} to ${to.jid}`);
      assert.equal((await to.next()).body, `${from.jid} to ${to.jid}`);
    }
  }
  await Promise.all(clients.map((client) => client.stop()));
});

test('a session is known to its own instance only', async () => {
  const [a, b] = instances;
  const client = new BoshClient(a?.port ?? 0);
  await client.create({ to: 'localhost' });
  assert.match(client.sid ?? '', /^a-[A-Za-z0-9_-]{22}$/);
  const elsewhere = new BoshClient(b?.port ?? 0, client.rid);
  elsewhere.sid = client.sid;
  assert.equal((await elsewhere.send()).body.attrs['condition'], 'item-not-found');
  const { body } = await client.send({ type: 'terminate' });
  assert.deepEqual([body.attrs['type'], body.attrs['condition']], ['terminate', undefined]);
});

test('when one is killed, the sessions of the other go on, and what was said to its users is stored', async () => {
  const [a, b] = instances;
  const romeo = await core.online('romeo');
  const juliet = new BoshClient(b?.port ?? 0);
  await juliet.create({ to: 'localhost', wait: 60 });
  const mercutio = await connectStrophe(
    `http://127.0.0.1:${a?.port}/http-bind`,
    'mercutio@localhost',
    'secret',
  );
  mercutio.sendPresence();
  mercutio.sendMessage(romeo.jid, 'I am here');
  await romeo.stanza((one) => one.name === 'message');
  const killed = a?.stop('SIGKILL');
  mercutio.vanish(); // in this turn, before he begins to ask again and again
  await killed;
  // Whether or not the core has seen by now that he is gone: it is kept for him.
  romeo.send(`<message to='${mercutio.jid}' type='chat' id='late'><body>are you?</body></message>`);
  assert.equal((await juliet.send({ type: 'terminate' })).body.attrs['condition'], undefined);
  const again = await connectStrophe(`http://127.0.0.1:${b?.port}/http-bind`, 'mercutio@localhost', 'secret');
  again.sendPresence();
  assert.equal((await again.next()).body, 'are you?');
  await again.stop();
});
