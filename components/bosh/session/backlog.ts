import type { UpstreamStream } from '../upstreams/upstream.js';
import type { WaitingRoom } from './waiting-room.js';

/**
 * What a client has said and the server's stream does not take yet. While there is any the client's next requests wait
 * unprocessed, and with them the client. It has its place in the waiting room like those.
 */
export class Backlog {
  readonly #stream: UpstreamStream;
  readonly #room: WaitingRoom;
  #waiting: readonly string[] = [];
  #characters = 0;
  #blocked = false;

  constructor(stream: UpstreamStream, room: WaitingRoom) {
    this.#stream = stream;
    this.#room = room;
  }

  /** The stream takes no more for now. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Hands on what one request carries, as much as the stream takes. False: there is no room for the rest. */
  forward(payloads: readonly string[]): boolean {
    for (const [index, payload] of payloads.entries()) {
      if (this.#stream.send(payload)) continue;
      // the stream has that one, and may have to keep it
      return this.#keep(payloads.slice(index + 1), payload.length);
    }
    return true;
  }

  #keep(rest: readonly string[], taken: number): boolean {
    this.#blocked = true;
    const characters = rest.reduce((sum, payload) => sum + payload.length, taken);
    if (!this.#room.hasRoomFor(characters)) return false;
    this.#room.take(characters);
    this.#characters = characters;
    this.#waiting = rest;
    return true;
  }

  /** The stream takes more. False: there is no room for what it still leaves. */
  resume(): boolean {
    this.#blocked = false;
    return this.forward(this.#leave());
  }

  /** Nothing more comes from this client: the stream has to take it all. */
  flush(): void {
    for (const payload of this.#leave()) this.#stream.send(payload);
  }

  /** Whatever waits is given up. */
  drop(): void {
    this.#leave();
  }

  #leave(): readonly string[] {
    const waiting = this.#waiting;
    this.#room.leave(this.#characters);
    this.#characters = 0;
    this.#waiting = [];
    return waiting;
  }
}
