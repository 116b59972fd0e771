import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import { type IssueRow, issuesFound } from '../../core/issues/issue-rows.store.ts';
import { groupSql, type Query, query, type Sql, sql, unnamedStatement } from '../../database/conditions.ts';
import type { Queryable } from '../../database/database.ts';
import { conditionSql, issueIds, linkedIds, userIds } from './search-condition.store.ts';
import type { Condition, Order, ValueField } from './search-condition.ts';
import { afterSql, fits, orderSql, type ScrollPosition, sortKeys } from './search-order.store.ts';

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

/** As `selectIssuesPage`, but the page begins after a position. Undefined if the position does not fit the order. */
export async function selectScrolledIssues(
  db: Queryable,
  viewer: Viewer,
  condition: Condition | undefined,
  order: readonly Order[],
  { limit, after }: { readonly limit: number; readonly after: ScrollPosition | undefined },
): Promise<ScrolledRow[] | undefined> {
  const keys = sortKeys(order);
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

/** The number of issues that match the condition and are visible to the viewer. */
export async function countIssues(db: Queryable, viewer: Viewer, condition: Condition | undefined): Promise<number> {
  const [row] = await db.query<{ total: number }>(
    unnamedStatement(matching(condition).count('* as total'), { ...viewer }),
  );
  return (row as { total: number }).total;
}

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
