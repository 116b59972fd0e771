import { cacheKey } from '../../database/cache.ts';
import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { Language } from '../../texts.ts';
import type { OrganisationRole } from '../access/viewer.ts';
import { deleteTokenEntries, insertTokenEntry, selectOrganisationsOfToken } from '../organisations/directory.store.ts';
import { type UserColumns, userColumns } from '../users/user-summary.ts';
import { isExpired } from './expiry.ts';

export type TokenKind = 'oauth' | 'application' | 'personal';

/** A token, valid or not, with its user and its organisation. */
export interface TokenOwnerRow {
  token_id: number;
  org_id: string;
  cloud_id: string | null;
  language: Language;
  user_id: number;
  role: OrganisationRole;
  is_active: boolean;
  is_application: boolean;
  scopes: ('read' | 'write' | 'admin')[];
  loopback_only: boolean;
  revoked: boolean;
  expires_at: Date | null;
}

const SELECT_TOKEN_OWNER = statement<'orgId' | 'kind' | 'tokenHash', TokenOwnerRow>(
  'select_token_owner',
  `
  select tokens.token_id, tokens.org_id, organisations.cloud_id, organisations.language, tokens.user_id, users.role, users.is_active,
    users.is_application, tokens.scopes, tokens.loopback_only, tokens.revoked_at is not null as revoked,
    tokens.expires_at
  from tokens
  join users on users.org_id = :orgId and users.user_id = tokens.user_id and users.removed_at is null
  join organisations on organisations.org_id = :orgId
  where tokens.org_id = :orgId and tokens.token_hash = :tokenHash and tokens.kind = :kind`,
);

/** The owners of a token, from the cache: several if organisations imported the same value. */
export function cachedTokenOwners(
  db: Queryable,
  kind: TokenKind,
  tokenHash: Buffer,
): Promise<readonly TokenOwnerRow[]> {
  return cachedByToken(db, `token owners ${kind}`, tokenHash, async () => {
    const orgIds = await selectOrganisationsOfToken(db, kind, tokenHash);
    const owners = await Promise.all(orgIds.map((orgId) => db.query(SELECT_TOKEN_OWNER({ orgId, kind, tokenHash }))));
    return owners.flat();
  });
}

/** Rows that a token leads to, of the kind that is named, from the cache. */
export async function cachedByToken<Row extends { readonly org_id: string }>(
  db: Queryable,
  kind: string,
  tokenHash: Buffer,
  select: () => Promise<Row[]>,
): Promise<readonly Row[]> {
  const key = cacheKey<readonly Row[]>(kind, tokenHash.toString('base64'));
  const known = db.cache.get(key);
  if (known) return known;
  const load = db.cache.startLoad();
  const rows = await select();
  // Unknown tokens are not kept: there is no end of them.
  if (rows.length > 0) db.cache.set(load, key, [tokenScope(tokenHash), ...rows.map(({ org_id }) => org_id)], rows);
  return rows;
}

/** The scope of values that depend on which organisations have the token. No organisation has such an id. */
function tokenScope(tokenHash: Buffer): string {
  return `token ${tokenHash.toString('base64')}`;
}

export interface NewToken {
  readonly userId: number;
  readonly kind: TokenKind;
  readonly tokenHash: Buffer;
  readonly scopes: readonly TokenOwnerRow['scopes'][number][];
  readonly expiresAt?: Date | undefined;
  readonly loopbackOnly?: boolean;
}

const INSERT_TOKEN = statement<'orgId' | keyof NewToken, { token_id: number }>(
  'insert_token',
  `
  insert into tokens (org_id, user_id, kind, token_hash, scopes, expires_at, loopback_only)
  values (:orgId, :userId, :kind, :tokenHash, :scopes, :expiresAt, :loopbackOnly)
  returning token_id`,
);

