import { ByteCopies, Columns } from '../../database/data-row.ts';
import type { Queryable } from '../../database/database.ts';
import { lookup } from '../../database/lookup.ts';
import type { SharedStatement } from '../../database/shared-statements.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, visibleToViewer } from '../access/viewer.ts';
import { cachedStatuses, type StatusRow } from '../dictionaries/dictionaries.store.ts';
import { issueIdNamed, parseIssueName } from '../issues/issue-name.ts';
import type { Direction } from '../labels/direction.ts';
import { cachedLinkTypes, type LinkTypeRow } from '../link-types/link-types.store.ts';
import type { UserSummary } from '../users/user-summary.ts';
import { cachedUserNames } from '../users/users.store.ts';
import { directionIn, linkEnds } from './link-ends.ts';

/**
 * A link from the point of view of an issue, with ids for what the cache holds. Members for the other issue start with
 * `object`.
 */
export interface LinkEnd {
  readonly linkId: number;
  readonly linkTypeId: string;
  readonly direction: Direction;
  readonly createdBy: number;
  readonly updatedBy: number;
  readonly objectStatusId: number;
  readonly objectAssigneeId: number | null;
  /**
   * The columns that are sent as they are, from `textsAt` on: the issue's key; `created_at` and `updated_at` in
   * PostgreSQL's format in UTC, such as `2017-06-11 05:16:01.421+00`, the second null if it is as the first; the hexadecimal
   * id, the key and the summary of the other issue.
   */
  readonly texts: Buffer;
  readonly textsAt: number;
}

/** SQL: what `linkEndFrom` reads of the rows `ends` and `object`, for `selectedLinkEnd`. */
export const LINK_END_COLUMNS = `
      ends.link_id, ends.link_type_id, ends.direction, ends.created_by, nullif(ends.updated_by, ends.created_by) as updated_by,
      object.status_id, object.assignee_id, ends.created_at, nullif(ends.updated_at, ends.created_at) as updated_at,
      object.hex_id, object.key, object.summary`;

/** SQL: the columns that `linkEndFrom` reads, of the row `link`, for the issue in the row `issue`. */
export function selectedLinkEnd(issue: string): string {
  return `link.link_id, link.link_type_id, link.direction, link.created_by, link.updated_by, link.status_id,
    link.assignee_id, ${issue}.key, link.created_at, link.updated_at, link.hex_id, link.key, link.summary`;
}

/**
 * The links of the issues that the rows `viewer` name. Laterals keep the plan to look-ups by index, whatever PostgreSQL
 * knows about the tables.
 */
const SELECT_LINKS_FOR_VIEWERS = statement<'orgId' | 'issueNames' | 'userIds' | 'applications'>(
  'select_links_for_viewers',
  `
  select viewer.place, ${selectedLinkEnd('issues')}
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

const LINKS: SharedStatement<WantedLinks, LinkEnd | undefined> = {
  bind: (orgId, wanted) =>
    SELECT_LINKS_FOR_VIEWERS({
      orgId,
      issueNames: wanted.map(({ issueName }) => issueName),
      userIds: wanted.map(({ userId }) => userId),
      applications: wanted.map(({ isApplication }) => isApplication),
    }),
  rowOf(row) {
    const columns = new Columns(row.bytes, row.start);
    columns.skip();
    return linkEndFrom(columns, row.end);
  },
};

/**
 * The links of an issue in both directions, by link_id, without those to issues that the viewer may not see. Undefined
 * for an issue that the viewer may not see. One statement reads for all requests that wait (decision 9).
 */
export async function readIssueLinks(
  db: Queryable,
  { orgId, userId, isApplication }: Viewer,
  issueName: string,
): Promise<LinkEnd[] | undefined> {
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
  links: readonly LinkEnd[],
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

const copies = new ByteCopies();

/**
 * The link in the columns up to `end`, which are the row's last. Undefined for the row of an outer join, which an issue
 * without links has.
 */
export function linkEndFrom(columns: Columns, end: number): LinkEnd | undefined {
  const linkId = columns.number();
  if (linkId === null) return undefined;
  const linkTypeId = columns.text() as string;
  const direction = directionIn(columns);
  const createdBy = columns.number() as number;
  const updatedBy = columns.number() ?? createdBy;
  const objectStatusId = columns.number() as number;
  const objectAssigneeId = columns.number();
  const textsAt = copies.copy(columns.bytes, columns.next, end);
  return {
    linkId,
    linkTypeId,
    direction,
    createdBy,
    updatedBy,
    objectStatusId,
    objectAssigneeId,
    texts: copies.block,
    textsAt,
  };
}
