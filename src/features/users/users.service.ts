import { hash } from 'argon2';
import type { Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { OrganisationRole, Viewer } from '../access/viewer.ts';
import { parseUserName } from './user-name.ts';
import type { UserSummary } from './user-summary.ts';
import {
  insertUser,
  type NewUserRow,
  selectUser,
  selectUserId,
  selectUserNamed,
  selectUsersPage,
  type UserRow,
} from './users.store.ts';

export interface User extends UserSummary {
  readonly id: number;
  readonly login: string;
  readonly name: string | undefined;
  readonly email: string | undefined;
  readonly role: OrganisationRole;
  readonly isActive: boolean;
  readonly createdAt: Date;
}

export type NewUser = Omit<NewUserRow, 'passwordHash' | 'isApplication'> & { readonly password?: string | undefined };

/**
 * Adds a user and answers the user_id. Throws `conflict` when the login or the uid is taken, and `not_found` when there
 * is no such organisation.
 */
export async function createUser(db: Queryable, orgId: string, { password, ...user }: NewUser): Promise<number> {
  const passwordHash = password === undefined ? undefined : await hash(password);
  return onConstraint(insertUser(db, orgId, { ...user, passwordHash }), {
    users_login_key: new DomainError('conflict', texts.loginTaken(user.login)),
    users_uid_key: new DomainError('conflict', texts.uidTaken(String(user.uid))),
    users_uid_check: new DomainError('invalid', texts.uidInvalid),
    users_login_check: new DomainError('invalid', texts.loginEmpty),
    users_org_id_fkey: new DomainError('not_found', texts.organisationNotFound(orgId)),
  });
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

/** The user_id of a user named by login or uid, as clients of Tracker do. */
export async function findUserIdNamed(
  db: Queryable,
  orgId: string,
  userName: string | number,
): Promise<number | undefined> {
  const name = parseUserName(userName);
  const row = name === undefined ? undefined : await selectUserNamed(db, orgId, name);
  return row?.user_id;
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
    createdAt: row.created_at,
  };
}
