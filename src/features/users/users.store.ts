import type { Queryable } from '../../database/database.ts';
import type { OrganisationRole } from '../access/viewer.ts';
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
export async function insertUser(db: Queryable, orgId: string, user: NewUserRow): Promise<number> {
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
  created_at: Date;
}

const COLUMNS = `users.user_id, users.uid, users.login, users.display, users.email, users.passport_uid, users.cloud_uid,
  users.role, users.is_active, users.created_at`;

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
      from (select count(*) as total from users where org_id = $1 and not is_application and removed_at is null) counted
      left join (
        select ${COLUMNS} from users where org_id = $1 and not is_application and removed_at is null order by user_id limit $2 offset $3
      ) page on true
      order by page.user_id`,
    values: [orgId, limit, offset],
  });
  return { rows: rows.filter((row) => row.user_id !== null), total: rows[0]?.total ?? 0 };
}
