import type { Viewer } from '../../core/access/viewer.ts';
import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { BulkChange, BulkFailure } from './bulk-change.ts';

const DELETE_OLD_BULK_CHANGES = statement<'orgId' | 'userId'>(
  'delete_old_bulk_changes',
  `
  delete from bulk_changes
  where org_id = :orgId and user_id = :userId and created_at < now() - interval '30 days'`,
);

const INSERT_BULK_CHANGE = statement<'orgId' | 'userId' | 'id' | 'createdAt' | 'total' | 'failures'>(
  'insert_bulk_change',
  `
  insert into bulk_changes (org_id, user_id, bulk_change_id, created_at, total, failures)
  values (:orgId, :userId, :id, :createdAt, :total, :failures)`,
);

/** Deletes the user's bulk changes of more than 30 days as well. */
export async function insertBulkChange(
  db: Transaction,
  { orgId, userId }: Viewer,
  { failures, ...bulkChange }: BulkChange,
): Promise<void> {
  await db.query(DELETE_OLD_BULK_CHANGES({ orgId, userId }));
  await db.query(INSERT_BULK_CHANGE({ orgId, userId, ...bulkChange, failures: JSON.stringify(failures) }));
}

const SELECT_BULK_CHANGE = statement<
  'orgId' | 'userId' | 'id',
  { bulk_change_id: string; created_at: Date; total: number; failures: BulkFailure[] }
>(
  'select_bulk_change',
  `
  select bulk_change_id, created_at, total, failures
  from bulk_changes
  where org_id = :orgId and user_id = :userId and bulk_change_id = :id`,
);

export async function selectBulkChange(
  db: Queryable,
  { orgId, userId }: Viewer,
  id: string,
): Promise<BulkChange | undefined> {
  const [row] = await db.query(SELECT_BULK_CHANGE({ orgId, userId, id }));
  return row && { id: row.bulk_change_id, createdAt: row.created_at, total: row.total, failures: row.failures };
}
