import type { Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { visibleQueue } from '../access/viewer.ts';

/** What is kept of deleted issues, so that changelogs can name them to users who could see them. */

/** SQL: whether the viewer could see the row `deleted` of deleted_issues, whose queue is `alias` unless it was removed too. */
export function visibleDeleted(deleted: string, alias: string): string {
  return `(case when ${alias}.queue_id is null
    then :isApplication::boolean or ${deleted}.was_open or :userId = any(${deleted}.reader_ids)
    else ${visibleQueue(alias)} end)`;
}

const KEEP_READERS = statement<'orgId' | 'queueId'>(
  'keep_readers',
  `
  update deleted_issues
  set was_open = queues.access = 'organisation',
    reader_ids = array(
      select queue_members.user_id from queue_members
      where queue_members.org_id = :orgId and queue_members.queue_id = :queueId
      order by queue_members.user_id)
  from queues
  where deleted_issues.org_id = :orgId and deleted_issues.queue_id = :queueId
    and queues.org_id = :orgId and queues.queue_id = :queueId`,
);

/** Notes who could see the deleted issues of a queue that is about to be removed. */
export async function keepReaders(db: Transaction, orgId: string, queueId: number): Promise<void> {
  await db.query(KEEP_READERS({ orgId, queueId }));
}
