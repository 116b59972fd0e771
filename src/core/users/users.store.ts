import type { Queryable, Transaction } from '../../database/database.ts';
import type { OrganisationRole } from '../access/viewer.ts';
import { isPerson } from './person.ts';
import { type UserName, userIdNamed } from './user-name.ts';

export interface NewUserRow {
  readonly login: string;
  readonly role: OrganisationRole;
  readonly uid?: number | undefined;
  readonly display?: string | undefined;
  readonly email?: string | undefined;
  readonly passportUid?: number | undefined;
  readonly cloudUid?: string | undefined;
  readonly passwordHash?: string | undefined;
  readonly isApplication?: boolean;
  readonly loopbackOnly?: boolean;
}

/** Stored uids below this were given by somebody; from here on they are the user's number with this added. */
const FIRST_OWN_UID = 8_000_000_000_000_000;

/** Answers the user_id. A user who brings no uid gets one that no other tracker gives. */
export async function insertUser(db: Transaction, orgId: string, user: NewUserRow): Promise<number> {
  const [row] = await db.query<{ user_id: number }>({
    name: 'insert_user',
    text: `
      insert into users (org_id, user_id, uid, login, role, display, email, passport_uid, cloud_uid, password_hash,
        is_application, loopback_only)
      overriding system value
      select $1, next.user_id, coalesce($2, ${FIRST_OWN_UID} + next.user_id), $3, $4, $5, $6, $7, $8, $9, $10, $11
      from nextval(pg_get_serial_sequence('users', 'user_id')) as next (user_id)
      returning user_id`,
    values: [
      orgId,
      user.uid,
      user.login,
      user.role,
      user.display,
      user.email,
      user.passportUid,
      user.cloudUid,
      user.passwordHash,
      user.isApplication ?? false,
      user.loopbackOnly ?? false,
    ],
  });
  return (row as { user_id: number }).user_id;
}

/** The user_id behind a login, if there is one. */
export async function selectUserId(db: Queryable, orgId: string, login: string): Promise<number | undefined> {
  const [row] = await db.query<{ user_id: number }>({
    name: 'select_user_id',
    text: 'select user_id from users where org_id = $1 and login = $2 and removed_at is null',
    values: [orgId, login],
  });
  return row?.user_id;
}

export interface UserRow {
  user_id: number;
  uid: number;
  login: string;
  display: string | null;
  email: string | null;
  passport_uid: number | null;
  cloud_uid: string | null;
  role: OrganisationRole;
  is_active: boolean;
  failed_logins: number;
  locked_until: Date | null;
  created_at: Date;
  removed_at: Date | null;
}

const COLUMNS = `users.user_id, users.uid, users.login, users.display, users.email, users.passport_uid, users.cloud_uid,
  users.role, users.is_active, users.failed_logins, users.locked_until, users.created_at, users.removed_at`;

export async function selectUser(db: Queryable, orgId: string, userId: number): Promise<UserRow | undefined> {
  const [row] = await db.query<UserRow>({
    name: 'select_user',
    text: `select ${COLUMNS} from users where users.org_id = $1 and users.user_id = $2`,
    values: [orgId, userId],
  });
  return row;
}

export async function selectUserNamed(db: Queryable, orgId: string, name: UserName): Promise<UserRow | undefined> {
  const [row] = await db.query<UserRow>({
    name: 'select_user_named',
    text: `
      select ${COLUMNS}
      from users
      where users.org_id = $1 and users.user_id = ${userIdNamed('$2', '$3')}`,
    values: [orgId, name.uid, name.login],
  });
  return row;
}

/** Some of the people of an organisation, by user_id, and how many there are. The application account is no person. */
export async function selectUsersPage(
  db: Queryable,
  orgId: string,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<{ rows: UserRow[]; total: number }> {
  const rows = await db.query<(UserRow | { user_id: null }) & { total: number }>({
    name: 'select_users_page',
    text: `
      select counted.total, page.*
      from (select count(*) as total from users where org_id = $1 and ${isPerson('users')}) counted
      left join (
        select ${COLUMNS} from users where org_id = $1 and ${isPerson('users')} order by user_id limit $2 offset $3
      ) page on true
      order by page.user_id`,
    values: [orgId, limit, offset],
  });
  return { rows: rows.filter((row) => row.user_id !== null), total: rows[0]?.total ?? 0 };
}

/** All of them, by login. */
export function selectPeople(db: Queryable, orgId: string): Promise<UserRow[]> {
  return db.query<UserRow>({
    name: 'select_people',
    text: `select ${COLUMNS} from users where users.org_id = $1 and ${isPerson('users')} order by users.login`,
    values: [orgId],
  });
}

/** One of them, by number or by login. */
export async function selectPerson(
  db: Queryable,
  orgId: string,
  {
    userId,
    login,
  }: { readonly userId: number; readonly login?: never } | { readonly userId?: never; readonly login: string },
): Promise<UserRow | undefined> {
  const [row] = await db.query<UserRow>({
    name: 'select_person',
    text: `
      select ${COLUMNS} from users
      where users.org_id = $1 and (users.user_id = $2 or users.login = $3) and ${isPerson('users')}`,
    values: [orgId, userId, login],
  });
  return row;
}

/** Locks the administrators who can log in against other changes, and answers their numbers. */
export async function lockAdministrators(db: Transaction, orgId: string): Promise<number[]> {
  const rows = await db.query<{ user_id: number }>({
    name: 'lock_administrators',
    text: `
      select user_id from users
      where org_id = $1 and role = 'admin' and is_active and ${isPerson('users')}
      order by user_id
      for no key update`,
    values: [orgId],
  });
  return rows.map((row) => row.user_id);
}

/** Answers whether there is such a person. */
export async function updateUserActive(
  db: Transaction,
  orgId: string,
  userId: number,
  isActive: boolean,
): Promise<boolean> {
  const rows = await db.query({
    name: 'update_user_active',
    text: `update users set is_active = $3 where org_id = $1 and user_id = $2 and ${isPerson('users')} returning user_id`,
    values: [orgId, userId, isActive],
  });
  return rows.length > 0;
}

/** Takes a person out of every list and look-up; the row stays, for what they wrote. Answers whether there was one. */
export async function updateUserRemoved(db: Transaction, orgId: string, userId: number): Promise<boolean> {
  const rows = await db.query({
    name: 'update_user_removed',
    text: `
      update users set removed_at = now(), is_active = false, password_hash = null
      where org_id = $1 and user_id = $2 and ${isPerson('users')}
      returning user_id`,
    values: [orgId, userId],
  });
  return rows.length > 0;
}
