import type { Viewer } from '../../core/access/viewer.ts';
import { ambiguous, type Reference, textOf } from '../../core/ids/reference.ts';
import {
  createTokenWithin,
  getToken,
  listLatestTokens,
  rotateToken,
  type TokenScope,
  type UserToken,
} from '../../core/tokens/tokens.service.ts';
import { findPerson, findUsersNamed } from '../../core/users/users.service.ts';
import type { Database, Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

/** A token that was just created. */
export interface NewUserToken extends UserToken {
  readonly value: string;
}

/** The administrator who creates a token, and the token that it must not exceed. */
interface Creator {
  readonly viewer: Viewer;
  readonly tokenId: number;
}

/** Tokens, the latest first, and the id that the next page starts after, if there is one. */
export async function listTokensFrom(
  db: Queryable,
  { orgId }: Viewer,
  {
    after = Number.MAX_SAFE_INTEGER,
    userName,
    limit,
  }: { readonly after: number | undefined; readonly userName: string | undefined; readonly limit: number },
): Promise<{ tokens: UserToken[]; next: number | undefined }> {
  const [user] = userName === undefined ? [] : await findUsersNamed(db, orgId, [userName]);
  if (userName !== undefined && typeof user !== 'object') return { tokens: [], next: undefined };
  const userId = typeof user === 'object' ? user.userId : undefined;
  const found = await listLatestTokens(db, orgId, { userId, tokenIdMax: after - 1, limit: limit + 1 });
  const tokens = found.slice(0, limit);
  return { tokens, next: found.length > limit ? tokens.at(-1)?.id : undefined };
}

/**
 * Creates a token for a person. Throws `refused` for any other user and `invalid` for a time that has passed; otherwise, as
 * `createTokenWithin` does.
 */
export function createTokenFor(
  db: Database,
  { viewer, tokenId }: Creator,
  {
    user,
    scopes,
    expiresAt,
  }: {
    readonly user: Reference | undefined;
    readonly scopes: readonly TokenScope[];
    readonly expiresAt: Date | undefined;
  },
): Promise<NewUserToken> {
  requireFuture({ expiresAt });
  return db.transaction(async (transaction) => {
    const [found] = user === undefined ? [] : await findUsersNamed(transaction, viewer.orgId, [user]);
    if (found === 'ambiguous') throw ambiguous('user', textOf(user ?? ''));
    // Not the application account, which sees all queues.
    const person = found && (await findPerson(transaction, viewer, { userId: found.userId }));
    if (person === undefined) throw new DomainError('refused', undefined, { user: texts.userUnknown });
    const options = { tokenId, userId: person.id, scopes, expiresAt };
    const { id, token } = await createTokenWithin(transaction, viewer.orgId, options);
    return { ...(await getToken(transaction, viewer.orgId, id)), value: token };
  });
}

/**
 * Replaces a person's token, which expires at that time, by default now. Throws `refused` for a token of the application
 * account and `invalid` for a time that has passed; otherwise, as `rotateToken` does.
 */
export function replaceToken(
  db: Database,
  { viewer, tokenId: within }: Creator,
  tokenId: number,
  oldExpiresAt: Date | undefined,
): Promise<NewUserToken> {
  requireFuture({ oldExpiresAt });
  return db.transaction(async (transaction) => {
    const { login } = await getToken(transaction, viewer.orgId, tokenId);
    // Not the application account, as in createTokenFor.
    const person = await findPerson(transaction, viewer, { login });
    if (person === undefined) throw new DomainError('refused', texts.tokenNotReplaceable(String(tokenId)));
    const expiresAt = oldExpiresAt ?? new Date();
    const { id, token } = await rotateToken(transaction, viewer.orgId, tokenId, { expiresAt, within });
    return { ...(await getToken(transaction, viewer.orgId, id)), value: token };
  });
}

function requireFuture(times: Readonly<Record<string, Date | undefined>>): void {
  for (const [field, time] of Object.entries(times)) {
    if (time !== undefined && time.getTime() <= Date.now()) {
      throw new DomainError('invalid', undefined, { [field]: texts.timePassed });
    }
  }
}
