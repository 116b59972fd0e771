import type { Transaction } from '../../database/database.ts';
import type { Viewer } from '../access/viewer.ts';
import { insertEvents } from '../events/events.store.ts';
import { deleteLinksOfIssues } from '../issue-links/link-writes.service.ts';
import { deleteIssueRows } from '../issues/issues.store.ts';

/** Deletes locked issues with their links, in the caller's transaction; the issues at the other ends record the change. */
export async function deleteIssues(db: Transaction, viewer: Viewer, issueIds: readonly number[]): Promise<void> {
  await deleteLinksOfIssues(db, viewer, issueIds);
  const deleted = await deleteIssueRows(db, viewer.orgId, issueIds);
  const events = deleted.map(({ issue_id: issueId, key, summary }) => {
    const fields = [
      { field: 'key', from: key, to: null },
      { field: 'summary', from: summary, to: null },
    ];
    return { issueId, type: 'IssueDeleted', changes: { fields } } as const;
  });
  await insertEvents(db, viewer.orgId, viewer.userId, events);
}
