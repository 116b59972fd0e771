import type { Queryable } from '../../database/database.ts';
import type { OrganisationRole } from '../access/viewer.ts';

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
    text: 'select user_id from users where org_id = $1 and login = $2',
    values: [orgId, login],
  });
  return row?.user_id;
}

/** The user_id behind a login or, where no login is meant, a uid. */
export async function selectUserIdNamed(
  db: Queryable,
  orgId: string,
  login: string | undefined,
  uid: number | undefined,
): Promise<number | undefined> {
  const [row] = await db.query<{ user_id: number }>({
    name: 'select_user_id_named',
    text: `
      select user_id from users
      where org_id = $1 and (login = $2 or uid = $3)
      order by uid is distinct from $3
      limit 1`,
    values: [orgId, login, uid],
  });
  return row?.user_id;
}
