import type { ClientDatabase, Queryable } from '../../database/database.ts';
import type { SharedStatement } from '../../database/shared-reads.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, visibleToViewer } from '../access/viewer.ts';
import { cachedStatuses, type StatusRow } from '../dictionaries/dictionaries.store.ts';
import { issueIdNamed, parseIssueName } from '../issues/issue-name.ts';
import type { Direction } from '../labels/direction.ts';
import { cachedLinkTypes, type LinkTypeRow } from '../link-types/link-types.store.ts';
import { cachedUserNames, type UserNames } from '../users/users.store.ts';

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

/**
 * SQL: the links of the issues that the rows `viewer` name. Laterals keep the plan to look-ups by index, whatever PostgreSQL
 * knows about the tables: for one issue they are few, and there is no other plan to choose wrongly.
 */
const SELECT_LINKS_FOR_VIEWERS = statement<'orgId' | 'issueNames' | 'userIds' | 'applications'>(
  'select_links_for_viewers',
  `
  select viewer.place, issues.key, link.*
  from unnest(:issueNames::text[], :userIds::bigint[], :applications::boolean[]) with ordinality
    as viewer (issue_name, user_id, is_application, place)
  join issues on issues.org_id = :orgId and issues.issue_id = ${issueIdNamed('viewer.issue_name')}
  join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id and ${visibleToViewer('queues')}
  left join lateral (
    select ends.link_id, ends.link_type_id, ends.direction, ends.created_at,
      nullif(ends.updated_at, ends.created_at), ends.created_by, nullif(ends.updated_by, ends.created_by),
      object.hex_id, object.key, object.summary, object.status_id, object.assignee_id
    from (
      select 'inward' as direction, outward_issue_id as object_id, links.*
      from links where links.org_id = :orgId and links.inward_issue_id = issues.issue_id
      union all
      select 'outward', inward_issue_id, links.*
      from links where links.org_id = :orgId and links.outward_issue_id = issues.issue_id
    ) ends
    join issues object on object.org_id = :orgId and object.issue_id = ends.object_id
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
  db: ClientDatabase,
  { orgId, userId, isApplication }: Viewer,
  issueName: string,
): Promise<LinkEndRow[] | undefined> {
  const parsed = parseIssueName(issueName);
  if (parsed === undefined) return undefined;
  const rows = await db.readShared(LINKS, orgId, { issueName: parsed, userId, isApplication });
  if (rows.length === 0) return undefined;
  const links = rows.filter((row) => row !== undefined);
  return links.sort((left, right) => left.linkId - right.linkId);
}

/** The rows that links refer to by id. A row that was deleted together with a link, after that was read, is missing. */
export interface LinkReferences {
  readonly types: ReadonlyMap<string, LinkTypeRow>;
  readonly statuses: ReadonlyMap<number, StatusRow>;
  readonly users: ReadonlyMap<number, UserNames>;
}

export async function readLinkReferences(
  db: Queryable,
  { orgId }: Viewer,
  links: readonly LinkEndRow[],
): Promise<LinkReferences> {
  const typeIds = new Set<string>();
  const statusIds = new Set<number>();
  const userIds = new Set<number>();
  for (const { linkTypeId, objectStatusId, createdBy, updatedBy, objectAssigneeId } of links) {
    typeIds.add(linkTypeId);
    statusIds.add(objectStatusId);
    userIds.add(createdBy).add(updatedBy);
    if (objectAssigneeId !== null) userIds.add(objectAssigneeId);
  }
  return {
    types: await cachedLinkTypes(db, orgId, typeIds),
    statuses: await cachedStatuses(db, orgId, statusIds),
    users: await cachedUserNames(db, orgId, userIds),
  };
}

/** Undefined for the row of the outer join, which an issue without links has. */
function rowOf(fields: readonly (string | null)[]): LinkEndRow | undefined {
  if (fields[2] === null) return undefined;
  // The columns in the order of the statement; `updated_*` are null if they equal `created_*`.
  const [, issueKey, linkId, linkTypeId, direction, createdAt, updatedAt, createdBy, updatedBy, ...object] =
    fields as unknown as Columns;
  const [objectHexId, objectKey, objectSummary, objectStatusId, objectAssigneeId] = object;
  return {
    issueKey,
    linkId: Number(linkId),
    linkTypeId,
    direction,
    createdAt,
    updatedAt: updatedAt ?? createdAt,
    createdBy: Number(createdBy),
    updatedBy: Number(updatedBy ?? createdBy),
    objectHexId,
    objectKey,
    objectSummary,
    objectStatusId: Number(objectStatusId),
    objectAssigneeId: objectAssigneeId === null ? null : Number(objectAssigneeId),
  };
}

type Columns = readonly [
  place: string,
  issueKey: string,
  linkId: string,
  linkTypeId: string,
  direction: Direction,
  createdAt: string,
  updatedAt: string | null,
  createdBy: string,
  updatedBy: string | null,
  objectHexId: string,
  objectKey: string,
  objectSummary: string,
  objectStatusId: string,
  objectAssigneeId: string | null,
];
