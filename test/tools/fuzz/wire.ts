import { connect, type Socket } from 'node:net';
import { SaxesParser } from 'saxes';

/** An element as saxes read it: nothing of what is tested had a part in it. */
export interface Heard {
  readonly name: string;
  readonly namespace: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (Heard | string)[];
}

export function childrenOf(heard: Heard): Heard[] {
  return heard.children.filter((child) => typeof child !== 'string');
}

export function childOf(heard: Heard, name: string, namespace?: string): Heard | undefined {
  return childrenOf(heard).find(
    (child) => child.name === name && (namespace === undefined || child.namespace === namespace),
  );
}

export function textIn(heard: Heard | undefined): string {
  if (heard === undefined) return '';
  return heard.children.map((child) => (typeof child === 'string' ? child : textIn(child))).join('');
}

/** Whether this text stands anywhere in it. */
export function contains(heard: Heard, text: string): boolean {
  if (Object.values(heard.attributes).some((value) => value.includes(text))) return true;
  return heard.children.some((child) =>
    typeof child === 'string' ? child.includes(text) : contains(child, text),
  );
}

const DECLARATION = '<?xml ';

/** One connection to a door, raw on our side; what the other side says is read by saxes, and must be good XML. */
export class Wire {
  readonly socket: Socket;
  /** What was wrong with what the other side said. */
  readonly problems: string[] = [];
  /** The last stream header's attributes. */
  header: Readonly<Record<string, string>> = {};
  headers = 0;
  streamError: string | undefined;
  /** `</stream:stream>` came. */
  ended = false;
  closed = false;
  /** After compression begins nothing more is read. */
  opaque = false;
  onElement: (heard: Heard) => void = () => {};
  onHeader: () => void = () => {};
  onClose: () => void = () => {};
  #decoder = new TextDecoder('utf-8', { fatal: true });
  #parser: SaxesParser<{ xmlns: true; position: false }> = this.#newParser();
  #open: { heard: Heard; children: (Heard | string)[] }[] = [];
  #depth = 0;
  #held = '';
  /** The last that came, for reports. */
  #tail = '';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#feed(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.onClose();
    });
  }

  static async connect(address: { host: string; port: number }): Promise<Wire> {
    const socket = connect({ host: address.host, port: address.port, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Wire(socket);
  }

  get tail(): string {
    return this.#tail;
  }

  send(data: string | Buffer): void {
    if (!this.closed && this.socket.writable) this.socket.write(data);
  }

  /** Ends our side; true when the other side ends its own in time. */
  async finish(milliseconds: number): Promise<boolean> {
    if (!this.closed) {
      this.socket.end();
      await this.until(() => this.closed || this.socket.readableEnded, milliseconds);
    }
    const finished = this.closed || this.socket.readableEnded;
    this.socket.destroy();
    return finished;
  }

  /** Resolves when it is so (looked at whenever something comes), or with false when time is over. */
  async until(done: () => boolean, milliseconds: number): Promise<boolean> {
    if (done()) return true;
    await new Promise<void>((resolve) => {
      const stop = (): void => {
        clearTimeout(timer);
        clearInterval(tick);
        this.socket.off('data', look).off('end', look).off('close', look);
        resolve();
      };
      const look = (): void => {
        if (done()) stop();
      };
      const timer = setTimeout(stop, milliseconds);
      // What is waited for may also come another way.
      const tick = setInterval(look, 20);
      // After the listener that feeds: what came is seen.
      this.socket.on('data', look).on('end', look).on('close', look);
    });
    return done();
  }

  #feed(chunk: Buffer): void {
    if (this.opaque) return;
    let text = this.#held;
    this.#held = '';
    try {
      text += this.#decoder.decode(chunk, { stream: true });
    } catch {
      this.#problem('it said what is not UTF-8');
      return;
    }
    this.#tail = (this.#tail + text).slice(-2000);
    // The beginning of a declaration may be cut.
    for (let length = Math.min(DECLARATION.length - 1, text.length); length > 0; length--) {
      if (!text.endsWith(DECLARATION.slice(0, length))) continue;
      this.#held = text.slice(text.length - length);
      text = text.slice(0, text.length - length);
      break;
    }
    for (;;) {
      const at = text.indexOf(DECLARATION);
      if (at < 0) break;
      this.#write(text.slice(0, at));
      text = text.slice(at);
      if (this.#depth <= 1) {
        this.#parser = this.#newParser();
        this.#depth = 0;
        this.#open = [];
        this.ended = false;
      }
      this.#write(DECLARATION);
      text = text.slice(DECLARATION.length);
    }
    this.#write(text);
  }

  #write(text: string): void {
    if (text !== '' && !this.opaque) this.#parser.write(text);
  }

  #problem(what: string): void {
    if (this.problems.length < 3) this.problems.push(`${what}: …${this.#tail.slice(-600)}`);
    this.opaque = true;
  }

  #newParser(): SaxesParser<{ xmlns: true; position: false }> {
    const parser = new SaxesParser({ xmlns: true, position: false });
    parser.on('error', (error) => {
      // It trims a namespace that is a space before it asks whether it is empty; real ones the parser's own fuzzing looks for.
      if (error.message.includes('undefine prefix')) return;
      this.#problem(`it said what saxes refuses (${error.message})`);
    });
    parser.on('doctype', () => this.#problem('it sent a DTD'));
    parser.on('comment', () => this.#problem('it sent a comment'));
    const text = (data: string): void => {
      this.#open.at(-1)?.children.push(data);
    };
    parser.on('text', text);
    parser.on('cdata', text);
    parser.on('opentag', (tag) => {
      const attributes: Record<string, string> = Object.create(null) as Record<string, string>;
      for (const [name, attribute] of Object.entries(tag.attributes)) attributes[name] = attribute.value;
      this.#depth++;
      if (this.#depth === 1) {
        this.header = attributes;
        this.headers++;
        this.onHeader();
        return;
      }
      const children: (Heard | string)[] = [];
      const heard = { name: tag.local, namespace: tag.uri, attributes, children };
      this.#open.at(-1)?.children.push(heard);
      this.#open.push({ heard, children });
    });
    parser.on('closetag', () => {
      this.#depth--;
      const done = this.#open.pop();
      if (this.#depth === 0) this.ended = true;
      if (this.#depth !== 1 || done === undefined) return;
      const { heard } = done;
      if (heard.name === 'error' && heard.namespace === 'http://etherx.jabber.org/streams')
        this.streamError = childrenOf(heard)[0]?.name ?? '';
      if (heard.name === 'compressed') this.opaque = true;
      this.onElement(heard);
    });
    return parser;
  }
}
