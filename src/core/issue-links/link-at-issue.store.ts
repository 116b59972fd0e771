import type { Queryable } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, visibleQueue, writableQueue } from '../access/viewer.ts';
import { type AccessibleIssue, LINKED_ISSUE, type LinkedIssue } from '../issues/issue-access.ts';
import { issueIdNamed } from '../issues/issue-name.ts';
import type { VersionedLink, WrittenLink } from './link-writes.store.ts';

/** A link from the point of view of one of its issues, with what a writer of the link needs to know. */
export interface LinkAtIssue {
  readonly stored: VersionedLink & WrittenLink;
  readonly issue: AccessibleIssue;
  readonly object: LinkedIssue;
  readonly createdBy: number;
  readonly updatedBy: number;
}

const SELECT_LINK_AT_ISSUE = statement<
  keyof Viewer | 'issueName' | 'linkId',
  LinkAtIssue['stored'] &
    LinkedIssue & {
      readonly createdBy: number;
      readonly updatedBy: number;
      readonly ownId: number;
      readonly ownKey: string;
      readonly mayWriteOwn: boolean;
    }
>(
  'select_link_at_issue',
  `
  select links.link_id, links.link_type_id, links.inward_issue_id, links.outward_issue_id, links.first_end,
    links.version, links.created_at, links.updated_at, links.created_by as "createdBy",
    links.updated_by as "updatedBy", own.issue_id as "ownId", own.key as "ownKey",
    ${writableQueue('own_queue')} as "mayWriteOwn", ${LINKED_ISSUE}
  from issues own
  join queues own_queue on own_queue.org_id = :orgId and own_queue.queue_id = own.queue_id
  join links on links.org_id = :orgId and links.link_id = :linkId
    and own.issue_id in (links.inward_issue_id, links.outward_issue_id)
  join issues on issues.org_id = :orgId
    and issues.issue_id = links.inward_issue_id + links.outward_issue_id - own.issue_id
  join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id
  where own.org_id = :orgId and own.issue_id = ${issueIdNamed(':issueName')} and ${visibleQueue('own_queue')}
    and ${visibleQueue('queues')}`,
);

/** Undefined if the issue has no such link, or the viewer may not see both issues. */
export async function selectLinkAtIssue(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  linkId: number,
): Promise<LinkAtIssue | undefined> {
  const [row] = await db.query(SELECT_LINK_AT_ISSUE({ ...viewer, issueName, linkId }));
  if (row === undefined) return undefined;
  const issue = { id: row.ownId, key: row.ownKey, mayWrite: row.mayWriteOwn };
  return { stored: row, issue, object: row, createdBy: row.createdBy, updatedBy: row.updatedBy };
}
