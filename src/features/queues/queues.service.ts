import type { Database, Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { DEFAULT_ISSUE_TYPE_ID, DEFAULT_PRIORITY_ID } from '../organisations/defaults.ts';
import { insertColumnsForStatuses, insertQueue } from './queues.store.ts';

/**
 * Makes a queue that is open to the organisation, with a column for each of its statuses. Answers the queue_id.
 * Throws `conflict` when the key is taken, and `invalid` for one that cannot be a key.
 */
export function createQueue(
  db: Database,
  orgId: string,
  queue: { readonly key: string; readonly name: string; readonly leadId: number },
): Promise<number> {
  return db.transaction((transaction) => createQueueIn(transaction, orgId, queue));
}

/** The same inside a transaction that does more. */
export async function createQueueIn(
  db: Queryable,
  orgId: string,
  { key, name, leadId }: { readonly key: string; readonly name: string; readonly leadId: number },
): Promise<number> {
  const insert = insertQueue(db, orgId, {
    key,
    name,
    leadId,
    access: 'organisation',
    issueTypeId: DEFAULT_ISSUE_TYPE_ID,
    priorityId: DEFAULT_PRIORITY_ID,
  });
  const queueId = await onConstraint(insert, {
    queues_key_key: new DomainError('conflict', texts.queueKeyTaken(key)),
    queues_key_check: new DomainError('invalid', texts.queueKeyInvalid(key)),
    queues_name_check: new DomainError('invalid', texts.queueNameEmpty),
  });
  await insertColumnsForStatuses(db, orgId, queueId);
  return queueId;
}
