import { client as makeXmppClient, xml } from '@xmpp/client';
import { $msg, $pres, Strophe } from 'strophe.js';
import { XmlHttpRequest } from './xml-http-request.js';

// Strophe.js is made for browsers: this is the one part of theirs that it takes from the global object.
Object.assign(globalThis, { XMLHttpRequest: XmlHttpRequest });
Strophe.setLogLevel(Strophe.LogLevel.FATAL);

/** What the tests do with a client from elsewhere, whichever library it is. */
export interface WebClient {
  readonly jid: string;
  /** Texts of messages, as they come. */
  next(): Promise<{ from: string; body: string }>;
  /** The condition of the next error message. */
  nextError(): Promise<string>;
  /** Stops asking and answering, as a browser that was closed. */
  vanish(): void;
  sendPresence(): void;
  sendMessage(to: string, body: string, type?: 'chat' | 'groupchat'): void;
  joinRoom(room: string, nick: string): void;
  stop(): Promise<void>;
}

/** The part of a DOM element that is read here; the project has no DOM types. */
interface StropheElement {
  getAttribute(name: string): string | null;
  getElementsByTagName(name: string): ArrayLike<{ textContent: string | null }>;
}

class Inbox {
  readonly #got: { from: string; body: string }[] = [];
  readonly #waiting: ((one: { from: string; body: string }) => void)[] = [];

  put(from: string, body: string): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting({ from, body });
    else this.#got.push({ from, body });
  }

  next(): Promise<{ from: string; body: string }> {
    const first = this.#got.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no message in 10 s')), 10_000);
      this.#waiting.push((one) => {
        clearTimeout(timer);
        resolve(one);
      });
    });
  }
}

/** Strophe.js, over BOSH (`http:`) or WebSocket (`ws:`). */
export function connectStrophe(url: string, jid: string, password: string): Promise<WebClient> {
  const connection = new Strophe.Connection(url);
  const inbox = new Inbox();
  const errors = new Inbox();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Strophe.js did not connect to ${url}`)), 15_000);
    connection.connect(jid, password, (status: number, condition: unknown) => {
      if (status === Strophe.Status.CONNFAIL || status === Strophe.Status.AUTHFAIL) {
        clearTimeout(timer);
        connection.reset(); // else it stays awake, waiting to be told to disconnect
        reject(new Error(`Strophe.js: status ${status} ${String(condition)}`));
      }
      if (status !== Strophe.Status.CONNECTED) return;
      clearTimeout(timer);
      connection.addHandler(
        (message: StropheElement) => {
          const body = message.getElementsByTagName('body')[0]?.textContent;
          if (message.getAttribute('type') === 'error') errors.put('', '?');
          else if (body) inbox.put(message.getAttribute('from') ?? '', body);
          return true;
        },
        '',
        'message',
      );
      resolve({
        jid: connection.jid,
        next: () => inbox.next(),
        nextError: async () => (await errors.next()).body,
        vanish: () => {
          // Or it repeats a request that was lost, for minutes.
          connection.maxRetries = 0;
          connection._proto._abortAllRequests?.();
          connection.reset();
          // Or its idle loop goes on for ever.
          connection.connected = false;
        },
        sendPresence: () => connection.send($pres()),
        sendMessage: (to, body, type = 'chat') => connection.send($msg({ to, type }).c('body').t(body)),
        joinRoom: (room, nick) =>
          connection.send(
            $pres({ to: `${room}/${nick}` }).c('x', { xmlns: 'http://jabber.org/protocol/muc' }),
          ),
        stop: () =>
          new Promise((done) => {
            const giveUp = setTimeout(done, 3_000);
            connection.connect_callback = (last: number) => {
              if (last !== Strophe.Status.DISCONNECTED) return;
              clearTimeout(giveUp);
              done();
            };
            connection.disconnect('the test is over');
          }),
      });
    });
  });
}

/** @xmpp/client over WebSocket. */
export async function connectXmppClient(
  url: string,
  domain: string,
  username: string,
  password: string,
): Promise<WebClient> {
  const xmpp = makeXmppClient({ service: url, domain, username, password });
  xmpp.timeout = 20_000;
  const inbox = new Inbox();
  const errors = new Inbox();
  xmpp.on('error', () => undefined);
  xmpp.on('stanza', (stanza) => {
    const body = stanza.is('message') ? stanza.getChildText('body') : null;
    if (stanza.is('message') && stanza.attrs['type'] === 'error') {
      errors.put(
        '',
        /<([a-z-]+) xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/.exec(stanza.toString())?.[1] ?? '?',
      );
    } else if (body) inbox.put(String(stanza.attrs['from']), body);
  });
  const timer = setTimeout(() => xmpp.stop(), 15_000);
  const jid = await xmpp.start();
  clearTimeout(timer);
  return {
    jid: jid.toString(),
    next: () => inbox.next(),
    nextError: async () => (await errors.next()).body,
    vanish: () => void xmpp.stop(),
    sendPresence: () => void xmpp.send(xml('presence')),
    sendMessage: (to, body, type = 'chat') =>
      void xmpp.send(xml('message', { to, type }, xml('body', {}, body))),
    joinRoom: (room, nick) =>
      void xmpp.send(
        xml('presence', { to: `${room}/${nick}` }, xml('x', { xmlns: 'http://jabber.org/protocol/muc' })),
      ),
    stop: async () => {
      await xmpp.stop();
    },
  };
}
