import type { Queryable, Transaction } from '../../database/database.ts';
import { type Viewer, viewerValues, visibleQueue } from '../access/viewer.ts';
import { APPLICATION_COLUMNS, type ApplicationRow } from '../applications/applications.store.ts';
import { issueIdNamed } from '../issues/issue-name.ts';
import type { Direction } from '../labels/direction.ts';
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

interface LinkTypeColumns {
  link_type_id: string;
  inward_ru: string;
  inward_en: string;
  outward_ru: string;
  outward_en: string;
}

/** An issue without remote links: what the outer join leaves. */
type NoRemoteLinkRow = { issue_key: string; remote_link_id: null };

/** SQL: the remote links of an issue, those that meet the condition; no row for an issue that the viewer may not see. */
function remoteLinksWhere(condition: string): string {
  return `
    with issue as materialized (
      select issues.issue_id, issues.key
      from issues
      join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
      where issues.org_id = $1 and issues.issue_id = ${issueIdNamed('$4')} and ${visibleQueue('queues')}
    )
    select issue.key as issue_key, link.*
    from issue
    left join lateral (
      select
        remote_links.remote_link_id, remote_links.direction, remote_links.object_id, remote_links.object_key,
        remote_links.created_at, remote_links.updated_at,
        ${APPLICATION_COLUMNS},
        link_types.link_type_id,
        coalesce(inward.name_ru, inward.label) as inward_ru, coalesce(inward.name_en, inward.label) as inward_en,
        coalesce(outward.name_ru, outward.label) as outward_ru, coalesce(outward.name_en, outward.label) as outward_en,
        ${userColumns('created_by')},
        ${userColumns('updated_by')}
      from remote_links
      join applications on applications.org_id = $1 and applications.application_id = remote_links.application_id
      join users created_by on created_by.org_id = $1 and created_by.user_id = remote_links.created_by
      join users updated_by on updated_by.org_id = $1 and updated_by.user_id = remote_links.updated_by
      left join link_types on link_types.org_id = $1 and link_types.link_type_id = remote_links.link_type_id
      left join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
      left join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
      where remote_links.org_id = $1 and remote_links.issue_id = issue.issue_id and ${condition}
    ) link on true
    order by link.remote_link_id`;
}

/**
 * The remote links of the issue of that name, by their ids. Undefined when there is no such issue for this viewer.
 */
export async function selectRemoteLinks(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
): Promise<RemoteLinkRow[] | undefined> {
  const rows = await db.query<RemoteLinkRow | NoRemoteLinkRow>({
    name: 'select_remote_links',
    text: remoteLinksWhere('true'),
    values: [...viewerValues(viewer), issueName],
  });
  return rows.length === 0 ? undefined : rows.filter((row) => row.remote_link_id !== null);
}

/** One of them; `no issue` when there is no such issue for this viewer. */
export async function selectRemoteLink(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  remoteLinkId: number,
): Promise<RemoteLinkRow | 'no link' | 'no issue'> {
  const [row] = await db.query<RemoteLinkRow | NoRemoteLinkRow>({
    name: 'select_remote_link',
    text: remoteLinksWhere('remote_links.remote_link_id = $5'),
    values: [...viewerValues(viewer), issueName, remoteLinkId],
  });
  if (row === undefined) return 'no issue';
  return row.remote_link_id === null ? 'no link' : row;
}

/** An object of an application, when an issue that the viewer may see is linked to it. */
export async function selectRemoteObject(
  db: Queryable,
  viewer: Viewer,
  applicationId: string,
  objectId: string,
): Promise<RemoteObjectRow | undefined> {
  const [row] = await db.query<RemoteObjectRow>({
    name: 'select_remote_object',
    text: `
      select remote_links.object_id, remote_links.object_key, ${APPLICATION_COLUMNS}
      from remote_links
      join applications on applications.org_id = $1 and applications.application_id = remote_links.application_id
      join issues on issues.org_id = $1 and issues.issue_id = remote_links.issue_id
      join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
      where remote_links.org_id = $1 and remote_links.application_id = $4 and remote_links.object_id = $5
        and ${visibleQueue('queues')}
      limit 1`,
    values: [...viewerValues(viewer), applicationId, objectId],
  });
  return row;
}

export interface NewRemoteLinkRow {
  readonly issueId: number;
  readonly applicationId: string;
  readonly objectId: string;
  readonly objectKey: string;
  readonly linkTypeId: string | null;
  readonly direction: Direction;
  /** Kanboard's three. */
  readonly title?: string;
  readonly dependency?: string;
  readonly mayRepeat?: boolean;
  readonly createdBy: number;
}

/** Answers the remote_link_id. */
export async function insertRemoteLink(db: Transaction, orgId: string, link: NewRemoteLinkRow): Promise<number> {
  const [row] = await db.query<{ remote_link_id: number }>({
    name: 'insert_remote_link',
    text: `
      insert into remote_links
        (org_id, issue_id, application_id, object_id, object_key, link_type_id, direction, created_by, updated_by,
        title, dependency, may_repeat)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, coalesce($10, 'related'), coalesce($11, false))
      returning remote_link_id`,
    values: [
      orgId,
      link.issueId,
      link.applicationId,
      link.objectId,
      link.objectKey,
      link.linkTypeId,
      link.direction,
      link.createdBy,
      link.title,
      link.dependency,
      link.mayRepeat,
    ],
  });
  return (row as { remote_link_id: number }).remote_link_id;
}

/** Answers whether the issue had such a remote link. */
export async function deleteRemoteLinkOf(
  db: Transaction,
  orgId: string,
  issueId: number,
  remoteLinkId: number,
): Promise<boolean> {
  const rows = await db.query({
    name: 'delete_remote_link',
    text: `
      delete from remote_links where org_id = $1 and issue_id = $2 and remote_link_id = $3
      returning remote_link_id`,
    values: [orgId, issueId, remoteLinkId],
  });
  return rows.length > 0;
}
