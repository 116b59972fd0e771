import type { Queryable } from '../../database/database.ts';
import type { Viewer } from '../access/viewer.ts';
import { selectFirstStatus, selectLastStatus } from '../queues/queue-columns.store.ts';
import type { IssueFields, IssueState } from './issues.store.ts';
import { DUE_AT_MIN } from './shared-fields.ts';

/** Tasks that recur, as in Kanboard: what ends one occurrence creates the next. */

type Settings = Readonly<Record<string, number>>;

/** Values of `recurrence_status`: a pending task has yet to create its successor. */
const PENDING = 1;
const PROCESSED = 2;
/** Values of `recurrence_trigger`. */
const LEAVES_FIRST_COLUMN = 0;
const REACHES_LAST_COLUMN = 1;
const IS_CLOSED = 2;
/** Values of `recurrence_timeframe`; any other is days. */
const MONTHS = 1;
const YEARS = 2;
/** The value of `recurrence_basedate` for the day of the change instead of the due date. */
const FROM_NOW = 1;

/** Whether a change of the issue may create its successor. */
export function isRecurring({ kanboard }: { readonly kanboard: Settings }): boolean {
  return kanboard['recurrence_status'] === PENDING;
}

/** Whether the change is the one that the issue recurs on. */
export async function recurs(
  db: Queryable,
  { orgId }: Viewer,
  before: IssueState,
  after: IssueFields,
  isOpen: boolean,
): Promise<boolean> {
  if (!isRecurring(after)) return false;
  const trigger = after.kanboard['recurrence_trigger'] ?? LEAVES_FIRST_COLUMN;
  if (trigger === IS_CLOSED) return before.is_open && !isOpen;
  if (before.status_id === after.statusId) return false;
  if (trigger === LEAVES_FIRST_COLUMN) {
    return before.status_id === (await selectFirstStatus(db, orgId, before.queue_id)).id;
  }
  return trigger === REACHES_LAST_COLUMN && after.statusId === (await selectLastStatus(db, orgId, before.queue_id));
}

/** The fields of the next occurrence, in the first column. */
export function successorOf(issueId: number, fields: IssueFields, statusId: number, now: Date): IssueFields {
  const { recurrence_child: _child, ...kanboard } = fields.kanboard;
  return {
    ...fields,
    statusId,
    dueAt: nextDueDate(fields, now),
    resolutionId: null,
    authorId: null,
    startedAt: null,
    timeSpent: null,
    kanboard: { ...kanboard, recurrence_parent: issueId },
  };
}

export function processedFields(fields: IssueFields, childId: number): IssueFields {
  return { ...fields, kanboard: { ...fields.kanboard, recurrence_status: PROCESSED, recurrence_child: childId } };
}

/** Without a due date, the successor has none either. */
function nextDueDate({ dueAt, kanboard }: IssueFields, now: Date): Date | null {
  const factor = kanboard['recurrence_factor'] ?? 0;
  if (dueAt === null || factor === 0) return dueAt;
  const next = new Date(kanboard['recurrence_basedate'] === FROM_NOW ? now : dueAt);
  const timeframe = kanboard['recurrence_timeframe'];
  if (timeframe === MONTHS) next.setUTCMonth(next.getUTCMonth() + factor);
  else if (timeframe === YEARS) next.setUTCFullYear(next.getUTCFullYear() + factor);
  else next.setUTCDate(next.getUTCDate() + factor);
  const isStorable = next >= DUE_AT_MIN && next.getUTCFullYear() < 10_000;
  return isStorable ? next : dueAt;
}
