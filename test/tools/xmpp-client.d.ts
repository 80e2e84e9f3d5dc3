// The package has no types of its own; what the tests use of it.
declare module '@xmpp/client' {
  export interface XmppElement {
    readonly attrs: Record<string, unknown>;
    is(name: string): boolean;
    getChildText(name: string): string | null;
  }
  export interface XmppClient {
    /** How long it waits for an answer to what it opens, in milliseconds (2,000: little on a busy machine). */
    timeout: number;
    on(event: 'error', handler: (error: Error) => void): void;
    on(event: 'stanza', handler: (stanza: XmppElement) => void): void;
    start(): Promise<{ toString(): string }>;
    stop(): Promise<unknown>;
    send(element: XmppElement): Promise<void>;
    readonly iqCaller: { request(iq: XmppElement, milliseconds?: number): Promise<XmppElement> };
  }
  export function client(options: {
    service: string;
    domain: string;
    username: string;
    password: string;
    resource?: string;
  }): XmppClient;
  export function xml(name: string, attributes?: Record<string, string>, ...children: unknown[]): XmppElement;
}