/** Returns the token_id. */
export async function insertToken(db: Transaction, orgId: string, token: NewToken): Promise<number> {
  await db.invalidate(tokenScope(token.tokenHash));
  const [row] = await db.query(INSERT_TOKEN({ orgId, expiresAt: undefined, loopbackOnly: false, ...token }));
  await insertTokenEntry(db, orgId, token);
  return (row as { token_id: number }).token_id;
}

const DELETE_TOKENS = statement<'orgId' | 'userId' | 'kind', { token_hash: Buffer; kind: TokenKind }>(
  'delete_tokens',
  `
  delete from tokens where org_id = :orgId and user_id = :userId and kind = coalesce(:kind, kind)
  returning token_hash, kind`,
);

/** Deletes a user's tokens: those of one kind, or all. */
export async function deleteTokens(db: Transaction, orgId: string, userId: number, kind?: TokenKind): Promise<void> {
  await db.invalidate(orgId);
  await deleteTokenEntries(db, orgId, await db.query(DELETE_TOKENS({ orgId, userId, kind })));
}

export interface TokenRow extends UserColumns<'users'> {
  token_id: number;
  login: string;
  kind: TokenKind;
  scopes: TokenOwnerRow['scopes'];
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
}

const TOKENS = `
  select tokens.token_id, users.login, tokens.kind, tokens.scopes, tokens.created_at, tokens.expires_at,
    tokens.revoked_at, tokens.last_used_at, ${userColumns('users')}
  from tokens
  join users on users.org_id = tokens.org_id and users.user_id = tokens.user_id`;

const SELECT_TOKENS = statement<'orgId', TokenRow>(
  'select_tokens',
  `
  ${TOKENS}
  where tokens.org_id = :orgId
  order by tokens.token_id`,
);

export function selectTokens(db: Queryable, orgId: string): Promise<TokenRow[]> {
  return db.query(SELECT_TOKENS({ orgId }));
}

const SELECT_TOKEN = statement<'orgId' | 'tokenId', TokenRow>(
  'select_token',
  `
  ${TOKENS}
  where tokens.org_id = :orgId and tokens.token_id = :tokenId`,
);

export async function selectToken(db: Queryable, orgId: string, tokenId: number): Promise<TokenRow | undefined> {
  const [row] = await db.query(SELECT_TOKEN({ orgId, tokenId }));
  return row;
}

interface TokenRange {
  readonly tokenIdMax: number;
  readonly limit: number;
}

const SELECT_LATEST_TOKENS = statement<'orgId' | keyof TokenRange, TokenRow>(
  'select_latest_tokens',
  `
  ${TOKENS}
  where tokens.org_id = :orgId and tokens.token_id <= :tokenIdMax
  order by tokens.token_id desc
  limit :limit`,
);

const SELECT_LATEST_TOKENS_OF_USER = statement<'orgId' | 'userId' | keyof TokenRange, TokenRow>(
  'select_latest_tokens_of_user',
  `
  ${TOKENS}
  where tokens.org_id = :orgId and tokens.user_id = :userId and tokens.token_id <= :tokenIdMax
  order by tokens.token_id desc
  limit :limit`,
);

/** Tokens with the highest token_ids up to the given one, of one user or of all. */
export function selectLatestTokens(
  db: Queryable,
  orgId: string,
  userId: number | undefined,
  range: TokenRange,
): Promise<TokenRow[]> {
  return db.query(
    userId === undefined
      ? SELECT_LATEST_TOKENS({ orgId, ...range })
      : SELECT_LATEST_TOKENS_OF_USER({ orgId, userId, ...range }),
  );
}

export type TokenLimitsRow = Pick<TokenOwnerRow, 'scopes' | 'loopback_only' | 'expires_at'>;

const LOCK_TOKEN = statement<'orgId' | 'tokenId', TokenLimitsRow>(
  'lock_token',
  `
  select scopes, loopback_only, expires_at
  from tokens
  where org_id = :orgId and token_id = :tokenId and revoked_at is null and coalesce(expires_at > now(), true)
  for no key update`,
);

/**
 * Locks a valid token against revocation until the end of the transaction, and returns what it permits, and until when.
 * Undefined if it is not valid.
 */
