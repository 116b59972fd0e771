import type { Viewer } from '../../core/access/viewer.ts';
import { selectQueueForIssue } from '../../core/queues/queues.store.ts';
import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { type ColumnRow, selectColumns } from '../columns/columns.store.ts';
import { selectTagsOfTasks, type TaskTagRow } from '../tags/tags.store.ts';
import { type FoundTaskRow, selectTasksOfBoard, selectTasksOfOwner } from '../tasks/task-search.store.ts';

/** A task with its tags by name. */
export interface TaggedTask {
  readonly row: FoundTaskRow;
  readonly tags: readonly TaskTagRow[];
}

/** The columns of a project with their open and closed tasks. */
export interface Board {
  readonly projectId: number;
  /** Whether the viewer may move its tasks; not the application account, as in Kanboard. */
  readonly isEditable: boolean;
  readonly columns: readonly { readonly column: ColumnRow; readonly tasks: readonly TaggedTask[] }[];
}

/** Throws `not_found`. */
export async function getBoard(db: Queryable, viewer: Viewer, projectId: number): Promise<Board> {
  const project = await selectQueueForIssue(db, viewer, { id: projectId, key: undefined });
  const columns = await selectColumns(db, viewer, projectId);
  if (project === undefined || columns === undefined) throw new DomainError('not_found', texts.queueNotFound);
  const tasks = await withTags(db, viewer, await selectTasksOfBoard(db, viewer, projectId));
  return {
    projectId,
    isEditable: project.may_write && !viewer.isApplication,
    columns: columns.map((column) => ({
      column,
      tasks: tasks.filter(({ row }) => row.column_id === column.column_id),
    })),
  };
}

/** The viewer's open tasks in active projects, by id. */
export async function listMyTasks(db: Queryable, viewer: Viewer): Promise<TaggedTask[]> {
  return await withTags(db, viewer, await selectTasksOfOwner(db, viewer, viewer.userId));
}

async function withTags(db: Queryable, viewer: Viewer, rows: readonly FoundTaskRow[]): Promise<TaggedTask[]> {
  const tags = await selectTagsOfTasks(
    db,
    viewer,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => ({ row, tags: tags.get(row.id) ?? [] }));
}
