import { isatty } from 'node:tty';
import { type DestinationStream, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import { LogOutput } from './log-output.js';
import { LogPace } from './log-pace.js';
import { readableLine } from './log-text.js';
import type { LogFields, Logger } from './types.js';

const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, silent: 1000 } as const;
type LevelName = keyof typeof LEVELS;

/** A process's logger; its level can be changed at run time, its children's with it. */
export interface ProcessLogger extends Logger {
  level: LevelName;
  child(bindings: Record<string, unknown>): ProcessLogger;
}

interface LoggerOptions {
  /** `core`, `muc`, …: in every line. */
  readonly process: string;
  readonly level?: LevelName;
  /** Default: standard output. */
  readonly destination?: DestinationStream;
}

/** Fields that must not be logged; should one slip in, its value is cut out. */
const SECRET_FIELDS = ['password', 'secret', 'body', 'initialResponse', 'token'];

/** Makes the logger of one process: JSON lines with `level`, `time`, `process`, `code` and `msg`; at a terminal readable ones. */
export function createLogger(options: LoggerOptions): ProcessLogger {
  const target = pino(
    {
      level: 'trace',
      base: { process: options.process },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '(hidden)' },
    },
    options.destination ?? standardOutput(),
  );
  const pace = new LogPace((what, count) =>
    target.warn({ code: 'log.left-out', what, count }, 'lines of one kind were too many'),
  );
  return new LevelledLogger(target, { level: options.level ?? 'info', pace });
}

function standardOutput(): DestinationStream {
  const output = LogOutput.to(1);
  if (!isatty(1)) return output;
  return { write: (line) => output.write(`${readableLine(line.trimEnd())}\n`) };
}

/** Asks one shared threshold before pino, since pino's children keep the level they were born with. */
class LevelledLogger implements ProcessLogger {
  private readonly target: PinoLogger;
  private readonly shared: { level: LevelName; readonly pace: LogPace };

  constructor(target: PinoLogger, shared: { level: LevelName; readonly pace: LogPace }) {
    this.target = target;
    this.shared = shared;
  }

  get level(): LevelName {
    return this.shared.level;
  }
  set level(level: LevelName) {
    this.shared.level = level;
  }
  isLevelEnabled(level: string): boolean {
    return (LEVELS[level as LevelName] ?? 0) >= LEVELS[this.shared.level];
  }
  trace(fields: LogFields, message?: string): void {
    if (this.isLevelEnabled('trace')) this.target.trace(fields, message);
  }
  debug(fields: LogFields, message?: string): void {
    if (this.isLevelEnabled('debug')) this.target.debug(fields, message);
  }
  info(fields: LogFields, message?: string): void {
    if (this.isLevelEnabled('info') && this.shared.pace.allows(fields.code))
      this.target.info(fields, message);
  }
  warn(fields: LogFields, message?: string): void {
    if (this.isLevelEnabled('warn') && this.shared.pace.allows(fields.code))
      this.target.warn(fields, message);
  }
  error(fields: LogFields, message?: string): void {
    if (this.isLevelEnabled('error') && this.shared.pace.allows(fields.code))
      this.target.error(fields, message);
  }
  child(bindings: Record<string, unknown>): ProcessLogger {
    return new LevelledLogger(this.target.child(bindings), this.shared);
  }
}
