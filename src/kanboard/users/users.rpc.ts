import type { Schemas } from '../../contract/openrpc.ts';
import type { OrganisationRole } from '../../core/access/viewer.ts';
import { removeUser } from '../../core/removal/user-removal.service.ts';
import {
  createAccount,
  disableUser,
  enableUser,
  findPerson,
  getMyself,
  listPeople,
  type User,
  updateAccount,
} from '../../core/users/users.service.ts';
import type { Methods } from '../rpc/account.ts';
import { idFrom, optional, secondsFrom, stringFrom } from '../rpc/values.ts';

type UserMethod =
  | 'createUser'
  | 'getUser'
  | 'getUserByName'
  | 'getAllUsers'
  | 'disableUser'
  | 'enableUser'
  | 'removeUser'
  | 'updateUser'
  | 'isActiveUser'
  | 'getMe';

export const userMethods: Methods<UserMethod> = {
  async createUser({ username, password, name, email, role }, { db, viewer }) {
    return await createAccount(db, viewer, {
      login: stringFrom(username),
      password: stringFrom(password),
      name: stringFrom(name ?? ''),
      email: stringFrom(email ?? ''),
      role: ROLES.get(role),
    });
  },

  async getUser({ user_id }, { db, viewer }) {
    const user = await findPerson(db, viewer, { userId: idFrom(user_id) });
    return user === undefined ? null : serializeUser(user);
  },

  async getUserByName({ username }, { db, viewer }) {
    const user = await findPerson(db, viewer, { login: stringFrom(username) ?? '' });
    return user === undefined ? null : serializeUser(user);
  },

  async getAllUsers(_params, { db, viewer }) {
    const users = await listPeople(db, viewer);
    return users.map(serializeUser);
  },

  async disableUser({ user_id }, { db, viewer }) {
    await disableUser(db, viewer, idFrom(user_id));
    return true;
  },

  async enableUser({ user_id }, { db, viewer }) {
    await enableUser(db, viewer, idFrom(user_id));
    return true;
  },

  async updateUser({ id, username, name, email, role }, { db, viewer }) {
    await updateAccount(db, viewer, idFrom(id), {
      login: optional(username, stringFrom),
      name: optional(name, stringFrom),
      email: optional(email, stringFrom),
      role: optional(role, (value) => ROLES.get(value)),
    });
    return true;
  },

  async isActiveUser({ user_id }, { db, viewer }) {
    const user = await findPerson(db, viewer, { userId: idFrom(user_id) });
    return user?.isActive ?? false;
  },

  async removeUser({ user_id }, { db, viewer }) {
    await removeUser(db, viewer, idFrom(user_id));
    return true;
  },

  async getMe(_params, { db, viewer }) {
    return serializeMyself(await getMyself(db, viewer));
  },
};

const ROLES: ReadonlyMap<unknown, OrganisationRole> = new Map([
  ['app-admin', 'admin'],
  ['app-manager', 'manager'],
  ['app-user', 'member'],
]);

/** Kanboard has no reader role: readers appear as ordinary users. */
function roleOf({ role }: User): Schemas['User']['role'] {
  return role === 'admin' || role === 'manager' ? `app-${role}` : 'app-user';
}

function serializeUser(user: User): Schemas['User'] {
  return {
    id: user.id,
    username: user.login,
    password: null,
    is_admin: user.role === 'admin' ? 1 : 0,
    is_ldap_user: 0,
    name: user.name ?? '',
    email: user.email ?? '',
    google_id: null,
    github_id: null,
    notifications_enabled: 0,
    timezone: null,
    language: null,
    disable_login_form: 0,
    twofactor_activated: 0,
    twofactor_secret: null,
    token: '',
    notifications_filter: 4,
    ...lockOf(user),
    is_project_admin: 0,
    gitlab_id: null,
    role: roleOf(user),
    is_active: user.isActive ? 1 : 0,
    avatar_path: null,
    api_access_token: null,
    filter: null,
    theme: 'light',
  };
}

/** The user as in a Kanboard session: without the password and the admin flags, and with two real booleans. */
function serializeMyself(user: User): Schemas['Me'] {
  const { password: _password, is_admin: _isAdmin, is_project_admin: _isProjectAdmin, ...shared } = serializeUser(user);
  return { ...shared, is_ldap_user: false, twofactor_activated: false };
}

function lockOf({ failedLogins, lockedUntil }: User): { nb_failed_login: number; lock_expiration_date: number } {
  return { nb_failed_login: failedLogins, lock_expiration_date: lockedUntil ? secondsFrom(lockedUntil) : 0 };
}
