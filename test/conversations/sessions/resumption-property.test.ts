import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const SM = 'urn:xmpp:sm:3';

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ RESUMPTION_SECONDS: '60' });
  await core.addUsers('romeo', 'juliet');
});
after(() => core.stop());

/** A client with stream management that counts, keeps and sends again as XEP-0198 wants of it. */
class ResumingClient {
  client: RawClient;
  id = '';
  /** Stanzas handled since the session began. */
  handled = 0;
  /** Sent and not acknowledged by the server. */
  unacknowledged: string[] = [];
  acknowledged = 0;
  readonly bodies: string[] = [];
  connected = true;

  constructor(client: RawClient) {
    this.client = client;
  }

  /** Takes everything that has come, as a client would at some moment of its own. */
  take(): void {
    for (;;) {
      const item = this.client.received.shift();
      if (item === undefined) return;
      if (item.kind === 'element') this.#handle(item.stanza);
    }
  }

  #handle(stanza: Stanza): void {
    if (stanza.namespace === SM) {
      if (stanza.name === 'a') this.settle(Number(stanza.attribute('h')));
      else if (stanza.name === 'r' && this.connected)
        this.client.send(`<a xmlns='${SM}' h='${this.handled}'/>`);
      return;
    }
    this.handled++;
    if (stanza.name === 'message') this.bodies.push(stanza.element.getChildText('body') ?? '');
  }

  settle(h: number): void {
    this.unacknowledged.splice(0, h - this.acknowledged);
    this.acknowledged = h;
  }

  /** Sends a stanza, or only its first `bytes` before the connection breaks. */
  send(text: string, bytes = text.length): void {
    this.unacknowledged.push(text);
    if (this.connected) this.client.send(text.slice(0, bytes));
  }

  cut(): void {
    this.connected = false;
    this.client.cut();
  }

  async resume(): Promise<void> {
    const client = await core.connect();
    await client.open('localhost');
    await client.authenticate('juliet', 'secret', 'localhost');
    client.send(`<resume xmlns='${SM}' previd='${this.id}' h='${this.handled}'/>`);
    const resumed = await client.element('resumed');
    this.client = client;
    this.connected = true;
    this.settle(Number(resumed.attribute('h')));
    for (const text of this.unacknowledged) client.send(text);
  }
}

for (const seed of [1, 7, 20_261_121]) {
  test(`XEP-0198: cut anywhere, resumed at any time, nothing is lost or doubled (seed ${seed})`, async () => {
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const romeo = await core.online('romeo', `orchard${seed}`);
    const opened = await core.online('juliet', `balcony${seed}`);
    const juliet = new ResumingClient(opened);
    opened.send(`<enable xmlns='${SM}' resume='true'/>`);
    juliet.id = (await opened.stanza((stanza) => stanza.name === 'enabled')).attribute('id') ?? '';
    opened.received.length = 0;

    const toJuliet: string[] = [];
    const toRomeo: string[] = [];
    const received: string[] = [];
    const romeoTakes = () => {
      for (const item of romeo.received.splice(0)) {
        if (item.kind === 'element' && item.stanza.name === 'message') {
          received.push(item.stanza.element.getChildText('body') ?? '');
        }
      }
    };

    for (let step = 0; step < 160; step++) {
      switch (random(7)) {
        case 0:
        case 1:
        case 2: {
          const body = `r${step}`;
          toJuliet.push(body);
          romeo.send(
            `<message to='juliet@localhost/balcony${seed}' type='chat'><body>${body}</body></message>`,
          );
          break;
        }
        case 3:
        case 4: {
          const body = `j${step}`;
          toRomeo.push(body);
          juliet.send(
            `<message to='romeo@localhost/orchard${seed}' type='chat' id='${body}'><body>${body}</body></message>`,
          );
          break;
        }
        case 5:
          if (juliet.connected) {
            juliet.take();
            if (random(3) === 0) juliet.client.send(`<r xmlns='${SM}'/>`);
          } else await juliet.resume();
          break;
        case 6:
          if (juliet.connected) {
            const body = `c${step}`;
            toRomeo.push(body);
            const text = `<message to='romeo@localhost/orchard${seed}' type='chat'><body>${body}</body></message>`;
            // the connection breaks inside a stanza, at any byte
            juliet.send(text, random(text.length + 1));
            if (random(2) === 0) juliet.take();
            juliet.cut();
          }
          break;
      }
      if (random(4) === 0) await romeo.ping();
      romeoTakes();
    }
    if (!juliet.connected) await juliet.resume();
    juliet.client.jid = `juliet@localhost/balcony${seed}`;
    const barrier = `<message to='juliet@localhost/balcony${seed}' type='chat'><body>end</body></message>`;
    romeo.send(barrier);
    const end = performance.now() + 10_000;
    while (!juliet.bodies.includes('end') && performance.now() < end) {
      juliet.take();
      await new Promise((resolve) => setImmediate(resolve));
    }
    juliet.send(
      `<message to='romeo@localhost/orchard${seed}' type='chat' id='end'><body>end</body></message>`,
    );
    const last = await romeo.stanza((stanza) => stanza.id === 'end');
    assert.equal(last.id, 'end');
    romeoTakes();
    assert.deepEqual(juliet.bodies, [...toJuliet, 'end']);
    assert.deepEqual(received, toRomeo);
    // what is not acknowledged now would be kept, and given to the session of the next test
    juliet.client.send(`<a xmlns='${SM}' h='${juliet.handled}'/>`);
    await juliet.client.close();
    await romeo.close();
  });
}
