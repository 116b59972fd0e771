import { type Viewer, viewerValues, visibleQueue } from '../../core/access/viewer.ts';
import type { Queryable, Transaction } from '../../database/database.ts';

export interface ExternalLinkRow {
  remote_link_id: number;
  application_type: string;
  dependency: string;
  title: string;
  url: string;
  created_at: Date;
  updated_at: Date;
  issue_id: number;
  /** These three are null for the service user. */
  creator_id: number | null;
  creator_name: string | null;
  creator_login: string | null;
}

/** An issue without them: what the outer join leaves. */
type NoExternalLinkRow = { remote_link_id: null };

/** SQL: the links of the issue $4, those that meet the condition; no row for an issue that the viewer may not see. */
function externalLinksWhere(condition: string): string {
  return `
    select issues.issue_id, link.*
    from issues
    join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
    left join lateral (
      select
        remote_links.remote_link_id, applications.type as application_type, remote_links.dependency,
        coalesce(remote_links.title, remote_links.object_key) as title, remote_links.object_key as url,
        remote_links.created_at, remote_links.updated_at,
        creator.user_id as creator_id, creator.display as creator_name, creator.login as creator_login
      from remote_links
      join applications on applications.org_id = $1 and applications.application_id = remote_links.application_id
      left join users creator on creator.org_id = $1 and creator.user_id = remote_links.created_by
        and not creator.is_application
      where remote_links.org_id = $1 and remote_links.issue_id = issues.issue_id and ${condition}
    ) link on true
    where issues.org_id = $1 and issues.issue_id = $4::bigint and ${visibleQueue('queues')}
    order by link.title collate "C", link.remote_link_id`;
}

/** The links of an issue by their titles. Undefined when there is no such issue for this viewer. */
export async function selectExternalLinks(
  db: Queryable,
  viewer: Viewer,
  issueId: number,
): Promise<ExternalLinkRow[] | undefined> {
  const rows = await db.query<ExternalLinkRow | NoExternalLinkRow>({
    name: 'select_external_links',
    text: externalLinksWhere('true'),
    values: [...viewerValues(viewer), issueId],
  });
  return rows.length === 0 ? undefined : rows.filter((row) => row.remote_link_id !== null);
}

/** One of them; `no issue` when there is no such issue for this viewer. */
export async function selectExternalLink(
  db: Queryable,
  viewer: Viewer,
  issueId: number,
  linkId: number,
): Promise<ExternalLinkRow | 'no link' | 'no issue'> {
  const [row] = await db.query<ExternalLinkRow | NoExternalLinkRow>({
    name: 'select_external_link',
    text: externalLinksWhere('remote_links.remote_link_id = $5'),
    values: [...viewerValues(viewer), issueId, linkId],
  });
  if (row === undefined) return 'no issue';
  return row.remote_link_id === null ? 'no link' : row;
}

/** What becomes of a link; what is undefined stays. */
export interface RemoteLinkChange {
  readonly title: string | undefined;
  readonly objectKey: string | undefined;
  /** Follows from the key. */
  readonly objectId: string | undefined;
  readonly dependency: string | undefined;
}

/** Answers whether the issue has such a link. */
export async function updateRemoteLink(
  db: Transaction,
  { orgId, userId }: Viewer,
  issueId: number,
  linkId: number,
  { title, objectKey, objectId, dependency }: RemoteLinkChange,
): Promise<boolean> {
  const rows = await db.query({
    name: 'update_remote_link',
    // A transaction may have begun before the link was made.
    text: `
      update remote_links set
        title = coalesce($5, title), object_key = coalesce($6, object_key), object_id = coalesce($7, object_id),
        dependency = coalesce($8, dependency), updated_by = $2, updated_at = greatest(now(), updated_at)
      where org_id = $1 and issue_id = $3 and remote_link_id = $4
      returning remote_link_id`,
    values: [orgId, userId, issueId, linkId, title, objectKey, objectId, dependency],
  });
  return rows.length > 0;
}
