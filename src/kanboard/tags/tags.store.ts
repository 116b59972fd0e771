import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import type { Queryable, Transaction } from '../../database/database.ts';
import { lookup } from '../../database/lookup.ts';
import { statement } from '../../database/statement.ts';

export interface TagRow {
  tag_id: number;
  name: string;
  queue_id: number;
  color: string | null;
}

const SELECT_TAGS = statement<keyof Viewer, TagRow>(
  'select_tags',
  `
  select tags.tag_id, tags.name, tags.queue_id, tags.color
  from queues
  join tags on tags.org_id = :orgId and tags.queue_id = queues.queue_id
  where queues.org_id = :orgId and ${visibleQueue('queues')}
  order by tags.name, tags.tag_id`,
);

/** The tags of all queues that the viewer may see, by name. */
export function selectTags(db: Queryable, viewer: Viewer): Promise<TagRow[]> {
  return db.query(SELECT_TAGS({ ...viewer }));
}

const SELECT_TAGS_OF_QUEUE = statement<keyof Viewer | 'queueId', TagRow | { tag_id: null }>(
  'select_tags_of_queue',
  `
  select tags.tag_id, tags.name, queues.queue_id, tags.color
  from queues
  left join tags on tags.org_id = :orgId and tags.queue_id = queues.queue_id
  where queues.org_id = :orgId and queues.queue_id = :queueId and ${visibleQueue('queues')}
  order by tags.name`,
);

/** The tags of a queue, by name. Undefined if the queue does not exist for this viewer. */
export async function selectTagsOfQueue(db: Queryable, viewer: Viewer, queueId: number): Promise<TagRow[] | undefined> {
  const rows = await db.query(SELECT_TAGS_OF_QUEUE({ ...viewer, queueId }));
  return rows.length === 0 ? undefined : rows.filter((row) => row.tag_id !== null);
}

const SELECT_TAG = statement<keyof Viewer | 'tagId', TagRow>(
  'select_tag',
  `
  select tags.tag_id, tags.name, tags.queue_id, tags.color
  from tags
  join queues on queues.org_id = :orgId and queues.queue_id = tags.queue_id
  where tags.org_id = :orgId and tags.tag_id = :tagId and ${visibleQueue('queues')}`,
);

/** Undefined if the tag does not exist for this viewer. */
export async function selectTag(db: Queryable, viewer: Viewer, tagId: number): Promise<TagRow | undefined> {
  const [row] = await db.query(SELECT_TAG({ ...viewer, tagId }));
  return row;
}

type TaskTag = Pick<TagRow, 'tag_id' | 'name'>;

const SELECT_TAGS_OF_TASK = statement<keyof Viewer | 'taskId', TaskTag | { tag_id: null }>(
  'select_tags_of_task',
  `
  select tags.tag_id, tags.name
  from issues
  join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id
  left join tags on tags.org_id = :orgId and tags.queue_id = issues.queue_id and tags.name = any(issues.tags)
  where issues.org_id = :orgId and issues.issue_id = :taskId and ${visibleQueue('queues')}
  order by tags.tag_id`,
);

/** The tags of a task, by id. Undefined if the task does not exist for this viewer. */
export async function selectTagsOfTask(db: Queryable, viewer: Viewer, taskId: number): Promise<TaskTag[] | undefined> {
  const rows = await db.query(SELECT_TAGS_OF_TASK({ ...viewer, taskId }));
  return rows.length === 0 ? undefined : rows.filter((row) => row.tag_id !== null);
}

export interface TaskTagRow {
  task_id: number;
  tag_id: number;
  name: string;
  color: string | null;
}

const SELECT_TAGS_OF_TASKS = statement<keyof Viewer | 'taskIds', TaskTagRow>(
  'select_tags_of_tasks',
  `
  select issues.issue_id as task_id, tags.tag_id, tags.name, tags.color
  from ${lookup('issues', 'issues', 'issues.issue_id = any(:taskIds::bigint[])')}
  join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id and ${visibleQueue('queues')}
  join tags on tags.org_id = :orgId and tags.queue_id = issues.queue_id and tags.name = any(issues.tags)
  order by tags.name, tags.tag_id`,
);

