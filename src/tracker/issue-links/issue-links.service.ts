import type { Viewer } from '../../core/access/viewer.ts';
import {
  changeLink,
  createLink,
  deleteLink,
  getIssueLink,
  type IssueLink,
  type LinkOrigin,
  listIssueLinksPage,
  lockTypeOf,
  lockTypesOf,
  originNow,
} from '../../core/issue-links/issue-links.service.ts';
import { lockLink, lockSingleLink, type StoredLink } from '../../core/issue-links/issue-links.store.ts';
import { directionAt, objectAt } from '../../core/issue-links/link-events.ts';
import {
  type AccessibleIssue,
  findIssuesNamed,
  getIssuePair,
  getWritableIssue,
  selectVisibleKeys,
} from '../../core/issues/issue-access.ts';
import { opposite } from '../../core/labels/direction.ts';
import { cachedLinkTypes, lockForLinks, selectLinkTypes } from '../../core/link-types/link-types.store.ts';
import { type Relationship, relationshipNamed, relationshipsOf } from '../../core/link-types/relationships.ts';
import { ConcurrentChange, type Database, type Queryable, type Transaction } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

/** Links as the Tracker API names them: issues by name, relationships by phrase, and the fields `parent` and `epic`. */

/**
 * One page of an issue's links, only those with the relationships `phrases` if set. Throws `not_found`, and `invalid` for
 * an unknown phrase.
 */
export async function listLinksRelatedBy(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  { phrases, page, perPage }: { phrases: readonly string[] | undefined; page: number; perPage: number },
): Promise<{ links: IssueLink[]; total: number }> {
  const relationships = phrases && relationshipsOf((await cachedLinkTypes(db, viewer.orgId)).values());
  const ends = phrases
    ?.map((phrase) => relationshipNamed(relationships ?? [], phrase))
    .flatMap(({ type, direction }) => {
      const end = { linkTypeId: type.link_type_id, direction };
      return type.is_symmetric ? [end, { ...end, direction: opposite(direction) }] : [end];
    });
  return await listIssueLinksPage(db, viewer, issueName, { ends, limit: perPage, offset: (page - 1) * perPage });
}

/**
 * Links the issue to another. Throws `not_found` if the viewer may not see both issues, `forbidden` if the viewer may not
 * change the first, `invalid` for an unknown relationship, and `refused` if the link would violate a rule.
 */
export function createIssueLink(
  db: Database,
  viewer: Viewer,
  issueName: string,
  { relationship, object }: { relationship: string; object: string },
): Promise<IssueLink> {
  return db.transaction(async (transaction) => {
    const named = await getRelationship(transaction, viewer, relationship, (type) => !type.import_only);
    return await link(transaction, viewer, issueName, named, object, originNow(viewer));
  });
}

/** Creates a link with its author and times from another tracker. Throws as `createIssueLink` does. */
export function importIssueLink(
  db: Database,
  viewer: Viewer,
  issueName: string,
  { relationship, object, origin }: { relationship: string; object: string; origin: LinkOrigin },
): Promise<IssueLink> {
  return db.transaction(async (transaction) => {
    const named = await getRelationship(transaction, viewer, relationship, () => true);
    return await link(transaction, viewer, issueName, named, object, origin);
  });
}

/**
 * Changes the relationship of a link, its object, or both, in place. Throws as `createIssueLink` does, and `stale` if
 * `version` is not the link's current version.
 */
export function updateIssueLink(
  db: Database,
  viewer: Viewer,
  issueName: string,
  linkId: number,
  change: { relationship: string | undefined; object: string | undefined; version: number | undefined },
): Promise<IssueLink> {
  return db.transaction(async (transaction) => {
    const seen = await getIssueLink(transaction, viewer, issueName, linkId);
    const [issue, object] = await getIssuePair(transaction, viewer, issueName, change.object ?? seen.object.key);
    requireVersion(change.version, seen.version);
    const named =
      change.relationship === undefined
        ? { type: { link_type_id: seen.type.id }, direction: seen.direction }
        : await getRelationship(transaction, viewer, change.relationship, ({ import_only }) => !import_only);
    const linkTypeId = named.type.link_type_id;
    const type = await lockTypeOf(transaction, viewer, { linkTypeId, issues: [issue, object] });
    const stored = await lockSeenLink(transaction, viewer, issueName, linkId);
    requireVersion(change.version, stored.version);
    const isSameType =
      linkTypeId === stored.link_type_id && (named.direction === directionAt(stored, issue.id) || type.is_symmetric);
    const isSameObject = objectAt(stored, issue.id) === object.id;
    // A part of the link that the request does not change was changed after we read it.
    if ((change.relationship === undefined && !isSameType) || (change.object === undefined && !isSameObject)) {
      throw new ConcurrentChange();
    }
    if (!isSameType || !isSameObject)
      await changeLink(transaction, viewer, stored, { type, direction: named.direction, issue, object });
    return await getIssueLink(transaction, viewer, issue.key, linkId);
  });
}

/**
 * Deletes a link of the issue, which may be at either end. Throws `not_found` if the issue has no such link, and `forbidden`
 * if the viewer may not change the issue.
 */
export function deleteIssueLink(db: Database, viewer: Viewer, issueName: string, linkId: number): Promise<void> {
  return db.transaction(async (transaction) => {
    await getIssueLink(transaction, viewer, issueName, linkId);
    await getWritableIssue(transaction, viewer, issueName);
    await deleteLink(transaction, viewer, await lockSeenLink(transaction, viewer, issueName, linkId));
  });
}

