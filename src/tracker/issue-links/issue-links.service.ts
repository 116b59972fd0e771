import type { Viewer } from '../../core/access/viewer.ts';
import {
  directionAt,
  type LinkOrigin,
  madeNowBy,
  objectAt,
  writeChangedLink,
  writeNewLink,
  writeNoLink,
} from '../../core/issue-links/issue-links.service.ts';
import {
  type IssueLinkRow,
  lockLink,
  lockSingleLink,
  selectIssueLink,
  selectIssueLinks,
  selectIssueLinksPage,
  selectLinksOfIssues,
} from '../../core/issue-links/issue-links.store.ts';
import { getIssues, requireWritable, selectVisibleKeys } from '../../core/issues/issue-access.ts';
import { parseIssueName } from '../../core/issues/issue-name.ts';
import { type Direction, opposite } from '../../core/labels/direction.ts';
import { selectLinkTypes } from '../../core/link-types/link-types.store.ts';
import { type Relationship, relationshipNamed, relationshipsOf } from '../../core/link-types/relationships.ts';
import { type UserSummary, userFrom } from '../../core/users/user-summary.ts';
import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';

/** A link as the issue `issueKey` sees it; `object` is the issue at the other end. */
export interface IssueLink {
  readonly id: number;
  readonly version: number;
  readonly issueKey: string;
  readonly type: { readonly id: string; readonly inward: Text; readonly outward: Text };
  readonly direction: Direction;
  readonly object: { readonly id: string; readonly key: string; readonly summary: string };
  readonly status: { readonly id: number; readonly key: string; readonly name: Text };
  readonly assignee: UserSummary | undefined;
  readonly createdBy: UserSummary;
  readonly updatedBy: UserSummary;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/**
 * Every link of the issue, by ascending id, without those to issues that the viewer may not see.
 * Throws `not_found` when there is no such issue, or none for this viewer.
 */
export async function listIssueLinks(db: Queryable, viewer: Viewer, issueName: string): Promise<IssueLink[]> {
  const name = parseIssueName(issueName);
  const rows = name === undefined ? undefined : await selectIssueLinks(db, viewer, name);
  if (rows === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return rows.map(toIssueLink);
}

/** The same for several issues at once, by their numbers; an issue without links may be missing. */
export async function listLinksOfIssues(
  db: Queryable,
  viewer: Viewer,
  issueIds: readonly number[],
): Promise<Map<number, IssueLink[]>> {
  const links = new Map<number, IssueLink[]>();
  for (const row of await selectLinksOfIssues(db, viewer, issueIds)) {
    const others = links.get(row.issue_id);
    if (others) others.push(toIssueLink(row));
    else links.set(row.issue_id, [toIssueLink(row)]);
  }
  return links;
}

/**
 * One page of them; `phrases`, where given, says which relationships to show. Throws `not_found`, and `invalid` for a
 * phrase that no type has.
 */
export async function listIssueLinksPage(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  { phrases, page, perPage }: { phrases: readonly string[] | undefined; page: number; perPage: number },
): Promise<{ links: IssueLink[]; total: number }> {
  const name = parseIssueName(issueName);
  if (name === undefined) throw new DomainError('not_found', texts.issueNotFound);
  const relationships = phrases && relationshipsOf(await selectLinkTypes(db, viewer.orgId));
  const ends = phrases
    ?.map((phrase) => relationshipNamed(relationships ?? [], phrase))
    .flatMap(({ type, direction }) => {
      const end = { linkTypeId: type.link_type_id, direction };
      return type.is_symmetric ? [end, { ...end, direction: opposite(direction) }] : [end];
    });
  const offset = (page - 1) * perPage;
  const found = await selectIssueLinksPage(db, viewer, name, { ends, limit: perPage, offset });
  if (found === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return { total: found.total, links: found.links.map(toIssueLink) };
}

/** One link as the issue sees it. Throws `not_found`, also for a link of other issues. */
export async function getIssueLink(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  linkId: number,
): Promise<IssueLink> {
  const name = parseIssueName(issueName);
  const row = name === undefined ? undefined : await selectIssueLink(db, viewer, name, linkId);
  if (row === undefined) throw new DomainError('not_found', texts.linkNotFound);
  return toIssueLink(row);
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
    // Locked before it is looked at: what is read below holds until the end.
    const stored = await lockLink(transaction, viewer.orgId, linkId);
    const current = await getIssueLink(transaction, viewer, issueName, linkId);
    const [issue, object] = await getIssues(transaction, viewer, [issueName, change.object ?? current.object.key]);
    if (issue === undefined || object === undefined) throw new DomainError('not_found', texts.issueNotFound);
    requireWritable(issue);
    if (stored === undefined) throw new DomainError('not_found', texts.linkNotFound);
    if (change.version !== undefined && change.version !== stored.version) {
      throw new DomainError('stale', texts.staleVersion);
    }
    const relationships = relationshipsOf(await selectLinkTypes(transaction, viewer.orgId));
    const kept = { type: typeOf(relationships, stored.link_type_id), direction: directionAt(stored, issue.id) };
    const accepted = relationships.filter(({ type }) => !type.import_only);
    const named = change.relationship === undefined ? kept : relationshipNamed(accepted, change.relationship);
    const isSame =
      named.type.link_type_id === stored.link_type_id &&
      (named.direction === kept.direction || named.type.is_symmetric) &&
      objectAt(stored, issue.id) === object.id;
    if (!isSame) await writeChangedLink(transaction, viewer, stored, { ...named, issue, object });
    return await getIssueLink(transaction, viewer, issue.key, linkId);
  });
}

/**
 * Removes a link, from either end. Throws `not_found` for a link that is not the issue's, and `forbidden` when the viewer
 * may not change the issue.
 */
export function deleteIssueLink(db: Database, viewer: Viewer, issueName: string, linkId: number): Promise<void> {
  return db.transaction(async (transaction) => {
    await lockLink(transaction, viewer.orgId, linkId);
    await getIssueLink(transaction, viewer, issueName, linkId);
    const [issue] = await getIssues(transaction, viewer, [issueName]);
    if (issue) requireWritable(issue);
    await writeNoLink(transaction, viewer, linkId);
  });
}

/**
 * Sets, changes or (with null) ends an issue's link to its parent or its epic, which the fields `parent` and `epic` show.
 * The caller has locked the issue and knows that the viewer may change it. Throws as `createIssueLink` does.
 */
export async function replaceSingleLink(
  transaction: Transaction,
  viewer: Viewer,
  issueId: number,
  linkTypeId: 'subtask' | 'epic',
  otherIssueName: string | null,
): Promise<void> {
  const relationships = relationshipsOf(await selectLinkTypes(transaction, viewer.orgId));
  const direction = linkTypeId === 'subtask' ? 'inward' : 'outward';
  const current = await lockSingleLink(transaction, viewer.orgId, linkTypeId, issueId, direction);
  const keys = await selectVisibleKeys(transaction, viewer, [
    issueId,
    ...(current ? [objectAt(current, issueId)] : []),
  ]);
  const issue = { id: issueId, key: keys.get(issueId) ?? '…' };
  // What the viewer may not see is not the viewer's to end or to change, and looks as if it were not there.
  const isHidden = current !== undefined && !keys.has(objectAt(current, issueId));
  if (otherIssueName === null) {
    if (current && !isHidden) await writeNoLink(transaction, viewer, current.link_id);
    return;
  }
  if (isHidden) throw new DomainError('refused', texts.secondSingle(linkTypeId, issue.key));
  const [object] = await getIssues(transaction, viewer, [otherIssueName]);
  if (object === undefined) throw new DomainError('not_found', texts.issueNotFound);
  const write = { type: typeOf(relationships, linkTypeId), direction, issue, object } as const;
  if (current === undefined) {
    await writeNewLink(transaction, viewer, write, madeNowBy(viewer));
  } else if (objectAt(current, issueId) !== object.id) {
    await writeChangedLink(transaction, viewer, current, write);
  }
}

async function link(
  transaction: Transaction,
  viewer: Viewer,
  issueName: string,
  relationship: Relationship,
  objectName: string,
  origin: LinkOrigin,
): Promise<IssueLink> {
  const [issue, object] = await getIssues(transaction, viewer, [issueName, objectName]);
  if (issue === undefined || object === undefined) throw new DomainError('not_found', texts.issueNotFound);
  requireWritable(issue);
  const stored = await writeNewLink(transaction, viewer, { ...relationship, issue, object }, origin);
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

function typeOf(relationships: readonly Relationship[], linkTypeId: string): Relationship['type'] {
  const found = relationships.find(({ type }) => type.link_type_id === linkTypeId);
  if (found === undefined) throw new DomainError('refused', texts.linkTypeNotFound(linkTypeId));
  return found.type;
}

function toIssueLink(row: IssueLinkRow): IssueLink {
  return {
    id: row.link_id,
    version: row.version,
    issueKey: row.issue_key,
    type: {
      id: row.link_type_id,
      inward: { ru: row.inward_ru, en: row.inward_en },
      outward: { ru: row.outward_ru, en: row.outward_en },
    },
    direction: row.direction,
    object: { id: row.object_hex_id, key: row.object_key, summary: row.object_summary },
    status: { id: row.status_id, key: row.status_key, name: { ru: row.status_ru, en: row.status_en } },
    assignee: row.assignee_uid === null ? undefined : userFrom(row, 'assignee'),
    createdBy: userFrom(row, 'created_by'),
    updatedBy: userFrom(row, 'updated_by'),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
