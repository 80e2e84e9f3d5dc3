/**
 * Young generation in MiB: small, since most of an idle session's memory is garbage of its log-in; the core, which
 * routes everything, gets more, and so does bosh, whose requests live as long as they are held.
 */
const SEMI_SPACE: Readonly<Record<string, number>> = { core: 8, bosh: 16 };
const COMPONENT_SEMI_SPACE = 4;

/** The options of Node.js for one process: ours, then the operator's, which prevail (`V8_OPTIONS`). */
export function nodeOptionsOf(name: string, chosen: readonly string[] = []): readonly string[] {
  return [
    `--max-semi-space-size=${SEMI_SPACE[name] ?? COMPONENT_SEMI_SPACE}`,
    '--enable-source-maps',
    ...chosen,
  ];
}
