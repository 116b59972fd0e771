import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, visibleQueue } from '../access/viewer.ts';
import { APPLICATION_COLUMNS, type ApplicationRow } from '../applications/applications.store.ts';
import { IS_NAMED_ISSUE, visibleIssues } from '../issues/visible-issues.ts';
import type { Direction } from '../labels/direction.ts';
import { LABEL_NAMES, type LinkTypeColumns } from '../link-types/link-type-summary.ts';
import { type UserColumns, userColumns } from '../users/user-summary.ts';

export interface RemoteObjectRow extends ApplicationRow {
  object_id: string;
  object_key: string;
}

export type RemoteLinkRow = RemoteObjectRow & {
  issue_key: string;
  remote_link_id: number;
  direction: Direction;
  created_at: Date;
  updated_at: Date;
} & ({ link_type_id: null } | LinkTypeColumns) &
  UserColumns<'created_by'> &
  UserColumns<'updated_by'>;

/** The row of the outer join for an issue without remote links. */
type NoRemoteLinkRow = { issue_key: string; remote_link_id: null };

/** SQL: the remote links of an issue that meet the condition; no row for an issue that the viewer may not see. */
function remoteLinksWhere(condition: string): string {
  return `
    with issue as materialized (${visibleIssues('issues.issue_id, issues.key', IS_NAMED_ISSUE)})
    select issue.key as issue_key, link.*
    from issue
    left join lateral (
      select
        remote_links.remote_link_id, remote_links.direction, remote_links.object_id, remote_links.object_key,
        remote_links.created_at, remote_links.updated_at,
        ${APPLICATION_COLUMNS},
        link_types.link_type_id,
        ${LABEL_NAMES},
        ${userColumns('created_by')},
        ${userColumns('updated_by')}
      from remote_links
      join applications on applications.org_id = :orgId and applications.application_id = remote_links.application_id
      join users created_by on created_by.org_id = :orgId and created_by.user_id = remote_links.created_by
      join users updated_by on updated_by.org_id = :orgId and updated_by.user_id = remote_links.updated_by
      left join link_types on link_types.org_id = :orgId and link_types.link_type_id = remote_links.link_type_id
      left join labels inward on inward.org_id = :orgId and inward.label_id = link_types.inward_label_id
      left join labels outward on outward.org_id = :orgId and outward.label_id = link_types.outward_label_id
      where remote_links.org_id = :orgId and remote_links.issue_id = issue.issue_id and ${condition}
    ) link on true
    order by link.remote_link_id`;
}

const SELECT_REMOTE_LINKS = statement<keyof Viewer | 'issueName', RemoteLinkRow | NoRemoteLinkRow>(
  'select_remote_links',
  remoteLinksWhere('true'),
);

/** The remote links of an issue, by their ids. Undefined for an issue that the viewer may not see. */
export async function selectRemoteLinks(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
): Promise<RemoteLinkRow[] | undefined> {
  const rows = await db.query(SELECT_REMOTE_LINKS({ ...viewer, issueName }));
  return rows.length === 0 ? undefined : rows.filter((row) => row.remote_link_id !== null);
}

const SELECT_REMOTE_LINK = statement<keyof Viewer | 'issueName' | 'remoteLinkId', RemoteLinkRow | NoRemoteLinkRow>(
  'select_remote_link',
  remoteLinksWhere('remote_links.remote_link_id = :remoteLinkId'),
);

/** A remote link of an issue; `no issue` for an issue that the viewer may not see. */
export async function selectRemoteLink(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  remoteLinkId: number,
): Promise<RemoteLinkRow | 'no link' | 'no issue'> {
  const [row] = await db.query(SELECT_REMOTE_LINK({ ...viewer, issueName, remoteLinkId }));
  if (row === undefined) return 'no issue';
  return row.remote_link_id === null ? 'no link' : row;
}

const SELECT_REMOTE_OBJECT = statement<keyof Viewer | 'applicationId' | 'objectId', RemoteObjectRow>(
  'select_remote_object',
  `
  select remote_links.object_id, remote_links.object_key, ${APPLICATION_COLUMNS}
  from remote_links
  join applications on applications.org_id = :orgId and applications.application_id = remote_links.application_id
  join issues on issues.org_id = :orgId and issues.issue_id = remote_links.issue_id
  join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id
  where remote_links.org_id = :orgId and remote_links.application_id = :applicationId and remote_links.object_id = :objectId
    and ${visibleQueue('queues')}
  limit 1`,
);

/** An object of an application, if an issue that the viewer may see is linked to it. */
export async function selectRemoteObject(
  db: Queryable,
  viewer: Viewer,
  applicationId: string,
  objectId: string,
): Promise<RemoteObjectRow | undefined> {
  const [row] = await db.query(SELECT_REMOTE_OBJECT({ ...viewer, applicationId, objectId }));
  return row;
}

export interface NewRemoteLinkRow {
  readonly issueId: number;
  readonly applicationId: string;
  readonly objectId: string;
  readonly objectKey: string;
  readonly linkTypeId: string | null;
  readonly direction: Direction;
  /** The next three are set by the Kanboard API only. */
  readonly title?: string;
  readonly dependency?: string;
  readonly mayRepeat?: boolean;
  readonly createdBy: number;
}

const INSERT_REMOTE_LINK = statement<'orgId' | keyof NewRemoteLinkRow, { remote_link_id: number }>(
  'insert_remote_link',
  `
  insert into remote_links
    (org_id, issue_id, application_id, object_id, object_key, link_type_id, direction, created_by, updated_by,
    title, dependency, may_repeat)
  values (:orgId, :issueId, :applicationId, :objectId, :objectKey, :linkTypeId, :direction, :createdBy, :createdBy, :title, coalesce(:dependency, 'related'), coalesce(:mayRepeat, false))
  returning remote_link_id`,
);

/** Returns the remote_link_id. */
export async function insertRemoteLink(db: Transaction, orgId: string, link: NewRemoteLinkRow): Promise<number> {
  const unset = { title: undefined, dependency: undefined, mayRepeat: undefined };
  const [row] = await db.query(INSERT_REMOTE_LINK({ orgId, ...unset, ...link }));
  return (row as { remote_link_id: number }).remote_link_id;
}

const DELETE_REMOTE_LINK_OF = statement<'orgId' | 'issueId' | 'remoteLinkId'>(
  'delete_remote_link_of',
  `
  delete from remote_links where org_id = :orgId and issue_id = :issueId and remote_link_id = :remoteLinkId
  returning remote_link_id`,
);

/** Returns whether the issue had this remote link. */
export async function deleteRemoteLinkOf(
  db: Transaction,
  orgId: string,
  issueId: number,
  remoteLinkId: number,
): Promise<boolean> {
  const rows = await db.query(DELETE_REMOTE_LINK_OF({ orgId, issueId, remoteLinkId }));
  return rows.length > 0;
}
