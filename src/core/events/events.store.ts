import type { Transaction } from '../../database/database.ts';
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
  | 'IssueLinkChanged';

/** A link from the point of view of one issue, at the time of the event. */
export interface LinkChange {
  readonly link_id: number;
  readonly link_type_id: string;
  readonly direction: Direction;
  /** The issue_id of the other issue. */
  readonly object_id: number;
}

/** What an event stores: links and fields before and after the change, as ids and keys. */
export interface Changes {
  readonly links?: readonly { readonly from: LinkChange | null; readonly to: LinkChange | null }[];
  readonly fields?: readonly { readonly field: string; readonly from: unknown; readonly to: unknown }[];
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

/** Records the changes of a transaction, one event for each issue and event type. */
export async function insertEvents(
  db: Transaction,
  orgId: string,
  userId: number,
  events: readonly NewEvent[],
): Promise<void> {
  await db.query(INSERT_EVENTS({ orgId, userId, events: JSON.stringify(events) }));
}
