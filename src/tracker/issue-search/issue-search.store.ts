import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import { parseIssueName } from '../../core/issues/issue-name.ts';
import { type IssueRow, issuesFound } from '../../core/issues/issues.store.ts';
import { type Direction, opposite } from '../../core/labels/direction.ts';
import { groupSql, type Query, query, type Sql, sql, unnamedStatement, withinSql } from '../../database/conditions.ts';
import type { Queryable } from '../../database/database.ts';
import { type Condition, type Field, type Order, type Sorting, type ValueField, wordsOf } from './search-condition.ts';

/** A page of the issues that match the condition and are visible to the viewer, sorted by `order`, then by age. */
export function selectIssuesPage(
  db: Queryable,
  viewer: Viewer,
  condition: Condition | undefined,
  order: readonly Order[],
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<IssueRow[]> {
  const found = matching(condition)
    .select('issues.issue_id')
    .orderByRaw([...order.map(orderSql), 'issues.issue_id'].join(', '))
    .limit(limit)
    .offset(offset);
  // Select the page first and join the details afterwards, not for every issue that matches.
  const page = sql(issuesFound('unnest(array(:found)) with ordinality as found (issue_id, place)'), { found });
  return db.query<IssueRow>(unnamedStatement(page, { ...viewer }));
}

/** A row of a scroll, with what it is sorted by, which the next page begins after. */
export type ScrolledRow = IssueRow & { readonly sort_values: (string | null)[] };

/** Where a page of a scroll begins: after this issue. */
export interface ScrollPosition {
  readonly lastIssueId: number;
  readonly sortValues: readonly (string | null)[];
}

/** As `selectIssuesPage`, but the page begins after a position. Undefined if the position does not fit the order. */
export async function selectScrolledIssues(
  db: Queryable,
  viewer: Viewer,
  condition: Condition | undefined,
  order: readonly Order[],
  { limit, after }: { readonly limit: number; readonly after: ScrollPosition | undefined },
): Promise<ScrolledRow[] | undefined> {
  const keys = order.flatMap(({ by, descending }) => SORTINGS[by].map((key) => ({ ...key, descending })));
  if (after && !fits(keys, after.sortValues)) return undefined;
  const sorted = [...order.map(orderSql), 'issues.issue_id'].join(', ');
  const values = keys.map(({ expression }) => `(${expression})::text`);
  const page = matching(condition)
    .select('issues.issue_id')
    .select(sql(`array[${values.join(', ')}]::text[] as sort_values`))
    .select(sql(`row_number() over (order by ${sorted}) as place`))
    .where(after ? afterSql(keys, after) : sql('true'))
    .orderByRaw(sorted)
    .limit(limit);
  const rows = sql(issuesFound('(:page) as found', ', found.sort_values'), { page });
  return await db.query<ScrolledRow>(unnamedStatement(rows, { ...viewer }));
}

type SortKey = (typeof SORTINGS)[Sorting][number] & { readonly descending: boolean };

function fits(keys: readonly SortKey[], values: readonly (string | null)[]): boolean {
  return (
    keys.length === values.length &&
    keys.every(({ type }, index) => {
      const value = values[index] ?? null;
      return value === null || FORMS[type].test(value);
    })
  );
}

/** SQL: whether the issue comes after the position, where unset values are last in both directions. */
function afterSql(keys: readonly SortKey[], { lastIssueId, sortValues }: ScrollPosition): Sql {
  return keys.reduceRight<Sql>(
    (rest, { expression, type, descending }, index) => {
      const value = sortValues[index] ?? null;
      if (value === null) return sql(`(${expression} is null and :rest)`, { rest });
      const beyond = `${expression} ${descending ? '<' : '>'} :value::${type}`;
      return sql(`(${beyond} or ${expression} is null or (${expression} = :value::${type} and :rest))`, {
        value,
        rest,
      });
    },
    sql('issues.issue_id > :lastIssueId::bigint', { lastIssueId }),
  );
}

/** The number of issues that match the condition and are visible to the viewer. */
export async function countIssues(db: Queryable, viewer: Viewer, condition: Condition | undefined): Promise<number> {
  const [row] = await db.query<{ total: number }>(
    unnamedStatement(matching(condition).count('* as total'), { ...viewer }),
  );
  return (row as { total: number }).total;
}

type LinkField = Extract<Field, { is: 'link' | 'linkedQueue' }>;

function matching(condition: Condition | undefined): Query {
  const conjuncts = condition === undefined ? [] : condition.kind === 'all' ? condition.conditions : [condition];
  const start = STARTS.map((isStart) => conjuncts.find(isStart)).find((conjunct) => conjunct !== undefined);
  const others = conjuncts.filter((conjunct) => conjunct !== start || isOneOf(start, 'queue'));
  return query()
    .from(sourceSql(start))
    .where(sql(visibleQueue('queues')))
    .where(groupSql({ kind: 'all', conditions: others }, conditionSql));
}

/**
 * PostgreSQL executes the joins in the order written, so each search starts from its most selective condition, as far as
 * the search alone reveals it.
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

function sourceSql(start: Condition | undefined): Sql {
  const queues = 'join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id';
  if (start?.kind !== 'oneOf') return sql(`issues ${queues} and issues.org_id = :orgId`);
  const { field, values } = start;
  if (field.is === 'link' || (field.is === 'value' && field.name === 'key')) {
    const ids = field.is === 'link' ? linkedIds(field, values) : issueIds(values);
    return sql(
      `(select distinct issue_id from (:ids) as named (issue_id)) as start
      join issues on issues.org_id = :orgId and issues.issue_id = start.issue_id ${queues}`,
      { ids },
    );
  }
  if (field.is === 'value' && field.name === 'assignee') {
    return sql(
      `(:ids) as start
      join issues on issues.org_id = :orgId and issues.assignee_id = start.user_id ${queues}`,
      { ids: userIds(values) },
    );
  }
  return sql(
    'queues join issues on issues.org_id = :orgId and issues.queue_id = queues.queue_id and queues.org_id = :orgId',
  );
}

/** SQL over the rows `issues` and `queues`. */
function conditionSql(condition: Condition): Sql {
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
      return sql(`coalesce(lower(${TEXTS[nameOf(condition.field)] ?? 'null'}) = lower(:text), false)`, {
        text: condition.text,
      });
    case 'like':
      return sql(`coalesce(lower(${TEXTS[nameOf(condition.field)] ?? 'null'}) like lower(:pattern), false)`, {
        pattern: condition.parts.map((part) => part.replaceAll(/[\\%_]/g, '\\$&')).join('%'),
      });
    case 'me':
      return sql(`${PEOPLE[nameOf(condition.field)] ?? 'null'} = :userId`);
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
const PEOPLE: ByField = {
  assignee: 'issues.assignee_id',
  author: 'issues.created_by',
  updatedBy: 'issues.updated_by',
  queueOwner: 'queues.lead_id',
};
const TIMES: ByField = { created: 'issues.created_at', updated: 'issues.updated_at' };
const TEXTS: ByField = { summary: 'issues.summary', description: 'issues.description' };
const EMPTY: ByField = {
  assignee: 'issues.assignee_id is null',
  description: 'issues.description is null',
  tags: `issues.tags = '{}'`,
};

function nameOf(field: Field): ValueField {
  return field.is === 'value' ? field.name : 'key';
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
  queueOwner: people('queues.lead_id'),
  key: (values) => sql('issues.issue_id in (:ids)', { ids: issueIds(values) }),
  assignee: people('issues.assignee_id'),
  author: people('issues.created_by'),
  updatedBy: people('issues.updated_by'),
  status: entries('issues.status_id', 'statuses', 'status_id'),
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
  tags: (values) => sql('issues.tags && :values::text[]', { values }),
  created: () => sql('false'),
  updated: () => sql('false'),
};

function people(column: string): ValuesSql {
  return (values) => sql(`${column} in (:ids)`, { ids: userIds(values) });
}

/** SQL: the first name and the other names of a user, as `GET /users` shows them. */
const FIRST_NAME = `split_part(btrim(users.display), ' ', 1)`;
const LAST_NAME = `btrim(substr(btrim(users.display), length(${FIRST_NAME}) + 1))`;
const NAMES_OF_USER = ['users.login', 'users.display', FIRST_NAME, LAST_NAME, `${LAST_NAME} || ' ' || ${FIRST_NAME}`];

/** SQL: the users with these uids, logins, first, last or full names. `ivanov@` is a login, whatever else it may be. */
function userIds(values: readonly string[]): Sql {
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

/** SQL: whether the text contains each word of one of the values. */
function holdsWords(text: string): ValuesSql {
  return (values) =>
    groupSql({ kind: 'any', conditions: values }, (value) =>
      sql(
        `(select coalesce(bool_and(position(lower(wanted.word) in lower(coalesce(${text}, ''))) > 0), true)
        from unnest(:words::text[]) as wanted (word))`,
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
function issueIds(names: readonly string[]): Sql {
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
function linkedIds(field: LinkField, names: readonly string[]): Sql {
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

type SortType = 'text' | 'bigint';

/** What the values of a type look like as text, so that others are rejected before PostgreSQL parses them. */
const FORMS: Readonly<Record<SortType, RegExp>> = { text: /^/, bigint: /^-?\d{1,18}$/ };

/** Texts are cut, so that the cursor of a scroll stays short. */
const SORTINGS: Readonly<Record<Sorting, readonly { readonly expression: string; readonly type: SortType }[]>> = {
  key: [text('queues.key'), { expression: `split_part(issues.key, '-', 2)::bigint`, type: 'bigint' }],
  queue: [text('queues.key')],
  summary: [text('left(issues.summary, 200)')],
  status: [position('statuses', 'status_id', 'issues.status_id')],
  priority: [position('priorities', 'priority_id', 'issues.priority_id')],
  type: [position('issue_types', 'issue_type_id', 'issues.issue_type_id')],
  assignee: [text(`left(${userName('issues.assignee_id')}, 200)`)],
  author: [text(`left(${userName('issues.created_by')}, 200)`)],
  created: [microseconds('issues.created_at')],
  updated: [microseconds('issues.updated_at')],
};

function text(expression: string) {
  return { expression, type: 'text' } as const;
}

function position(table: string, id: string, column: string) {
  const expression = `(select position from ${table} entries where entries.org_id = :orgId and entries.${id} = ${column})`;
  return { expression, type: 'bigint' } as const;
}

/** A number keeps the precision of a time and depends on no setting, as its text does. */
function microseconds(column: string) {
  return { expression: `(extract(epoch from ${column}) * 1000000)::bigint`, type: 'bigint' } as const;
}

function userName(column: string): string {
  return `(select coalesce(users.display, users.login) from users where users.org_id = :orgId and users.user_id = ${column})`;
}

function orderSql({ by, descending }: Order): string {
  return SORTINGS[by].map(({ expression }) => `${expression} ${descending ? 'desc' : 'asc'} nulls last`).join(', ');
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
