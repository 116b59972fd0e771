import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

export interface CategoryRow {
  category_id: number;
  name: string;
  queue_id: number;
  color: string | null;
}

const SELECT_CATEGORY = statement<keyof Viewer | 'categoryId', CategoryRow>(
  'select_category',
  `
  select categories.category_id, categories.name, categories.queue_id, categories.color
  from categories
  join queues on queues.org_id = :orgId and queues.queue_id = categories.queue_id
  where categories.org_id = :orgId and categories.category_id = :categoryId and ${visibleQueue('queues')}`,
);

/** Undefined if the category does not exist for this viewer. */
export async function selectCategory(
  db: Queryable,
  viewer: Viewer,
  categoryId: number,
): Promise<CategoryRow | undefined> {
  const [row] = await db.query(SELECT_CATEGORY({ ...viewer, categoryId }));
  return row;
}

const SELECT_CATEGORIES = statement<'orgId' | 'queueId', CategoryRow>(
  'select_categories',
  `
  select category_id, name, queue_id, color from categories
  where org_id = :orgId and queue_id = :queueId
  order by name, category_id`,
);

/** The categories of a queue, by name. */
export function selectCategories(db: Queryable, orgId: string, queueId: number): Promise<CategoryRow[]> {
  return db.query(SELECT_CATEGORIES({ orgId, queueId }));
}

export interface NewCategoryRow {
  readonly queueId: number;
  readonly name: string;
  readonly color: string | null;
}

const INSERT_CATEGORY = statement<'orgId' | keyof NewCategoryRow, { category_id: number }>(
  'insert_category',
  `
  insert into categories (org_id, queue_id, name, color) values (:orgId, :queueId, :name, :color)
  returning category_id`,
);

/** Returns the category_id. */
export async function insertCategory(db: Transaction, orgId: string, category: NewCategoryRow): Promise<number> {
  const [row] = await db.query(INSERT_CATEGORY({ orgId, ...category }));
  return (row as { category_id: number }).category_id;
}

const UPDATE_CATEGORY = statement<'orgId' | 'categoryId' | 'name' | 'color'>(
  'update_category',
  'update categories set name = :name, color = :color where org_id = :orgId and category_id = :categoryId',
);

export async function updateCategoryRow(
  db: Transaction,
  orgId: string,
  category: { readonly categoryId: number; readonly name: string; readonly color: string | null },
): Promise<void> {
  await db.query(UPDATE_CATEGORY({ orgId, ...category }));
}

const CLEAR_CATEGORY = statement<'orgId' | 'queueId' | 'categoryId'>(
  'clear_category',
  `
  with found as materialized (
    select issue_id from issues
    where org_id = :orgId and queue_id = :queueId and (kanboard ->> 'category_id')::bigint = :categoryId
    order by issue_id
    for no key update
  )
  update issues set kanboard = kanboard - 'category_id'
  from found
  where issues.org_id = :orgId and issues.issue_id = found.issue_id`,
);

/** Takes the category from all tasks that have it. */
export async function clearCategory(
  db: Transaction,
  orgId: string,
  category: { readonly queueId: number; readonly categoryId: number },
): Promise<void> {
  await db.query(CLEAR_CATEGORY({ orgId, ...category }));
}

const DELETE_CATEGORY = statement<'orgId' | 'categoryId'>(
  'delete_category',
  'delete from categories where org_id = :orgId and category_id = :categoryId',
);

export async function deleteCategory(db: Transaction, orgId: string, categoryId: number): Promise<void> {
  await db.query(DELETE_CATEGORY({ orgId, categoryId }));
}
