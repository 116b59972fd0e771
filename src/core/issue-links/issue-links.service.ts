import { ConcurrentChange, type Queryable, type Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { insertEvents } from '../events/events.store.ts';
import { parseIssueName } from '../issues/issue-name.ts';
import { type Direction, opposite } from '../labels/direction.ts';
import { type LinkTypeSummary, linkTypeFrom } from '../link-types/link-type-summary.ts';
import { type LockedType, lockForLinks, lockTypesOfLabels } from '../link-types/link-types.store.ts';
import { putInOrder } from '../topological-order/topological-order.service.ts';
import { lockOrder } from '../topological-order/topological-order.store.ts';
import { type UserSummary, userFrom } from '../users/user-summary.ts';
import {
  deleteLinkRow,
  deleteLinksOf,
  deleteLinksOfLabel,
  existsSameLabel,
  type IssueLinkRow,
  insertLink,
  type LinkFilter,
  lockPair,
  type StoredLink,
  selectIssueLink,
  selectIssueLinks,
  selectIssueLinksPage,
  selectLinksOfIssues,
  updateLink,
} from './issue-links.store.ts';
import { directionAt, linkEvents } from './link-events.ts';

/**
 * Links between issues, for both APIs. Database constraints enforce most rules. Two need a query under a lock: the cycle
 * check, which runs after the write, and duplicates through types that share a label. Every write records its events.
 */

/** A link from the point of view of the issue `issueKey`; `object` is the issue at the other end. */
export interface IssueLink {
  readonly id: number;
  readonly version: number;
  readonly issueKey: string;
  readonly type: LinkTypeSummary;
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
 * The links of the issue by id, without those to issues that the viewer may not see. Throws `not_found`, also for an
 * issue that the viewer may not see.
 */
export async function listIssueLinks(db: Queryable, viewer: Viewer, issueName: string): Promise<IssueLink[]> {
  const name = parseIssueName(issueName);
  const rows = name === undefined ? undefined : await selectIssueLinks(db, viewer, name);
  if (rows === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return rows.map(toIssueLink);
}

/** Maps several issue_ids to the links of these issues. An issue without links has no entry. */
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

/** One page of the issue's links that match the filter. Throws `not_found`. */
export async function listIssueLinksPage(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  filter: LinkFilter,
): Promise<{ links: IssueLink[]; total: number }> {
  const name = parseIssueName(issueName);
  const found = name === undefined ? undefined : await selectIssueLinksPage(db, viewer, name, filter);
  if (found === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return { total: found.total, links: found.links.map(toIssueLink) };
}

/** A link from the point of view of the issue. Throws `not_found`, also for a link of other issues. */
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

/** An issue at one end of a link, with the key that error messages use. */
export interface LinkEnd {
  readonly id: number;
  readonly key: string;
}

/** A link to be written, from the point of view of the issue that it is written for. */
export interface LinkWrite {
  readonly type: LockedType;
  readonly issue: LinkEnd;
  readonly direction: Direction;
  readonly object: LinkEnd;
}

/** The authors and times of a link, which an import supplies. */
export interface LinkOrigin {
  readonly createdBy: number;
  readonly updatedBy: number;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
}

export function originNow({ userId }: Viewer): LinkOrigin {
  return { createdBy: userId, updatedBy: userId, createdAt: undefined, updatedAt: undefined };
}

/** A link that is about to be written. */
export interface PlannedLink {
  readonly linkTypeId: string;
  readonly issues: readonly [LinkEnd, LinkEnd];
}

/**
 * Locks everything that links depend on, before any link is locked or written (decision 8). The result omits types that
 * do not exist.
 */
export async function lockTypesOf(
  db: Transaction,
  { orgId }: Viewer,
  planned: readonly PlannedLink[],
): Promise<Map<string, LockedType>> {
  const issueIds = planned.flatMap(({ issues }) => issues.map(({ id }) => id));
  const linkTypeIds = planned.map(({ linkTypeId }) => linkTypeId);
  const locked = await lockForLinks(db, orgId, linkTypeIds, issueIds);
  const types = new Map(locked.map((type) => [type.link_type_id, type]));
  for (const { is_acyclic, link_type_id } of locked) if (is_acyclic) await lockOrder(db, orgId, link_type_id);
  const pairs = planned
    .filter(({ linkTypeId }) => types.get(linkTypeId)?.shares_label)
    .map(({ issues: [one, other] }) => [Math.min(one.id, other.id), Math.max(one.id, other.id)] as const)
    .sort(([lowerA, higherA], [lowerB, higherB]) => lowerA - lowerB || higherA - higherB);
  for (const pair of pairs) await lockPair(db, orgId, pair);
  return types;
}

/** As `lockTypesOf`, for one link. Throws ConcurrentChange if its type no longer exists. */
export async function lockTypeOf(db: Transaction, viewer: Viewer, planned: PlannedLink): Promise<LockedType> {
  const type = (await lockTypesOf(db, viewer, [planned])).get(planned.linkTypeId);
  if (type === undefined) throw new ConcurrentChange();
  return type;
}

/** Writes a link whose dependencies are locked. Throws `refused` with the rule that the link would break. */
export async function createLink(
  db: Transaction,
  viewer: Viewer,
  link: LinkWrite,
  origin: LinkOrigin,
): Promise<StoredLink> {
  await refuseSameLabel(db, viewer, link, undefined);
  const insert = insertLink(db, viewer.orgId, {
    ...link.type,
    ...endsOf(link),
    firstEnd: link.direction,
    ...origin,
  });
  const stored = await translateLinkErrors(link, insert);
  if (link.type.is_acyclic) await putInOrder(db, viewer, link.type.link_type_id, endsOf(link));
  await insertEvents(db, viewer.orgId, viewer.userId, linkEvents(undefined, stored));
  return stored;
}

/**
 * Changes the type, direction or object of a locked link, which keeps its id. Throws `refused` as `createLink` does.
 */
export async function changeLink(db: Transaction, viewer: Viewer, current: StoredLink, link: LinkWrite): Promise<void> {
  const wasFirst = directionAt(current, link.issue.id) === current.first_end;
  await refuseSameLabel(db, viewer, link, current.link_id);
  const update = updateLink(db, viewer.orgId, current.link_id, {
    ...link.type,
    ...endsOf(link),
    firstEnd: wasFirst ? link.direction : opposite(link.direction),
    updatedBy: viewer.userId,
  });
  const stored = await translateLinkErrors(link, update);
  if (link.type.is_acyclic) await putInOrder(db, viewer, link.type.link_type_id, endsOf(link));
  await insertEvents(db, viewer.orgId, viewer.userId, linkEvents(current, stored));
}

/** Deletes a locked link; both issues record that. */
export async function deleteLink(db: Transaction, viewer: Viewer, link: StoredLink): Promise<void> {
  await deleteLinkRow(db, viewer.orgId, link.link_id);
  await insertEvents(db, viewer.orgId, viewer.userId, linkEvents(link, undefined));
}

/** Deletes all links of locked issues that are about to be deleted; the issues at the other ends record the change. */
export async function deleteLinksOfIssues(db: Transaction, viewer: Viewer, issueIds: readonly number[]): Promise<void> {
  const deleted = await deleteLinksOf(db, viewer.orgId, issueIds);
  const removed = new Set(issueIds);
  const elsewhere = deleted
    .flatMap((link) => linkEvents(link, undefined))
    .filter(({ issueId }) => !removed.has(issueId));
  await insertEvents(db, viewer.orgId, viewer.userId, elsewhere);
}

/** Deletes all links that have the label at one end, before the label itself is deleted; both issues record that. */
export async function deleteLinksWithLabel(db: Transaction, viewer: Viewer, labelId: number): Promise<void> {
  // A transaction that creates or changes a link locks its type first, so none of these links can appear from here on.
  await lockTypesOfLabels(db, viewer.orgId, [labelId]);
  const deleted = await deleteLinksOfLabel(db, viewer.orgId, labelId);
  const events = deleted.flatMap((link) => linkEvents(link, undefined));
  await insertEvents(db, viewer.orgId, viewer.userId, events);
}

function endsOf({ direction, issue, object }: Omit<LinkWrite, 'type'>) {
  return direction === 'inward'
    ? { inwardIssueId: issue.id, outwardIssueId: object.id }
    : { inwardIssueId: object.id, outwardIssueId: issue.id };
}

/**
 * Throws `refused` if the issues already have a link with the same label at the same end, through a type that shares
 * the label. Constraints cannot see such a duplicate, since the types differ.
 */
async function refuseSameLabel(
  db: Queryable,
  { orgId }: Viewer,
  link: LinkWrite,
  linkId: number | undefined,
): Promise<void> {
  const { type, issue, object } = link;
  if (!type.shares_label) return;
  if (await existsSameLabel(db, orgId, { linkId, linkTypeId: type.link_type_id, ...endsOf(link) })) {
    throw new DomainError('refused', texts.alreadyLinked(issue.key, object.key));
  }
}

/** Awaits a write, and translates violated constraints to `refused`. */
async function translateLinkErrors<Result>(
  { type, issue, object, direction }: LinkWrite,
  write: Promise<Result>,
): Promise<Result> {
  const linked = () => new DomainError('refused', texts.alreadyLinked(issue.key, object.key));
  const single = direction === type.single_end ? issue : object;
  const secondSingle = () => new DomainError('refused', texts.secondSingle(type.link_type_id, single.key));
  return await onConstraint(write, {
    links_pair_key: linked,
    links_ends_key: linked,
    links_unordered_ends_key: linked,
    links_single_inward_key: secondSingle,
    links_single_outward_key: secondSingle,
    links_self_check: () => new DomainError('refused', texts.selfLink(issue.key)),
    // The issue was removed before we locked it.
    links_inward_issue_id_fkey: () => new ConcurrentChange(),
    links_outward_issue_id_fkey: () => new ConcurrentChange(),
  });
}

function toIssueLink(row: IssueLinkRow): IssueLink {
  return {
    id: row.link_id,
    version: row.version,
    issueKey: row.issue_key,
    type: linkTypeFrom(row),
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
