import { createSocket, type RemoteInfo } from 'node:dgram';
import { isIP } from 'node:net';

interface ServiceAnswer {
  readonly priority?: number;
  readonly weight?: number;
  readonly port: number;
  /** `.` says that there is no such service. */
  readonly target: string;
}

/** What the zone holds; names without the trailing dot, in lower case. */
export interface Zone {
  readonly srv?: Readonly<Record<string, readonly ServiceAnswer[]>>;
  readonly a?: Readonly<Record<string, readonly string[]>>;
}

const TYPE = { A: 1, SOA: 6, AAAA: 28, SRV: 33 } as const;

/** A small authoritative DNS server over UDP for tests (RFC 1035): SRV and A records, and "no such name" for the rest. */
export class DnsServer {
  readonly host: string;
  port = 0;
  zone: Zone;
  /** `TYPE name` of every question. */
  readonly asked: string[] = [];
  readonly #socket = createSocket('udp4');

  private constructor(host: string, zone: Zone) {
    this.host = host;
    this.zone = zone;
    this.#socket.on('message', (message, peer) => this.#answer(message, peer));
    this.#socket.on('error', () => {});
  }

  static async start(zone: Zone, host = '127.0.0.1'): Promise<DnsServer> {
    const server = new DnsServer(host, zone);
    await new Promise<void>((resolve, reject) => {
      server.#socket.once('error', reject);
      server.#socket.bind(0, host, resolve);
    });
    server.port = server.#socket.address().port;
    return server;
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #answer(query: Buffer, peer: RemoteInfo): void {
    if (query.length < 17) return;
    const { name, end } = readName(query, 12);
    const type = query.readUInt16BE(end);
    const known = name.toLowerCase();
    const typeName = Object.entries(TYPE).find(([, number]) => number === type)?.[0] ?? String(type);
    this.asked.push(`${typeName} ${known}`);
    const records: Buffer[] = [];
    if (type === TYPE.SRV) {
      for (const one of this.zone.srv?.[known] ?? []) {
        const fixed = Buffer.alloc(6);
        fixed.writeUInt16BE(one.priority ?? 0, 0);
        fixed.writeUInt16BE(one.weight ?? 0, 2);
        fixed.writeUInt16BE(one.port, 4);
        records.push(record(TYPE.SRV, Buffer.concat([fixed, writeName(one.target)])));
      }
    } else if (type === TYPE.A) {
      for (const address of this.zone.a?.[known] ?? []) {
        if (isIP(address) === 4) records.push(record(TYPE.A, Buffer.from(address.split('.').map(Number))));
      }
    }
    const exists =
      this.zone.srv?.[known] !== undefined ||
      this.zone.a?.[known] !== undefined ||
      Object.keys({ ...this.zone.a, ...this.zone.srv }).some((other) => other.endsWith(`.${known}`));
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    // an answer, authoritative, recursion available; NXDOMAIN for names that are not in the zone
    header.writeUInt16BE(0x8580 | (exists ? 0 : 3), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    const question = query.subarray(12, end + 4);
    this.#socket.send(Buffer.concat([header, question, ...records]), peer.port, peer.address);
  }
}

function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  for (;;) {
    const length = message[at] ?? 0;
    if (length === 0) return { name: labels.join('.'), end: at + 1 };
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
}

function writeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')])),
    Buffer.of(0),
  ]);
}

/** A record about the name in question (a pointer to it), valid for one second. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(1, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}