export async function lockToken(db: Transaction, orgId: string, tokenId: number): Promise<TokenLimitsRow | undefined> {
  const [row] = await db.query(LOCK_TOKEN({ orgId, tokenId }));
  // A concurrent rotation may have ended it while this waited for the lock: `now()` is when the transaction began.
  return row && isExpired(row.expires_at) ? undefined : row;
}

/** One token by its id or by its hash, or all tokens of a user. */
export type TokenChoice =
  | { readonly tokenId: number; readonly userId?: never; readonly tokenHash?: never }
  | { readonly userId: number; readonly tokenId?: never; readonly tokenHash?: never }
  | { readonly tokenHash: Buffer; readonly tokenId?: never; readonly userId?: never };

const UPDATE_TOKENS_REVOKED = statement<'orgId' | 'tokenId' | 'userId' | 'tokenHash', { token_id: number }>(
  'update_tokens_revoked',
  `
  update tokens set revoked_at = least(revoked_at, now())
  where org_id = :orgId and (token_id = :tokenId or user_id = :userId or token_hash = :tokenHash)
  returning token_id`,
);

/** Returns the token_ids, in order. A token that was already revoked keeps its time. */
export async function updateTokensRevoked(db: Transaction, orgId: string, choice: TokenChoice): Promise<number[]> {
  await db.invalidate(orgId);
  const rows = await db.query(
    UPDATE_TOKENS_REVOKED({ orgId, tokenId: choice.tokenId, userId: choice.userId, tokenHash: choice.tokenHash }),
  );
  return rows.map((row) => row.token_id).sort((left, right) => left - right);
}

interface LimitedTokenRow {
  user_id: number;
  scopes: TokenOwnerRow['scopes'];
  loopback_only: boolean;
  expires_at: Date;
  /** Null if the token did not expire. */
  previous_expires_at: Date | null;
  /** In seconds; null likewise. */
  lifetime: number | null;
}

const LIMIT_TOKEN = statement<'orgId' | 'tokenId' | 'expiresAt', LimitedTokenRow>(
  'limit_token',
  `
  with valid as (
    select token_id, expires_at, extract(epoch from expires_at - created_at)::float8 as lifetime
    from tokens
    where org_id = :orgId and token_id = :tokenId and kind = 'oauth' and revoked_at is null
      and coalesce(expires_at > now(), true)
    for no key update
  )
  update tokens set expires_at = least(tokens.expires_at, :expiresAt)
  from valid
  where tokens.org_id = :orgId and tokens.token_id = valid.token_id
  returning tokens.user_id, tokens.scopes, tokens.loopback_only, tokens.expires_at,
    valid.expires_at as previous_expires_at, valid.lifetime`,
);

/** Lets a valid OAuth token expire at that time at the latest, and returns what it permits. Undefined if there is none. */
export async function limitToken(
  db: Transaction,
  orgId: string,
  tokenId: number,
  expiresAt: Date,
): Promise<LimitedTokenRow | undefined> {
  await db.invalidate(orgId);
  const [row] = await db.query(LIMIT_TOKEN({ orgId, tokenId, expiresAt }));
  // As in lockToken.
  return row && isExpired(row.previous_expires_at) ? undefined : row;
}

const UPDATE_TOKENS_USED = statement<'orgId' | 'tokenIds'>(
  'update_tokens_used',
  `
  with used as (
    select token_id from tokens
    where org_id = :orgId and token_id = any(:tokenIds::bigint[])
      and coalesce(last_used_at < now() - interval '30 seconds', true)
    for no key update skip locked
  )
  update tokens set last_used_at = now() from used where tokens.org_id = :orgId and tokens.token_id = used.token_id`,
);

/** Records that the tokens were used, unless another server has just done so or is doing it. */
export async function updateTokensUsed(db: Database, orgId: string, tokenIds: readonly number[]): Promise<void> {
  await db.execute(UPDATE_TOKENS_USED({ orgId, tokenIds }));
}
