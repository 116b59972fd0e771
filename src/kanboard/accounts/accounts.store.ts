import type { OrganisationRole } from '../../core/access/viewer.ts';
import { cachedOnlyOrganisation, selectOrganisationsOfToken } from '../../core/organisations/directory.store.ts';
import { isExpired } from '../../core/tokens/expiry.ts';
import { cachedByToken } from '../../core/tokens/tokens.store.ts';
import { FAILED_LOGINS_MAX, loginKey } from '../../core/users/failed-logins.store.ts';
import { isPerson } from '../../core/users/person.ts';
import type { Queryable } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

/** An account that the credentials belong to or, with a password yet to be verified, may belong to. */
export interface AccountRow {
  org_id: string;
  user_id: number;
  role: OrganisationRole;
  is_active: boolean;
  is_application: boolean;
  loopback_only: boolean;
}

/** An account whose valid token the secret is. */
export interface TokenAccountRow extends AccountRow {
  has_token: true;
  token_id: number;
}

/** The account with the login. If there is none, it is not active, and its other columns of users are null. */
export interface LoginRow extends AccountRow {
  has_token: false;
  password_hash: string | null;
  /** Whether wrong passwords from this address have locked it. */
  is_locked: boolean;
  failures: number;
}

const COLUMNS = 'users.org_id, users.user_id, users.role, users.is_active, users.is_application';

const IS_VALID = 'tokens.revoked_at is null and coalesce(tokens.expires_at > now(), true)';

const SELECT_APPLICATION_ACCOUNTS = statement<'orgId' | 'tokenHash', AccountOfToken>(
  'select_application_accounts',
  `
  select ${COLUMNS}, tokens.token_id, tokens.loopback_only, true as has_token, tokens.expires_at
  from tokens
  join users on users.org_id = :orgId and users.user_id = tokens.user_id and users.is_application
  where tokens.org_id = :orgId and tokens.token_hash = :tokenHash and tokens.kind = 'application'
    and tokens.revoked_at is null`,
);

/**
 * The application accounts with the token, from the cache: more than one if several organisations adopted the same
 * token.
 */
export async function cachedApplicationAccounts(
  db: Queryable,
  orgId: string | undefined,
  tokenHash: Buffer,
): Promise<TokenAccountRow[]> {
  const accounts = await cachedByToken(db, `application accounts ${orgId ?? ''}`, tokenHash, async () => {
    const orgIds = orgId === undefined ? await selectOrganisationsOfToken(db, 'application', tokenHash) : [orgId];
    const found = await Promise.all(
      orgIds.map((id) => db.query(SELECT_APPLICATION_ACCOUNTS({ orgId: id, tokenHash }))),
    );
    return found.flat();
  });
  return accounts.filter(({ expires_at }) => !isExpired(expires_at));
}

type AccountOfToken = TokenAccountRow & { readonly expires_at: Date | null };

const SELECT_USER_ACCOUNTS = statement<
  'orgId' | 'login' | 'loginHash' | 'tokenHash' | 'address',
  TokenAccountRow | LoginRow
>(
  'select_user_accounts',
  `
  select ${COLUMNS}, tokens.token_id, tokens.loopback_only, true as has_token, null as password_hash, 0 as failures,
    false as is_locked
  from tokens
  join users on users.org_id = :orgId and users.user_id = tokens.user_id
  where tokens.org_id = :orgId and tokens.token_hash = :tokenHash and tokens.kind = 'personal' and ${IS_VALID}
    and users.login = :login and ${isPerson('users')}
  union all
  select organisations.org_id, users.user_id, users.role, coalesce(users.is_active, false), users.is_application,
    null, users.loopback_only, false, users.password_hash, coalesce(failed.failures, 0),
    coalesce(failed.failures >= ${FAILED_LOGINS_MAX}, false)
  from organisations
  left join users on users.org_id = :orgId and users.login = :login and ${isPerson('users')}
  left join failed_logins failed on failed.org_id = :orgId and failed.login_hash = :loginHash
    and failed.address = :address and failed.expires_at > now()
  where organisations.org_id = :orgId`,
);

/**
 * The users with the login: a row for each owner of the token, and a row for the user whose password is to be verified,
 * whether or not the login exists. Without `orgId`, every organisation is searched for token owners, and the other row is
 * found only if there is a single organisation.
 */
export async function selectUserAccounts(
  db: Queryable,
  orgId: string | undefined,
  { login, tokenHash, address }: { readonly login: string; readonly tokenHash: Buffer; readonly address: string },
): Promise<(TokenAccountRow | LoginRow)[]> {
  const { loginHash } = loginKey({ orgId: '', login, address });
  const select = (id: string) => db.query(SELECT_USER_ACCOUNTS({ orgId: id, login, loginHash, tokenHash, address }));
  const onlyOrgId = orgId ?? (await cachedOnlyOrganisation(db));
  if (onlyOrgId !== undefined) return await select(onlyOrgId);
  const orgIds = await selectOrganisationsOfToken(db, 'personal', tokenHash);
  const found = await Promise.all(orgIds.map(select));
  return found.flat().filter((account) => account.has_token);
}
