import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { Direction } from '../labels/direction.ts';

export type EventType =
  | 'IssueCreated'
  | 'IssueUpdated'
  | 'IssueMoved'
  | 'IssueCloned'
  | 'IssueWorkflow'
  | 'IssueDeleted'
  | 'IssueLinked'
  | 'IssueUnlinked'
  | 'IssueLinkChanged'
  | 'IssueCommentAdded'
  | 'IssueCommentUpdated'
  | 'IssueCommentRemoved';

/** A link from the point of view of one issue, at the time of the event. */
export interface LinkChange {
  readonly link_id: number;
  readonly link_type_id: string;
  readonly direction: Direction;
  /** The issue_id of the other issue. */
  readonly object_id: number;
}

/** A comment that was added, updated or removed. Who could see it must be known even after it is removed. */
export interface CommentChange {
  readonly comment_id: number;
  readonly visibility: string;
}

/** What an event stores: links and fields before and after the change, as ids and keys. */
export interface Changes {
  readonly links?: readonly { readonly from: LinkChange | null; readonly to: LinkChange | null }[];
  readonly fields?: readonly { readonly field: string; readonly from: unknown; readonly to: unknown }[];
  readonly comments?: readonly CommentChange[];
  /** Kanboard opens and closes tasks without changing their status; the changelog has no field for that. */
  readonly isOpen?: { readonly from: boolean; readonly to: boolean };
}

export interface NewEvent {
  readonly issueId: number;
  readonly type: EventType;
  readonly changes: Changes;
}

const INSERT_EVENTS = statement<'orgId' | 'userId' | 'events'>(
  'insert_events',
  `
  insert into events (org_id, user_id, issue_id, type, changes)
  select :orgId, :userId, (given.event ->> 'issueId')::bigint, given.event ->> 'type', given.event -> 'changes'
  from jsonb_array_elements(:events) with ordinality as given (event, place)
  order by given.place`,
);

/** Transaction ids, as text, of PostgreSQL's present state. */
export interface TransactionHorizon {
  /** All transactions below it have ended. */
  readonly oldest: string;
  /** No transaction has begun yet with it or above it. */
  readonly next: string;
}

const SELECT_TRANSACTION_HORIZON = statement<never, TransactionHorizon>(
  'select_transaction_horizon',
  `
  select pg_snapshot_xmin(pg_current_snapshot())::text as oldest, pg_snapshot_xmax(pg_current_snapshot())::text as next`,
);

/**
 * What the transaction_ids of events are compared with. In a distributed database they come from the coordinator, and
 * so must this: with a table in the statement, it would come from another node.
 */
export async function selectTransactionHorizon(db: Pick<Queryable, 'query'>): Promise<TransactionHorizon> {
  const [row] = await db.query(SELECT_TRANSACTION_HORIZON({}));
  return row as TransactionHorizon;
}

/** Records the changes of a transaction, one event for each issue and event type. */
export async function insertEvents(
  db: Transaction,
  orgId: string,
  userId: number,
  events: readonly NewEvent[],
): Promise<void> {
  await db.query(INSERT_EVENTS({ orgId, userId, events: JSON.stringify(events) }));
}
