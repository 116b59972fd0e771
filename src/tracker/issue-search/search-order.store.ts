import { AUTHOR } from '../../core/issues/issues.store.ts';
import { STORY_POINTS } from '../../core/issues/shared-fields.ts';
import { type Sql, sql } from '../../database/conditions.ts';
import type { Order, Sorting } from './search-condition.ts';

/** Where a page of a scroll begins: after this issue. */
export interface ScrollPosition {
  readonly lastIssueId: number;
  readonly sortValues: readonly (string | null)[];
}

type SortKey = (typeof SORTINGS)[Sorting][number] & { readonly descending: boolean };

/** What an order sorts by, expression by expression. */
export function sortKeys(order: readonly Order[]): SortKey[] {
  return order.flatMap(({ by, descending }) => SORTINGS[by].map((key) => ({ ...key, descending })));
}

/** Whether the values can be those of the keys. */
export function fits(keys: readonly SortKey[], values: readonly (string | null)[]): boolean {
  return (
    keys.length === values.length &&
    keys.every(({ type }, index) => {
      const value = values[index] ?? null;
      return value === null || FORMS[type].test(value);
    })
  );
}

/** SQL: whether the issue comes after the position, where unset values are last in both directions. */
export function afterSql(keys: readonly SortKey[], { lastIssueId, sortValues }: ScrollPosition): Sql {
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

type SortType = 'text' | 'bigint' | 'numeric';

/** What the values of a type look like as text, so that others are rejected before PostgreSQL parses them. */
const FORMS: Readonly<Record<SortType, RegExp>> = {
  text: /^/,
  bigint: /^-?\d{1,18}$/,
  numeric: /^-?\d{1,10}(\.\d{1,400})?$/,
};

/** Texts are cut, so that the cursor of a scroll stays short. */
const SORTINGS: Readonly<Record<Sorting, readonly { readonly expression: string; readonly type: SortType }[]>> = {
  key: [text('queues.key'), { expression: `split_part(issues.key, '-', 2)::bigint`, type: 'bigint' }],
  queue: [text('queues.key')],
  summary: [text('left(issues.summary, 200)')],
  status: [position('statuses', 'status_id', 'issues.status_id')],
  priority: [position('priorities', 'priority_id', 'issues.priority_id')],
  type: [position('issue_types', 'issue_type_id', 'issues.issue_type_id')],
  assignee: [text(`left(${userName('issues.assignee_id')}, 200)`)],
  author: [text(`left(${userName(AUTHOR)}, 200)`)],
  createdBy: [text(`left(${userName('issues.created_by')}, 200)`)],
  resolution: [position('resolutions', 'resolution_id', 'issues.resolution_id')],
  storyPoints: [{ expression: STORY_POINTS, type: 'numeric' }],
  created: [microseconds('issues.created_at')],
  updated: [microseconds('issues.updated_at')],
  resolved: [microseconds('issues.resolved_at')],
  deadline: [microseconds('issues.due_at')],
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

export function orderSql({ by, descending }: Order): string {
  return SORTINGS[by].map(({ expression }) => `${expression} ${descending ? 'desc' : 'asc'} nulls last`).join(', ');
}
