/** One HTTP request that waits for its response, as a session sees it. */
export interface Exchange {
  /** Whether the client is still there to read the response. */
  readonly alive: boolean;
  /** Every hop of this request was encrypted. */
  readonly secure: boolean;
  /** Called once, if the connection goes before there was a response. */
  onLost(handler: () => void): void;
  /**
   * Sends the response: HTTP 200 with a body, or a bare error status. `written` is called when the bytes have been handed
   * to the operating system.
   */
  respond(response: ExchangeResponse, written?: () => void): void;
  /** Closes the connection without a response. */
  drop(): void;
}

export interface ExchangeResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}
