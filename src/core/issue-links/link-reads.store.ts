import type { Queryable } from '../../database/database.ts';
import { lookup } from '../../database/lookup.ts';
import type { SharedStatement } from '../../database/shared-reads.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, visibleToViewer } from '../access/viewer.ts';
import { cachedStatuses, type StatusRow } from '../dictionaries/dictionaries.store.ts';
import { issueIdNamed, parseIssueName } from '../issues/issue-name.ts';
import type { Direction } from '../labels/direction.ts';
import { cachedLinkTypes, type LinkTypeRow } from '../link-types/link-types.store.ts';
import type { UserSummary } from '../users/user-summary.ts';
import { cachedUserNames } from '../users/users.store.ts';
import { linkEnds } from './link-ends.ts';

/**
 * A link from the point of view of the issue `issueKey`, with ids for what the cache holds. Columns of the other issue
 * start with `object`.
 */
export interface LinkEndRow {
  readonly issueKey: string;
  readonly linkId: number;
  readonly linkTypeId: string;
  readonly direction: Direction;
  /** In PostgreSQL's format, in UTC: `2017-06-11 05:16:01.421+00`. */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly createdBy: number;
  readonly updatedBy: number;
  readonly objectHexId: string;
  readonly objectKey: string;
  readonly objectSummary: string;
  readonly objectStatusId: number;
  readonly objectAssigneeId: number | null;
}

/** SQL: the columns that `linkEndFrom` reads, of the rows `ends` and `object`. `updated_*` are null if as `created_*`. */
export const LINK_END_COLUMNS = `
      ends.link_id, ends.link_type_id, ends.direction, ends.created_at, nullif(ends.updated_at, ends.created_at),
      ends.created_by, nullif(ends.updated_by, ends.created_by),
      object.hex_id, object.key, object.summary, object.status_id, object.assignee_id`;

/**
 * The links of the issues that the rows `viewer` name. Laterals keep the plan to look-ups by index, whatever PostgreSQL
 * knows about the tables.
 */
const SELECT_LINKS_FOR_VIEWERS = statement<'orgId' | 'issueNames' | 'userIds' | 'applications'>(
  'select_links_for_viewers',
  `
  select viewer.place, issues.key, link.*
  from unnest(:issueNames::text[], :userIds::bigint[], :applications::boolean[]) with ordinality
    as viewer (issue_name, user_id, is_application, place)
  cross join ${lookup('issues', 'issues', `issues.issue_id = ${issueIdNamed('viewer.issue_name')}`)}
  join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id and ${visibleToViewer('queues')}
  left join lateral (
    select ${LINK_END_COLUMNS}
    from ${linkEnds('issues')} ends
    cross join ${lookup('object', 'issues', 'issues.issue_id = ends.object_id')}
    join queues object_queue on object_queue.org_id = :orgId and object_queue.queue_id = object.queue_id
    where ${visibleToViewer('object_queue')}
  ) link on true`,
);

/** An issue, and the user who wants its links. */
interface WantedLinks {
  readonly issueName: string;
  readonly userId: number;
  readonly isApplication: boolean;
}

const LINKS: SharedStatement<WantedLinks, LinkEndRow | undefined> = {
  bind: (orgId, wanted) =>
    SELECT_LINKS_FOR_VIEWERS({
      orgId,
      issueNames: wanted.map(({ issueName }) => issueName),
      userIds: wanted.map(({ userId }) => userId),
      applications: wanted.map(({ isApplication }) => isApplication),
    }),
  rowOf,
};

/**
 * The links of an issue in both directions, by link_id, without those to issues that the viewer may not see. Undefined
 * for an issue that the viewer may not see. One statement reads for all requests that wait (decision 9).
 */
export async function readIssueLinks(
  db: Queryable,
  { orgId, userId, isApplication }: Viewer,
  issueName: string,
): Promise<LinkEndRow[] | undefined> {
  const parsed = parseIssueName(issueName);
  if (parsed === undefined) return undefined;
  const [rows = []] = await db.readShared(LINKS, orgId, [{ issueName: parsed, userId, isApplication }]);
  if (rows.length === 0) return undefined;
  const links = rows.filter((row) => row !== undefined);
  return links.sort((left, right) => left.linkId - right.linkId);
}

/** The rows that links refer to by id. A row that was deleted together with a link, after that was read, is missing. */
export interface LinkReferences {
  readonly types: ReadonlyMap<string, LinkTypeRow>;
  readonly statuses: ReadonlyMap<number, StatusRow>;
  readonly users: ReadonlyMap<number, UserSummary>;
}

export async function readLinkReferences(
  db: Queryable,
  { orgId }: Viewer,
  links: readonly LinkEndRow[],
): Promise<LinkReferences> {
  const typeIds: string[] = [];
  const statusIds: number[] = [];
  const userIds: number[] = [];
  for (const { linkTypeId, objectStatusId, createdBy, updatedBy, objectAssigneeId } of links) {
    typeIds.push(linkTypeId);
    statusIds.push(objectStatusId);
    userIds.push(createdBy, updatedBy);
    if (objectAssigneeId !== null) userIds.push(objectAssigneeId);
  }
  return {
    types: await cachedLinkTypes(db, orgId, typeIds),
    statuses: await cachedStatuses(db, orgId, statusIds),
    users: await cachedUserNames(db, orgId, userIds),
  };
}

type Fields = readonly (string | null)[];

function rowOf(fields: Fields): LinkEndRow | undefined {
  return linkEndFrom(fields, 2, fields[1] as string);
}

/** The link in the columns from `at` on. Undefined for the row of an outer join, which an issue without links has. */
export function linkEndFrom(fields: Fields, at: number, issueKey: string): LinkEndRow | undefined {
  if (fields[at] === null) return undefined;
  const createdAt = fields[at + 3] as string;
  const createdBy = Number(fields[at + 5]);
  const updatedBy = fields[at + 6] as string | null;
  const assigneeId = fields[at + 11] as string | null;
  return {
    issueKey,
    linkId: Number(fields[at]),
    linkTypeId: fields[at + 1] as string,
    direction: fields[at + 2] as Direction,
    createdAt,
    updatedAt: fields[at + 4] ?? createdAt,
    createdBy,
    updatedBy: updatedBy === null ? createdBy : Number(updatedBy),
    objectHexId: fields[at + 7] as string,
    objectKey: fields[at + 8] as string,
    objectSummary: fields[at + 9] as string,
    objectStatusId: Number(fields[at + 10]),
    objectAssigneeId: assigneeId === null ? null : Number(assigneeId),
  };
}
