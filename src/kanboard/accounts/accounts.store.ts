import type { OrganisationRole } from '../../core/access/viewer.ts';
import { isPerson } from '../../core/users/person.ts';
import type { Queryable, Transaction } from '../../database/database.ts';

/** An account that credentials may belong to; whether they do is not said yet. */
export interface AccountRow {
  org_id: string;
  user_id: number;
  role: OrganisationRole;
  is_active: boolean;
  is_application: boolean;
  loopback_only: boolean;
  password_hash: string | null;
  failed_logins: number;
  is_locked: boolean;
  /** The secret is a token of the account. */
  has_token: boolean;
}

const COLUMNS = `users.org_id, users.user_id, users.role, users.is_active, users.is_application, users.password_hash,
  users.failed_logins, coalesce(users.locked_until > now(), false) as is_locked`;

const IS_GOOD = 'tokens.revoked_at is null and coalesce(tokens.expires_at > now(), true)';

/** The application accounts that have the token: one, unless organisations took over the same value. */
export function selectApplicationAccounts(
  db: Queryable,
  orgId: string | undefined,
  tokenHash: Buffer,
): Promise<AccountRow[]> {
  return db.query<AccountRow>({
    name: 'select_application_accounts',
    text: `
      select ${COLUMNS}, tokens.loopback_only, true as has_token
      from tokens
      join users on users.org_id = tokens.org_id and users.user_id = tokens.user_id and users.is_application
      where tokens.token_hash = $2 and tokens.kind = 'application' and ($1::text is null or tokens.org_id = $1) and ${IS_GOOD}`,
    values: [orgId, tokenHash],
  });
}

/**
 * The users of that login: in the organisation, else in the only one there is, else those whom the token belongs to. A
 * token of the user makes a row of its own.
 */
export function selectUserAccounts(
  db: Queryable,
  orgId: string | undefined,
  login: string,
  tokenHash: Buffer,
): Promise<AccountRow[]> {
  return db.query<AccountRow>({
    name: 'select_user_accounts',
    text: `
      select ${COLUMNS}, tokens.loopback_only, true as has_token
      from tokens
      join users on users.org_id = tokens.org_id and users.user_id = tokens.user_id
      where tokens.token_hash = $3 and tokens.kind = 'personal' and ($1::text is null or tokens.org_id = $1) and ${IS_GOOD}
        and users.login = $2 and ${isPerson('users')}
      union all
      select ${COLUMNS}, users.loopback_only, false
      from users
      where users.login = $2 and ${isPerson('users')}
        and users.org_id = coalesce(
          $1, (select min(org_id) from (select org_id from organisations limit 2) few having count(*) = 1))`,
    values: [orgId, login, tokenHash],
  });
}

/** Wrong passwords of an account in a row, and whether they lock it now. */
export async function selectFailedLogins(
  db: Queryable,
  orgId: string,
  userId: number,
): Promise<{ failedLogins: number; isLocked: boolean }> {
  const [row] = await db.query<{ failedLogins: number; isLocked: boolean }>({
    name: 'select_failed_logins',
    text: `
      select failed_logins as "failedLogins", coalesce(locked_until > now(), false) as "isLocked"
      from users where org_id = $1 and user_id = $2`,
    values: [orgId, userId],
  });
  return row ?? { failedLogins: 0, isLocked: true };
}

/** Counts a wrong password, and locks the account from the `max`-th in a row on. */
export async function countFailedLogin(db: Transaction, orgId: string, userId: number, max: number): Promise<void> {
  await db.query({
    name: 'count_failed_login',
    text: `
      update users
      set failed_logins = failed_logins + 1,
        locked_until = case when failed_logins + 1 >= $3 then now() + interval '15 minutes' else locked_until end
      where org_id = $1 and user_id = $2`,
    values: [orgId, userId, max],
  });
}

/** Starts to count anew after a right password. */
export async function resetFailedLogins(db: Transaction, orgId: string, userId: number): Promise<void> {
  await db.query({
    name: 'reset_failed_logins',
    text: 'update users set failed_logins = 0, locked_until = null where org_id = $1 and user_id = $2',
    values: [orgId, userId],
  });
}
