import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startEjabberd } from './foreign/ejabberd.js';
import { prepareProsody } from './foreign/prosody.js';

/** A server by somebody else that keeps, or exports and imports, accounts in the portable format (XEP-0227). */
export interface PortableServer {
  readonly c2sPort: number;
  /** Stops it; resolves with the file that describes its accounts. */
  exported(): Promise<string>;
  stop(): Promise<void>;
}

export interface PortableServerOptions {
  /** Accounts to make, with their passwords. */
  readonly users?: Readonly<Record<string, string>>;
  /** A portable document to begin with, of the one user named. */
  readonly document?: { readonly path: string; readonly user: string };
}

/** Prosody on its own XEP-0227 store: a file for each user; undefined where it is not installed. */
export async function startPortableProsody(
  options: PortableServerOptions,
): Promise<PortableServer | undefined> {
  const server = await prepareProsody({
    plain: true,
    modules: ['vcard', 'pep', 'private'],
    global: 'storage = "xep0227"\nauthentication = "internal_hashed"\n',
  });
  if (server === undefined) return undefined;
  const fileOf = (user: string): string => join(server.dataFolder, `${user}@localhost.xml`);
  const users = Object.entries(options.users ?? {});
  for (const [user, password] of users) await server.control('register', user, 'localhost', password);
  if (options.document !== undefined) copyFileSync(options.document.path, fileOf(options.document.user));
  await server.start();
  return {
    c2sPort: server.c2sPort,
    async exported() {
      await server.kill('SIGTERM');
      const [only, ...others] = users;
      if (only === undefined || others.length > 0) throw new Error('one user is expected');
      return fileOf(only[0]);
    },
    stop: () => server.stop(),
  };
}

/** ejabberd, which exports by `export_piefxis` and imports by `import_piefxis`; undefined where it is not installed. */
export async function startPortableEjabberd(
  options: PortableServerOptions,
): Promise<PortableServer | undefined> {
  const server = await startEjabberd({
    users: options.users ?? {},
    modules: '  mod_vcard: {search: false}\n  mod_offline: {}\n  mod_private: {}\n  mod_privacy: {}\n',
  });
  if (server === undefined) return undefined;
  if (options.document !== undefined) await server.control('import_piefxis', options.document.path);
  return {
    c2sPort: server.c2sPort,
    async exported() {
      const target = join(server.folder, 'exported');
      mkdirSync(target);
      await server.control('export_piefxis', target);
      const index = readdirSync(target).find((name) => !/localhost/.test(name));
      if (index === undefined) throw new Error(`nothing was exported: ${readdirSync(target).join(' ')}`);
      return join(target, index);
    },
    stop: () => server.stop(),
  };
}
