/**
 * How much payload (characters) the requests of all sessions together hold while they wait for an earlier one. Each
 * session may have one body's worth; without this, as many sessions as anybody can make would have as many.
 */
export class WaitingRoom {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  hasRoomFor(characters: number): boolean {
    return this.#taken + characters <= this.#most;
  }

  take(characters: number): void {
    this.#taken += characters;
  }

  leave(characters: number): void {
    this.#taken -= characters;
  }
}
