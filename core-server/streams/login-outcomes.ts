import type { Core } from '../core.js';
import type { SaslFailure } from '../sasl/mechanism.js';
import type { ClientStream } from './client-stream.js';

/** What is counted and logged of each authentication, by whichever profile of SASL. */
export function loginOutcomes(core: Core) {
  const succeeded = core.metrics.counter('sasl_success_total', 'Successful authentications');
  const failed = core.metrics.counter('sasl_failure_total', 'Failed authentications', ['condition']);
  return {
    succeeded(stream: ClientStream, account: string, mechanism: string): void {
      succeeded.inc();
      stream.log.info(
        { code: 'c2s.authenticated', account, mechanism, address: stream.remoteAddress },
        'authenticated',
      );
    },

    failed(stream: ClientStream, { condition, claimed }: SaslFailure): void {
      failed.inc(1, { condition });
      noteFailedLogin(core, stream, condition, claimed);
    },
  };
}

/** A log-in has failed, by SASL or without: `claimed` is whose it was said to be. */
export function noteFailedLogin(
  core: Core,
  stream: ClientStream,
  condition: SaslFailure['condition'],
  claimed: string | undefined,
): void {
  if (condition === 'not-authorized') core.loginRates.failed(stream.remoteAddress, claimed);
  // the one line that fail2ban reads; its form does not change
  stream.log.warn(
    { code: 'c2s.login-failed', address: stream.remoteAddress, condition, domain: stream.domain, claimed },
    'login failed',
  );
}
