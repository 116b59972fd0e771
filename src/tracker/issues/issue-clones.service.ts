import type { Viewer } from '../../core/access/viewer.ts';
import { insertEvents } from '../../core/events/events.store.ts';
import { lockTypesOf, writeLockedLink } from '../../core/issue-links/link-writes.service.ts';
import { findIssuesNamed, issueNotFound } from '../../core/issues/issue-access.ts';
import {
  addIssue,
  ensureColumn,
  fieldsOf,
  getWritableQueue,
  KANBOARD_DEFAULTS,
} from '../../core/issues/issue-writes.ts';
import { selectIssueState } from '../../core/issues/issues.store.ts';
import { storyPointsOf, withStoryPoints } from '../../core/issues/shared-fields.ts';
import { closes } from '../../core/issues/status-rules.ts';
import { lockForLinks } from '../../core/link-types/locked-types.store.ts';
import { selectFirstStatus } from '../../core/queues/queue-columns.store.ts';
import type { Database } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Issue } from './issue.ts';
import { getIssue } from './issues.service.ts';

const CLONERS = 'cloners';

/**
 * Creates a copy of an issue in a queue, by default its own, with the initial status there. With `isLinked`, a link of the
 * type `cloners` joins the two. Throws `not_found` for the issue and the queue, `forbidden` if the viewer may not change
 * the queue, and `refused` if the link would violate a rule.
 */
export function cloneIssue(
  db: Database,
  viewer: Viewer,
  issueName: string,
  { queue: queueName, isLinked }: { readonly queue: string | undefined; readonly isLinked: boolean },
): Promise<Issue> {
  return db.transaction(async (transaction) => {
    const { orgId, userId } = viewer;
    // Before the queue, which addIssue locks (decision 8).
    if (isLinked) await lockForLinks(transaction, orgId, [CLONERS], []);
    const [original] = await findIssuesNamed(transaction, viewer, [issueName]);
    const state = original && (await selectIssueState(transaction, viewer, original.id));
    if (original === undefined || state === undefined) throw issueNotFound(['path']);
    const queue = await getWritableQueue(transaction, viewer, queueName ?? state.queue_id);
    const status = await selectFirstStatus(transaction, orgId, queue.queue_id);
    await ensureColumn(transaction, orgId, queue.queue_id, status.id);
    const { issueId, key } = await addIssue(transaction, viewer, {
      queueId: queue.queue_id,
      fields: {
        ...fieldsOf(state),
        ...KANBOARD_DEFAULTS,
        dueAt: state.due_at,
        kanboard: withStoryPoints({}, storyPointsOf(state)),
        resolutionId: null,
        authorId: null,
        statusId: status.id,
      },
      isOpen: !closes(status.type),
      createdBy: userId,
    });
    const cloned = [issueId, original.id].map((id) => ({ issueId: id, type: 'IssueCloned', changes: {} }) as const);
    await insertEvents(transaction, orgId, userId, cloned);
    if (isLinked) {
      const copy = { id: issueId, key, mayWrite: true };
      const after = { linkTypeId: CLONERS, issue: copy, direction: 'outward', object: original } as const;
      const types = await lockTypesOf(transaction, viewer, [after]);
      if (!types.has(CLONERS)) {
        throw new DomainError('refused', texts.linkTypeNotFound(CLONERS), {}, { reason: 'link_type_not_found' });
      }
      await writeLockedLink(transaction, viewer, types, { before: undefined, after });
    }
    return await getIssue(transaction, viewer, key);
  });
}
