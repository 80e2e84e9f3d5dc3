import { readFileSync } from 'node:fs';
import { type ProcessContext, type RunningProcess, runProcess } from '../cli/process.js';
import { softwareVersion } from '../entity/software.js';
import type { Readiness } from '../observability/server.js';
import type { Picture } from '../observability/status-page.js';
import type { Logger, Metrics } from '../observability/types.js';
import type { Loaded, SettingEntries, SettingsDefinition } from '../settings/setting.js';
import type { componentSettings, sharedSettings } from '../settings/shared.js';
import { openWatchedStorage } from '../storage/health.js';
import { parseStorageUrl } from '../storage/open.js';
import type { Storage } from '../storage/storage.js';
import type { Component } from './component.js';
import type { Expectation } from './grants.js';
import type { ComponentOptions } from './options.js';
import { createComponent } from './runtime.js';

type Link = typeof componentSettings;
type Shared = typeof sharedSettings;

interface ComponentContext<D extends SettingEntries> extends ProcessContext<D> {
  readonly component: Component;
  readonly storage: Storage;
}

/** What a component's composition gives back, where it has more to do than its handlers. */
type ComponentParts<D extends SettingEntries> = Partial<RunningProcess<D>>;

interface ComponentProcessOptions<D extends SettingEntries> {
  /** `muc`, `vcard`, …: the process's name, and in upper case the prefix of its own two settings. */
  readonly name: string;
  readonly definition: SettingsDefinition<D>;
  /** What the component cannot work without: waited for after each handshake, and missed loudly. */
  readonly expect?: Partial<Expectation>;
  /** Registers handlers. The component connects when this is done. */
  compose(
    context: ComponentContext<D>,
  ): ComponentParts<D> | undefined | Promise<ComponentParts<D> | undefined>;
}

/** The main program of a component: settings, storage, composition, link to the server, drain. */
export function runComponent<D extends SettingEntries & Shared & Link>(
  options: ComponentProcessOptions<D>,
): Promise<void> {
  const { name, definition } = options;
  return runProcess<D>({
    name,
    definition,
    async start(context) {
      const { log, settings } = context;
      const shared = settings as unknown as Loaded<Shared>;
      let store: Readiness = { ready: true };
      let tell = (): void => {};
      const storage = await openWatchedStorage(shared.STORAGE_URL, {
        process: name,
        log,
        changed: (problem) => {
          store = problem === null ? { ready: true } : { ready: false, reason: problem };
          tell();
        },
      });
      const ready = (readiness: Readiness): void => context.setReadiness(readiness);
      const component = createComponent({
        ...componentOptions(name, settings as unknown as ComponentSettingValues, context),
        ...(options.expect === undefined ? {} : { expect: options.expect }),
        gaveUp: (reason) => ready({ ready: false, reason }),
      });
      // Its own state (rules to be compared, a service that was closed) goes before that of the link.
      let own: Readiness = { ready: true };
      let link: Readiness = { ready: false, reason: 'not connected to the server yet' };
      tell = () => {
        if (!store.ready) ready(store);
        else ready(own.ready ? link : own);
      };
      const setReadiness = (readiness: Readiness): void => {
        own = readiness;
        tell();
      };
      const parts = (await options.compose({ ...context, component, storage, setReadiness })) ?? {};
      tell();
      const granted = (): void => {
        link = readinessOf(component, options.expect);
        tell();
      };
      component.onUp(granted);
      component.onGrantsChanged(granted);
      component.onDown(() => {
        link = { ready: false, reason: 'the link to the server is lost' };
        tell();
      });
      if (parseStorageUrl(shared.STORAGE_URL).driver === 'lmdb') {
        // Others of the domain would not see what is kept here.
        component.onShareChanged(() => {
          const reason = 'the server shares the load of this domain, which needs mongodb as STORAGE_URL';
          log.error({ code: 'component.share-refused' }, reason);
          setReadiness({ ready: false, reason });
          void component.stop('leaving');
        });
      }
      // Not awaited: a server that is down must not keep this process from answering about itself.
      component.start().catch(() => undefined);
      return {
        ...parts,
        addresses: parts.addresses ?? {},
        picture: () => pictureOf(component, settings as unknown as Loaded<Link>),
        status: async () => ({ ...statusOf(component), ...(await parts.status?.()) }),
        async reload(changed) {
          const { secret, tls } = componentOptions(
            name,
            changed as unknown as ComponentSettingValues,
            context,
          );
          component.renew({ secret, tls: tls ?? null });
          await parts.reload?.(changed);
        },
        async drain() {
          await parts.drain?.();
          // We shall be back, or someone in our place: the server may hold what it has for us.
          await component.stop('restart');
          await storage.close();
        },
      };
    },
  });
}

