import type { Viewer } from '../../core/access/viewer.ts';
import { visibleIssues } from '../../core/issues/visible-issues.ts';
import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

export interface ExternalLinkRow {
  remote_link_id: number;
  application_type: string;
  dependency: string;
  title: string;
  url: string;
  created_at: Date;
  updated_at: Date;
  issue_id: number;
  /** The creator is null for the application account. */
  creator_id: number | null;
  creator_name: string | null;
  creator_login: string | null;
}

/** The row of an issue without matching links, from the outer join. */
type NoExternalLinkRow = { remote_link_id: null };

/** SQL: the links of the issue :issueId that meet the condition. No row for an issue that the viewer may not see. */
function externalLinksWhere(condition: string): string {
  return `
    with issue as materialized (${visibleIssues('issues.issue_id', 'issues.issue_id = :issueId::bigint')})
    select issue.issue_id, link.*
    from issue
    left join lateral (
      select
        remote_links.remote_link_id, applications.type as application_type, remote_links.dependency,
        coalesce(remote_links.title, remote_links.object_key) as title, remote_links.object_key as url,
        remote_links.created_at, remote_links.updated_at,
        creator.user_id as creator_id, creator.display as creator_name, creator.login as creator_login
      from remote_links
      join applications on applications.org_id = :orgId and applications.application_id = remote_links.application_id
      left join users creator on creator.org_id = :orgId and creator.user_id = remote_links.created_by
        and not creator.is_application
      where remote_links.org_id = :orgId and remote_links.issue_id = issue.issue_id and ${condition}
    ) link on true
    order by link.title collate "C", link.remote_link_id`;
}

const SELECT_EXTERNAL_LINKS = statement<keyof Viewer | 'issueId', ExternalLinkRow | NoExternalLinkRow>(
  'select_external_links',
  externalLinksWhere('true'),
);

/** The links of an issue, by title. Undefined if the issue does not exist for this viewer. */
export async function selectExternalLinks(
  db: Queryable,
  viewer: Viewer,
  issueId: number,
): Promise<ExternalLinkRow[] | undefined> {
  const rows = await db.query(SELECT_EXTERNAL_LINKS({ ...viewer, issueId }));
  return rows.length === 0 ? undefined : rows.filter((row) => row.remote_link_id !== null);
}

const SELECT_EXTERNAL_LINK = statement<keyof Viewer | 'issueId' | 'linkId', ExternalLinkRow | NoExternalLinkRow>(
  'select_external_link',
  externalLinksWhere('remote_links.remote_link_id = :linkId'),
);

/** One link of an issue. `no issue` if the issue does not exist for this viewer. */
export async function selectExternalLink(
  db: Queryable,
  viewer: Viewer,
  issueId: number,
  linkId: number,
): Promise<ExternalLinkRow | 'no link' | 'no issue'> {
  const [row] = await db.query(SELECT_EXTERNAL_LINK({ ...viewer, issueId, linkId }));
  if (row === undefined) return 'no issue';
  return row.remote_link_id === null ? 'no link' : row;
}

/** Changed fields of a link; undefined keeps the current value. */
export interface RemoteLinkChange {
  readonly title: string | undefined;
  readonly objectKey: string | undefined;
  /** Derived from `objectKey`. */
  readonly objectId: string | undefined;
  readonly dependency: string | undefined;
}

const UPDATE_REMOTE_LINK = statement<
  'orgId' | 'userId' | 'issueId' | 'linkId' | 'title' | 'objectKey' | 'objectId' | 'dependency'
>(
  'update_remote_link',
  `
  update remote_links set
    title = coalesce(:title, title), object_key = coalesce(:objectKey, object_key), object_id = coalesce(:objectId, object_id),
    dependency = coalesce(:dependency, dependency), updated_by = :userId, updated_at = greatest(now(), updated_at)
  where org_id = :orgId and issue_id = :issueId and remote_link_id = :linkId
  returning remote_link_id`,
);

/** Returns false if the issue has no such link. */
export async function updateRemoteLink(
  db: Transaction,
  { orgId, userId }: Viewer,
  issueId: number,
  linkId: number,
  { title, objectKey, objectId, dependency }: RemoteLinkChange,
): Promise<boolean> {
  const rows = await db.query(
    UPDATE_REMOTE_LINK({ orgId, userId, issueId, linkId, title, objectKey, objectId, dependency }),
  );
  return rows.length > 0;
}
