import type { OrganisationRole } from '../../core/access/viewer.ts';
import { isExpired } from '../../core/tokens/expiry.ts';
import { cachedByToken } from '../../core/tokens/tokens.store.ts';
import { isPerson } from '../../core/users/person.ts';
import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

/** An account that the credentials may belong to. A password is yet to be verified. */
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
  /** Whether the secret is a valid token of the account. */
  has_token: boolean;
}

const COLUMNS = `users.org_id, users.user_id, users.role, users.is_active, users.is_application, users.password_hash,
  users.failed_logins, coalesce(users.locked_until > now(), false) as is_locked`;

const IS_VALID = 'tokens.revoked_at is null and coalesce(tokens.expires_at > now(), true)';

const SELECT_APPLICATION_ACCOUNTS = statement<'orgId' | 'tokenHash', AccountOfToken>(
  'select_application_accounts',
  `
  select ${COLUMNS}, tokens.loopback_only, true as has_token, tokens.expires_at
  from tokens
  join users on users.org_id = tokens.org_id and users.user_id = tokens.user_id and users.is_application
  where tokens.token_hash = :tokenHash and tokens.kind = 'application' and tokens.revoked_at is null
    and (:orgId::text is null or tokens.org_id = :orgId)`,
);

/**
 * The application accounts with the token, from the cache: more than one if several organisations adopted the same
 * token.
 */
export async function cachedApplicationAccounts(
  db: Queryable,
  orgId: string | undefined,
  tokenHash: Buffer,
): Promise<AccountRow[]> {
  const accounts = await cachedByToken(db, `application accounts ${orgId ?? ''}`, tokenHash, () =>
    db.query(SELECT_APPLICATION_ACCOUNTS({ orgId, tokenHash })),
  );
  return accounts.filter(({ expires_at }) => !isExpired(expires_at));
}

type AccountOfToken = AccountRow & { readonly expires_at: Date | null };

const SELECT_USER_ACCOUNTS = statement<'orgId' | 'login' | 'tokenHash', AccountRow>(
  'select_user_accounts',
  `
  select ${COLUMNS}, tokens.loopback_only, true as has_token
  from tokens
  join users on users.org_id = tokens.org_id and users.user_id = tokens.user_id
  where tokens.token_hash = :tokenHash and tokens.kind = 'personal' and (:orgId::text is null or tokens.org_id = :orgId) and ${IS_VALID}
    and users.login = :login and ${isPerson('users')}
  union all
  select ${COLUMNS}, users.loopback_only, false
  from users
  where users.login = :login and ${isPerson('users')}
    and users.org_id = coalesce(
      :orgId, (select min(org_id) from (select org_id from organisations limit 2) few having count(*) = 1))`,
);

/**
 * The users with the login: a row for each owner of the token, and a row for the user whose password is to be verified.
 * Without `orgId`, every organisation is searched for token owners, and the other user is found only if there is a single
 * organisation.
 */
export function selectUserAccounts(
  db: Queryable,
  orgId: string | undefined,
  login: string,
  tokenHash: Buffer,
): Promise<AccountRow[]> {
  return db.query(SELECT_USER_ACCOUNTS({ orgId, login, tokenHash }));
}

const SELECT_FAILED_LOGINS = statement<'orgId' | 'userId', { failedLogins: number; isLocked: boolean }>(
  'select_failed_logins',
  `
  select failed_logins as "failedLogins", coalesce(locked_until > now(), false) as "isLocked"
  from users where org_id = :orgId and user_id = :userId`,
);

/** How many wrong passwords an account got in a row, and whether it is locked now. */
export async function selectFailedLogins(
  db: Queryable,
  orgId: string,
  userId: number,
): Promise<{ failedLogins: number; isLocked: boolean }> {
  const [row] = await db.query(SELECT_FAILED_LOGINS({ orgId, userId }));
  return row ?? { failedLogins: 0, isLocked: true };
}

const COUNT_FAILED_LOGIN = statement<'orgId' | 'userId' | 'max'>(
  'count_failed_login',
  `
  update users
  set failed_logins = failed_logins + 1,
    locked_until = case when failed_logins + 1 >= :max then now() + interval '15 minutes' else locked_until end
  where org_id = :orgId and user_id = :userId`,
);

/** Counts a wrong password. From the `max`-th in a row on, each locks the account for 15 minutes. */
export async function countFailedLogin(db: Transaction, orgId: string, userId: number, max: number): Promise<void> {
  await db.query(COUNT_FAILED_LOGIN({ orgId, userId, max }));
}

const RESET_FAILED_LOGINS = statement<'orgId' | 'userId'>(
  'reset_failed_logins',
  'update users set failed_logins = 0, locked_until = null where org_id = :orgId and user_id = :userId',
);

/** Resets the count after a right password. */
export async function resetFailedLogins(db: Transaction, orgId: string, userId: number): Promise<void> {
  await db.query(RESET_FAILED_LOGINS({ orgId, userId }));
}
