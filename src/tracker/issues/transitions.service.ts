import type { Viewer } from '../../core/access/viewer.ts';
import { createComment } from '../../core/comments/comments.service.ts';
import { selectStatusesOfQueues } from '../../core/queues/queue-columns.store.ts';
import type { Database, Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import type { Issue } from './issue.ts';
import type { IssueChanges } from './issue-changes.service.ts';
import { getIssue, updateIssue } from './issues.service.ts';

/** A change of status. Every status of a queue may follow every other, so a transition has the key of its status as its id. */
export interface Transition {
  readonly id: string;
  readonly to: { readonly id: number; readonly key: string; readonly name: Text };
}

/** The transitions of each issue, in the order of the queue's columns. */
export async function transitionsOf(
  db: Queryable,
  viewer: Viewer,
  issues: readonly Pick<Issue, 'queue' | 'status'>[],
): Promise<Transition[][]> {
  if (issues.length === 0) return [];
  const statuses = await selectStatusesOfQueues(db, viewer, [...new Set(issues.map(({ queue }) => queue.id))]);
  return issues.map(({ queue, status }) =>
    statuses
      .filter((one) => one.queue_id === queue.id && one.id !== status.id)
      .map(({ id, key, name_ru, name_en }) => ({ id: key, to: { id, key, name: { ru: name_ru, en: name_en } } })),
  );
}

/** Throws `not_found` if the viewer may not see the issue. */
export async function listTransitions(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
): Promise<{ issue: Issue; transitions: Transition[] }> {
  const issue = await getIssue(db, viewer, issueName);
  const [transitions = []] = await transitionsOf(db, viewer, [issue]);
  return { issue, transitions };
}

/** Throws `not_found`, also for a transition that the issue does not have in its present status. */
export async function getTransition(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  transitionId: string,
): Promise<{ issue: Issue; transition: Transition }> {
  const { issue, transitions } = await listTransitions(db, viewer, issueName);
  const transition = transitions.find(({ id }) => id === transitionId.trim());
  if (transition === undefined) throw new DomainError('not_found', texts.transitionNotFound);
  return { issue, transition };
}

/**
 * Gives the issue the status of the transition, changes fields, and adds a comment, all or nothing. Returns the transitions
 * from the new status. Throws as `updateIssue` and `getTransition` do.
 */
export function executeTransition(
  db: Database,
  viewer: Viewer,
  issueName: string,
  transitionId: string,
  { comment, ...changes }: Omit<IssueChanges, 'status' | 'queue'> & { readonly comment?: string | undefined },
): Promise<{ issue: Issue; transitions: Transition[] }> {
  return db.transaction(async (transaction) => {
    const { issue, transition } = await getTransition(transaction, viewer, issueName, transitionId);
    const { key } = await updateIssue(transaction, viewer, issue.key, { ...changes, status: transition.to.id });
    if (comment !== undefined) await createComment(transaction, viewer, key, { text: comment });
    return await listTransitions(transaction, viewer, key);
  });
}
