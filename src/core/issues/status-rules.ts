import type { StatusRow } from '../dictionaries/dictionaries.store.ts';
import type { IssueFields } from './issues.store.ts';

const CLOSED_TYPES: ReadonlySet<StatusRow['type']> = new Set(['done', 'cancelled']);

/** Whether Tracker closes an issue that gets a status of this type. */
export function closes(type: StatusRow['type']): boolean {
  return CLOSED_TYPES.has(type);
}

/**
 * The resolution after a change to a status: the given one (null for no resolution), else the present one, which a new status that
 * does not close the issue clears.
 */
export function resolutionAfter(
  { statusId, resolutionId }: Pick<IssueFields, 'statusId' | 'resolutionId'>,
  status: Pick<StatusRow, 'id' | 'type'> | undefined,
  given?: number | null,
): number | null {
  if (given !== undefined) return given;
  const isReopened = status !== undefined && status.id !== statusId && !closes(status.type);
  return isReopened ? null : resolutionId;
}
