import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import { visibleComment } from '../../core/comments/comments.store.ts';
import { SCORE } from '../../core/issues/shared-fields.ts';
import { groupSql, type Sql, sql, unnamedStatement, withinSql } from '../../database/conditions.ts';
import type { Queryable } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { SWIMLANE_NAME } from '../projects/swimlane.ts';
import type { DateField, NumberField, TaskCondition } from './task-query.ts';
import { TASK_COLUMNS, TASK_JOINS, type TaskRow } from './tasks.store.ts';

const VISIBLE_COMMENT = visibleComment('comments.visibility', 'comments.created_by');

/** The label of a milestone, one of the initial labels of every organisation. */
const MILESTONE_LABEL_ID = 9;

export interface FoundTaskRow extends TaskRow {
  /** Without the links to issues that the viewer may not see. */
  links: number;
  external_links: number;
  /** Without those that the viewer may not see. */
  comments: number;
  is_milestone: boolean;
  assignee_login: string | null;
  assignee_name: string | null;
  assignee_email: string | null;
  column_title: string;
  column_position: number;
  project_name: string;
  category_name: string | null;
  category_color: string | null;
}

/** SQL: the ends of links at the row `issues`: the label of each end, and the issue at the other end. */
const LINK_ENDS = `
  select link_types.inward_label_id as label_id, links.outward_issue_id as object_id
  from links
  join link_types on link_types.org_id = :orgId and link_types.link_type_id = links.link_type_id
  where links.org_id = :orgId and links.inward_issue_id = issues.issue_id
  union all
  select link_types.outward_label_id, links.inward_issue_id
  from links
  join link_types on link_types.org_id = :orgId and link_types.link_type_id = links.link_type_id
  where links.org_id = :orgId and links.outward_issue_id = issues.issue_id`;

/** SQL: the link ends whose other issue the viewer may see. */
const VISIBLE_LINK_ENDS = `
  (${LINK_ENDS}) as ends
  join issues object on object.org_id = :orgId and object.issue_id = ends.object_id
  join queues object_queue on object_queue.org_id = :orgId and object_queue.queue_id = object.queue_id
    and ${visibleQueue('object_queue')}`;

/** SQL: selects FoundTaskRows from the rows `issues` and `queues` of `from`. */
function foundTasks(from: string): string {
  return `
    select ${TASK_COLUMNS}, seen.links, seen.is_milestone,
      (
        select count(*) from remote_links
        where remote_links.org_id = :orgId and remote_links.issue_id = issues.issue_id
      ) as external_links,
      (
        select count(*) from comments
        where comments.org_id = :orgId and comments.issue_id = issues.issue_id and ${VISIBLE_COMMENT}
      ) as comments,
      assignee.login as assignee_login, assignee.display as assignee_name, assignee.email as assignee_email,
      categories.name as category_name, categories.color as category_color, columns.title as column_title,
      columns.position as column_position, queues.name as project_name
    from ${from}
    ${TASK_JOINS}
    left join categories on categories.org_id = :orgId and categories.queue_id = issues.queue_id
      and categories.category_id = ${kanboardNumber('category_id')}
    cross join lateral (
      select count(*) as links, coalesce(bool_or(ends.label_id = ${MILESTONE_LABEL_ID}), false) as is_milestone
      from ${VISIBLE_LINK_ENDS}
    ) as seen`;
}

const TASKS_OF_PROJECT = `
  ${foundTasks('queues join issues on issues.org_id = :orgId and issues.queue_id = queues.queue_id')}
  where queues.org_id = :orgId and queues.queue_id = :projectId and ${visibleQueue('queues')}`;

/** The tasks of a project that meet the condition, by id. */
export function selectTasksFound(
  db: Queryable,
  viewer: Viewer,
  projectId: number,
  condition: TaskCondition,
): Promise<FoundTaskRow[]> {
  const found = sql(`${TASKS_OF_PROJECT} and :condition order by issues.issue_id`, {
    projectId,
    condition: conditionSql(condition),
  });
  return db.query<FoundTaskRow>(unnamedStatement(found, { ...viewer }));
}

const SELECT_TASKS_OF_BOARD = statement<keyof Viewer | 'projectId', FoundTaskRow>(
  'select_tasks_of_board',
  `${TASKS_OF_PROJECT} order by issues.position, issues.issue_id`,
);

/** The open and closed tasks of a project in the order of their columns. */
export function selectTasksOfBoard(db: Queryable, viewer: Viewer, projectId: number): Promise<FoundTaskRow[]> {
  return db.query(SELECT_TASKS_OF_BOARD({ ...viewer, projectId }));
}

