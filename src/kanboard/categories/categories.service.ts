import type { Viewer } from '../../core/access/viewer.ts';
import { inManagedQueue, requireManagedQueue } from '../../core/queues/queue-members.service.ts';
import { lockQueue } from '../../core/queues/queues.store.ts';
import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError, requireValid } from '../../errors.ts';
import { lengthOf } from '../../text-length.ts';
import { texts } from '../../texts.ts';
import { requireVisibleProject } from '../tasks/tasks.service.ts';
import {
  type CategoryRow,
  clearCategory,
  deleteCategory,
  insertCategory,
  selectCategories,
  selectCategory,
  updateCategoryRow,
} from './categories.store.ts';

/** A category as a caller gives it; undefined marks an invalid value. */
export interface NewCategory {
  readonly name: string | undefined;
  /** Null if it is unset. */
  readonly color: string | null | undefined;
}

const NAME_LENGTH_MAX = 191;
const COLOR_LENGTH_MAX = 50;
const CATEGORIES_MAX = 1000;

/** The categories of a project, by name. Throws `not_found` for a project that the viewer may not see. */
export async function listCategories(db: Queryable, viewer: Viewer, projectId: number): Promise<CategoryRow[]> {
  await requireVisibleProject(db, viewer, projectId);
  return await selectCategories(db, viewer.orgId, projectId);
}

/** Throws `not_found`, also for a category of a project that the viewer may not see. */
export async function getCategory(db: Queryable, viewer: Viewer, categoryId: number): Promise<CategoryRow> {
  const row = await selectCategory(db, viewer, categoryId);
  if (row === undefined) throw new DomainError('not_found', texts.categoryNotFound);
  return row;
}

/**
 * Returns the id. Throws `not_found` and `forbidden` for the project, `invalid`, `conflict` for a name that another category
 * has, and `refused` for too many categories.
 */
export function createCategory(db: Database, viewer: Viewer, projectId: number, given: NewCategory): Promise<number> {
  const { orgId } = viewer;
  return inManagedQueue(db, viewer, projectId, async (transaction) => {
    const category = validCategory(given);
    await lockQueue(transaction, orgId, projectId);
    const { length } = await selectCategories(transaction, orgId, projectId);
    if (length >= CATEGORIES_MAX) throw new DomainError('refused', texts.categoriesTooMany);
    return await refuseTakenName(
      category.name,
      insertCategory(transaction, orgId, { queueId: projectId, ...category }),
    );
  });
}

/** Throws `not_found` and `forbidden` for the category, and `invalid` and `conflict` as `createCategory` does. */
export function updateCategory(db: Database, viewer: Viewer, categoryId: number, given: NewCategory): Promise<void> {
  return db.transaction(async (transaction) => {
    await lockManagedCategory(transaction, viewer, categoryId);
    const category = validCategory(given);
    await refuseTakenName(category.name, updateCategoryRow(transaction, viewer.orgId, { categoryId, ...category }));
  });
}

/** Removes a category, which its tasks then lack. Throws `not_found` and `forbidden`. */
export function removeCategory(db: Database, viewer: Viewer, categoryId: number): Promise<void> {
  const { orgId } = viewer;
  return db.transaction(async (transaction) => {
    const { queue_id: queueId } = await lockManagedCategory(transaction, viewer, categoryId);
    await clearCategory(transaction, orgId, { queueId, categoryId });
    await deleteCategory(transaction, orgId, categoryId);
  });
}

async function lockManagedCategory(db: Transaction, viewer: Viewer, categoryId: number): Promise<CategoryRow> {
  const { queue_id: queueId } = await getCategory(db, viewer, categoryId);
  await requireManagedQueue(db, viewer, queueId);
  await lockQueue(db, viewer.orgId, queueId);
  return await getCategory(db, viewer, categoryId);
}

async function refuseTakenName<Result>(name: string, write: Promise<Result>): Promise<Result> {
  return await onConstraint(write, {
    categories_name_key: () => new DomainError('conflict', texts.categoryExists(name)),
  });
}

function validCategory({ name = '', color }: NewCategory): { name: string; color: string | null } {
  requireValid({
    name: name.trim() !== '' && lengthOf(name) <= NAME_LENGTH_MAX,
    color_id: color !== undefined && lengthOf(color ?? '') <= COLOR_LENGTH_MAX,
  });
  return { name, color: color || null };
}
