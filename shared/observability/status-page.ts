import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { Page } from './server.js';

/** Another process as this one sees it. */
export interface Neighbour {
  readonly kind: 'component' | 'server' | 'peer';
  readonly name: string;
  readonly address: string;
  readonly up: boolean;
  /** Stanzas from and to it since the start; the page makes a rate of them. */
  readonly stanzas: number;
  /** Stanzas or requests that wait for it. */
  readonly waiting: number;
  /** The last round trip, in milliseconds; null where none was measured. */
  readonly latency: number | null;
}

/** What a process has to tell besides its state. */
export interface Picture {
  /** Stanzas that it handled since its start. */
  readonly stanzas: number;
  readonly facts: Readonly<Record<string, number | string>>;
  readonly neighbours: readonly Neighbour[];
}

interface StatusOptions {
  readonly process: string;
  readonly version: string;
  readonly state: () => { readonly ready: boolean; readonly reason: string };
  readonly startedAt: Date;
  readonly picture: () => Picture;
}

const FILES = [
  ['/status', 'status.html', 'text/html; charset=utf-8'],
  ['/status/status.css', 'status.css', 'text/css; charset=utf-8'],
  ['/status/status.mjs', 'status.mjs', 'text/javascript; charset=utf-8'],
] as const;
const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
};

/** The read-only page `/status`: this process and its neighbours as a picture that refreshes itself from `/status.json`. */
export function addStatusPage(pages: Map<string, Page>, options: StatusOptions): void {
  // From dist/shared/observability, where this runs, to the sources.
  const folder = new URL('../../../shared/observability/page/', import.meta.url);
  for (const [path, file, type] of FILES) {
    pages.set(path, (_request, response) =>
      send(response, type, readFileSync(new URL(file, folder), 'utf8')),
    );
  }
  pages.set('/status.json', (_request, response) => {
    const { ready, reason } = options.state();
    const now = Date.now();
    const body = JSON.stringify({
      process: options.process,
      version: options.version,
      ready,
      reason,
      at: now,
      uptimeSeconds: Math.round((now - options.startedAt.getTime()) / 1000),
      memoryBytes: process.memoryUsage.rss(),
      ...options.picture(),
    });
    send(response, 'application/json', body);
  });
}

function send(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, { ...HEADERS, 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
