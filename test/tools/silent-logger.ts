import type { LogFields, Logger } from '../../shared/observability/types.js';

/** A logger that keeps its lines for the test to look at. */
export interface RecordingLogger extends Logger {
  readonly lines: (LogFields & { readonly level: string })[];
}

export function recordingLogger(): RecordingLogger {
  const lines: (LogFields & { level: string })[] = [];
  const at = (level: string) => (fields: LogFields) => {
    lines.push({ ...fields, level });
  };
  const logger: RecordingLogger = {
    lines,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
    isLevelEnabled: () => true,
  };
  return logger;
}
