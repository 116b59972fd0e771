import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError, requireValid } from '../../errors.ts';
import { lengthOf } from '../../text-length.ts';
import { texts } from '../../texts.ts';
import type { OrganisationRole, Viewer } from '../access/viewer.ts';
import type { Reference } from '../ids/reference.ts';
import { isEmail } from './email.ts';
import { LOGIN_LENGTH_MAX } from './login.ts';
import { hashPassword } from './password-hash.ts';
import { parseUserName } from './user-name.ts';
import type { UserSummary } from './user-summary.ts';
import {
  type FoundUser,
  insertUser,
  lockAdministrators,
  type NewUserRow,
  selectPeople,
  selectPeopleFrom,
  selectPerson,
  selectUser,
  selectUserId,
  selectUserNamed,
  selectUsersNamed,
  selectUsersPage,
  selectUsersWithFullNames,
  type UserRow,
  updateUserActive,
  updateUserFields,
  updateUserPassword,
  updateUserRole,
} from './users.store.ts';

export interface User extends UserSummary {
  readonly id: number;
  readonly login: string;
  readonly name: string | undefined;
  readonly email: string | undefined;
  readonly role: OrganisationRole;
  readonly isActive: boolean;
  /** The most wrong passwords in a row from one address. */
  readonly failedLogins: number;
  /** When the last lock of an address ends. */
  readonly lockedUntil: Date | undefined;
  readonly createdAt: Date;
}

export type NewUser = Omit<NewUserRow, 'passwordHash' | 'isApplication'> & { readonly password?: string | undefined };

/**
 * Creates a user and returns the user_id. Throws `conflict` when the login or the uid is taken, `invalid` for an empty
 * login or a uid out of range, and `not_found` for an unknown organisation.
 */
export async function createUser(db: Database, orgId: string, { password, ...user }: NewUser): Promise<number> {
  const passwordHash = password === undefined ? undefined : await hashPassword(password);
  return await db.transaction((transaction) =>
    onConstraint(insertUser(transaction, orgId, { ...user, passwordHash }), {
      users_login_key: () => new DomainError('conflict', texts.loginTaken(user.login)),
      users_uid_key: () => new DomainError('conflict', texts.uidTaken(String(user.uid))),
      users_uid_check: () => new DomainError('invalid', texts.uidInvalid),
      users_login_check: () => new DomainError('invalid', texts.loginEmpty),
      users_org_id_fkey: () => new DomainError('not_found', texts.organisationNotFound(orgId)),
    }),
  );
}

/** A new account as an administrator describes it: `undefined` marks an invalid value; an empty string is omitted. */
export interface NewAccount {
  readonly login: string | undefined;
  /** Null for a user who signs in with tokens only. */
  readonly password: string | null | undefined;
  readonly name: string | undefined;
  readonly email: string | undefined;
  readonly role: OrganisationRole | undefined;
}

const PASSWORD_LENGTH_MIN = 6;

/**
 * Creates a user under the rules for accounts and returns the user_id. Throws `invalid` with the fields
 * that break a rule, and `conflict` when the login is taken.
 */
export async function createAccount(
  db: Database,
  { orgId }: Viewer,
  { login: givenLogin = '', password = '', name, email, role }: NewAccount,
): Promise<number> {
  const login = givenLogin.trim();
  requireValid({
    login: login !== '' && lengthOf(givenLogin) <= LOGIN_LENGTH_MAX,
    password: password === null || lengthOf(password) >= PASSWORD_LENGTH_MIN,
    name: name !== undefined,
    email: email === '' || (email !== undefined && isEmail(email)),
    role: role !== undefined,
  });
  return await createUser(db, orgId, {
    login,
    password: password ?? undefined,
    role: role as OrganisationRole,
    display: name || undefined,
    email: email || undefined,
  });
}

/** Changed fields of an account, as in `NewAccount`; null keeps a field. */
export type AccountChanges = {
  readonly [Field in Exclude<keyof NewAccount, 'password'>]: NewAccount[Field] | null;
};

/**
 * Changes an account. Throws `not_found`, `invalid` and `conflict` as `createAccount` does, and `refused` if the organisation
 * would be left without an administrator.
 */
export function updateAccount(
  db: Database,
  { orgId }: Viewer,
  userId: number,
  { login, name, email, role }: AccountChanges,
): Promise<void> {
  return db.transaction(async (transaction) => {
    requireValid({
      username: login === null || (login !== undefined && login.trim() !== '' && lengthOf(login) <= LOGIN_LENGTH_MAX),
      name: name !== undefined,
      email: email === null || email === '' || (email !== undefined && isEmail(email)),
      role: role !== undefined,
    });
    if (role !== null && role !== 'admin') await requireOtherAdministrator(transaction, orgId, userId);
    const change = {
      login: login?.trim(),
      display: name ?? undefined,
      email: email ?? undefined,
      role: role ?? undefined,
    };
    const exists = await onConstraint(updateUserFields(transaction, orgId, userId, change), {
      users_login_key: () => new DomainError('conflict', texts.loginTaken(login ?? '')),
    });
    if (!exists) throw new DomainError('not_found', texts.userUnknown);
  });
}

/** Gives a user a role. Throws `not_found`, and `refused` if the organisation would be left without an administrator. */
export function setRole(db: Database, orgId: string, userId: number, role: OrganisationRole): Promise<void> {
  return db.transaction(async (transaction) => {
    if (role !== 'admin') await requireOtherAdministrator(transaction, orgId, userId);
    const exists = await updateUserRole(transaction, orgId, userId, role);
    if (!exists) throw new DomainError('not_found', texts.userUnknown);
  });
}

