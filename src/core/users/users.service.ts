import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError, refuseUnfit } from '../../errors.ts';
import { lengthOf } from '../../text-length.ts';
import { texts } from '../../texts.ts';
import type { OrganisationRole, Viewer } from '../access/viewer.ts';
import { isEmail } from './email.ts';
import { hashPassword } from './password-hash.ts';
import { parseUserName } from './user-name.ts';
import type { UserSummary } from './user-summary.ts';
import {
  insertUser,
  lockAdministrators,
  type NewUserRow,
  selectPeople,
  selectPerson,
  selectUser,
  selectUserId,
  selectUserNamed,
  selectUsersPage,
  type UserRow,
  updateUserActive,
} from './users.store.ts';

export interface User extends UserSummary {
  readonly id: number;
  readonly login: string;
  readonly name: string | undefined;
  readonly email: string | undefined;
  readonly role: OrganisationRole;
  readonly isActive: boolean;
  /** Wrong passwords in a row. */
  readonly failedLogins: number;
  readonly lockedUntil: Date | undefined;
  readonly createdAt: Date;
}

export type NewUser = Omit<NewUserRow, 'passwordHash' | 'isApplication'> & { readonly password?: string | undefined };

/**
 * Adds a user and answers the user_id. Throws `conflict` when the login or the uid is taken, and `not_found` when there
 * is no such organisation.
 */
export async function createUser(db: Database, orgId: string, { password, ...user }: NewUser): Promise<number> {
  const passwordHash = password === undefined ? undefined : await hashPassword(password);
  return await db.transaction((transaction) =>
    onConstraint(insertUser(transaction, orgId, { ...user, passwordHash }), {
      users_login_key: new DomainError('conflict', texts.loginTaken(user.login)),
      users_uid_key: new DomainError('conflict', texts.uidTaken(String(user.uid))),
      users_uid_check: new DomainError('invalid', texts.uidInvalid),
      users_login_check: new DomainError('invalid', texts.loginEmpty),
      users_org_id_fkey: new DomainError('not_found', texts.organisationNotFound(orgId)),
    }),
  );
}

/** What an administrator says of a new account; undefined is what cannot be meant, and empty texts are left out. */
export interface NewAccount {
  readonly login: string | undefined;
  readonly password: string | undefined;
  readonly name: string | undefined;
  readonly email: string | undefined;
  readonly role: OrganisationRole | undefined;
}

const LOGIN_LENGTH_MAX = 255;
const PASSWORD_LENGTH_MIN = 6;

/**
 * Adds a user under the rules for accounts with a password, and answers the user_id. Throws `invalid`, under the fields
 * that break one, and `conflict` when the login is taken.
 */
export async function createAccount(
  db: Database,
  { orgId }: Viewer,
  { login: givenLogin = '', password = '', name, email, role }: NewAccount,
): Promise<number> {
  const login = givenLogin.trim();
  refuseUnfit({
    login: login !== '' && lengthOf(givenLogin) <= LOGIN_LENGTH_MAX,
    password: lengthOf(password) >= PASSWORD_LENGTH_MIN,
    name: name !== undefined,
    email: email === '' || (email !== undefined && isEmail(email)),
    role: role !== undefined,
  });
  return await createUser(db, orgId, {
    login,
    password,
    role: role as OrganisationRole,
    display: name || undefined,
    email: email || undefined,
  });
}

/** The people of the organisation, by login. */
export async function listPeople(db: Queryable, { orgId }: Viewer): Promise<User[]> {
  const rows = await selectPeople(db, orgId);
  return rows.map(toUser);
}

/** One of them, by number or by login; no service account, and nobody who was removed. */
export async function findPerson(
  db: Queryable,
  { orgId }: Viewer,
  name: { readonly userId: number } | { readonly login: string },
): Promise<User | undefined> {
  const row = await selectPerson(db, orgId, name);
  return row && toUser(row);
}

/** Lets somebody in again. Throws `not_found`. */
export async function enableUser(db: Database, { orgId }: Viewer, userId: number): Promise<void> {
  const exists = await db.transaction((transaction) => updateUserActive(transaction, orgId, userId, true));
  if (!exists) throw new DomainError('not_found', texts.userUnknown);
}

/** Shuts somebody out of both faces. Throws `not_found`, and `refused` as `removeUser`. */
export function disableUser(db: Database, viewer: Viewer, userId: number): Promise<void> {
  return db.transaction(async (transaction) => {
    await keepAdministrator(transaction, viewer, userId);
    const exists = await updateUserActive(transaction, viewer.orgId, userId, false);
    if (!exists) throw new DomainError('not_found', texts.userUnknown);
  });
}

/**
 * Nobody shuts themselves out by mistake, and an organisation keeps an administrator, also when two shut each other out at
 * the same time. Throws `refused`.
 */
export async function keepAdministrator(db: Transaction, viewer: Viewer, userId: number): Promise<void> {
  if (userId === viewer.userId) throw new DomainError('refused', texts.ownAccount);
  const administrators = await lockAdministrators(db, viewer.orgId);
  if (administrators.length === 1 && administrators[0] === userId) {
    throw new DomainError('refused', texts.lastAdministrator);
  }
}

/** The user_id behind a login. Throws `not_found`. */
export async function getUserId(db: Queryable, orgId: string, login: string): Promise<number> {
  const userId = await selectUserId(db, orgId, login);
  if (userId === undefined) throw new DomainError('not_found', texts.loginNotFound(login, orgId));
  return userId;
}

/** One page of the organisation's people, in the order in which they were added. */
export async function listUsers(
  db: Queryable,
  { orgId }: Viewer,
  { page, perPage }: { readonly page: number; readonly perPage: number },
): Promise<{ users: User[]; total: number }> {
  const { rows, total } = await selectUsersPage(db, orgId, { limit: perPage, offset: (page - 1) * perPage });
  return { users: rows.map(toUser), total };
}

/** The user of that uid or login, be it the application account. Throws `not_found`. */
export async function getUser(db: Queryable, { orgId }: Viewer, userName: string): Promise<User> {
  const name = parseUserName(userName);
  const row = name === undefined ? undefined : await selectUserNamed(db, orgId, name);
  if (row === undefined) throw new DomainError('not_found', texts.userUnknown);
  return toUser(row);
}

/** The user_id of a user named by login or uid, as clients of Tracker do; nobody who was removed. */
export async function findUserIdNamed(
  db: Queryable,
  orgId: string,
  userName: string | number,
): Promise<number | undefined> {
  const name = parseUserName(userName);
  const row = name === undefined ? undefined : await selectUserNamed(db, orgId, name);
  return row?.removed_at === null ? row.user_id : undefined;
}

/** Whoever asks. */
export async function getMyself(db: Queryable, { orgId, userId }: Viewer): Promise<User> {
  const row = await selectUser(db, orgId, userId);
  if (row === undefined) throw new DomainError('not_found', texts.userUnknown);
  return toUser(row);
}

function toUser(row: UserRow): User {
  return {
    id: row.user_id,
    uid: row.uid,
    login: row.login,
    name: row.display ?? undefined,
    display: row.display ?? row.login,
    email: row.email ?? undefined,
    passportUid: row.passport_uid,
    cloudUid: row.cloud_uid,
    role: row.role,
    isActive: row.is_active,
    failedLogins: row.failed_logins,
    lockedUntil: row.locked_until ?? undefined,
    createdAt: row.created_at,
  };
}
