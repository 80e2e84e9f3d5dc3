import { administration } from './administration/administration.js';
import { clientLink } from './client-link/client-link.js';
import { adHocCommands } from './commands/ad-hoc.js';
import { componentLink } from './component-link/component-link.js';
import { disco } from './disco/disco.js';
import { entityCapabilities } from './disco/entity-capabilities.js';
import type { Feature } from './feature.js';
import { lastActivity } from './iq/features/last-activity.js';
import { ping } from './iq/features/ping.js';
import { time } from './iq/features/time.js';
import { version } from './iq/features/version.js';
import { carbons } from './messages/carbons.js';
import { offline } from './messages/offline/offline.js';
import { avatarHash } from './presence/avatar-hash.js';
import { privacyEnforcement } from './privacy/enforcement.js';
import { privateStorage } from './private-storage/private-storage.js';
import { registration } from './registration/registration.js';
import { roster } from './roster/roster-iq.js';
import { s2s } from './s2s/s2s.js';
import { clientState } from './sessions/client-state.js';
import { streamManagement } from './sessions/stream-management/stream-management.js';
import { bind } from './streams/features/bind.js';
import { compression } from './streams/features/compression.js';
import { legacyAuth } from './streams/features/legacy-auth.js';
import { sasl } from './streams/features/sasl.js';
import { sasl2 } from './streams/features/sasl2.js';
import { session } from './streams/features/session.js';
import { starttls } from './streams/features/starttls.js';

/** Every capability of the core, a line each; stream features in the order of XEP-0170. */
export const features: readonly Feature[] = [
  // streams
  starttls,
  sasl,
  sasl2,
  legacyAuth,
  registration,
  compression,
  streamManagement,
  bind,
  session,
  clientState,
  // instant messaging and presence
  roster,
  avatarHash,
  carbons,
  offline,
  privateStorage,
  // about the server and its accounts
  disco,
  entityCapabilities,
  ping,
  version,
  time,
  lastActivity,
  adHocCommands,
  administration,
  // other servers
  s2s,
  // components
  componentLink,
  clientLink,
  privacyEnforcement,
];