const SELECT_TASKS_OF_OWNER = statement<keyof Viewer | 'ownerId', FoundTaskRow>(
  'select_tasks_of_owner',
  `
  ${foundTasks('issues join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id')}
  where issues.org_id = :orgId and issues.assignee_id = :ownerId and issues.is_open and queues.is_active
    and ${visibleQueue('queues')}
  order by issues.issue_id`,
);

/** The open tasks of an owner in active projects that the viewer may see, by id. */
export function selectTasksOfOwner(db: Queryable, viewer: Viewer, ownerId: number): Promise<FoundTaskRow[]> {
  return db.query(SELECT_TASKS_OF_OWNER({ ...viewer, ownerId }));
}

/** SQL over the rows of a task. */
function conditionSql(condition: TaskCondition): Sql {
  switch (condition.kind) {
    case 'all':
    case 'any':
      return groupSql(condition, conditionSql);
    case 'number':
      return sql(`${NUMBERS[condition.field]} ${condition.operator} :value::bigint`, { value: condition.value });
    case 'contains':
      return sql(CONTAINS[condition.field]('lower(:wanted::text)'), { wanted: condition.text });
    case 'equals':
      return sql(EQUALS[condition.field](':wanted::text'), { wanted: condition.text });
    case 'reference': {
      const pattern = condition.parts.map((part) => part.replaceAll(/[\\%_]/g, '\\$&')).join('%');
      return sql('issues.reference ilike :pattern::text', { pattern });
    }
    case 'unset':
      return sql(UNSET[condition.field]);
    case 'within':
      return withinSql(TIMES[condition.field], condition);
  }
}

type ConditionOf<Name extends TaskCondition['kind']> = Extract<TaskCondition, { kind: Name }>;
type TextSql = (text: string) => string;

const NUMBERS: Readonly<Record<NumberField, string>> = {
  id: 'issues.issue_id',
  owner: 'coalesce(assignee.user_id, 0)',
  creator: 'coalesce(creator.user_id, 0)',
  column: 'columns.column_id',
  project: 'queues.queue_id',
  isOpen: 'issues.is_open::integer',
  category: kanboardNumber('category_id'),
  priority: kanboardNumber('priority'),
  score: SCORE,
};

function kanboardNumber(field: string): string {
  return `coalesce((issues.kanboard ->> '${field}')::bigint, 0)`;
}

const CONTAINS: Readonly<Record<ConditionOf<'contains'>['field'], TextSql>> = {
  title: (text) => contains('issues.summary', text),
  description: (text) => contains('issues.description', text),
  tag: (text) => `exists (select from unnest(issues.tags) as tag where ${contains('tag', text)})`,
  comment: (text) => `exists (
    select from comments
    where comments.org_id = :orgId and comments.issue_id = issues.issue_id and ${VISIBLE_COMMENT}
      and ${contains('comments.text', text)})`,
  owner: (text) => `(${contains('assignee.login', text)} or ${contains('assignee.display', text)})`,
  creator: (text) => `(${contains('creator.login', text)} or ${contains('creator.display', text)})`,
};

function contains(column: string, text: string): string {
  return `position(${text} in lower(${column} collate "default")) > 0`;
}

const EQUALS: Readonly<Record<ConditionOf<'equals'>['field'], TextSql>> = {
  category: (text) => `categories.name = ${text}`,
  column: (text) => `columns.title = ${text}`,
  project: (text) => `lower(queues.name) = lower(${text})`,
  swimlane: (text) => `lower(${text}) = '${SWIMLANE_NAME.toLowerCase()}'`,
  color: (text) => `issues.color = ${text}`,
  link: (text) => `exists (
    select from ${VISIBLE_LINK_ENDS}
    join labels on labels.org_id = :orgId and labels.label_id = ends.label_id
    where lower(labels.label collate "default") = lower(${text}))`,
};

const UNSET: Readonly<Record<ConditionOf<'unset'>['field'], string>> = {
  reference: `issues.reference = ''`,
  tag: `issues.tags = '{}'`,
  due: 'issues.due_at is null',
};

const TIMES: Readonly<Record<DateField, string>> = {
  created: 'issues.created_at',
  modified: 'issues.updated_at',
  moved: 'issues.moved_at',
  due: 'issues.due_at',
  started: 'issues.started_at',
  completed: 'case when not issues.is_open then issues.closed_at end',
};
