import type { Viewer } from '../../core/access/viewer.ts';
import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { type Issue, toIssue } from '../issues/issues.service.ts';
import { countIssues, selectIssuesPage } from './issue-search.store.ts';
import { CONDITIONS_MAX, parseQuery, parseTimeValue } from './query-language.ts';
import {
  all,
  type Condition,
  conditionOn,
  fieldNamed,
  isTimeField,
  type Operand,
  type Order,
  orderNamed,
  refusal,
} from './search-condition.ts';

/** A span of time; undefined is unbounded. */
export interface Range {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** What to search for: at most one of the first four members; without any, all issues. */
export interface IssueSearch {
  readonly queue?: string | undefined;
  readonly keys?: readonly string[] | undefined;
  /** For each field, the values of which one must match; undefined stands for a value without a name, which is invalid. */
  readonly filter?: Readonly<Record<string, readonly (string | Range | undefined)[]>> | undefined;
  readonly query?: string | undefined;
  /** Such as `-updated`. */
  readonly order?: readonly string[] | undefined;
}

const ORDERS_MAX = 10;

/** One page of the matching issues, and their total. Throws `invalid` if the search cannot be parsed. */
export async function searchIssues(
  db: Queryable,
  viewer: Viewer,
  search: IssueSearch,
  { page, perPage }: { readonly page: number; readonly perPage: number },
): Promise<{ issues: Issue[]; total: number }> {
  const { condition, order } = parseSearch(search);
  const rows = await selectIssuesPage(db, viewer, condition, order, { limit: perPage, offset: (page - 1) * perPage });
  const isWhole = page === 1 && rows.length < perPage;
  const total = isWhole ? rows.length : await countIssues(db, viewer, condition);
  return { issues: rows.map(toIssue), total };
}

/** The number of matching issues. Throws as `searchIssues` does. */
export async function countIssuesFound(db: Queryable, viewer: Viewer, search: IssueSearch): Promise<number> {
  return await countIssues(db, viewer, parseSearch(search).condition);
}

function parseSearch(search: IssueSearch): { condition: Condition | undefined; order: readonly Order[] } {
  const given = (['queue', 'keys', 'filter', 'query'] as const).filter((part) => search[part] !== undefined);
  if (given.length > 1) throw new DomainError('invalid', texts.searchAmbiguous(given.join(', ')));
  const order = (search.order ?? []).map(orderFrom);
  const { condition, order: sorting } = conditionOf(search);
  if (order.length > ORDERS_MAX || sorting.length > ORDERS_MAX) refusal('order')(texts.searchTooLarge);
  if (order.length > 0 && sorting.length > 0) refusal('order')(texts.orderTwice);
  return { condition, order: order.length > 0 ? order : sorting };
}

function conditionOf({ queue, keys, filter, query }: IssueSearch): {
  condition: Condition | undefined;
  order: readonly Order[];
} {
  if (query !== undefined) return parseQuery(query);
  if (queue !== undefined) return { condition: oneOf('queue', [queue]), order: [] };
  if (keys !== undefined) return { condition: oneOf('key', keys), order: [] };
  if (Object.values(filter ?? {}).flat().length > CONDITIONS_MAX) refusal('filter')(texts.searchTooLarge);
  const now = new Date();
  const conditions = Object.entries(filter ?? {}).map(([name, values]) => {
    const part = `filter.${name}`;
    const refuse = refusal(part);
    const field = fieldNamed(name, refuse);
    const operands = values.map((value) => {
      if (value === undefined) return refuse(texts.searchValue);
      if (typeof value !== 'string') return rangeOperand(value, part, now);
      return isTimeField(field) ? parseTimeValue(quoted(value), part, now) : operandFrom(value, refuse);
    });
    if (operands.length === 0) return { kind: 'oneOf', field, values: [] } as const;
    return conditionOn(field, name, operands, now);
  });
  return { condition: conditions.length === 0 ? undefined : all(conditions), order: [] };
}

/** A date with a time of day is a string of the query language; as a value of its own it needs no quotation marks. */
function quoted(value: string): string {
  return /^\s*\d{4}-\d\d-\d\d[T ]\d\d:[^"]*$/i.test(value) ? `"${value}"` : value;
}

function rangeOperand({ from, to }: Range, part: string, now: Date): Operand {
  const refuse = refusal(part);
  const timeIn = (text: string | undefined) => {
    if (text === undefined) return undefined;
    const { value, negated, comparison } = parseTimeValue(quoted(text), part, now);
    return value.is === 'time' && !negated && comparison === '=' ? value.time : refuse(texts.searchValue);
  };
  return { negated: false, comparison: '=', value: { is: 'range', from: timeIn(from), to: timeIn(to) }, refuse };
}

function oneOf(name: 'queue' | 'key', values: readonly string[]): Condition {
  return { kind: 'oneOf', field: { is: 'value', name }, values };
}

function orderFrom(text: string): Order {
  const [, sign, name = ''] = /^\s*([+-]?)\s*(.*?)\s*$/su.exec(text) ?? [];
  return orderNamed(name, sign === '-', refusal('order'));
}

/** Parses a value of a filter, which has the syntax of the query language. */
function operandFrom(text: string, refuse: Operand['refuse']): Operand {
  const [, operator, whole] = /^([#~])"(.*)"$/su.exec(text) ?? [];
  if (whole !== undefined) {
    return { negated: operator === '~', comparison: '=', value: { is: 'whole', text: whole }, refuse };
  }
  const [, not, name] = /^(!?)(\w+)\(\)$/u.exec(text) ?? [];
  return {
    negated: not === '!',
    comparison: '=',
    value: name === undefined ? { is: 'text', text } : { is: 'function', name: name.toLowerCase() },
    refuse,
  };
}
