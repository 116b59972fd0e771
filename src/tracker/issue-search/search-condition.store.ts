import { visibleQueue } from '../../core/access/viewer.ts';
import { visibleComment } from '../../core/comments/comments.store.ts';
import { parseIssueName } from '../../core/issues/issue-name.ts';
import { AUTHOR } from '../../core/issues/issues.store.ts';
import { STORY_POINTS } from '../../core/issues/shared-fields.ts';
import { type Direction, opposite } from '../../core/labels/direction.ts';
import { groupSql, type Sql, sql, withinSql } from '../../database/conditions.ts';
import { type Condition, type Field, type ValueField, wordsOf } from './search-condition.ts';

type LinkField = Extract<Field, { is: 'link' | 'linkedQueue' }>;

/** SQL over the rows `issues` and `queues`. */
export function conditionSql(condition: Condition): Sql {
  switch (condition.kind) {
    case 'all':
    case 'any':
      return groupSql(condition, conditionSql);
    case 'not':
      // Not `not`: an unset field is not ivanov either.
      return sql('(:condition) is not true', { condition: conditionSql(condition.condition) });
    case 'oneOf':
      return oneOfSql(condition.field, condition.values);
    case 'equals':
      return textSql(condition.field, 'lower(:column) = lower(:wanted)', condition.text);
    case 'like':
      return textSql(
        condition.field,
        'lower(:column) like lower(:wanted)',
        condition.parts.map((part) => part.replaceAll(/[\\%_]/g, '\\$&')).join('%'),
      );
    case 'me':
      return sql(PEOPLE[nameOf(condition.field)]?.isViewer ?? 'false');
    case 'compared':
      return sql(`${NUMBERS[nameOf(condition.field)] ?? 'null'} ${condition.comparison} :number::numeric`, {
        number: condition.number,
      });
    case 'empty':
      return condition.field.is === 'value'
        ? sql(`(${EMPTY[condition.field.name] ?? 'false'})`)
        : sql('not :linked', { linked: isLinked(condition.field) });
    case 'within':
      return withinSql(TIMES[nameOf(condition.field)] ?? 'null', condition);
  }
}

function oneOfSql(field: Field, values: readonly string[]): Sql {
  switch (field.is) {
    case 'value':
      return VALUES[field.name](values);
    case 'link':
      return sql('issues.issue_id in (:ids)', { ids: linkedIds(field, values) });
    case 'linkedQueue':
      return isLinked(field, queueIs('object_queue', values));
  }
}

type ByField = { readonly [Name in ValueField]?: string };
/** SQL: whether a field has the viewer, and whether it has one of the users :ids. */
const PEOPLE: { readonly [Name in ValueField]?: { readonly isViewer: string; readonly isAny: string } } = {
  assignee: person('issues.assignee_id'),
  author: person(AUTHOR),
  createdBy: person('issues.created_by'),
  updatedBy: person('issues.updated_by'),
  queueOwner: person('queues.lead_id'),
  followers: { isViewer: ':userId = any(issues.follower_ids)', isAny: 'issues.follower_ids && array(:ids)' },
};
const NUMBERS: ByField = { storyPoints: STORY_POINTS };
const TIMES: ByField = {
  created: 'issues.created_at',
  updated: 'issues.updated_at',
  resolved: 'issues.resolved_at',
  deadline: 'issues.due_at',
};
const TEXTS: ByField = { summary: 'issues.summary', description: 'issues.description', comment: 'comments.text' };
const EMPTY: ByField = {
  assignee: 'issues.assignee_id is null',
  followers: `issues.follower_ids = '{}'`,
  resolution: 'issues.resolution_id is null',
  comment: `not ${commented('true')}`,
  storyPoints: `${STORY_POINTS} is null`,
  resolved: 'issues.resolved_at is null',
  deadline: 'issues.due_at is null',
  description: 'issues.description is null',
  tags: `issues.tags = '{}'`,
};

function nameOf(field: Field): ValueField {
  return field.is === 'value' ? field.name : 'key';
}

function person(column: string) {
  return { isViewer: `${column} = :userId`, isAny: `${column} in (:ids)` };
}

/** SQL: whether the issue has a comment that meets the condition and that the viewer may see. */
function commented(condition: string): string {
  return `exists (
    select from comments
    where comments.org_id = :orgId and comments.issue_id = issues.issue_id
      and ${visibleComment('comments.visibility', 'comments.created_by')} and ${condition})`;
}

