import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LuaTable, luaText, writeLua } from '../../../shared/portable/lua.js';
import { Deployment } from '../deployment.js';
import { startEjabberd } from '../foreign/ejabberd.js';
import { startProsody } from '../foreign/prosody.js';
import { RawClient } from '../raw-client.js';

/** One of the servers that hear the same conversation. All serve `localhost` and rooms at `conference.localhost`. */
export interface Side {
  readonly name: 'entourage' | 'prosody' | 'ejabberd';
  connect(): Promise<RawClient>;
  /** Makes accounts of these names; the password of each is `secret`. */
  addUsers(names: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export async function startEntourage(): Promise<Side> {
  const deployment = await Deployment.start({
    names: ['muc', 'pep', 'vcard', 'privacy'],
    core: { IQ_TO_STRANGERS: 'deliver', COMPONENT_MUC_DOMAIN: 'conference.localhost' },
  });
  const { host, port } = deployment.address();
  return {
    name: 'entourage',
    connect: () => RawClient.connect(host, port),
    addUsers: (names) => deployment.core.addUsers(...names),
    stop: () => deployment.stop(),
  };
}

/** Undefined where it is not installed. */
export async function startProsodySide(): Promise<Side | undefined> {
  const server = await startProsody({
    plain: true,
    modules: [
      'private',
      'vcard_legacy',
      'pep',
      'blocklist',
      'carbons',
      'smacks',
      'lastactivity',
      'version',
      'time',
      'offline',
    ],
    more: 'Component "conference.localhost" "muc"\n  restrict_room_creation = false\n',
  });
  if (server === undefined) return undefined;
  const accounts = join(server.folder, 'data', 'localhost', 'accounts');
  return {
    name: 'prosody',
    connect: () => RawClient.connect(server.address, server.c2sPort),
    async addUsers(names) {
      mkdirSync(accounts, { recursive: true });
      const account = `return ${writeLua(LuaTable.of({ password: luaText('secret') }))};\n`;
      for (const name of names) writeFileSync(join(accounts, `${name}.dat`), account);
    },
    stop: () => server.stop(),
  };
}

/** Undefined where it is not installed. */
export async function startEjabberdSide(): Promise<Side | undefined> {
  const server = await startEjabberd({
    top: 'auth_password_format: plain\nloglevel: warning\n',
    modules: `  mod_adhoc: {}
  mod_blocking: {}
  mod_caps: {}
  mod_carboncopy: {}
  mod_last: {}
  mod_offline: {}
  mod_privacy: {}
  mod_private: {}
  mod_pubsub: {plugins: [flat, pep]}
  mod_stream_mgmt: {resend_on_timeout: if_offline}
  mod_vcard: {search: false}
  mod_version: {}
  mod_time: {}
  mod_muc: {host: conference.localhost, default_room_options: {mam: false}}
`,
  });
  if (server === undefined) return undefined;
  // its console takes one command at a time
  let last = Promise.resolve('');
  return {
    name: 'ejabberd',
    connect: () => RawClient.connect(server.address, server.c2sPort),
    async addUsers(names) {
      for (const name of names)
        last = last.then(() => server.control('register', name, 'localhost', 'secret'));
      await last;
    },
    stop: () => server.stop(),
  };
}
