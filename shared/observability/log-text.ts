/** What is said elsewhere in the line. */
const PLACED = new Set(['level', 'time', 'process', 'code', 'msg']);
/** A value that stands for itself; anything else is quoted as JSON quotes it, so that no peer writes to a terminal. */
const PLAIN = /^[\w.:@/+*[\]-]+$/;

/**
 * A line of the log as people read it at a terminal: time, level, process, message, then the code and what belongs to it.
 * A line that is not from the log (the `ready` line) stays as it is. `line`: perhaps behind the name that the launcher adds.
 */
export function readableLine(line: string): string {
  const start = line.indexOf('{"level"');
  if (start < 0) return line;
  const fields = parse(line.slice(start));
  if (fields === undefined) return line;
  const { level, time, process, code, msg } = fields;
  const head = [
    typeof time === 'string' ? time.slice(11, 19) : '',
    String(level).toUpperCase().padEnd(5),
    String(process ?? '').padEnd(7),
    String(msg ?? ''),
  ];
  const rest = Object.entries(fields).filter(([name]) => !PLACED.has(name));
  return [...head, `[${code}]`, ...rest.map(([name, value]) => `${name}=${shown(value)}`)].join(' ');
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function shown(value: unknown): string {
  if (typeof value === 'string' && PLAIN.test(value)) return value;
  return JSON.stringify(value);
}
