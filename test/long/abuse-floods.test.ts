import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Bystanders, growthDuring, testUnhurt } from '../tools/bystanders.js';
import { CoreUnderTest } from '../tools/core-harness.js';
import { deafen, pour, sleep, stopReading } from '../tools/flood.js';
import type { RawClient } from '../tools/raw-client.js';
import { joinComponent } from '../tools/raw-component.js';

// Those who are in, and send as much as they can of what is dear. What is refused is refused; what is allowed takes its
// share of the core and no more; bystanders notice little, and memory stays bounded (RFC 6120 §13.12, XEP-0205).

const MEGABYTE = 1024 * 1024;
const ATTACK_MILLISECONDS = 800;
let core: CoreUnderTest;
let bystanders: Bystanders;

before(async () => {
  core = await CoreUnderTest.start({
    LOG_LEVEL: 'info',
    COMPONENTS: 'echo',
    COMPONENT_ECHO_SECRET: 'secret',
    COMPONENT_KEEPALIVE_SECONDS: '2',
    COMPONENT_GRACE_SECONDS: '1',
    LIMIT_ROSTER_BYTES: '200K',
    LIMIT_OFFLINE_BYTES: '1M',
    LIMIT_OUTBOUND_BYTES: '1M',
    LIMIT_OUTBOUND_BYTES_COMPONENT: '6M',
  });
  await core.addUsers('writer', 'reader', 'mallory', 'victim', 'sink', 'away');
  bystanders = await Bystanders.start(core);
});
after(async () => {
  await bystanders.stop();
  await core.stop();
});

let resources = 0;
const mallory = () => core.login('mallory', `m${resources++}`);

/** Runs an attack beside the bystanders; answers by how many bytes the core grew. */
async function attack(what: string, run: () => Promise<unknown>): Promise<number> {
  return growthDuring(core.process, () => bystanders.unhurtBy(what, run));
}

describe('IQ floods', () => {
  const big = Array.from(
    { length: 300 },
    (_, k) => `<item jid='c${k}@localhost' name='${'n'.repeat(200)}'><group>g${k % 7}</group></item>`,
  );
  const questions: Readonly<Record<string, string>> = {
    'roster get': "<iq type='get' id='q'><query xmlns='jabber:iq:roster'/></iq>",
    'disco#info':
      "<iq type='get' id='q' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    'disco#items':
      "<iq type='get' id='q' to='localhost'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>",
    'what nobody knows': "<iq type='get' id='q' to='localhost'><query xmlns='urn:example:x'/></iq>",
    'a roster set of one item':
      "<iq type='set' id='q'><query xmlns='jabber:iq:roster'><item jid='c1@localhost' name='again'/></query></iq>",
    'a roster set of 10,000 items': `<iq type='set' id='q'><query xmlns='jabber:iq:roster'>${'<item/>'.repeat(10_000)}</query></iq>`,
    'IQs to strangers': "<iq type='get' id='q' to='victim@localhost/x'><ping xmlns='urn:xmpp:ping'/></iq>",
  };
  before(async () => {
    const client = await mallory();
    for (const item of big) await client.iq('set', `<query xmlns='jabber:iq:roster'>${item}</query>`);
    client.cut();
  });
  for (const [what, question] of Object.entries(questions)) {
    testUnhurt(`${what}: bystanders go on`, async () => {
      const growth = await attack(what, async () => {
        const until = performance.now() + ATTACK_MILLISECONDS;
        const clients = await Promise.all([mallory(), mallory()]);
        await Promise.all(
          clients.map((client) => pour(deafen(client), question.repeat(20), until - performance.now())),
        );
        for (const client of clients) client.cut();
      });
      assert.ok(growth < 150 * MEGABYTE, `${growth} bytes more`);
    });
  }
});

