import type { Database, Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import { requireAdministrator, requireManager, type Viewer } from '../access/viewer.ts';
import { findEntry } from '../dictionaries/dictionaries.service.ts';
import { ambiguous, type Reference, textOf } from '../ids/reference.ts';
import { DEFAULT_ISSUE_TYPE_ID, DEFAULT_PRIORITY_ID } from '../organisations/defaults.ts';
import { type UserSummary, userFrom } from '../users/user-summary.ts';
import { findUsersNamed } from '../users/users.service.ts';
import { insertColumnsForStatuses } from './queue-columns.store.ts';
import { parseQueueName } from './queue-name.ts';
import {
  insertQueue,
  type QueueRow,
  type QueueState,
  selectQueue,
  selectQueueStates,
  selectQueuesPage,
} from './queues.store.ts';

export interface Queue {
  readonly id: number;
  readonly key: string;
  readonly version: number;
  readonly name: string;
  readonly description: string | undefined;
  readonly lead: UserSummary;
  readonly defaultIssueType: { readonly id: number; readonly key: string; readonly name: Text };
  readonly defaultPriority: { readonly id: number; readonly key: string; readonly name: Text };
}

export interface NewQueue {
  readonly key: string;
  readonly name: string;
  readonly description?: string | undefined;
  readonly leadId: number;
  readonly issueTypeId?: number | undefined;
  readonly priorityId?: number | undefined;
  readonly access?: 'organisation' | 'members';
}

/**
 * Creates a queue, by default open to the organisation, with a column for each of its statuses, and returns the queue_id.
 * Throws `conflict` when the key is taken, and `invalid` for a malformed key or an empty name.
 */
export function createQueue(
  db: Database,
  orgId: string,
  {
    issueTypeId = DEFAULT_ISSUE_TYPE_ID,
    priorityId = DEFAULT_PRIORITY_ID,
    access = 'organisation',
    ...queue
  }: NewQueue,
): Promise<number> {
  return db.transaction(async (transaction) => {
    const insert = insertQueue(transaction, orgId, {
      ...queue,
      identifier: queue.key,
      access,
      issueTypeId,
      priorityId,
    });
    const queueId = await onConstraint(insert, {
      queues_key_key: () => new DomainError('conflict', texts.queueKeyTaken(queue.key)),
      queues_identifier_key: () => new DomainError('conflict', texts.queueKeyTaken(queue.key)),
      queues_key_check: () => new DomainError('invalid', texts.queueKeyInvalid(queue.key)),
      queues_name_check: () => new DomainError('invalid', texts.queueNameEmpty),
    });
    await insertColumnsForStatuses(transaction, orgId, queueId);
    return queueId;
  });
}

/**
 * Creates a queue as a client requests it; the viewer leads it unless the request names another lead. Throws as
 * `createQueue` does, `forbidden` unless the viewer is an administrator or a manager, and `refused` for an unknown
 * lead, issue type or priority.
 */
export function createQueueFor(
  db: Database,
  viewer: Viewer,
  queue: {
    readonly key: string;
    readonly name: string;
    readonly description: string | undefined;
    readonly lead: Reference | undefined;
    readonly defaultType: Reference | undefined;
    readonly defaultPriority: Reference | undefined;
  },
): Promise<Queue> {
  requireManager(viewer);
  const { key, name, description } = queue;
  return db.transaction(async (transaction) => {
    const { lead, defaultType = DEFAULT_ISSUE_TYPE_ID, defaultPriority = DEFAULT_PRIORITY_ID } = queue;
    const [found] = lead === undefined ? [] : await findUsersNamed(transaction, viewer.orgId, [lead]);
    if (found === 'ambiguous') throw ambiguous('lead', textOf(lead ?? ''));
    const leadId = lead === undefined ? viewer.userId : found?.isRemoved === false ? found.userId : undefined;
    const issueType = await findEntry(transaction, viewer, 'issue_types', defaultType, 'defaultType');
    const priority = await findEntry(transaction, viewer, 'priorities', defaultPriority, 'defaultPriority');
    if (leadId === undefined || issueType === undefined || priority === undefined) {
      throw new DomainError('refused', undefined, {
        ...(leadId === undefined && { lead: texts.userUnknown }),
        ...(issueType === undefined && { defaultType: texts.issueTypeNotFound }),
        ...(priority === undefined && { defaultPriority: texts.priorityNotFound }),
      });
    }
    const ids = { leadId, issueTypeId: issueType.id, priorityId: priority.id };
    await createQueue(transaction, viewer.orgId, { key, name, description, ...ids });
    return await getQueue(transaction, viewer, key);
  });
}

/** One page of the queues that the viewer may see, in order of creation. */
export async function listQueues(
  db: Queryable,
  viewer: Viewer,
  { page, perPage }: { readonly page: number; readonly perPage: number },
): Promise<{ queues: Queue[]; total: number }> {
  const { rows, total } = await selectQueuesPage(db, viewer, { limit: perPage, offset: (page - 1) * perPage });
  return { queues: rows.map(toQueue), total };
}

/** All queues by key, from that key on, which need not exist. Throws `forbidden` for anyone but administrators. */
export async function listQueueStates(
  db: Queryable,
  viewer: Viewer,
  range: { readonly from: string; readonly limit: number },
): Promise<QueueState[]> {
  requireAdministrator(viewer);
  return await selectQueueStates(db, viewer, range);
}

/** The queue with that key or id. Throws `not_found`, also for a queue that the viewer may not see. */
export async function getQueue(db: Queryable, viewer: Viewer, queueName: string): Promise<Queue> {
  const name = parseQueueName(queueName);
  const row = name === undefined ? undefined : await selectQueue(db, viewer, name);
  if (row === undefined) throw new DomainError('not_found', texts.queueNotFound);
  return toQueue(row);
}

function toQueue(row: QueueRow): Queue {
  return {
    id: row.queue_id,
    key: row.key,
    version: row.version,
    name: row.name,
    description: row.description ?? undefined,
    lead: userFrom(row, 'lead'),
    defaultIssueType: {
      id: row.issue_type_id,
      key: row.issue_type_key,
      name: { ru: row.issue_type_ru, en: row.issue_type_en },
    },
    defaultPriority: {
      id: row.priority_id,
      key: row.priority_key,
      name: { ru: row.priority_ru, en: row.priority_en },
    },
  };
}
