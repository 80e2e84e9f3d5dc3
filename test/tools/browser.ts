import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findProgram } from './foreign/programs.js';

const program = findProgram('chromium');
export const hasChromium = program !== undefined;

const artefacts = process.env['ENTOURAGE_ARTEFACTS'] ?? join(process.cwd(), 'dist', 'artefacts');

/** Starts Chromium without what it would ask of its maker. */
export function startChromium(): Promise<Browser> {
  if (program === undefined) throw new Error('chromium is not installed');
  mkdirSync(artefacts, { recursive: true });
  return chromium.launch({
    executablePath: program,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Keeps what the page looks like with the run. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(artefacts, name) });
}

/** A page of its own, what the browser complains of in it, and what it asks of others than `home`. */
export async function openPage(
  browser: Browser,
  home: string,
  at = home,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[]; foreign: string[] }> {
  const page = await (await browser.newContext(options)).newPage();
  const complaints: string[] = [];
  const foreign: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(home) && !request.url().startsWith('data:')) foreign.push(request.url());
  });
  await page.goto(at);
  return { page, complaints, foreign };
}