describe('message and presence floods', () => {
  const floods: Readonly<Record<string, string>> = {
    'messages to one who reads': "<message to='sink@localhost/here' type='chat'><body>x</body></message>",
    'messages to nobody': "<message to='nobody@localhost' type='chat'><body>x</body></message>",
    'messages to a domain that is not there':
      "<message to='a@nowhere.test' type='chat'><body>x</body></message>",
    'messages to malformed addresses': "<message to='@' type='chat'><body>x</body></message>",
    'own presence': '<presence><show>away</show></presence>',
    'presence to itself': "<presence to='mallory@localhost'/>",
  };
  for (const [what, stanza] of Object.entries(floods)) {
    testUnhurt(`${what}: bystanders go on`, async () => {
      const sink = await core.online('sink', 'here');
      deafen(sink);
      const growth = await attack(what, async () => {
        const clients = await Promise.all([mallory(), mallory(), mallory()]);
        await Promise.all(
          clients.map((client) => pour(deafen(client), stanza.repeat(500), ATTACK_MILLISECONDS)),
        );
        for (const client of clients) client.cut();
      });
      sink.cut();
      assert.ok(growth < 200 * MEGABYTE, `${growth} bytes more`);
    });
  }

  test('directed presence to more addresses than one resource may show itself to: resource-constraint', async () => {
    const client = await core.login('mallory', 'directed');
    deafen(client).pause();
    let heard = '';
    client.socket.on('data', (chunk: Buffer) => {
      heard = (heard + chunk.toString()).slice(-100_000);
    });
    client.socket.resume();
    for (let k = 0; k < 10_050; k++) client.send(`<presence to='p${k}@localhost'/>`);
    client.send("<iq type='get' id='last' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
    const end = performance.now() + 8000;
    while (!heard.includes("id='last'") && performance.now() < end) await sleep(20);
    assert.match(heard, /<presence [^>]*type='error'[^>]*><error [^>]*><resource-constraint /);
    client.cut();
  });
});

describe('growth', () => {
  test('a roster grows to its size and number, and what is refused is resource-constraint', async () => {
    await core.addUsers('grower');
    const client = await core.login('grower');
    const groups = Array.from({ length: 50 }, (_, k) => `<group>${'g'.repeat(90)}${k}</group>`).join('');
    let kept = 0;
    for (;;) {
      const answer = await client.iq(
        'set',
        `<query xmlns='jabber:iq:roster'><item jid='c${kept}@localhost' name='${'n'.repeat(1000)}'>${groups}</item></query>`,
      );
      if (answer.type === 'error') {
        assert.match(answer.source, /<resource-constraint /);
        break;
      }
      kept++;
    }
    assert.ok(kept > 20 && kept < 60, `${kept} items of 6 KB in 200 KB`);
    // what makes it smaller is always possible
    assert.equal(
      (await client.iq('set', "<query xmlns='jabber:iq:roster'><item jid='c0@localhost'/></query>")).type,
      'result',
    );
    for (const [what, item] of [
      ['a name', `<item jid='x@localhost' name='${'n'.repeat(1024)}'/>`],
      ['a group', `<item jid='x@localhost'><group>${'g'.repeat(1024)}</group></item>`],
      [
        'groups',
        `<item jid='x@localhost'>${Array.from({ length: 51 }, (_, k) => `<group>${k}</group>`).join('')}</item>`,
      ],
    ] as const) {
      const answer = await client.iq('set', `<query xmlns='jabber:iq:roster'>${item}</query>`);
      assert.match(answer.source, /<not-acceptable /, what);
    }
    client.cut();
  });

  test('what is changed faster than it can be stored is stored as it was in the end', async () => {
    await core.addUsers('hasty');
    const client = await core.login('hasty');
    for (let k = 0; k < 500; k++)
      client.send(
        `<iq type='set' id='h${k}'><query xmlns='jabber:iq:roster'><item jid='c${k % 5}@localhost' name='n${k}'/></query></iq>`,
      );
    for (let k = 0; k < 500; k++)
      assert.equal((await client.stanza((stanza) => stanza.id === `h${k}`)).type, 'result');
    await client.close();
    await core.restart('SIGKILL');
    const again = await core.login('hasty');
    const roster = await again.iq('get', "<query xmlns='jabber:iq:roster'/>");
    for (let k = 495; k < 500; k++) assert.ok(roster.source.includes(`name='n${k}'`), roster.source);
    again.cut();
    await bystanders.stop();
    bystanders = await Bystanders.start(core);
  });

  testUnhurt(
    'subscription requests of strangers: so many are kept, the rest is refused with resource-constraint',
    async () => {
      const echo = await joinComponent(core, 'echo.localhost');
      let refused = 0;
      const growth = await attack('subscription requests', async () => {
        for (let k = 0; k < 1500; k++)
          echo.send(
            `<presence from='u${k}@echo.localhost' to='victim@localhost' type='subscribe' id='s'><status>${'s'.repeat(2000)}</status></presence>`,
          );
        await echo.iq('get', "<ping xmlns='urn:xmpp:ping'/>", "localhost' from='echo.localhost");
        await sleep(300);
      });
      for (const item of echo.received)
        if (item.kind === 'element' && item.stanza.source.includes('<resource-constraint ')) refused++;
      assert.ok(refused > 1300, `${refused} of 1500 were refused`);
      assert.ok(growth < 100 * MEGABYTE, `${growth} bytes more`);
      await core.process.said(/"code":"presence\.pending-limit"/);
      echo.send('</stream:stream>');
      const victim = await core.online('victim');
      await victim.ping();
      const requests = victim.received.filter(
        (item) => item.kind === 'element' && item.stanza.type === 'subscribe',
      );
      assert.ok(requests.length > 50 && requests.length <= 500, `${requests.length} requests`);
      victim.cut();
    },
  );

  test('an offline flood of one recipient: as much as is kept, then service-unavailable to the sender', async () => {
    const client = await mallory();
    const growth = await attack('an offline flood', async () => {
      for (let k = 0; k < 60; k++)
        client.send(
          `<message to='away@localhost' type='chat' id='o'><body>${'z'.repeat(50_000)}</body></message>`,
        );
      await client.ping();
    });
    const end = performance.now() + 10_000;
    const bounced = () =>
      client.received.filter(
        (item) => item.kind === 'element' && item.stanza.source.includes('<service-unavailable '),
      ).length;
    while (bounced() < 35 && performance.now() < end) await sleep(20);
    assert.ok(bounced() >= 35 && bounced() < 60, `${bounced()} of 60 came back`);
    assert.ok(growth < 100 * MEGABYTE, `${growth} bytes more`);
    client.cut();
    const away = await core.online('away');
    const kept = () =>
      away.received.filter((item) => item.kind === 'element' && item.stanza.name === 'message').length;
    while (kept() < 60 - bounced() && performance.now() < end) await sleep(20);
    await away.ping();
    assert.equal(kept(), 60 - bounced());
    await away.close();
  });

  test('sessions of one account: resource-constraint with the condition of XEP-0205 §4.4', async (t) => {
    const small = await CoreUnderTest.start({ LIMIT_SESSIONS_PER_ACCOUNT: '2' });
    t.after(() => small.stop());
    await small.addUsers('romeo');
    const two = [await small.login('romeo', 'a'), await small.login('romeo', 'b')];
    const third = await small.connect();
    await third.open('localhost');
    await third.authenticate('romeo', 'secret', 'localhost');
    third.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    const answer = await third.element('iq');
    assert.match(answer.source, /<resource-constraint /);
    assert.match(answer.source, /<resource-limit-exceeded xmlns=['"]urn:xmpp:errors['"]\/>/);
    for (const client of [...two, third]) client.cut();
  });
});

describe('those who write to many', () => {
  test('RFC 6120 §13.12 rule 5: more addresses than LIMIT_RECIPIENTS_PER_MINUTE: policy-violation', async (t) => {
    const small = await CoreUnderTest.start({ LIMIT_RECIPIENTS_PER_MINUTE: '3', ADMINS: 'prince@localhost' });
    t.after(() => small.stop());
    await small.addUsers('romeo', 'prince');
    const romeo = await small.login('romeo');
    const write = async (client: RawClient, to: string, name = 'message') => {
      client.send(
        `<${name} to='${to}' id='r' type='${name === 'iq' ? 'get' : 'chat'}'><body>x</body></${name}>`,
      );
      const answer = await client.stanza((stanza) => stanza.id === 'r');
      return /<policy-violation /.test(answer.source) ? answer.source : 'sent';
    };
    for (const to of ['a@localhost', 'b@localhost', 'c@localhost', 'a@localhost/x', 'b@localhost'])
      assert.equal(await write(romeo, `nobody-${to}`), 'sent', to);
    assert.match(
      await write(romeo, 'nobody-d@localhost'),
      /<too-many-stanzas xmlns=['"]urn:xmpp:errors['"]\/>/,
    );
    assert.match(await write(romeo, 'nobody-e@localhost', 'iq'), /<too-many-stanzas /);
    assert.equal(await write(romeo, 'nobody-a@localhost'), 'sent', 'whom it has written to already');
    await romeo.ping();
    await small.process.said(/"code":"c2s\.too-many-recipients","account":"romeo@localhost"/);
    const prince = await small.login('prince');
    for (let k = 0; k < 6; k++) assert.equal(await write(prince, `nobody-${k}@localhost`), 'sent');
    for (const client of [romeo, prince]) client.cut();
  });
});

describe('those who never read', () => {
  /** Asks until it is let go, or time is over. */
  const ask = (client: RawClient, question: string): Promise<number> => {
    const socket = stopReading(client);
    return pour(socket, question.repeat(500), 4000);
  };

  testUnhurt('a client that asks for acknowledgements (XEP-0198) and never reads one', async () => {
    const client = await mallory();
    client.send("<enable xmlns='urn:xmpp:sm:3'/>");
    await client.element('enabled');
    const growth = await attack('acknowledgements', () => ask(client, "<r xmlns='urn:xmpp:sm:3'/>"));
    assert.ok(growth < 60 * MEGABYTE, `${growth} bytes more`);
    await core.process.said(/"code":"c2s\.not-reading"/);
    client.cut();
  });

  testUnhurt('a client that asks for its roster and never reads it', async () => {
    const client = await mallory();
    const growth = await attack('rosters', () =>
      ask(client, "<iq type='get' id='q'><query xmlns='jabber:iq:roster'/></iq>"),
    );
    assert.ok(growth < 100 * MEGABYTE, `${growth} bytes more`);
    client.cut();
  });

  testUnhurt('a client to which others write: it is let go, and the messages are kept', async () => {
    const slow = await core.online('sink', 'slow');
    stopReading(slow);
    const client = await mallory();
    const growth = await attack('messages that nobody reads', () =>
      pour(
        deafen(client),
        `<message to='sink@localhost/slow' type='chat'><body>${'x'.repeat(5000)}</body></message>`.repeat(20),
        ATTACK_MILLISECONDS,
      ),
    );
    assert.ok(growth < 100 * MEGABYTE, `${growth} bytes more`);
    slow.cut();
    client.cut();
    const sink = await core.online('sink', 'again');
    await sink.stanza((stanza) => stanza.name === 'message');
    sink.cut();
  });

  testUnhurt(
    'a component: what it is asked comes back as an error, what it asks is not answered for ever',
    async () => {
      const echo = await joinComponent(core, 'echo.localhost');
      stopReading(echo);
      const client = await mallory();
      const growth = await attack('a component that never reads', async () => {
        await Promise.all([
          pour(
            deafen(client),
            `<message to='echo.localhost' type='chat'><body>${'x'.repeat(2000)}</body></message>`.repeat(50),
            ATTACK_MILLISECONDS,
          ),
          pour(
            echo.socket as import('node:net').Socket,
            "<iq from='echo.localhost' to='localhost' type='get' id='x'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>".repeat(
              100,
            ),
            ATTACK_MILLISECONDS,
          ),
        ]);
      });
      assert.ok(growth < 150 * MEGABYTE, `${growth} bytes more`);
      const end = performance.now() + 12_000;
      while (!echo.socket.destroyed && performance.now() < end) {
        echo.socket.write(' ');
        await sleep(100);
      }
      assert.ok(echo.socket.destroyed, 'it does not answer a ping either');
      client.cut();
      echo.cut();
    },
  );
});
