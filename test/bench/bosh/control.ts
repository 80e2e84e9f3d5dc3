// The control of ../bosh.ts: what node:http itself costs. It holds each request until a message for its sender comes, and
// knows no sessions, no XML, no XMPP. Prints its port.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const held = new Map<string, ServerResponse>();
const waiting = new Map<string, string>();

function answer(response: ServerResponse, body: string): void {
  response.writeHead(200, {
    'Content-Type': 'text/xml; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => {
    body += chunk.toString('latin1');
  });
  request.on('end', () => {
    const sid = between(body, "sid='", "'");
    const to = between(body, "to='", "'");
    if (to !== '') {
      const other = held.get(to);
      held.delete(to);
      if (other === undefined) waiting.set(to, body);
      else answer(other, body);
    }
    const mine = waiting.get(sid);
    waiting.delete(sid);
    if (mine === undefined) held.set(sid, response);
    else answer(response, mine);
  });
});
server.keepAliveTimeout = 300_000;
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));

function between(text: string, before: string, after: string): string {
  const start = text.indexOf(before);
  return start < 0 ? '' : text.slice(start + before.length, text.indexOf(after, start + before.length));
}
