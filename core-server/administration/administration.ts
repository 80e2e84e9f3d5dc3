import { defineFeature } from '../feature.js';
import { addUser } from './add-user.js';
import { type AdminCommand, asAdHocCommand } from './admin-command.js';
import { announce } from './announce.js';
import { changeUserPassword } from './change-user-password.js';
import { deleteMotd } from './delete-motd.js';
import { deleteUser } from './delete-user.js';
import { deleteWelcome } from './delete-welcome.js';
import { disableUser } from './disable-user.js';
import { editAdmin } from './edit-admin.js';
import { editBlacklist } from './edit-blacklist.js';
import { editMotd } from './edit-motd.js';
import { editWhitelist } from './edit-whitelist.js';
import { endUserSession } from './end-user-session.js';
import { getActiveUsers } from './get-active-users.js';
import { getActiveUsersNum } from './get-active-users-num.js';
import { getDisabledUsersList } from './get-disabled-users-list.js';
import { getDisabledUsersNum } from './get-disabled-users-num.js';
import { getIdleUsers } from './get-idle-users.js';
import { getIdleUsersNum } from './get-idle-users-num.js';
import { getOnlineUsersList } from './get-online-users-list.js';
import { getOnlineUsersNum } from './get-online-users-num.js';
import { getRegisteredUsersList } from './get-registered-users-list.js';
import { getRegisteredUsersNum } from './get-registered-users-num.js';
import { getUserLastLogin } from './get-user-lastlogin.js';
import { getUserRoster } from './get-user-roster.js';
import { reenableUser } from './reenable-user.js';
import { restart } from './restart.js';
import { restartComponent } from './restart-component.js';
import { administrationServices } from './services.js';
import { setMotd } from './set-motd.js';
import { setWelcome } from './set-welcome.js';
import { shutdown } from './shutdown.js';
import { stopComponent } from './stop-component.js';
import { userStats } from './user-stats.js';

/** Every command, in the order in which clients show them. */
const COMMANDS: readonly AdminCommand[] = [
  addUser,
  deleteUser,
  disableUser,
  reenableUser,
  changeUserPassword,
  endUserSession,
  getUserRoster,
  getUserLastLogin,
  userStats,
  editBlacklist,
  editWhitelist,
  getOnlineUsersList,
  getOnlineUsersNum,
  getRegisteredUsersList,
  getRegisteredUsersNum,
  getDisabledUsersList,
  getDisabledUsersNum,
  getActiveUsers,
  getActiveUsersNum,
  getIdleUsers,
  getIdleUsersNum,
  announce,
  setMotd,
  editMotd,
  deleteMotd,
  setWelcome,
  deleteWelcome,
  editAdmin,
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
      status: 'complete',
      note: 'and restart and shutdown of components',
    },
  ],
  setup(core) {
    core.administration = administrationServices(core);
    for (const command of COMMANDS) core.commands.add(asAdHocCommand(core, command));
  },
  start: (core) => core.administration.open(),
  stop: (core) => core.administration.stop(),
});
