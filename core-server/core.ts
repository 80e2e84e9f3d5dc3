import type { ControlServer } from '../shared/cli/control-server.js';
import type { Page } from '../shared/observability/server.js';
import type { Logger, Metrics } from '../shared/observability/types.js';
import type { Storage } from '../shared/storage/storage.js';
import type { ServerCertificates } from '../shared/tls/server-certificates.js';
import type { Domain, Jid } from '../shared/xmpp/jid.js';
import type { Accounts } from './accounts/accounts.js';
import type { Admins } from './administration/admins.js';
import type { AdministrationServices } from './administration/services.js';
import type { CommandRegistry } from './commands/command-registry.js';
import type { ComponentRegistry } from './component-link/component-registry.js';
import type { DiscoRegistry } from './disco/disco-registry.js';
import type { IqRegistry } from './iq/iq-registry.js';
import type { LocalRequests } from './iq/local-requests.js';
import type { MessageDelivery } from './messages/message-delivery.js';
import type { PresenceHandlers } from './presence/presence-handlers.js';
import type { PrivacyGate } from './privacy/privacy-gate.js';
import type { LoginRates } from './rates/login-rates.js';
import type { AccountRemoval } from './registration/account-removal.js';
import type { RosterEditor } from './roster/roster-editor.js';
import type { RosterService } from './roster/roster-service.js';
import type { Hooks } from './routing/hooks.js';
import type { Router } from './routing/router.js';
import type { Session } from './sessions/session.js';
import type { SessionDirectory } from './sessions/session-directory.js';
import type { SessionService } from './sessions/session-service.js';
import type { ManagedSessions } from './sessions/stream-management/stream-management.js';
import type { CoreSettings } from './settings.js';
import type { ClientStreamServices } from './streams/client-stream-services.js';
import type { ClientStreams } from './streams/client-streams.js';
import type { StreamFeatures } from './streams/stream-feature.js';

/** Another server, as operators see it. */
export interface Peer {
  readonly remote: string;
  streams: number;
  /** Stanzas that wait for a stream to it. */
  waiting: number;
  /** Stanzas that went there, and came on the streams that are open now. */
  stanzas: number;
}

/** The services of the core, as features see them. Made in `server.ts`, handed to each feature's `setup`. */
export interface Core {
  readonly settings: CoreSettings;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly storage: Storage;
  /** Hosted domains, the first being the default. */
  readonly domains: readonly Domain[];
  readonly certificates: ServerCertificates;
  readonly accounts: Accounts;
  readonly accountRemoval: AccountRemoval;
  readonly directory: SessionDirectory;
  readonly sessions: SessionService;
  readonly router: Router;
  readonly hooks: Hooks;
  readonly iq: IqRegistry;
  readonly requests: LocalRequests;
  readonly disco: DiscoRegistry;
  readonly admins: Admins;
  /** Set by its feature. */
  administration: AdministrationServices;
  /** Ad-hoc commands of the server (XEP-0050). */
  readonly commands: CommandRegistry;
  readonly messages: MessageDelivery;
  readonly presence: PresenceHandlers;
  readonly roster: RosterService;
  readonly rosterEditor: RosterEditor;
  readonly components: ComponentRegistry;
  readonly privacyGate: PrivacyGate;
  /** XEP-0198 and XEP-0352, set by their features; SASL2 and Bind 2 use them inline. */
  streamManagement: ManagedSessions;
  clientState: { set(session: Session, active: boolean): void };
  readonly streamFeatures: StreamFeatures;
  readonly streams: ClientStreams;
  readonly loginRates: LoginRates;
  /** What a new client stream needs; set before the listeners, used by every transport (client link too). */
  clientServices: ClientStreamServices | null;
  /** Other servers that we have streams with, or stanzas for; set by federation. */
  peers: (() => Peer[]) | null;
  /** Real addresses by listener name, for the ready line. */
  readonly addresses: Record<string, string>;
  /** What to close when the core stops: listeners of features. */
  readonly closers: (() => void)[];
  /** Commands of `entourage …` against the running core. */
  readonly control: ControlServer;
  /** Pages beside `/metrics`. */
  readonly pages: Map<string, Page>;
  /** Parts of `entourage status` by feature. */
  readonly status: Map<string, () => unknown>;
  /** Whether this is one of our hosted domains (not a component's). */
  hosts(domain: string): boolean;
  /** Whether this is an administrator: listed in ADMINS, or added by one of those. */
  isAdmin(jid: Jid): boolean;
}