/** The tags of each of these tasks that the viewer may see, by name. */
export async function selectTagsOfTasks(
  db: Queryable,
  viewer: Viewer,
  taskIds: readonly number[],
): Promise<ReadonlyMap<number, TaskTagRow[]>> {
  const rows = await db.query(SELECT_TAGS_OF_TASKS({ ...viewer, taskIds }));
  const byTask = new Map<number, TaskTagRow[]>();
  for (const row of rows) byTask.set(row.task_id, [...(byTask.get(row.task_id) ?? []), row]);
  return byTask;
}

const SELECT_STORED_NAMES = statement<'orgId' | 'queueId' | 'names', { wanted: string; name: string }>(
  'select_stored_names',
  `
  select wanted.name as wanted, tags.name
  from unnest(:names::text[]) as wanted (name)
  join tags on tags.org_id = :orgId and tags.queue_id = :queueId
    and lower(tags.name collate "default") = lower(wanted.name collate "default")
  order by tags.name = wanted.name, tags.tag_id desc`,
);

/** Maps names to the names of the queue's tags that equal them but for letter case: the same one if there is, else the first. */
export async function selectStoredNames(
  db: Queryable,
  orgId: string,
  queueId: number,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (names.length === 0) return new Map();
  const rows = await db.query(SELECT_STORED_NAMES({ orgId, queueId, names }));
  // Later rows replace earlier ones.
  return new Map(rows.map(({ wanted, name }) => [wanted, name]));
}

/** What a caller determines of a tag. */
export interface TagFields {
  readonly name: string;
  readonly color: string | null;
}

const INSERT_TAG = statement<'orgId' | 'queueId' | keyof TagFields, { tag_id: number }>(
  'insert_tag',
  `
  insert into tags (org_id, queue_id, name, color) values (:orgId, :queueId, :name, :color)
  returning tag_id`,
);

/** Returns the tag_id. */
export async function insertTag(db: Transaction, orgId: string, queueId: number, tag: TagFields): Promise<number> {
  const [row] = await db.query(INSERT_TAG({ orgId, queueId, ...tag }));
  return (row as { tag_id: number }).tag_id;
}

const UPDATE_TAG = statement<'orgId' | 'tagId' | keyof TagFields>(
  'update_tag',
  'update tags set name = :name, color = :color where org_id = :orgId and tag_id = :tagId',
);

export async function updateTagRow(db: Transaction, orgId: string, tagId: number, tag: TagFields): Promise<void> {
  await db.query(UPDATE_TAG({ orgId, tagId, ...tag }));
}

const DELETE_TAG = statement<'orgId' | 'tagId'>(
  'delete_tag',
  'delete from tags where org_id = :orgId and tag_id = :tagId',
);

export async function deleteTag(db: Transaction, orgId: string, tagId: number): Promise<void> {
  await db.query(DELETE_TAG({ orgId, tagId }));
}

interface TagReplacement {
  readonly queueId: number;
  readonly name: string;
  /** Null to take the tag from the issues. */
  readonly newName: string | null;
}

export interface RetaggedIssue {
  issue_id: number;
  before: string[];
  after: string[];
}

const REPLACE_TAG = statement<'orgId' | 'userId' | keyof TagReplacement, RetaggedIssue>(
  'replace_tag',
  `
  with found as materialized (
    select issue_id, tags as before from issues
    where org_id = :orgId and queue_id = :queueId and tags @> array[:name::text]
    order by issue_id
    for no key update
  )
  update issues
  set tags = case
      when :newName::text is null or :newName = any(tags) then array_remove(tags, :name::text)
      else array_replace(tags, :name::text, :newName::text) end,
    version = version + 1, updated_by = :userId, updated_at = greatest(now(), updated_at)
  from found
  where issues.org_id = :orgId and issues.issue_id = found.issue_id
  returning issues.issue_id, found.before, issues.tags as after`,
);

/** Renames a tag on all issues of a queue, or takes it from them; raises their versions, and returns them by id. */
export async function replaceTag(
  db: Transaction,
  viewer: Viewer,
  { queueId, name, newName }: TagReplacement,
): Promise<RetaggedIssue[]> {
  const { orgId, userId } = viewer;
  const rows = await db.query(REPLACE_TAG({ orgId, userId, queueId, name, newName }));
  return rows.sort((left, right) => left.issue_id - right.issue_id);
}
