import type { IncomingMessage, ServerResponse } from 'node:http';

/** Answers with a text; to HEAD with what its head would be (RFC 9110 §9.3.2). */
export function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  response.end(request.method === 'HEAD' ? undefined : text);
}
