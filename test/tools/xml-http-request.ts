import { Agent, type ClientRequest, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { DOMParser } from '@xmldom/xmldom';

const agent = new Agent({ keepAlive: true });
const secureAgent = new SecureAgent({ keepAlive: true });

/** As much of a browser's XMLHttpRequest as Strophe.js uses for BOSH. */
export class XmlHttpRequest {
  readyState = 0;
  status = 0;
  responseText = '';
  responseXML: unknown = null;
  onreadystatechange: (() => void) | null = null;
  #method = 'GET';
  #url = '';
  readonly #headers: Record<string, string> = {};
  #request: ClientRequest | undefined;

  open(method: string, url: string): void {
    this.#method = method;
    this.#url = url;
    this.readyState = 1;
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  getAllResponseHeaders(): string {
    return '';
  }

  send(body = ''): void {
    const headers = { ...this.#headers, 'Content-Length': String(Buffer.byteLength(body)) };
    const secure = this.#url.startsWith('https:');
    const options = { method: this.#method, headers, agent: secure ? secureAgent : agent };
    const sent = (secure ? secureRequest : request)(this.#url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        this.responseText = Buffer.concat(chunks).toString();
        if (this.responseText !== '') {
          this.responseXML = new DOMParser().parseFromString(this.responseText, 'text/xml');
        }
        this.#done(response.statusCode ?? 0);
      });
    });
    this.#request = sent;
    sent.on('error', () => this.#done(0));
    sent.end(body);
  }

  abort(): void {
    this.onreadystatechange = null;
    this.#request?.destroy();
  }

  #done(status: number): void {
    if (this.readyState === 4) return;
    this.status = status;
    this.readyState = 4;
    this.onreadystatechange?.();
  }
}