/** Replaces a user's password for the Kanboard API. Tokens stay valid. Throws `not_found`. */
export async function setPassword(db: Database, orgId: string, userId: number, password: string): Promise<void> {
  const passwordHash = await hashPassword(password);
  const exists = await db.transaction((transaction) => updateUserPassword(transaction, orgId, userId, passwordHash));
  if (!exists) throw new DomainError('not_found', texts.userUnknown);
}

/** All people of the organisation, by login. Service accounts and removed users are not people. */
export async function listPeople(db: Queryable, { orgId }: Viewer): Promise<User[]> {
  const rows = await selectPeople(db, orgId);
  return rows.map(toUser);
}

/** People of the organisation by login, from that login on, which need not exist. */
export async function listPeopleFrom(
  db: Queryable,
  { orgId }: Viewer,
  range: { readonly from: string; readonly limit: number },
): Promise<User[]> {
  const rows = await selectPeopleFrom(db, orgId, range);
  return rows.map(toUser);
}

/** A person of the organisation by user_id or by login. */
export async function findPerson(
  db: Queryable,
  { orgId }: Viewer,
  name: { readonly userId: number } | { readonly login: string },
): Promise<User | undefined> {
  const row = await selectPerson(db, orgId, name);
  return row && toUser(row);
}

/** Allows a disabled user to log in again. Throws `not_found`. */
export async function enableUser(db: Database, { orgId }: Viewer, userId: number): Promise<void> {
  const exists = await db.transaction((transaction) => updateUserActive(transaction, orgId, userId, true));
  if (!exists) throw new DomainError('not_found', texts.userUnknown);
}

/** Bars a user from both APIs. Throws `not_found`, and `refused` as `keepAdministrator` does. */
export function disableUser(db: Database, viewer: Viewer, userId: number): Promise<void> {
  return db.transaction(async (transaction) => {
    await keepAdministrator(transaction, viewer, userId);
    const exists = await updateUserActive(transaction, viewer.orgId, userId, false);
    if (!exists) throw new DomainError('not_found', texts.userUnknown);
  });
}

/**
 * Ensures that the organisation keeps an administrator, even when two administrators disable each other concurrently.
 * Throws `refused` for the viewer's own account and for the last administrator.
 */
export async function keepAdministrator(db: Transaction, viewer: Viewer, userId: number): Promise<void> {
  if (userId === viewer.userId) throw new DomainError('refused', texts.ownAccount);
  await requireOtherAdministrator(db, viewer.orgId, userId);
}

async function requireOtherAdministrator(db: Transaction, orgId: string, userId: number): Promise<void> {
  const administrators = await lockAdministrators(db, orgId);
  if (administrators.length === 1 && administrators[0] === userId) {
    throw new DomainError('refused', texts.lastAdministrator);
  }
}

/** The user_id of a login, unless that user was removed. */
export function findUserId(db: Queryable, orgId: string, login: string): Promise<number | undefined> {
  return selectUserId(db, orgId, login);
}

/** As `findUserId`. Throws `not_found`. */
export async function getUserId(db: Queryable, orgId: string, login: string): Promise<number> {
  const userId = await findUserId(db, orgId, login);
  if (userId === undefined) throw new DomainError('not_found', texts.loginNotFound(login, orgId));
  return userId;
}

/** One page of the organisation's people, in order of creation. */
export async function listUsers(
  db: Queryable,
  { orgId }: Viewer,
  { page, perPage }: { readonly page: number; readonly perPage: number },
): Promise<{ users: User[]; total: number }> {
  const { rows, total } = await selectUsersPage(db, orgId, { limit: perPage, offset: (page - 1) * perPage });
  return { users: rows.map(toUser), total };
}

/** The user with that uid or login, including the application account and removed users. Throws `not_found`. */
export async function getUser(db: Queryable, { orgId }: Viewer, userName: string): Promise<User> {
  const name = parseUserName(userName);
  const row = name === undefined ? undefined : await selectUserNamed(db, orgId, name);
  if (row === undefined) throw new DomainError('not_found', texts.userUnknown);
  return toUser(row);
}

/**
 * The users with these logins, uids or full names, in the given order: undefined for one that does not exist, and
 * `ambiguous` for a full name of several users. Only the former two find removed users.
 */
export async function findUsersNamed(
  db: Queryable,
  orgId: string,
  references: readonly Reference[],
): Promise<(FoundUser | 'ambiguous' | undefined)[]> {
  const names = references.map((one) => (typeof one === 'object' ? undefined : parseUserName(one)));
  const fullNames = references.map((one) => (typeof one === 'object' ? one.name : null));
  const isNamed = names.some((name) => name !== undefined);
  const isCalled = fullNames.some((name) => name !== null);
  const named = isNamed ? await selectUsersNamed(db, orgId, names) : [];
  const called = isCalled ? await selectUsersWithFullNames(db, orgId, fullNames) : [];
  return references.map((_reference, place) => {
    const user = named.find((one) => one.place === place + 1);
    const [first, second] = called.filter((one) => one.place === place + 1);
    if (second) return 'ambiguous';
    return user ?? (first && { userId: first.userId, isRemoved: false });
  });
}

/** The user that made the request. Throws `not_found`. */
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