/** A component without what it needs is up and of no use: `/readyz` and `entourage status` say so. */
function readinessOf(component: Component, expect: Partial<Expectation> = {}): Readiness {
  const { connected, delegations, privileges } = component.server;
  if (!connected) return { ready: false, reason: 'not connected to the server yet' };
  const missing = (expect.delegations ?? []).filter((namespace) => !delegations.has(namespace));
  if (missing.length > 0)
    return { ready: false, reason: `the server does not delegate ${missing.join(', ')}` };
  if (expect.privileges && privileges.generation === null) {
    return { ready: false, reason: 'the server grants no privileges (XEP-0356)' };
  }
  return { ready: true };
}

/** The values of the settings that every component has, and its own two. */
type ComponentSettingValues = Loaded<Link> & { readonly [key: string]: unknown };

/** The runtime's options from a component's settings: `<NAME>_DOMAIN`, `<NAME>_SECRET` and `CORE_…`. */
export function componentOptions(
  name: string,
  settings: ComponentSettingValues,
  { log, metrics }: { log: Logger; metrics: Metrics },
): ComponentOptions {
  const prefix = name.toUpperCase();
  const [mainDomain = 'localhost'] = settings.CORE_DOMAIN;
  const { CORE_CA: caPath, CORE_CLIENT_CERT: certPath } = settings;
  return {
    domain: String(settings[`${prefix}_DOMAIN`]),
    secret: String(settings[`${prefix}_SECRET`]),
    host: settings.CORE_HOST,
    port: settings.CORE_PORT,
    serverDomains: settings.CORE_DOMAIN,
    tls: settings.CORE_TLS
      ? {
          servername: settings.CORE_TLS_NAME ?? mainDomain,
          ...(caPath === undefined ? {} : { ca: readFileSync(caPath, 'utf8') }),
          ...(certPath === undefined
            ? {}
            : {
                cert: readFileSync(certPath, 'utf8'),
                key: readFileSync(settings.CORE_CLIENT_KEY ?? certPath, 'utf8'),
              }),
        }
      : null,
    timing: {
      keepalive: {
        idleMilliseconds: settings.CORE_KEEPALIVE_SECONDS * 1000,
        answerMilliseconds: settings.CORE_KEEPALIVE_SECONDS * 500,
      },
    },
    software: { name: `Entourage ${name}`, version: softwareVersion() },
    log,
    metrics,
  };
}

/** This component and the server that it serves. */
function pictureOf(component: Component, link: Loaded<Link>): Picture {
  const { health, server } = component;
  return {
    stanzas: health.stanzas,
    facts: {
      domain: component.domain,
      'requests at work': health.pending,
      'bytes waiting': health.outboundBytes,
      delegated: server.delegations.size,
    },
    neighbours: [
      {
        kind: 'server',
        name: link.CORE_DOMAIN[0] ?? 'server',
        address: `${link.CORE_HOST}:${link.CORE_PORT}`,
        up: health.connected,
        stanzas: health.stanzas,
        waiting: health.pending,
        latency: null,
      },
    ],
  };
}

function statusOf(component: Component): Readonly<Record<string, unknown>> {
  const { health, server } = component;
  return {
    domain: component.domain,
    connected: health.connected,
    ...(health.lastError === null ? {} : { lastError: health.lastError }),
    delegations: [...server.delegations.values()].map(
      ({ namespace, generation }) => `${namespace} (:${generation})`,
    ),
    pending: health.pending,
    outboundBytes: health.outboundBytes,
  };
}
