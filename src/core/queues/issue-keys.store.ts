import { ConcurrentChange, type Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

const TAKE_ISSUE_KEY = statement<'orgId' | 'queueId', { key: string; last_issue_number: number }>(
  'take_issue_key',
  `
  update queues set last_issue_number = last_issue_number + 1
  where org_id = :orgId and queue_id = :queueId
  returning key, last_issue_number`,
);

/**
 * Takes the queue's next key. Concurrent callers wait for the end of the transaction, so that numbers have no gaps.
 * Throws ConcurrentChange if the queue has just been removed.
 */
export async function takeIssueKey(db: Transaction, orgId: string, queueId: number): Promise<string> {
  const [row] = await db.query(TAKE_ISSUE_KEY({ orgId, queueId }));
  if (row === undefined) throw new ConcurrentChange();
  return `${row.key}-${row.last_issue_number}`;
}

const CLAIM_ISSUE_KEY = statement<'orgId' | 'queueId' | 'number', { key: string }>(
  'claim_issue_key',
  `
  update queues set last_issue_number = greatest(last_issue_number, :number)
  where org_id = :orgId and queue_id = :queueId
  returning key`,
);

const IS_KEY_USED = statement<'orgId' | 'key'>(
  'is_key_used',
  `
  select 1 from issues where org_id = :orgId and key = :key
  union all
  select 1 from issue_aliases where org_id = :orgId and key = :key
  union all
  select 1 from deleted_issues where org_id = :orgId and key = :key`,
);

/**
 * The queue's key with that number; the next keys have higher ones. Undefined if an issue has it or had it. Throws
 * ConcurrentChange if the queue has just been removed.
 */
export async function claimIssueKey(
  db: Transaction,
  orgId: string,
  queueId: number,
  number: number,
): Promise<string | undefined> {
  const [row] = await db.query(CLAIM_ISSUE_KEY({ orgId, queueId, number }));
  if (row === undefined) throw new ConcurrentChange();
  const key = `${row.key}-${number}`;
  const used = await db.query(IS_KEY_USED({ orgId, key }));
  return used.length === 0 ? key : undefined;
}
