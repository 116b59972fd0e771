import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import { parseIssueName } from '../../core/issues/issue-name.ts';
import { type IssueRow, issuesFound } from '../../core/issues/issues.store.ts';
import type { Direction } from '../../core/labels/direction.ts';
import { opposite } from '../../core/labels/direction.ts';
import type { Queryable } from '../../database/database.ts';
import { numbered, type Parameter, parameters } from '../../database/parameters.ts';
import type { Condition, Field, Order, Sorting, ValueField } from './search-condition.ts';

/** A page of the issues that meet the condition and that the viewer may see, in that order, then by age. */
export function selectIssuesPage(
  db: Queryable,
  viewer: Viewer,
  condition: Condition | undefined,
  order: readonly Order[],
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<IssueRow[]> {
  const values: unknown[] = [viewer.orgId, viewer.userId, viewer.isApplication];
  const parameter = parameters(values);
  const found = `
    select issues.issue_id
    ${matching(condition, parameter)}
    order by ${[...order.map(orderSql), 'issues.issue_id'].join(', ')}
    limit ${parameter(limit)} offset ${parameter(offset)}`;
  // The page first, what is said about its issues then: not for each issue that the condition lets through.
  const text = issuesFound(`unnest(array(${found})) with ordinality as found (issue_id, place)`);
  return db.query<IssueRow>({ name: '', text: numbered(text), values });
}

/** How many issues meet the condition and may be seen by the viewer. */
export async function countIssues(db: Queryable, viewer: Viewer, condition: Condition | undefined): Promise<number> {
  const values: unknown[] = [viewer.orgId, viewer.userId, viewer.isApplication];
  const text = `select count(*) as total ${matching(condition, parameters(values))}`;
  const [row] = await db.query<{ total: number }>({ name: '', text: numbered(text), values });
  return (row as { total: number }).total;
}

type LinkField = Extract<Field, { is: 'link' }>;

function matching(condition: Condition | undefined, parameter: Parameter): string {
  const conjuncts = condition === undefined ? [] : condition.kind === 'all' ? condition.conditions : [condition];
  const start = STARTS.map((isStart) => conjuncts.find(isStart)).find((conjunct) => conjunct !== undefined);
  const others = conjuncts.filter((conjunct) => conjunct !== start || isOneOf(start, 'queue'));
  const conditions = [visibleQueue('queues'), ...others.map((conjunct) => conditionSql(conjunct, parameter))];
  return `from ${sourceSql(start, parameter)} where ${conditions.join(' and ')}`;
}

/**
 * Joins are made in the order in which they are written: so each search starts from what lets the fewest issues through,
 * as far as that can be known from the words of the search alone.
 */
const STARTS: readonly ((condition: Condition) => boolean)[] = [
  (condition) => isOneOf(condition, 'key'),
  (condition) => condition.kind === 'oneOf' && condition.field.is === 'link',
  (condition) => isOneOf(condition, 'assignee'),
  (condition) => isOneOf(condition, 'queue'),
];

function isOneOf(condition: Condition | undefined, name: ValueField): boolean {
  return condition?.kind === 'oneOf' && condition.field.is === 'value' && condition.field.name === name;
}

function sourceSql(start: Condition | undefined, parameter: Parameter): string {
  const queues = 'join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id';
  if (start?.kind !== 'oneOf') return `issues ${queues} and issues.org_id = $1`;
  const { field, values } = start;
  if (field.is === 'link' || field.name === 'key') {
    const ids = field.is === 'link' ? linkedIds(field, parameter, values) : issueIds(values, parameter);
    return `(select distinct issue_id from (${ids}) as named (issue_id)) as start
      join issues on issues.org_id = $1 and issues.issue_id = start.issue_id ${queues}`;
  }
  if (field.name === 'assignee') {
    return `(${userIds(values, parameter)}) as start
      join issues on issues.org_id = $1 and issues.assignee_id = start.user_id ${queues}`;
  }
  return 'queues join issues on issues.org_id = $1 and issues.queue_id = queues.queue_id and queues.org_id = $1';
}

/** SQL over the rows `issues` and `queues`; all that comes from the request is in parameters. */
function conditionSql(condition: Condition, parameter: Parameter): string {
  switch (condition.kind) {
    case 'all':
    case 'any': {
      const parts = condition.conditions.map((part) => conditionSql(part, parameter));
      if (parts.length === 0) return String(condition.kind === 'all');
      return `(${parts.join(condition.kind === 'all' ? ' and ' : ' or ')})`;
    }
    case 'not':
      // Not `not`: what is nothing is not ivanov either.
      return `(${conditionSql(condition.condition, parameter)}) is not true`;
    case 'oneOf':
      return condition.field.is === 'link'
        ? `issues.issue_id in (${linkedIds(condition.field, parameter, condition.values)})`
        : VALUES[condition.field.name](condition.values, parameter);
    case 'me':
      return `${PEOPLE[nameOf(condition.field)] ?? 'null'} = $2`;
    case 'empty':
      return condition.field.is === 'link'
        ? `not ${isLinked(condition.field, parameter)}`
        : `(${EMPTY[condition.field.name] ?? 'false'})`;
    case 'within': {
      const column = TIMES[nameOf(condition.field)] ?? 'null';
      return `(${[
        ...(condition.from ? [`${column} >= ${parameter(condition.from)}::timestamptz`] : []),
        ...(condition.until ? [`${column} < ${parameter(condition.until)}::timestamptz`] : []),
      ].join(' and ')})`;
    }
  }
}

type ByField = { readonly [Name in ValueField]?: string };
const PEOPLE: ByField = { assignee: 'issues.assignee_id', author: 'issues.created_by', updatedBy: 'issues.updated_by' };
const TIMES: ByField = { created: 'issues.created_at', updated: 'issues.updated_at' };
const EMPTY: ByField = {
  assignee: 'issues.assignee_id is null',
  description: 'issues.description is null',
  tags: `issues.tags = '{}'`,
};

function nameOf(field: Field): ValueField {
  return field.is === 'value' ? field.name : 'key';
}

type ValuesSql = (values: readonly string[], parameter: Parameter) => string;

/** Whether a field holds one of the values. Names are compared without regard to case, keys of entries too. */
const VALUES: Readonly<Record<ValueField, ValuesSql>> = {
  queue: (values, parameter) =>
    `(queues.key = any(${parameter(values.map((value) => value.toUpperCase()))}::text[])
      or queues.queue_id = any(${parameter(numbersIn(values))}::bigint[]) or ${isNamed(['queues.name'], values, parameter)})`,
  key: (values, parameter) => `issues.issue_id in (${issueIds(values, parameter)})`,
  assignee: people('issues.assignee_id'),
  author: people('issues.created_by'),
  updatedBy: people('issues.updated_by'),
  status: entries('issues.status_id', 'statuses', 'status_id'),
  type: entries('issues.issue_type_id', 'issue_types', 'issue_type_id'),
  priority: entries('issues.priority_id', 'priorities', 'priority_id'),
  statusType: (values, parameter) => `issues.status_id in (
    select statuses.status_id from statuses where statuses.org_id = $1 and statuses.type = any(${parameter(values)}::text[]))`,
  summary: holdsText('issues.summary'),
  description: holdsText('issues.description'),
  tags: (values, parameter) => `issues.tags && ${parameter(values)}::text[]`,
  created: () => 'false',
  updated: () => 'false',
};

function people(column: string): ValuesSql {
  return (values, parameter) => `${column} in (${userIds(values, parameter)})`;
}

function userIds(values: readonly string[], parameter: Parameter): string {
  return `
    select users.user_id from users
    where users.org_id = $1 and (users.uid = any(${parameter(numbersIn(values))}::bigint[])
      or ${isNamed(['users.login', 'users.display'], values, parameter)})`;
}

function entries(column: string, table: string, idColumn: string): ValuesSql {
  const names = ['key', 'name_ru', 'name_en'].map((name) => `${table}.${name}`);
  return (values, parameter) => `${column} in (
    select ${table}.${idColumn} from ${table}
    where ${table}.org_id = $1 and (${table}.${idColumn} = any(${parameter(numbersIn(values))}::bigint[])
      or ${isNamed(names, values, parameter)}))`;
}

/** Whether one of the columns holds one of the values, in any letter case; PostgreSQL alone says what that is. */
function isNamed(columns: readonly string[], values: readonly string[], parameter: Parameter): string {
  const names = `array(select lower(given) from unnest(${parameter(values)}::text[]) given)`;
  return `(${columns.map((column) => `lower(${column} collate "default") = any(${names})`).join(' or ')})`;
}

function holdsText(column: string): ValuesSql {
  return (values, parameter) => `exists (
    select from unnest(${parameter(values)}::text[]) as wanted (text)
    where position(lower(wanted.text) in lower(${column})) > 0)`;
}

/** SQL: the numbers of the issues of these names, whoever may see them. */
function issueIds(names: readonly string[], parameter: Parameter): string {
  const parsed = parameter(names.map(parseIssueName).filter((name) => name !== undefined));
  return `
    select named.issue_id from issues named where named.org_id = $1 and named.key = any(${parsed}::text[])
    union all
    select named.issue_id from issues named where named.org_id = $1 and named.hex_id = any(${parsed}::text[])
    union all
    select named.issue_id from issue_aliases named where named.org_id = $1 and named.key = any(${parsed}::text[])`;
}

/** SQL: the numbers of the issues that have such a link to one of those named. */
function linkedIds(field: LinkField, parameter: Parameter, names: readonly string[]): string {
  const type = typeSql(field, parameter);
  const named = issueIds(names, parameter);
  return endsOf(field)
    .map((end) => {
      const { other, object } = otherEnd(end);
      return `
        select links.${end}_issue_id as issue_id
        from (${named}) as named
        join links on links.org_id = $1 and links.${other}_issue_id = named.issue_id${type}
        ${object}`;
    })
    .join(' union all ');
}

/** Whether the issue has such a link at all. */
function isLinked(field: LinkField, parameter: Parameter): string {
  const type = typeSql(field, parameter);
  const exists = endsOf(field).map(
    (end) => `exists (
    select from links
    ${otherEnd(end).object}
    where links.org_id = $1 and links.${end}_issue_id = issues.issue_id${type})`,
  );
  return `(${exists.join(' or ')})`;
}

function typeSql({ linkTypeId }: LinkField, parameter: Parameter): string {
  return linkTypeId === undefined ? '' : ` and links.link_type_id = ${parameter(linkTypeId)}`;
}

function endsOf({ direction }: LinkField): readonly Direction[] {
  return direction === undefined ? ['inward', 'outward'] : [direction];
}

/** The issue at the other end, without which a link is not there for the viewer: it must be one that the viewer may see. */
function otherEnd(end: Direction): { other: Direction; object: string } {
  const other = opposite(end);
  return {
    other,
    object: `join issues object on object.org_id = $1 and object.issue_id = links.${other}_issue_id
    join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
      and ${visibleQueue('object_queue')}`,
  };
}

const SORTINGS: Readonly<Record<Sorting, readonly string[]>> = {
  key: ['queues.key', `split_part(issues.key, '-', 2)::bigint`],
  queue: ['queues.key'],
  summary: ['issues.summary'],
  status: ['(select position from statuses where statuses.org_id = $1 and statuses.status_id = issues.status_id)'],
  priority: [
    '(select position from priorities where priorities.org_id = $1 and priorities.priority_id = issues.priority_id)',
  ],
  type: [
    '(select position from issue_types types where types.org_id = $1 and types.issue_type_id = issues.issue_type_id)',
  ],
  assignee: [userName('issues.assignee_id')],
  author: [userName('issues.created_by')],
  created: ['issues.created_at'],
  updated: ['issues.updated_at'],
};

function userName(column: string): string {
  return `(select coalesce(users.display, users.login) from users where users.org_id = $1 and users.user_id = ${column})`;
}

function orderSql({ by, descending }: Order): string {
  return SORTINGS[by].map((expression) => `${expression} ${descending ? 'desc' : 'asc'} nulls last`).join(', ');
}

/** Those of the values that can be ids. */
function numbersIn(values: readonly string[]): number[] {
  return values
    .filter((value) => /^\d{1,16}$/.test(value))
    .map(Number)
    .filter(Number.isSafeInteger);
}
