import { ConcurrentChange, type Queryable } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { IssueState } from './issues.store.ts';

type KanboardFields = IssueState['kanboard'];

const SELECT_FIELDS_IN_QUEUE = statement<
  'orgId' | 'queueId' | 'fromQueueId' | 'categoryId' | 'priority',
  { category_id: number; priority: number }
>(
  'select_fields_in_queue',
  `
  select
    coalesce((
      select categories.category_id
      from categories wanted
      join categories on categories.org_id = :orgId and categories.queue_id = :queueId and categories.name = wanted.name
      where wanted.org_id = :orgId and wanted.category_id = :categoryId::bigint
        and wanted.queue_id in (:fromQueueId::bigint, :queueId::bigint)
    ), 0) as category_id,
    case when :priority::bigint between coalesce((kanboard ->> 'priority_start')::bigint, 0)
        and coalesce((kanboard ->> 'priority_end')::bigint, 3)
      then :priority else coalesce((kanboard ->> 'priority_default')::bigint, 0) end as priority
  from queues
  where queues.org_id = :orgId and queues.queue_id = :queueId`,
);

/**
 * What becomes of an issue's Kanboard fields in another queue: the category is that queue's with the same name, or none, and
 * a priority outside its range is its default. `categoryId` replaces the issue's own category by one of either queue.
 */
export async function fieldsInQueue(
  db: Queryable,
  orgId: string,
  { queue_id: fromQueueId, kanboard }: Pick<IssueState, 'queue_id' | 'kanboard'>,
  queueId: number,
  categoryId = kanboard['category_id'] ?? 0,
): Promise<KanboardFields> {
  const priority = kanboard['priority'] ?? 0;
  const [found] = await db.query(SELECT_FIELDS_IN_QUEUE({ orgId, queueId, fromQueueId, categoryId, priority }));
  // The queue has just been removed.
  if (found === undefined) throw new ConcurrentChange();
  return { ...kanboard, ...found };
}
