import { EventEmitter } from 'node:events';
import { type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
// The only import of the library: what it gets wrong is overridden here and nowhere else.
import { component as createEntity, type Entity, type EntityParser } from '@xmpp/component';
import type { Stanza } from '../xml/stanza.js';
import { type StreamHeader, StreamParser, type XmlLimits } from '../xml/stream-parser.js';
import { NS } from '../xmpp/namespaces.js';
import type { ComponentTls } from './component.js';
import { handshakeDigest } from './handshake.js';

/** Where and how to connect. */
export interface StreamOptions {
  readonly host: string;
  readonly port: number;
  /** The component's own domain: the stream's `to` (XEP-0114 §3). */
  readonly domain: string;
  readonly secret: string;
  readonly tls: ComponentTls | null;
  readonly limits: XmlLimits;
  /** For connecting, opening and authenticating together. */
  readonly openTimeoutMilliseconds: number;
}

/** Why a stream ended. */
export interface StreamEnd {
  /**
   * `closed` by the server with a stream close, `lost` without one, `refused` by a stream error of the server,
   * `invalid` XML from the server, `timeout` while opening or of the peer, `local` on our own wish.
   */
  readonly kind: 'closed' | 'lost' | 'refused' | 'invalid' | 'timeout' | 'local';
  /** The stream error condition, or the system's error code. */
  readonly condition?: string;
  readonly text?: string;
}

/** All calls are synchronous with the input that causes them; `ended` comes once, and nothing after it. */
interface StreamHandler {
  /** The server has accepted the handshake. */
  opened(stream: ComponentStream): void;
  stanza(stanza: Stanza): void;
  /** Bytes have arrived. */
  heard(): void;
  ended(end: StreamEnd): void;
}

/** One XEP-0114 stream (`jabber:component:accept`) from connect to end: never reused. */
export class ComponentStream {
  readonly socket: Socket;
  private readonly entity: Entity;
  private readonly parser: StreamParser;
  private readonly handler: StreamHandler;
  private readonly openTimer: NodeJS.Timeout;
  private isOpen = false;
  private end: StreamEnd | null = null;
  private onClosed: (() => void) | null = null;

  /** Begins to connect; then opens the stream and shakes hands. */
  constructor(options: StreamOptions, handler: StreamHandler) {
    this.handler = handler;
    this.openTimer = setTimeout(
      () => this.finish({ kind: 'timeout', text: 'the server does not open the stream' }),
      options.openTimeoutMilliseconds,
    );
    const bridge = new ParserBridge();
    this.parser = new StreamParser(
      {
        streamOpened: (header) => this.headerReceived(header, bridge),
        stanza: (stanza) => this.elementReceived(stanza),
        streamClosed: () => this.closeReceived(),
        failed: (error) => this.xmlRefused(error),
        whitespace: () => undefined,
      },
      options.limits,
    );

    const { host, port, domain, secret } = options;
    const entity = createEntity({ service: `xmpp://${host}:${port}`, domain, password: secret });
    this.entity = entity;
    // Its reconnection knows one fixed second, and its middleware makes a promise for each stanza and matches IQ
    // answers by `id` alone: ours are in connection.ts and iq-tracker.ts.
    entity.reconnect.stop();
    entity.removeAllListeners('element');
    entity.timeout = options.openTimeoutMilliseconds;
    entity.Parser = function makeParser() {
      return bridge;
    } as unknown as Entity['Parser'];
    // Bytes, not text decoded chunk by chunk: a character may be cut anywhere.
    entity._onData = (data) => this.dataReceived(data);
    entity.authenticate = async (id, password) => {
      await entity.write(`<handshake>${handshakeDigest(id, password)}</handshake>`);
    };
    entity.on('error', (error: NodeJS.ErrnoException) => this.failed(error));
    entity.on('disconnect', () => this.finish({ kind: 'lost' }));

    this.socket = connectSocket(options);
    this.socket.setNoDelay(true);
    entity._status('connecting');
    entity._attachSocket(this.socket);
    this.socket.once(options.tls === null ? 'connect' : 'secureConnect', () => {
      // The library's time-out is longer than ours: it only tidies up.
      entity
        .open({ domain, timeout: options.openTimeoutMilliseconds * 2 })
        .catch((error) => this.failed(error));
    });
  }

  /** Writes text that must go out at once (keepalive); stanzas go through the outbound queue. */
  writeNow(text: string): void {
    if (this.end === null) this.socket.write(text);
  }

  /**
   * Ends the stream: with `reset`, by the stream error that says that we shall be back; else by a plain close. Resolves when
   * the server has closed too, or after `waitMilliseconds`.
   */
  async close(how: 'reset' | 'plain', waitMilliseconds: number): Promise<void> {
    if (this.end !== null) return;
    const error = how === 'reset' ? `<stream:error><reset xmlns='${NS.streamErrors}'/></stream:error>` : '';
    this.entity.status = 'closing';
    this.socket.write(`${error}</stream:stream>`);
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.onClosed = resolve;
      timer = setTimeout(resolve, waitMilliseconds);
    });
    clearTimeout(timer);
    this.finish({ kind: 'local' });
  }

  /** Gives the stream up without waiting for anything. */
  abandon(end: StreamEnd): void {
    this.finish(end);
  }

  private dataReceived(data: Buffer): void {
    this.handler.heard();
    this.parser.write(data);
  }

  private headerReceived(header: StreamHeader, bridge: ParserBridge): void {
    if (header.name !== 'stream' || header.namespace !== NS.streams) {
      this.refuse('invalid-namespace', 'the server does not open an XMPP stream');
      return;
    }
    // The library now calls `authenticate` with this id.
    bridge.emit('start', { attrs: { id: header.id ?? '' } });
  }

  private elementReceived(stanza: Stanza): void {
    if (stanza.namespace === NS.streams && stanza.name === 'error') {
      this.streamErrorReceived(stanza);
    } else if (this.isOpen) {
      this.handler.stanza(stanza);
    } else if (stanza.name === 'handshake' && stanza.namespace === NS.component) {
      this.isOpen = true;
      clearTimeout(this.openTimer);
      this.entity._status('online');
      this.handler.opened(this);
    } else {
      this.refuse('not-authorized', `<${stanza.name}/> before the handshake`);
    }
  }

  private streamErrorReceived(error: Stanza): void {
    const conditions = error.element.getChildElements();
    const condition = conditions.find(
      (child) => child.getName() !== 'text' && child.getNS() === NS.streamErrors,
    );
    const text = conditions.find((child) => child.getName() === 'text')?.getText();
    this.finish({
      kind: 'refused',
      condition: condition?.getName() ?? 'undefined-condition',
      ...(text ? { text } : {}),
    });
  }

  private closeReceived(): void {
    if (this.onClosed !== null) {
      this.onClosed();
      return;
    }
    this.finish({ kind: 'closed' });
  }

  private xmlRefused(error: { condition: string; text: string }): void {
    this.refuse(error.condition, error.text);
  }

  /** RFC 6120 §4.9.1.1: a stream error ends the stream. */
  private refuse(condition: string, text: string): void {
    if (this.end === null && this.socket.writable) {
      this.socket.write(`<stream:error><${condition} xmlns='${NS.streamErrors}'/></stream:error>`);
    }
    this.finish({ kind: 'invalid', condition, text });
  }

  private failed(error: NodeJS.ErrnoException): void {
    const condition = error.code ?? error.name;
    this.finish({ kind: 'lost', condition, text: error.message });
  }

  private finish(end: StreamEnd): void {
    if (this.end !== null) return;
    this.end = end;
    clearTimeout(this.openTimer);
    this.parser.stop();
    // The library may still wait for the stream to open: this ends its waiting, and its timer.
    this.entity.emit('error', new Error(end.kind));
    const { socket } = this;
    if (socket.writable && !socket.connecting) {
      // Lets what is written go out, then closes; a peer that does not read cannot hold it for long.
      if (this.isOpen && this.onClosed === null && end.kind !== 'lost') socket.write('</stream:stream>');
      socket.end();
      setTimeout(() => socket.destroy(), 1000).unref();
    } else {
      socket.destroy();
    }
    this.onClosed?.();
    this.handler.ended(end);
  }
}

/** Stands where the library expects its own lenient parser; its events are emitted by our strict one. */
class ParserBridge extends EventEmitter implements EntityParser {
  write(): void {}
}

function connectSocket(options: StreamOptions): Socket {
  const { host, port, tls } = options;
  if (tls === null) return tcpConnect({ host, port });
  return tlsConnect({
    host,
    port,
    // SNI takes no addresses (RFC 6066 §3).
    servername: /^[\d.]+$|:/.test(tls.servername) ? '' : tls.servername,
    minVersion: 'TLSv1.2',
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert, key: tls.key }),
  });
}
