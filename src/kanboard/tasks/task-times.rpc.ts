import { secondsFrom } from '../rpc/values.ts';

/** The optional times of a task, in every result that contains tasks. */
interface TaskTimes {
  readonly closed_at: Date | null;
  readonly started_at: Date | null;
  readonly due_at: Date | null;
  readonly is_open: boolean;
}

/** Three adjacent members of most results that contain tasks. */
export function taskTimes(row: TaskTimes) {
  return {
    date_completed: completedAt(row),
    date_started: secondsOr0(row.started_at),
    date_due: secondsOr0(row.due_at),
  };
}

/** Null for a task that was never closed, 0 for a reopened one. */
export function completedAt({ closed_at, is_open }: Pick<TaskTimes, 'closed_at' | 'is_open'>): number | null {
  if (closed_at === null) return null;
  return is_open ? 0 : secondsFrom(closed_at);
}

export function secondsOr0(time: Date | null): number {
  return time === null ? 0 : secondsFrom(time);
}
