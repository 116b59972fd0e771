import type { Viewer } from '../../core/access/viewer.ts';
import { describeLink, type IssueLink, listIssueLinksPage } from '../../core/issue-links/issue-links.service.ts';
import { type LinkAtIssue, selectLinkAtIssue } from '../../core/issue-links/link-at-issue.store.ts';
import { directionAt, objectAt } from '../../core/issue-links/link-events.ts';
import { lockTypesOf, originNow, writeLink, writeLockedLink } from '../../core/issue-links/link-writes.service.ts';
import type { LinkOrigin } from '../../core/issue-links/link-writes.store.ts';
import { lockSingleLink } from '../../core/issue-links/locked-link-writes.store.ts';
import {
  type AccessibleIssue,
  findIssuesNamed,
  getIssuePair,
  issueNotFound,
  requireWritable,
  selectVisibleNames,
} from '../../core/issues/issue-access.ts';
import { parseIssueName } from '../../core/issues/issue-name.ts';
import { type Direction, opposite } from '../../core/labels/direction.ts';
import { linkTypeFrom } from '../../core/link-types/link-type-summary.ts';
import { cachedLinkTypes, type LinkTypeRow, selectLinkTypes } from '../../core/link-types/link-types.store.ts';
import { lockForLinks } from '../../core/link-types/locked-types.store.ts';
import { normalizedPhrase } from '../../core/link-types/phrases.ts';
import {
  findRelationship,
  type Relationship,
  relationshipNamed,
  relationshipsOf,
} from '../../core/link-types/relationships.ts';
import type { Database, Queryable, Transaction } from '../../database/database.ts';
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
  const ends = phrases && (await linkEndsNamed(db, viewer, phrases));
  return await listIssueLinksPage(db, viewer, issueName, { ends, limit: perPage, offset: (page - 1) * perPage });
}

/** The link types and ends that the relationships mean. Throws `invalid` for an unknown phrase. */
export async function linkEndsNamed(
  db: Queryable,
  { orgId }: Viewer,
  phrases: readonly string[],
): Promise<{ linkTypeId: string; direction: Direction }[]> {
  const relationships = relationshipsOf((await cachedLinkTypes(db, orgId)).values());
  return phrases
    .map((phrase) => relationshipNamed(relationships, phrase))
    .flatMap(({ type, direction }) => {
      const end = { linkTypeId: type.link_type_id, direction };
      return type.is_symmetric ? [end, { ...end, direction: opposite(direction) }] : [end];
    });
}

/**
 * Links the issue to another. Throws `not_found` if the viewer may not see both issues, `forbidden` if the viewer may not
 * change the first, `invalid` for an unknown relationship, and `refused` if the link would violate a rule.
 */
export function createIssueLink(
  db: Database,
  viewer: Viewer,
  issueName: string,
  link: { relationship: string; object: string },
): Promise<IssueLink> {
  return create(db, viewer, issueName, link, isCreatable, originNow(viewer));
}

/** Creates a link with its author and times from another tracker. Throws as `createIssueLink` does. */
export function importIssueLink(
  db: Database,
  viewer: Viewer,
  issueName: string,
  { origin, ...link }: { relationship: string; object: string; origin: LinkOrigin },
): Promise<IssueLink> {
  return create(db, viewer, issueName, link, () => true, origin);
}

async function create(
  db: Database,
  viewer: Viewer,
  issueName: string,
  names: { relationship: string; object: string },
  accepts: (type: LinkTypeRow) => boolean,
  origin: LinkOrigin,
): Promise<IssueLink> {
  const plan = async (on: Queryable) => {
    const { type, direction } = await getRelationship(on, viewer, names.relationship, accepts);
    const [issue, object] = await getIssuePair(on, viewer, issueName, names.object);
    const after = { linkTypeId: type.link_type_id, issue, direction, object };
    return { change: { before: undefined, after }, after };
  };
  const { plan: planned, written } = await writeLink(db, viewer, plan, origin);
  return await describeLink(db, viewer, planned.after, written, origin);
}

/**
 * Changes the relationship of a link, its object, or both, in place. Throws as `createIssueLink` does, and `stale` if
 * `version` is not the link's current version.
 */
export async function updateIssueLink(
  db: Database,
  viewer: Viewer,
  issueName: string,
  linkId: number,
  change: { relationship: string | undefined; object: string | undefined; version: number | undefined },
): Promise<IssueLink> {
  const plan = async (on: Queryable) => {
    const seen = await getLinkAtIssue(on, viewer, issueName, linkId);
    const { stored, issue } = seen;
    const [object] = change.object === undefined ? [seen.object] : await findIssuesNamed(on, viewer, [change.object]);
    if (object === undefined) throw issueNotFound(['body']);
    requireWritable(issue);
    if (change.version !== undefined && change.version !== stored.version) {
      throw new DomainError('stale', texts.staleVersion);
    }
    const direction = directionAt(stored, issue.id);
    const named = await newRelationship(on, viewer, change.relationship, stored.link_type_id, direction);
    const linkTypeId = named?.type.link_type_id ?? stored.link_type_id;
    const isSameEnd = named === undefined || named.direction === direction || named.type.is_symmetric;
    if (linkTypeId === stored.link_type_id && isSameEnd && object.id === seen.object.id) {
      return { seen, after: { linkTypeId, issue, direction, object }, unchanged: stored };
    }
    const after = { linkTypeId, issue, direction: named?.direction ?? direction, object };
    return { seen, after, change: { before: stored, after } };
  };
  const {
    plan: { seen, after },
    written,
  } = await writeLink(db, viewer, plan);
  const updatedBy = written.version === seen.stored.version ? seen.updatedBy : viewer.userId;
  return await describeLink(db, viewer, after, written, { createdBy: seen.createdBy, updatedBy });
}