/** The links behind an issue's fields `parent` and `epic`: the type, and the issue's end of the link. */
const SINGLE_LINKS = {
  parent: { linkTypeId: 'subtask', direction: 'inward' },
  epic: { linkTypeId: 'epic', direction: 'outward' },
} as const;

export const SINGLE_LINK_TYPE_IDS = Object.values(SINGLE_LINKS).map(({ linkTypeId }) => linkTypeId);

/** A requested value of such a field: an issue, null to clear it, or undefined if the viewer may not see the named issue. */
interface SingleLink {
  readonly field: keyof typeof SINGLE_LINKS;
  readonly object: AccessibleIssue | null | undefined;
}

/**
 * Resolves the requested values of the fields `parent` and `epic`. Locks the link types and issues that these links need,
 * before the caller locks a queue or the issue itself.
 */
export async function lockSingleLinks(
  transaction: Transaction,
  viewer: Viewer,
  issueName: string | undefined,
  given: { readonly parent?: string | null | undefined; readonly epic?: string | null | undefined },
): Promise<SingleLink[]> {
  const fields = (['parent', 'epic'] as const).filter((field) => given[field] !== undefined);
  if (fields.length === 0) return [];
  const names = fields.map((field) => given[field] ?? '');
  const [issue, ...objects] = await findIssuesNamed(transaction, viewer, [issueName ?? '', ...names]);
  const issueIds = [issue, ...objects].flatMap((found) => (found ? [found.id] : []));
  const linkTypeIds = fields.map((field) => SINGLE_LINKS[field].linkTypeId);
  await lockForLinks(transaction, viewer.orgId, linkTypeIds, issueName === undefined ? [] : issueIds);
  return fields.map((field, place) => ({ field, object: given[field] === null ? null : objects[place] }));
}

/**
 * Creates, changes or deletes the links behind the fields `parent` and `epic`. The caller has locked the issue and checked
 * that the viewer may change it. Throws as `createIssueLink` does, except that an issue the viewer may not see throws
 * `refused` under the field's name.
 */
export async function replaceSingleLinks(
  transaction: Transaction,
  viewer: Viewer,
  issue: { readonly id: number; readonly key: string },
  singles: readonly SingleLink[],
): Promise<void> {
  if (singles.length === 0) return;
  const planned = singles.map(({ field, object }) => {
    return { linkTypeId: SINGLE_LINKS[field].linkTypeId, issues: [issue, object ?? issue] } as const;
  });
  const types = await lockTypesOf(transaction, viewer, planned);
  for (const { field, object } of singles) {
    const { linkTypeId, direction } = SINGLE_LINKS[field];
    const current = await lockSingleLink(transaction, viewer.orgId, linkTypeId, issue.id, direction);
    // The viewer cannot change a link to an issue that the viewer may not see, and clearing it appears to succeed.
    const isHidden = current !== undefined && !(await isVisible(transaction, viewer, objectAt(current, issue.id)));
    if (object === null) {
      if (current && !isHidden) await deleteLink(transaction, viewer, current);
      continue;
    }
    if (isHidden) throw new DomainError('refused', texts.secondSingle(linkTypeId, issue.key));
    if (object === undefined) throw new DomainError('refused', undefined, { [field]: texts.issueNotFound });
    const type = types.get(linkTypeId);
    if (type === undefined) throw new DomainError('refused', texts.linkTypeNotFound(linkTypeId));
    const write = { type, direction, issue, object };
    if (current === undefined) {
      await createLink(transaction, viewer, write, originNow(viewer));
    } else if (objectAt(current, issue.id) !== object.id) {
      await changeLink(transaction, viewer, current, write);
    }
  }
}

async function isVisible(db: Queryable, viewer: Viewer, issueId: number): Promise<boolean> {
  return (await selectVisibleKeys(db, viewer, [issueId])).has(issueId);
}

/** Locks a link of the issue and reads it again: it may have changed since the first read. Throws `not_found`. */
async function lockSeenLink(
  transaction: Transaction,
  viewer: Viewer,
  issueName: string,
  linkId: number,
): Promise<StoredLink & { version: number }> {
  const stored = await lockLink(transaction, viewer.orgId, linkId);
  await getIssueLink(transaction, viewer, issueName, linkId);
  if (stored === undefined) throw new DomainError('not_found', texts.linkNotFound);
  return stored;
}

function requireVersion(expected: number | undefined, actual: number): void {
  if (expected !== undefined && expected !== actual) throw new DomainError('stale', texts.staleVersion);
}

async function link(
  transaction: Transaction,
  viewer: Viewer,
  issueName: string,
  { type: { link_type_id: linkTypeId }, direction }: Relationship,
  objectName: string,
  origin: LinkOrigin,
): Promise<IssueLink> {
  const [issue, object] = await getIssuePair(transaction, viewer, issueName, objectName);
  const type = await lockTypeOf(transaction, viewer, { linkTypeId, issues: [issue, object] });
  const stored = await createLink(transaction, viewer, { type, direction, issue, object }, origin);
  return await getIssueLink(transaction, viewer, issue.key, stored.link_id);
}

async function getRelationship(
  transaction: Queryable,
  viewer: Viewer,
  phrase: string,
  accepts: (type: Relationship['type']) => boolean,
): Promise<Relationship> {
  const types = await selectLinkTypes(transaction, viewer.orgId);
  return relationshipNamed(relationshipsOf(types.filter(accepts)), phrase);
}
