/**
 * Young generation in MiB: small, since most of an idle session's memory is garbage of its log-in; the core, which
 * routes everything, gets more, and so do bosh, whose requests live as long as they are held, and muc, whose messages live
 * until they are durable: with 4 MiB a third of its time in busy rooms went into collecting what was still in use.
 */
const SEMI_SPACE: Readonly<Record<string, number>> = { core: 8, muc: 16, bosh: 16 };
const COMPONENT_SEMI_SPACE = 4;

/** The options of Node.js for one process: ours, then the operator's, which prevail (`V8_OPTIONS`). */
export function nodeOptionsOf(name: string, chosen: readonly string[] = []): readonly string[] {
  return [
    `--max-semi-space-size=${SEMI_SPACE[name] ?? COMPONENT_SEMI_SPACE}`,
    '--enable-source-maps',
    ...chosen,
  ];
}
