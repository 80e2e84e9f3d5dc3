import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compiledRoot } from '../../../shared/settings/registry.js';

/** The operators' guide, whose commands the tests run. */
const GUIDE = join(compiledRoot, '..', 'docs', 'other-servers.md');

/** A fenced block of a document. */
interface Block {
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks below a heading, up to the next of its level or above. */
function blocksOf(heading: string): Block[] {
  const lines = readFileSync(GUIDE, 'utf8').split('\n');
  const begin = lines.indexOf(heading);
  if (begin < 0) throw new Error(`${GUIDE} has no heading ${heading}`);
  const level = /^#+/.exec(heading)?.[0].length ?? 1;
  const blocks: Block[] = [];
  let open: { language: string; lines: string[] } | undefined;
  for (const line of lines.slice(begin + 1)) {
    const fence = /^\s*```(\w*)$/.exec(line);
    if (fence !== null) {
      if (open === undefined) open = { language: fence[1] ?? '', lines: [] };
      else {
        blocks.push({ language: open.language, text: `${open.lines.join('\n')}\n` });
        open = undefined;
      }
    } else if (open !== undefined) open.lines.push(line);
    else if (new RegExp(`^#{1,${level}} `).test(line)) break;
  }
  return blocks;
}

/** One of them, by language and place. */
export function blockOf(heading: string, language: string, at = 0): string {
  const found = blocksOf(heading).filter((block) => block.language === language)[at];
  if (found === undefined) throw new Error(`${heading} has no ${language} block ${at}`);
  return found.text;
}

export type Handler = (args: readonly string[]) => Promise<unknown>;

/**
 * Runs the lines of a block as a shell would, with what each program does given by a handler, and with paths of the
 * document replaced by a test's own. A program without a handler fails.
 */
export async function runLines(
  text: string,
  handlers: Readonly<Record<string, Handler>>,
  paths: Readonly<Record<string, string>>,
): Promise<void> {
  for (const line of text.split('\n')) {
    const [program, ...args] = line
      .replace(/\s+#.*$/, '')
      .trim()
      .split(/\s+/)
      .flatMap((word) =>
        glob(Object.entries(paths).reduce((path, [from, to]) => path.replace(from, to), word)),
      );
    if (program === undefined || program === '') continue;
    const handler = handlers[program];
    if (handler === undefined) throw new Error(`the test cannot run: ${line}`);
    await handler(args);
  }
}

/** `*` and `[…]` in the last part of a path. */
function glob(word: string): string[] {
  if (!/[*[]/.test(word)) return [word];
  const [folder, last] = [dirname(word), word.slice(word.lastIndexOf('/') + 1)];
  const pattern = new RegExp(`^${last.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
  const found = readdirSync(folder).filter((name) => pattern.test(name));
  if (found.length === 0) throw new Error(`nothing is called ${word}`);
  return found.map((name) => join(folder, name));
}
