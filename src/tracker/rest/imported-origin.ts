import type { LinkOrigin } from '../../core/issue-links/link-writes.store.ts';
import { findUsersNamed } from '../../core/users/users.service.ts';
import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import { parseTimestamp } from './timestamps.ts';

/** A login, or a uid. */
type UserName = string | number;

/**
 * The author and the times of a link, a comment or an issue in its original tracker (Tracker contract, section 1). Throws `invalid` for
 * an unreadable time, and `refused` if a user does not exist, a time is in the future, the times are out of order, or only
 * one of `updatedAt` and `updatedBy` is set.
 */
export async function importedOrigin(
  db: Queryable,
  orgId: string,
  given: {
    readonly createdBy: UserName;
    readonly createdAt: string;
    readonly updatedBy?: UserName;
    readonly updatedAt?: string;
  },
): Promise<LinkOrigin> {
  const createdAt = parseTimestamp('createdAt', given.createdAt);
  const updatedAt = given.updatedAt === undefined ? undefined : parseTimestamp('updatedAt', given.updatedAt);
  if ((given.updatedBy === undefined) !== (updatedAt === undefined)) {
    const missing = updatedAt === undefined ? 'updatedAt' : 'updatedBy';
    throw timeInvalid(missing, texts.importedUpdateIncomplete);
  }
  refuseFuture('createdAt', createdAt);
  if (updatedAt !== undefined) {
    refuseFuture('updatedAt', updatedAt);
    if (updatedAt < createdAt) throw timeInvalid('updatedAt', texts.importedBeforeCreated);
  }
  const createdBy = await userId(db, orgId, 'createdBy', given.createdBy);
  const updatedBy = given.updatedBy === undefined ? createdBy : await userId(db, orgId, 'updatedBy', given.updatedBy);
  return { createdBy, updatedBy, createdAt, updatedAt };
}

/**
 * When and by whom an imported issue was resolved; undefined if the request does not tell. Throws as `importedOrigin` does,
 * and `refused` if only one of `resolvedAt` and `resolvedBy` is set, or if there is no `resolution`.
 */
export async function importedResolution(
  db: Queryable,
  orgId: string,
  given: { readonly resolution?: unknown; readonly resolvedBy?: UserName; readonly resolvedAt?: string },
  createdAt: Date | undefined,
): Promise<{ resolvedAt: Date | undefined; resolvedBy: number | undefined }> {
  const { resolution, resolvedAt: time, resolvedBy: user } = given;
  if (time === undefined && user === undefined) return { resolvedAt: undefined, resolvedBy: undefined };
  const resolvedAt = time === undefined ? undefined : parseTimestamp('resolvedAt', time);
  const missing = resolvedAt === undefined ? 'resolvedAt' : user === undefined ? 'resolvedBy' : 'resolution';
  if (resolvedAt === undefined || user === undefined || resolution === undefined) {
    throw timeInvalid(missing, texts.importedResolutionIncomplete);
  }
  refuseFuture('resolvedAt', resolvedAt);
  if (createdAt !== undefined && resolvedAt < createdAt) throw timeInvalid('resolvedAt', texts.importedBeforeIssue);
  return { resolvedAt, resolvedBy: await userId(db, orgId, 'resolvedBy', user) };
}

function refuseFuture(field: string, date: Date): void {
  if (date.getTime() > Date.now()) throw timeInvalid(field, texts.importedInFuture);
}

function timeInvalid(field: string, text: Text): DomainError {
  return new DomainError('refused', undefined, { [field]: text }, { reason: 'time_invalid' });
}

async function userId(db: Queryable, orgId: string, field: string, name: UserName): Promise<number> {
  const [found] = await findUsersNamed(db, orgId, [name]);
  if (found === undefined || found === 'ambiguous' || found.isRemoved) {
    throw new DomainError('refused', undefined, { [field]: texts.userUnknown }, { reason: 'user_not_found' });
  }
  return found.userId;
}