/**
 * Deletes a link of the issue, which may be at either end. Throws `not_found` if the issue has no such link, and `forbidden`
 * if the viewer may not change the issue.
 */
export async function deleteIssueLink(db: Database, viewer: Viewer, issueName: string, linkId: number): Promise<void> {
  await writeLink(db, viewer, async (on) => {
    const { issue, stored } = await getLinkAtIssue(on, viewer, issueName, linkId);
    requireWritable(issue);
    return { change: { before: stored, after: undefined } };
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
 * that the viewer may change it. A new value replaces one that the viewer may not see; clearing the field keeps it, since
 * clients send back what they have read. Throws as `createIssueLink` does, except that an issue the viewer may not see
 * throws `refused` under the field's name.
 */
export async function replaceSingleLinks(
  transaction: Transaction,
  viewer: Viewer,
  { id, key }: { readonly id: number; readonly key: string },
  singles: readonly SingleLink[],
): Promise<void> {
  if (singles.length === 0) return;
  const issue = { id, key, mayWrite: true };
  const planned = singles.map(({ field, object }) => {
    return { linkTypeId: SINGLE_LINKS[field].linkTypeId, issue, object: object ?? issue };
  });
  const types = await lockTypesOf(transaction, viewer, planned);
  for (const { field, object } of singles) {
    const { linkTypeId, direction } = SINGLE_LINKS[field];
    const before = await lockSingleLink(transaction, viewer.orgId, linkTypeId, issue.id, direction);
    if (object === null) {
      if (before && (await isVisible(transaction, viewer, objectAt(before, issue.id)))) {
        await writeLockedLink(transaction, viewer, types, { before, after: undefined });
      }
      continue;
    }
    if (object === undefined) {
      throw new DomainError(
        'refused',
        undefined,
        { [field]: texts.issueNotFound },
        {
          reason: 'issue_not_found',
          details: { missing: ['body'] },
        },
      );
    }
    if (!types.has(linkTypeId)) {
      throw new DomainError('refused', texts.linkTypeNotFound(linkTypeId), {}, { reason: 'link_type_not_found' });
    }
    if (before && objectAt(before, issue.id) === object.id) continue;
    await writeLockedLink(transaction, viewer, types, { before, after: { linkTypeId, issue, direction, object } });
  }
}

async function isVisible(db: Queryable, viewer: Viewer, issueId: number): Promise<boolean> {
  return (await selectVisibleNames(db, viewer, [issueId])).has(issueId);
}

/** Throws `not_found`, also for a link of other issues. */
async function getLinkAtIssue(db: Queryable, viewer: Viewer, issueName: string, linkId: number): Promise<LinkAtIssue> {
  const name = parseIssueName(issueName);
  const found = name === undefined ? undefined : await selectLinkAtIssue(db, viewer, name, linkId);
  if (found === undefined) throw new DomainError('not_found', texts.linkNotFound, {}, { reason: 'link_not_found' });
  return found;
}

/**
 * The relationship that a link is to have. Undefined to keep the current one, which clients send back: also that of a
 * clone, which cannot be created, and one whose phrase another type has, too.
 */
async function newRelationship(
  db: Queryable,
  viewer: Viewer,
  phrase: string | undefined,
  linkTypeId: string,
  direction: Direction,
): Promise<Relationship | undefined> {
  const current = (await cachedLinkTypes(db, viewer.orgId, [linkTypeId])).get(linkTypeId);
  const isCurrent =
    phrase === undefined || (current && linkTypeFrom(current).relationships[direction] === normalizedPhrase(phrase));
  return isCurrent ? undefined : await getRelationship(db, viewer, phrase, isCreatable);
}

async function getRelationship(
  db: Queryable,
  viewer: Viewer,
  phrase: string,
  accepts: (type: LinkTypeRow) => boolean,
): Promise<Relationship> {
  const acceptedOf = (types: Iterable<LinkTypeRow>) => relationshipsOf([...types].filter(accepts));
  const cached = await cachedLinkTypes(db, viewer.orgId);
  return (
    findRelationship(acceptedOf(cached.values()), phrase) ??
    // Another server may have just created the type.
    relationshipNamed(acceptedOf(await selectLinkTypes(db, viewer.orgId)), phrase)
  );
}

function isCreatable(type: LinkTypeRow): boolean {
  return !type.import_only;
}
