import { z } from 'zod';
import type { KeyValueCollection } from '../../shared/storage/storage.js';
import type { Core } from '../core.js';
import { EntityLists } from './entity-lists.js';
import { LogIns } from './log-ins.js';
import { Notices } from './notices.js';

/** What administrators set and ask for that outlives a command. */
export interface AdministrationServices {
  readonly notices: Notices;
  readonly logIns: LogIns;
  readonly lists: EntityLists;
  /** Stores a list of JIDs that an administrator has edited, then puts it in force. */
  edit(list: 'black' | 'white' | 'admins', jids: readonly string[]): Promise<void>;
  open(): Promise<void>;
  stop(): Promise<void>;
}

const LISTS = ['black', 'white', 'admins'] as const;

/** What administration keeps (lists of entities, notices, log-ins), told of what happens in this core. */
export function administrationServices(core: Core): AdministrationServices {
  const stored: KeyValueCollection<{ jids: string[] }> = core.storage.keyval({
    name: 'administration',
    schema: z.object({ jids: z.array(z.string()) }),
    schemaVersion: 1,
  });
  const lists = new EntityLists({ isOurs: (domain) => core.router.serves(domain) });
  const notices = new Notices(core.storage);
  const logIns = new LogIns(core.storage, core.log);
  const apply = (list: (typeof LISTS)[number], jids: readonly string[]): void => {
    if (list === 'admins') core.admins.setAdded(jids);
    else lists.set(list, jids);
    core.router.guard = lists.empty ? null : (stanza) => lists.blocks(stanza);
  };
  const failed = (error: unknown): void =>
    core.log.warn({ code: 'admin.notice-failed', error }, 'a notice could not be told or noted');

  core.hooks.sessionBound.on((session) => logIns.happened(session.account.bare));
  core.hooks.sessionAvailable.on((session) => void notices.tell(session).catch(failed));
  core.hooks.accountCreated.on((account) => {
    const domain = account.slice(account.indexOf('@') + 1);
    notices.created(account, domain).catch(failed);
  });
  core.hooks.accountRemoved.on((account) => {
    notices.removed(account).catch(failed);
    logIns.forget(account).catch(failed);
  });

  return {
    notices,
    logIns,
    lists,
    async edit(list, jids) {
      await stored.put(list, { jids: [...jids] });
      apply(list, jids);
    },
    async open() {
      await notices.open();
      for (const list of LISTS) apply(list, (await stored.get(list))?.value.jids ?? []);
    },
    stop: () => logIns.stop(),
  };
}
