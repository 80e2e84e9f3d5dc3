import { answer } from '../http/plain-answer.js';
import type { Handler } from '../http/web-server.js';

/** What a request to the WebSocket endpoint hears that is no handshake (RFC 9110 §15.5.22). */
export const upgradeRequired: Handler = (request, response) => {
  // RFC 9110 §7.8: `Upgrade` goes with `Connection`.
  response.setHeader('Connection', 'Upgrade');
  response.setHeader('Upgrade', 'websocket');
  answer(request, response, 426, 'text/plain; charset=utf-8', 'XMPP over WebSocket (RFC 7395).\n');
};
