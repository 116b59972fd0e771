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
  madeNowBy,
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
import { lockForLinks, selectLinkTypes } from '../../core/link-types/link-types.store.ts';
import { type Relationship, relationshipNamed, relationshipsOf } from '../../core/link-types/relationships.ts';
import { ConcurrentChange, type Database, type Queryable, type Transaction } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

/** Links in Tracker's words: issues by name, relationships by phrase, and the fields `parent` and `epic`. */

/**
 * One page of an issue's links; `phrases`, where given, says which relationships to show. Throws `not_found`, and `invalid`
 * for a phrase that no type has.
 */
export async function listLinksRelatedBy(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  { phrases, page, perPage }: { phrases: readonly string[] | undefined; page: number; perPage: number },
): Promise<{ links: IssueLink[]; total: number }> {
  const relationships = phrases && relationshipsOf(await selectLinkTypes(db, viewer.orgId));
  const ends = phrases
    ?.map((phrase) => relationshipNamed(relationships ?? [], phrase))
    .flatMap(({ type, direction }) => {
      const end = { linkTypeId: type.link_type_id, direction };
      return type.is_symmetric ? [end, { ...end, direction: opposite(direction) }] : [end];
    });
  return await listIssueLinksPage(db, viewer, issueName, { ends, limit: perPage, offset: (page - 1) * perPage });
}

/**
 * Links the issue to another. Throws `not_found` for an issue that the viewer may not see, `forbidden` when the viewer may
 * not change the first, `invalid` for an unknown relationship, and `refused` with the rule that is in the way.
 */
export function createIssueLink(
  db: Database,
  viewer: Viewer,
  issueName: string,
  { relationship, object }: { relationship: string; object: string },
): Promise<IssueLink> {
  return db.transaction(async (transaction) => {
    const named = await getRelationship(transaction, viewer, relationship, (type) => !type.import_only);
    return await link(transaction, viewer, issueName, named, object, madeNowBy(viewer));
  });
}

/** Links two issues as another tracker had them linked. Throws as `createIssueLink` does. */
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
 * Gives a link another relationship, another object, or both, in place. Throws as `createIssueLink` does, and `stale` when
 * `version` is not the link's.
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
    // What the request keeps has changed since we looked.
    if ((change.relationship === undefined && !isSameType) || (change.object === undefined && !isSameObject)) {
      throw new ConcurrentChange();
    }
    if (!isSameType || !isSameObject)
      await changeLink(transaction, viewer, stored, { type, direction: named.direction, issue, object });
    return await getIssueLink(transaction, viewer, issue.key, linkId);
  });
}

/**
 * Removes a link, from either end. Throws `not_found` for a link that is not the issue's, and `forbidden` when the viewer
 * may not change the issue.
 */
export function deleteIssueLink(db: Database, viewer: Viewer, issueName: string, linkId: number): Promise<void> {
  return db.transaction(async (transaction) => {
    await getIssueLink(transaction, viewer, issueName, linkId);
    await getWritableIssue(transaction, viewer, issueName);
    await deleteLink(transaction, viewer, await lockSeenLink(transaction, viewer, issueName, linkId));
  });
}

/** The links that the fields `parent` and `epic` of an issue show: each type, and the end at which that issue stands. */
const SINGLE_LINKS = {
  parent: { linkTypeId: 'subtask', direction: 'inward' },
  epic: { linkTypeId: 'epic', direction: 'outward' },
} as const;

export const SINGLE_LINK_TYPE_IDS = Object.values(SINGLE_LINKS).map(({ linkTypeId }) => linkTypeId);

/** A field that a request gives: the issue that it names, null for none, and undefined for one that the viewer does not see. */
interface SingleLink {
  readonly field: keyof typeof SINGLE_LINKS;
  readonly object: AccessibleIssue | null | undefined;
}

/**
 * What a request says of the fields `parent` and `epic`. Locks the types and the issues that their links need, before the
 * caller locks a queue or the issue itself.
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
 * Sets, changes or ends the links that the fields `parent` and `epic` show. The caller has locked the issue and knows that
 * the viewer may change it. Throws as `createIssueLink` does, and `refused`, under the field, for an issue that the viewer
 * does not see.
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
    // A link to an issue that the viewer does not see looks as if it were not there, and is not the viewer's to change.
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
      await createLink(transaction, viewer, write, madeNowBy(viewer));
    } else if (objectAt(current, issue.id) !== object.id) {
      await changeLink(transaction, viewer, current, write);
    }
  }
}

async function isVisible(db: Queryable, viewer: Viewer, issueId: number): Promise<boolean> {
  return (await selectVisibleKeys(db, viewer, [issueId])).has(issueId);
}

/** Locks a link that the viewer has seen at the issue, and looks again: it may have changed since. Throws `not_found`. */
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
