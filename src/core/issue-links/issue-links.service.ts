import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { cachedStatuses } from '../dictionaries/dictionaries.store.ts';
import type { LinkedIssue } from '../issues/issue-access.ts';
import { parseIssueName } from '../issues/issue-name.ts';
import type { Direction } from '../labels/direction.ts';
import { type LinkTypeSummary, linkTypeFrom } from '../link-types/link-type-summary.ts';
import { cachedLinkTypes } from '../link-types/link-types.store.ts';
import { type UserSummary, userFrom } from '../users/user-summary.ts';
import { cachedUserNames } from '../users/users.store.ts';
import {
  type IssueLinkRow,
  type LinkFilter,
  selectIssueLink,
  selectIssueLinks,
  selectIssueLinksPage,
} from './issue-links.store.ts';
import type { LinkWrite } from './link-writes.service.ts';
import type { WrittenLink } from './link-writes.store.ts';

/** Reads links between issues, for both APIs; link-writes.service.ts writes them. */

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

/** The link as its writer knows it, with names from the cache. Reads the link if a name is not there yet. */
export async function describeLink(
  db: Queryable,
  viewer: Viewer,
  { linkTypeId, issue, direction, object }: LinkWrite & { readonly object: LinkedIssue },
  { link_id: id, version, created_at: createdAt, updated_at: updatedAt }: WrittenLink,
  authors: { readonly createdBy: number; readonly updatedBy: number },
): Promise<IssueLink> {
  const type = (await cachedLinkTypes(db, viewer.orgId, [linkTypeId])).get(linkTypeId);
  const status = (await cachedStatuses(db, viewer.orgId, [object.statusId])).get(object.statusId);
  const userIds = [authors.createdBy, authors.updatedBy, ...(object.assigneeId === null ? [] : [object.assigneeId])];
  const users = await cachedUserNames(db, viewer.orgId, userIds);
  const [createdBy, updatedBy, assignee] = userIds.map((userId) => users.get(userId));
  if (!type || !status || !createdBy || !updatedBy) return await getIssueLink(db, viewer, issue.key, id);
  return {
    id,
    version,
    issueKey: issue.key,
    type: linkTypeFrom(type),
    direction,
    object: { id: object.hexId, key: object.key, summary: object.summary },
    status: { id: status.id, key: status.key, name: { ru: status.name_ru, en: status.name_en } },
    assignee,
    createdBy,
    updatedBy,
    createdAt,
    updatedAt,
  };
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
  if (row === undefined) throw new DomainError('not_found', texts.linkNotFound, {}, { reason: 'link_not_found' });
  return toIssueLink(row);
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
