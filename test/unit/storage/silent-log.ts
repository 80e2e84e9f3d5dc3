import type { Logger } from '../../../shared/observability/types.js';

/** A log for tests that look at none. */
export const silentLog: Logger = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
  isLevelEnabled: () => false,
};
