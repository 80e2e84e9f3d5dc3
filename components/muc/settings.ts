import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  account,
  boolean,
  byteSize,
  choice,
  componentIdentity,
  componentSettings,
  defineSettings,
  integer,
  list,
  path,
  seconds,
  setting,
  sharedSettings,
  text,
} from '../../shared/settings/settings.js';

/** Settings of the muc process. Limits are what an owner can configure at most. */
export const settings = defineSettings(
  {
    ...sharedSettings,
    ...componentSettings,
    ...componentIdentity('MUC', 'conference'),
    MUC_NAME: setting(text, {
      description: 'Name of the service in service discovery.',
      default: 'Chatrooms',
    }),
    MUC_ADMINS: setting(list(account), {
      description: 'Accounts that are owners of every room and may close the service.',
      default: (read) => read('ADMINS') ?? '',
      defaultText: '`ADMINS`',
    }),
    MUC_ROOM_CREATION: setting(choice('anyone', 'local', 'admins'), {
      description:
        'Who may create rooms: anyone, accounts of the domains of `CORE_DOMAIN` (local), or `MUC_ADMINS`.',
      default: 'anyone',
    }),
    MUC_ROOMS_PER_USER: setting(integer(0), {
      description: 'Rooms that exist at once per account that created them; 0: any number.',
      default: 100,
    }),
    MUC_ROOMS_PER_SERVER: setting(integer(0), {
      description:
        'Rooms that exist at once and were created by accounts of one other server together; 0: any number.',
      default: 1_000,
    }),
    MUC_MAX_OCCUPANTS: setting(integer(1, 1_000_000), {
      description: 'Occupants of one room. Admins and owners may exceed it by 20.',
      default: 5_000,
    }),
    MUC_HISTORY: setting(integer(0, 10_000), {
      description: 'Messages that each room keeps for those who enter.',
      default: 50,
    }),
    MUC_HISTORY_BYTES: setting(byteSize(10_000), {
      description: 'What these messages may take together, kept in memory and sent to one who enters.',
      default: '512K',
    }),
    MUC_NICK_LENGTH: setting(integer(1, 1023), {
      description: 'Characters of a nickname.',
      default: 64,
    }),
    MUC_SUBJECT_LENGTH: setting(integer(1), {
      description: 'Characters of a subject.',
      default: 1_000,
    }),
    MUC_MESSAGE_BYTES: setting(byteSize(1024), {
      description:
        'Bytes of one message to a room or an occupant, as XML; of presence, which is kept, at most 16K.',
      default: '64K',
    }),
    MUC_RATE: setting(integer(0), {
      description: 'Messages, presence changes and requests per second of one session; 0: any number.',
      default: 0,
    }),
    MUC_BURST: setting(integer(1), {
      description: 'How many of them may come at once.',
      default: 50,
    }),
    MUC_GROUPCHAT_1: setting(boolean, {
      description:
        'Let old clients enter without the `<x/>` of multi-user chat ("groupchat 1.0"), instead of telling them that they are not in the room.',
      default: false,
    }),
    MUC_MULTICAST: setting(choice('auto', 'on', 'off'), {
      description:
        "Send one stanza for many occupants (XEP-0033, `bcc`): where the server's disco#info offers it (auto), always, or never.",
      default: 'auto',
    }),
    MUC_LOG_URL: setting(text.optional(), {
      description:
        'Where logs of rooms with public logging can be read: each below its name. Without it no room can be publicly logged.',
    }),
    MUC_LOG_DIR: setting(path.optional(), {
      description:
        'Folder into which rooms with public logging are written, one folder a room and one text file a day. Without it something else writes what `MUC_LOG_URL` shows.',
    }),
    MUC_PINGS_PER_SECOND: setting(integer(1, 10_000), {
      description: 'Pace at which occupants are pinged after a loss of the link, and when they are silent.',
      default: 50,
    }),
    MUC_PING_AFTER: setting(seconds(0), {
      description: 'Silence after which an occupant is pinged; 0: only after a loss of the link.',
      default: '1h',
    }),
  },
  ({ MUC_LOG_DIR }, problem) => {
    if (MUC_LOG_DIR !== undefined && !canWriteIn(MUC_LOG_DIR))
      problem('MUC_LOG_DIR', 'expected a folder in which muc may write, or may make');
  },
);

/** Whether files can be put into a folder, which is made with the first of them. */
function canWriteIn(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return statSync(folder).isDirectory();
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return missing && dirname(folder) !== folder && canWriteIn(dirname(folder));
  }
}
