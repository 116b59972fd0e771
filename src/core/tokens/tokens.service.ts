import { hash, randomBytes } from 'node:crypto';
import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { type Language, texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { type UserSummary, userFrom } from '../users/user-summary.ts';
import { isExpired } from './expiry.ts';
import { noteTokenUse } from './token-uses.ts';
import {
  cachedTokenOwners,
  deleteTokens,
  insertToken,
  limitToken,
  lockToken,
  selectLatestTokens,
  selectToken,
  selectTokens,
  type TokenKind,
  type TokenLimitsRow,
  type TokenOwnerRow,
  type TokenRow,
  updateTokensRevoked,
} from './tokens.store.ts';

export type TokenScope = TokenOwnerRow['scopes'][number];

export const TOKEN_SCOPES: readonly TokenScope[] = ['read', 'write', 'admin'];

/** The identity and rights that a valid token grants. */
export interface TokenOwner {
  readonly viewer: Viewer;
  readonly tokenId: number;
  readonly scopes: readonly TokenScope[];
  readonly language: Language;
}

export interface TokenOptions {
  readonly scopes: readonly TokenScope[];
  readonly expiresAt?: Date | undefined;
  readonly value?: string | undefined;
  readonly loopbackOnly?: boolean;
}

/** The organisation that a request names, by one of its two ids or by either; undefined means that of the token. */
export type OrganisationName = { readonly orgId?: string; readonly cloudId?: string } | undefined;

/**
 * The owner of an OAuth token. Throws `unauthenticated` for a token that is unknown, revoked, expired, not
 * allowed from this address, or of a disabled user; `forbidden` for one that is not valid in that organisation.
 */
export async function authenticateToken(
  db: Queryable,
  token: string,
  organisation: OrganisationName,
  isLoopback: () => boolean,
): Promise<TokenOwner> {
  const owners = await cachedTokenOwners(db, 'oauth', hashToken(token));
  if (owners.length === 0) throw new DomainError('unauthenticated', texts.tokenUnknown);
  const usable = owners.filter((owner) => refusal(owner, isLoopback) === undefined);
  const [first] = owners;
  if (usable.length === 0 && first) throw new DomainError('unauthenticated', refusal(first, isLoopback));

  const [owner, ...others] = usable.filter((candidate) => isIn(candidate, organisation));
  if (owner === undefined) throw new DomainError('forbidden', texts.organisationForbidden);
  if (others.length > 0) throw new DomainError('forbidden', texts.organisationAmbiguous);
  noteTokenUse(db, owner.org_id, owner.token_id);
  return {
    viewer: { orgId: owner.org_id, userId: owner.user_id, role: owner.role, isApplication: owner.is_application },
    tokenId: owner.token_id,
    scopes: owner.scopes,
    language: owner.language,
  };
}

/**
 * Tokens are long random values, so one round of SHA-256 is enough, unlike for passwords. They are compared in no other
 * form: how long a look-up takes reveals at most where the hash of a guess is in the index, and nobody can choose a token
 * by its hash. So the look-up needs no constant time.
 */
export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

function refusal(owner: TokenOwnerRow, isLoopback: () => boolean) {
  if (owner.revoked) return texts.tokenRevoked;
  if (isExpired(owner.expires_at)) return texts.tokenExpired;
  if (!owner.is_active) return texts.userDisabled;
  return owner.loopback_only && !isLoopback() ? texts.loopbackOnly : undefined;
}

function isIn(owner: TokenOwnerRow, organisation: OrganisationName): boolean {
  if (organisation === undefined) return true;
  return owner.org_id === organisation.orgId || owner.cloud_id === organisation.cloudId;
}

/**
 * Creates a token for a user and returns it; it cannot be read later. `value` imports a token that clients already use.
 * Throws `conflict` when the organisation already has that token.
 */
export function createToken(
  db: Database,
  orgId: string,
  userId: number,
  { scopes, expiresAt, value, loopbackOnly = false }: TokenOptions,
): Promise<{ id: number; token: string }> {
  const token = value ?? `ilt_${randomBytes(32).toString('base64url')}`;
  return db.transaction(async (transaction) => {
    const tokenHash = hashToken(token);
    const insert = insertToken(transaction, orgId, {
      userId,
      kind: 'oauth',
      tokenHash,
      scopes,
      expiresAt,
      loopbackOnly,
    });
    const id = await onConstraint(insert, {
      tokens_token_hash_key: () => new DomainError('conflict', texts.tokenTaken),
    });
    return { id, token };
  });
}

/**
 * As `createToken`, at the request of the owner of another token, which the new one never exceeds: it expires no later, and is
 * accepted from this machine only if the other is, as the demo's are. Throws `forbidden` for a scope that the other lacks, and
 * `unauthenticated` if the other is no longer valid, which the cache may not show yet.
 */
export function createTokenWithin(
  db: Database,
  orgId: string,
  { tokenId, userId, ...options }: { readonly tokenId: number; readonly userId: number } & TokenOptions,
): Promise<{ id: number; token: string }> {
  return db.transaction(async (transaction) => {
    const limits = await lockLimits(transaction, orgId, tokenId);
    return createToken(transaction, orgId, userId, limited(options, limits));
  });
}

async function lockLimits(db: Transaction, orgId: string, tokenId: number): Promise<TokenLimitsRow> {
  const limits = await lockToken(db, orgId, tokenId);
  if (limits === undefined) throw new DomainError('unauthenticated', texts.tokenUnknown);
  return limits;
}

function limited({ scopes, expiresAt, loopbackOnly = false }: TokenOptions, limits: TokenLimitsRow): TokenOptions {
  const missing = scopes.find((scope) => !limits.scopes.includes(scope));
  if (missing !== undefined) throw new DomainError('forbidden', texts.scopeMissing(missing));
  const times = [expiresAt, limits.expires_at].filter((time) => time instanceof Date);
  const [earliest] = times.sort((left, right) => left.getTime() - right.getTime());
  return { scopes, expiresAt: earliest, loopbackOnly: loopbackOnly || limits.loopback_only };
}

/**
 * Replaces an account's token for the Kanboard API, the application's or a user's personal one, and returns it.
 * Throws `conflict` when another account has that token.
 */
export function replaceAccountToken(
  db: Database,
  orgId: string,
  userId: number,
  kind: 'application' | 'personal',
  { value, loopbackOnly = false }: Pick<TokenOptions, 'value' | 'loopbackOnly'> = {},
): Promise<string> {
  const token = value ?? randomBytes(30).toString('hex');
  return db.transaction(async (transaction) => {
    await deleteTokens(transaction, orgId, userId, kind);
    const insert = insertToken(transaction, orgId, {
      userId,
      kind,
      tokenHash: hashToken(token),
      scopes: TOKEN_SCOPES,
      loopbackOnly,
    });
    await onConstraint(insert, { tokens_token_hash_key: () => new DomainError('conflict', texts.tokenTaken) });
    return token;
  });
}

/** A token without its value, which is not stored. */
export interface TokenDescription {
  readonly id: number;
  readonly login: string;
  readonly kind: TokenKind;
  readonly scopes: readonly TokenScope[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly state: 'good' | 'expired' | 'revoked';
  /** To within about a minute. */
  readonly lastUsedAt: Date | null;
}

export async function listTokens(db: Queryable, orgId: string): Promise<TokenDescription[]> {
  const rows = await selectTokens(db, orgId);
  return rows.map(describe);
}

/** A token with the user that it acts for. */
export interface UserToken extends TokenDescription {
  readonly user: UserSummary;
}

/** A token, valid or not. Throws `not_found`. */
export async function getToken(db: Queryable, orgId: string, tokenId: number): Promise<UserToken> {
  const row = await selectToken(db, orgId, tokenId);
  if (row === undefined) throw new DomainError('not_found', texts.tokenNotFound(String(tokenId)));
  return describeWithUser(row);
}

/** The latest tokens, those of one user if it is given, up to that token_id. */
export async function listLatestTokens(
  db: Queryable,
  orgId: string,
  { userId, ...range }: { readonly userId: number | undefined; readonly tokenIdMax: number; readonly limit: number },
): Promise<UserToken[]> {
  const rows = await selectLatestTokens(db, orgId, userId, range);
  return rows.map(describeWithUser);
}

function describeWithUser(row: TokenRow): UserToken {
  return { ...describe(row), user: userFrom(row, 'users') };
}

function describe(row: TokenRow): TokenDescription {
  return {
    id: row.token_id,
    login: row.login,
    kind: row.kind,
    scopes: row.scopes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    state: stateOf(row),
    lastUsedAt: row.last_used_at,
  };
}

/**
 * Creates a token with the same user, scopes and lifetime, and lets the old one expire at that time, or earlier if it was to.
 * Of several rotations at once that let it expire immediately, one succeeds. The new one never exceeds the token `within`, if
 * that is given, as in `createTokenWithin`. Throws `not_found`, `refused` for a token that is not a valid OAuth token, and as
 * `createTokenWithin` does.
 */
export function rotateToken(
  db: Database,
  orgId: string,
  tokenId: number,
  { expiresAt, within }: { readonly expiresAt: Date; readonly within?: number },
): Promise<{
  id: number;
  token: string;
  expiresAt: Date | undefined;
  replaced: { id: number; expiresAt: Date };
}> {
  return db.transaction(async (transaction) => {
    // Read first: a token that replaces itself expires with the next statement.
    const limits = within === undefined ? undefined : await lockLimits(transaction, orgId, within);
    const old = await limitToken(transaction, orgId, tokenId, expiresAt);
    if (old === undefined) {
      await getToken(transaction, orgId, tokenId);
      throw new DomainError('refused', texts.tokenNotReplaceable(String(tokenId)));
    }
    const expires = old.lifetime === null ? undefined : new Date(Date.now() + old.lifetime * 1000);
    const same = { scopes: old.scopes, loopbackOnly: old.loopback_only, expiresAt: expires };
    const options = limits === undefined ? same : limited(same, limits);
    const created = await createToken(transaction, orgId, old.user_id, options);
    return { ...created, expiresAt: options.expiresAt, replaced: { id: tokenId, expiresAt: old.expires_at } };
  });
}

/** Revokes a token immediately; idempotent. Throws `not_found`. */
export async function revokeToken(db: Database, orgId: string, tokenId: number): Promise<void> {
  const revoked = await db.transaction((transaction) => updateTokensRevoked(transaction, orgId, { tokenId }));
  if (revoked.length === 0) throw new DomainError('not_found', texts.tokenNotFound(String(tokenId)));
}

/** Revokes a token by its value. Returns the ids: several if it was stored under several kinds. Throws `not_found`. */
export async function revokeTokenValue(db: Database, orgId: string, token: string): Promise<number[]> {
  const tokenHash = hashToken(token);
  const revoked = await db.transaction((transaction) => updateTokensRevoked(transaction, orgId, { tokenHash }));
  if (revoked.length === 0) throw new DomainError('not_found', texts.tokenUnknown);
  return revoked;
}

/** Revokes all tokens of a user immediately, and returns their ids. */
export function revokeUserTokens(db: Database, orgId: string, userId: number): Promise<number[]> {
  return db.transaction((transaction) => updateTokensRevoked(transaction, orgId, { userId }));
}

function stateOf({ revoked_at, expires_at }: TokenRow): TokenDescription['state'] {
  if (revoked_at !== null) return 'revoked';
  return isExpired(expires_at) ? 'expired' : 'good';
}
