import { composeMuc } from '../../../components/muc/muc.js';
import type { MucService } from '../../../components/muc/muc-service.js';
import type { Component } from '../../../shared/component/component.js';
import { createMetrics } from '../../../shared/observability/metrics.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { jid } from '../../../shared/xmpp/jid.js';
import { createMemoryStorage, type MemoryStorage } from '../memory-storage.js';
import { recordingLogger } from '../silent-logger.js';

/** The room that they are in. */
export const ROOM = 'coven@chat.example';
/** What enters a room (XEP-0045 §7.2.2). */
export const JOIN = "<x xmlns='http://jabber.org/protocol/muc'/>";

interface MucInProcess {
  readonly service: MucService;
  readonly storage: MemoryStorage;
  readonly sent: string[];
  /** Whether it has been told to stop for another. */
  readonly superseded: boolean;
  receive(xml: string): void;
  /** Everything received so far has been answered. */
  settled(): Promise<void>;
}

/** The service without process, socket and disk. */
export async function mucInProcess(
  synchronous: boolean,
  storage = createMemoryStorage({ synchronous }),
): Promise<MucInProcess> {
  const sent: string[] = [];
  const handlers: Record<string, (stanza: Stanza) => void> = {};
  let superseded = false;
  let up: () => void = () => undefined;
  const log = recordingLogger();
  const component = {
    domain: 'chat.example',
    jid: jid('chat.example'),
    log,
    disco: { identity() {}, feature() {} },
    server: { connected: true, features: new Set() },
    onIq() {},
    onOtherIq: (handler: (stanza: Stanza) => void) => {
      handlers['iq'] = handler;
    },
    onMessage: (handler: (stanza: Stanza) => void) => {
      handlers['message'] = handler;
    },
    onPresence: (handler: (stanza: Stanza) => void) => {
      handlers['presence'] = handler;
    },
    onUp: (handler: () => void) => {
      up = handler;
    },
    onDown() {},
    drained: () => Promise.resolve(),
    send(text: string) {
      const ping = /^<iq type='get' from='chat.example' to='example' id='([^']*)'/.exec(text);
      if (ping === null) sent.push(text);
      // The server answers what was sent after everything else.
      else
        queueMicrotask(() => receive(`<iq type='result' from='example' to='chat.example' id='${ping[1]}'/>`));
      return true;
    },
  } as unknown as Component;
  const receive = (xml: string): void => {
    const stanza = Stanza.parse(xml);
    handlers[stanza.name]?.(stanza);
  };
  const service = await composeMuc({
    component,
    storage,
    log,
    metrics: createMetrics({ process: 'test' }),
    multicast: 'off',
    logFolder: null,
    close: () => Promise.resolve(0),
    superseded: () => {
      superseded = true;
    },
    policy: {
      name: 'Chatrooms',
      coreDomain: 'example',
      localDomains: new Set(['example']),
      admins: new Set(),
      creation: 'anyone',
      roomsPerUser: 1,
      roomsPerServer: 0,
      maxOccupants: 10,
      history: 3,
      historyBytes: 100_000,
      nickLength: 20,
      subjectLength: 100,
      messageBytes: 10_000,
      rate: 0,
      burst: 1,
      groupchat1: false,
      logUrl: '',
      pingsPerSecond: 1_000,
      pingIdleSeconds: 0,
    },
  });
  up();
  return {
    service,
    storage,
    sent,
    get superseded() {
      return superseded;
    },
    receive,
    async settled() {
      for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
      await service.delivery.settled();
    },
  };
}

/** Has a user enter the room under the own name, and waits until that is answered. */
export async function enter(world: MucInProcess, user: string): Promise<void> {
  world.receive(`<presence from='${user}@example/r' to='${ROOM}/${user}'>${JOIN}</presence>`);
  await world.settled();
}

/** Has the owner `hag` accept the default configuration of the room (XEP-0045 §10.1.2). */
export async function open(world: MucInProcess): Promise<void> {
  world.receive(
    `<iq type='set' id='o' from='hag@example/r' to='${ROOM}'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>`,
  );
  await world.settled();
}