/** SQL: a condition on the text of a field, :column, and the given one, :wanted. */
function textSql(field: Field, condition: string, wanted: string): Sql {
  const name = nameOf(field);
  const onColumn = `coalesce(${condition.replace(':column', TEXTS[name] ?? 'null')}, false)`;
  return sql(name === 'comment' ? commented(onColumn) : onColumn, { wanted });
}

type ValuesSql = (values: readonly string[]) => Sql;

/** SQL: whether a field has one of the values. Names and the keys of dictionary entries are compared case-insensitively. */
const VALUES: Readonly<Record<ValueField, ValuesSql>> = {
  text: holdsWords(`concat_ws(' ', issues.summary, issues.description)`),
  queue: (values) => queueIs('queues', values),
  oldQueue: (values) =>
    // The keys of hidden queues are no secret, since an issue shows its aliases; but their names are.
    sql(
      `exists (
        select from issue_aliases
        left join queues old_queue on old_queue.org_id = :orgId
          and old_queue.key = split_part(issue_aliases.key, '-', 1) and ${visibleQueue('old_queue')}
        where issue_aliases.org_id = :orgId and issue_aliases.issue_id = issues.issue_id
          and (split_part(issue_aliases.key, '-', 1) = any(:keys::text[]) or :isQueue))`,
      { keys: keysIn(values), isQueue: queueIs('old_queue', values) },
    ),
  queueOwner: people('queueOwner'),
  key: (values) => sql('issues.issue_id in (:ids)', { ids: issueIds(values) }),
  assignee: people('assignee'),
  author: people('author'),
  createdBy: people('createdBy'),
  updatedBy: people('updatedBy'),
  followers: people('followers'),
  status: entries('issues.status_id', 'statuses', 'status_id'),
  resolution: entries('issues.resolution_id', 'resolutions', 'resolution_id'),
  type: entries('issues.issue_type_id', 'issue_types', 'issue_type_id'),
  priority: entries('issues.priority_id', 'priorities', 'priority_id'),
  statusType: (values) =>
    sql(
      `issues.status_id in (
        select statuses.status_id from statuses
        where statuses.org_id = :orgId and statuses.type = any(:values::text[]))`,
      { values },
    ),
  summary: holdsWords('issues.summary'),
  description: holdsWords('issues.description'),
  comment: holdsWords('comments.text', commented),
  tags: (values) => sql('issues.tags && :values::text[]', { values }),
  // Their values are not strings.
  storyPoints: () => sql('false'),
  created: () => sql('false'),
  updated: () => sql('false'),
  resolved: () => sql('false'),
  deadline: () => sql('false'),
};

function people(name: ValueField): ValuesSql {
  return (values) => sql(PEOPLE[name]?.isAny ?? 'false', { ids: userIds(values) });
}

/** SQL: the first name and the other names of a user, as `GET /users` shows them. */
const FIRST_NAME = `split_part(btrim(users.display), ' ', 1)`;
const LAST_NAME = `btrim(substr(btrim(users.display), length(${FIRST_NAME}) + 1))`;
const NAMES_OF_USER = ['users.login', 'users.display', FIRST_NAME, LAST_NAME, `${LAST_NAME} || ' ' || ${FIRST_NAME}`];

/** SQL: the users with these uids, logins, first, last or full names. `ivanov@` is a login, whatever else it may be. */
export function userIds(values: readonly string[]): Sql {
  const logins = values.filter((value) => value.endsWith('@')).map((value) => value.slice(0, -1));
  return sql(
    `select users.user_id from users
    where users.org_id = :orgId and (users.uid = any(:uids::bigint[]) or :named or :called)`,
    { uids: idsIn(values), named: isNamed(NAMES_OF_USER, values), called: isNamed(['users.login'], logins) },
  );
}

function entries(column: string, table: string, idColumn: string): ValuesSql {
  const names = ['key', 'name_ru', 'name_en'].map((name) => `${table}.${name}`);
  return (values) =>
    sql(
      `${column} in (
        select ${table}.${idColumn} from ${table}
        where ${table}.org_id = :orgId and (${table}.${idColumn} = any(:ids::bigint[]) or :named))`,
      { ids: idsIn(trimmed(values)), named: isNamed(names, trimmed(values)) },
    );
}

