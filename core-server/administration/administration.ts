import { defineFeature } from '../feature.js';
import { addUser } from './add-user.js';
import { type AdminCommand, asAdHocCommand } from './admin-command.js';
import { announce } from './announce.js';
import { changeUserPassword } from './change-user-password.js';
import { deleteUser } from './delete-user.js';
import { disableUser } from './disable-user.js';
import { endUserSession } from './end-user-session.js';
import { getDisabledUsersList } from './get-disabled-users-list.js';
import { getDisabledUsersNum } from './get-disabled-users-num.js';
import { getOnlineUsersList } from './get-online-users-list.js';
import { getOnlineUsersNum } from './get-online-users-num.js';
import { getRegisteredUsersList } from './get-registered-users-list.js';
import { getRegisteredUsersNum } from './get-registered-users-num.js';
import { getUserRoster } from './get-user-roster.js';
import { reenableUser } from './reenable-user.js';
import { restart } from './restart.js';
import { restartComponent } from './restart-component.js';
import { shutdown } from './shutdown.js';
import { stopComponent } from './stop-component.js';

/** Every command, in the order in which clients show them. */
const COMMANDS: readonly AdminCommand[] = [
  addUser,
  deleteUser,
  disableUser,
  reenableUser,
  changeUserPassword,
  endUserSession,
  getUserRoster,
  getOnlineUsersList,
  getOnlineUsersNum,
  getRegisteredUsersList,
  getRegisteredUsersNum,
  getDisabledUsersList,
  getDisabledUsersNum,
  announce,
  restartComponent,
  stopComponent,
  restart,
  shutdown,
];

/** Administration from the administrators' own clients (XEP-0133); for the JIDs of ADMINS, each command logged. */
export const administration = defineFeature({
  name: 'administration',
  xeps: [
    {
      id: '0133',
      version: '1.3.1',
      status: 'partial',
      note: 'users, sessions, rosters, lists, announcement, restart and shutdown; and components',
    },
  ],
  settings: ['ADMINS'],
  setup(core) {
    for (const command of COMMANDS) core.commands.add(asAdHocCommand(core, command));
  },
});
