// @xmpp/component 0.13.1 has no types of its own. Only what `stream.ts` uses is here; members that begin with an
// underscore are what the library's own subclasses override.
declare module '@xmpp/component' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  /** What `Connection` needs of a parser: `start`, `element`, `end` and `error` events. */
  export interface EntityParser extends EventEmitter {
    write(data: unknown): void;
  }

  export interface Entity extends EventEmitter {
    status: string;
    timeout: number;
    socket: Socket | null;
    parser: EntityParser | null;
    Parser: new () => EntityParser;
    readonly reconnect: { stop(): void };
    connect(service: string): Promise<unknown>;
    open(options: { domain: string; timeout?: number }): Promise<unknown>;
    write(text: string): Promise<void>;
    authenticate(streamId: string, secret: string): Promise<void>;
    _attachSocket(socket: Socket): void;
    _onData(data: Buffer): void;
    _onElement(element: unknown): void;
    _onParserError(error: Error): void;
    _status(status: string, ...details: unknown[]): void;
  }

  export function component(options: { service: string; domain: string; password: string }): Entity;
}