/** SQL: whether a column equals one of the values, case-insensitively. PostgreSQL converts both sides, so that its rules hold. */
function isNamed(columns: readonly string[], values: readonly string[]): Sql {
  const names = 'array(select lower(given) from unnest(:values::text[]) given)';
  return sql(`(${columns.map((column) => `lower((${column}) collate "default") = any(${names})`).join(' or ')})`, {
    values,
  });
}

/** SQL: whether the text, of which `within` may find several, contains each word of one of the values. */
function holdsWords(text: string, within = (condition: string) => condition): ValuesSql {
  return (values) =>
    groupSql({ kind: 'any', conditions: values }, (value) =>
      sql(
        within(`(select coalesce(bool_and(position(lower(wanted.word) in lower(coalesce(${text}, ''))) > 0), true)
        from unnest(:words::text[]) as wanted (word))`),
        { words: wordsOf(value) },
      ),
    );
}

/** SQL: whether the queue in the row `alias` has one of these keys, ids or names. */
function queueIs(alias: string, given: readonly string[]): Sql {
  const values = trimmed(given);
  return sql(`(${alias}.key = any(:keys::text[]) or ${alias}.queue_id = any(:ids::bigint[]) or :named)`, {
    keys: keysIn(values),
    ids: idsIn(values),
    named: isNamed([`${alias}.name`], values),
  });
}

function keysIn(values: readonly string[]): string[] {
  return trimmed(values).map((value) => value.toUpperCase());
}

/** SQL: the ids of the issues with these names, whether visible to the viewer or not. */
export function issueIds(names: readonly string[]): Sql {
  return sql(
    `select named.issue_id from issues named where named.org_id = :orgId and named.key = any(:names::text[])
    union all
    select named.issue_id from issues named where named.org_id = :orgId and named.hex_id = any(:names::text[])
    union all
    select named.issue_id from issue_aliases named where named.org_id = :orgId and named.key = any(:names::text[])`,
    { names: names.map(parseIssueName).filter((name) => name !== undefined) },
  );
}

/** SQL: the ids of the issues that have such a link to one of the named issues. */
export function linkedIds(field: LinkField, names: readonly string[]): Sql {
  const from = endsOf(field).map((end) => {
    const { other, object } = otherEnd(end);
    return `
      select links.${end}_issue_id as issue_id
      from (:named) as named
      join links on links.org_id = :orgId and links.${other}_issue_id = named.issue_id and :type
      ${object}`;
  });
  return sql(from.join(' union all '), { named: issueIds(names), type: typeSql(field) });
}

/** SQL: whether the issue has such a link to any issue, or to one whose queue, `object_queue`, meets the condition. */
function isLinked(field: LinkField, condition: Sql = sql('true')): Sql {
  const exists = endsOf(field).map(
    (end) => `exists (
    select from links
    ${otherEnd(end).object}
    where links.org_id = :orgId and links.${end}_issue_id = issues.issue_id and :type and :condition)`,
  );
  return sql(`(${exists.join(' or ')})`, { type: typeSql(field), condition });
}

function typeSql({ linkTypeId }: LinkField): Sql {
  return linkTypeId === undefined ? sql('true') : sql('links.link_type_id = :linkTypeId', { linkTypeId });
}

function endsOf({ direction }: LinkField): readonly Direction[] {
  return direction === undefined ? ['inward', 'outward'] : [direction];
}

/** SQL: joins the issue at the other end. A link to an issue that the viewer may not see does not exist for the viewer. */
function otherEnd(end: Direction): { other: Direction; object: string } {
  const other = opposite(end);
  return {
    other,
    object: `join issues object on object.org_id = :orgId and object.issue_id = links.${other}_issue_id
    join queues object_queue on object_queue.org_id = :orgId and object_queue.queue_id = object.queue_id
      and ${visibleQueue('object_queue')}`,
  };
}

function trimmed(values: readonly string[]): readonly string[] {
  return values.map((value) => value.trim());
}

/** The values that are valid ids, as numbers. */
function idsIn(values: readonly string[]): number[] {
  return values
    .filter((value) => /^\d{1,16}$/.test(value))
    .map(Number)
    .filter(Number.isSafeInteger);
}
