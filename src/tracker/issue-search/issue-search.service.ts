import type { Viewer } from '../../core/access/viewer.ts';
import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { type Issue, toIssue } from '../issues/issue.ts';
import { countIssues, selectIssuesPage, selectScrolledIssues } from './issue-search.store.ts';
import type { IssueSearch, Range } from './issue-search.ts';
import { CONDITIONS_MAX, parseQuery, parseValue } from './query-language.ts';
import { decodeCursor, encodeCursor, hashOfSearch, type ScrollCursor, scrollToken } from './scroll-cursor.ts';
import {
  all,
  any,
  type Condition,
  conditionOn,
  fieldNamed,
  isNumberField,
  isTimeField,
  type Operand,
  type Order,
  orderNamed,
  refusal,
} from './search-condition.ts';

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

/** More issues would take longer than a request may. */
const BULK_MAX = 1000;

/** The keys of all issues that match a query. Throws `invalid` if there are more than 1000, and as `searchIssues` does. */
export async function keysFound(db: Queryable, viewer: Viewer, query: string): Promise<string[]> {
  const { condition, order } = parseQuery(query);
  const rows = await selectIssuesPage(db, viewer, condition, order, { limit: BULK_MAX + 1, offset: 0 });
  if (rows.length > BULK_MAX) refusal('issues')(texts.bulkTooLarge);
  return rows.map(({ key }) => key);
}

const SUGGESTIONS_MAX = 20;

/** The newest issues whose summary contains each word, or whose key or id it is, in the queue if that is given. */
export async function suggestIssues(
  db: Queryable,
  viewer: Viewer,
  input: string,
  queue: string | undefined,
): Promise<Issue[]> {
  const refuse = refusal('input');
  const words = { negated: false, comparison: '=', value: { is: 'text', text: input }, refuse } as const;
  const inSummary = conditionOn({ is: 'value', name: 'summary' }, 'summary', [words], new Date());
  const matching = any([inSummary, oneOf('key', [input.trim()])]);
  const condition = queue === undefined ? matching : all([oneOf('queue', [queue]), matching]);
  const newest = [{ by: 'created', descending: true }] as const;
  return (await selectIssuesPage(db, viewer, condition, newest, { limit: SUGGESTIONS_MAX, offset: 0 })).map(toIssue);
}

/** A request for a page of a scroll. */
export interface ScrollRequest {
  readonly scrollId?: string | undefined;
  readonly scrollToken?: string | undefined;
  /** Required for the first page. */
  readonly scrollType?: 'sorted' | 'unsorted' | undefined;
  readonly perScroll?: number | undefined;
  readonly ttlMs?: number | undefined;
}

const PER_SCROLL = 100;
const TTL_MS = 60_000;

/**
 * One page of a scroll, which begins after the last issue of the page before; `next` names the next page, and is undefined
 * after an empty one. Only the first page needs the search; a later one may repeat it. Throws `invalid` as `searchIssues`
 * does, and for a scroll that has expired, is of another user or is not this search.
 */
export async function scrollIssues(
  db: Queryable,
  viewer: Viewer,
  search: IssueSearch | undefined,
  request: ScrollRequest,
): Promise<{ issues: Issue[]; total: number; next: { scrollId: string; token: string } | undefined }> {
  const from = cursorOf(viewer, request);
  const given = from ? searchOf(from, search) : (search ?? {});
  const now = Date.now();
  const isSorted = from?.isSorted ?? request.scrollType === 'sorted';
  const { condition, order } = parseSearch(given, new Date(from?.startedMs ?? now));
  const perScroll = request.perScroll ?? from?.perScroll ?? PER_SCROLL;
  const rows = await selectScrolledIssues(db, viewer, condition, isSorted ? order : [], {
    limit: perScroll,
    after: from,
  });
  if (rows === undefined) return refusal('scrollId')(texts.scrollUnknown);
  const total = from?.total ?? (rows.length < perScroll ? rows.length : await countIssues(db, viewer, condition));
  const last = rows.at(-1);
  const ttlMs = request.ttlMs ?? from?.ttlMs ?? TTL_MS;
  const scrollId =
    last &&
    encodeCursor({
      orgId: viewer.orgId,
      userId: viewer.userId,
      search: given,
      searchHash: hashOfSearch(given),
      isSorted,
      perScroll,
      ttlMs,
      startedMs: from?.startedMs ?? now,
      expiresMs: now + ttlMs,
      total,
      lastIssueId: last.issue_id,
      sortValues: last.sort_values,
    });
  const next = scrollId === undefined ? undefined : { scrollId, token: scrollToken(scrollId, viewer) };
  return { issues: rows.map(toIssue), total, next };
}

function cursorOf(viewer: Viewer, { scrollId, ...request }: ScrollRequest): ScrollCursor | undefined {
  if (scrollId === undefined) {
    if (request.scrollType === undefined) refusal('scrollType')(texts.fieldRequired);
    if (request.scrollToken !== undefined) refusal('scrollId')(texts.fieldRequired);
    return undefined;
  }
  const cursor = decodeCursor(scrollId, viewer);
  if (cursor === undefined) return refusal('scrollId')(texts.scrollUnknown);
  if (request.scrollToken !== undefined && request.scrollToken !== scrollToken(scrollId, viewer)) {
    refusal('scrollToken')(texts.scrollUnknown);
  }
  if (cursor.expiresMs < Date.now()) refusal('scrollId')(texts.scrollExpired);
  const isSorted = request.scrollType === undefined ? cursor.isSorted : request.scrollType === 'sorted';
  if (isSorted !== cursor.isSorted) refusal('scrollType')(texts.scrollDiffers);
  return cursor;
}

/** The search of a scroll, which the request need not repeat unless it was too long for the cursor. */
function searchOf({ search, searchHash }: ScrollCursor, given: IssueSearch | undefined): IssueSearch {
  if (given !== undefined && hashOfSearch(given) !== searchHash) return refusal('scrollId')(texts.scrollDiffers);
  return given ?? search ?? refusal('scrollId')(texts.scrollSearchMissing);
}

/** The number of matching issues. Throws as `searchIssues` does. */
export async function countIssuesFound(db: Queryable, viewer: Viewer, search: IssueSearch): Promise<number> {
  return await countIssues(db, viewer, parseSearch(search).condition);
}

function parseSearch(
  search: IssueSearch,
  now = new Date(),
): { condition: Condition | undefined; order: readonly Order[] } {
  const given = (['queue', 'keys', 'filter', 'query'] as const).filter((part) => search[part] !== undefined);
  if (given.length > 1) throw new DomainError('invalid', texts.searchAmbiguous(given.join(', ')));
  const order = (search.order ?? []).map(orderFrom);
  const { condition, order: sorting } = conditionOf(search, now);
  if (order.length > ORDERS_MAX || sorting.length > ORDERS_MAX) refusal('order')(texts.searchTooLarge);
  if (order.length > 0 && sorting.length > 0) refusal('order')(texts.orderTwice);
  return { condition, order: order.length > 0 ? order : sorting };
}

function conditionOf(
  { queue, keys, filter, query }: IssueSearch,
  now: Date,
): {
  condition: Condition | undefined;
  order: readonly Order[];
} {
  if (query !== undefined) return parseQuery(query, now);
  if (queue !== undefined) return { condition: oneOf('queue', [queue]), order: [] };
  if (keys !== undefined) return { condition: oneOf('key', keys), order: [] };
  if (Object.values(filter ?? {}).flat().length > CONDITIONS_MAX) refusal('filter')(texts.searchTooLarge);
  const conditions = Object.entries(filter ?? {}).map(([name, values]) => {
    const part = `filter.${name}`;
    const refuse = refusal(part);
    const field = fieldNamed(name, refuse);
    const operands = values.map((value) => {
      if (value === undefined) return refuse(texts.searchValue);
      if (typeof value !== 'string') return rangeOperand(value, part, now);
      const isTime = isTimeField(field);
      if (!isTime && !isNumberField(field)) return operandFrom(value, refuse);
      return parseValue(isTime ? quoted(value) : value, part, isTime, now);
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
    const { value, negated, comparison } = parseValue(quoted(text), part, true, now);
    return value.is === 'time' && !negated && comparison === '=' ? value.time : refuse(texts.searchValue);
  };
  return { negated: false, comparison: '=', value: { is: 'range', from: timeIn(from), to: timeIn(to) }, refuse };
}

function oneOf(name: 'queue' | 'key', values: readonly string[]): Condition {
  return { kind: 'oneOf', field: { is: 'value', name }, values };
}

function orderFrom(text: string): Order {
  const order = text.trim();
  return orderNamed(order.replace(/^[+-]\s*/u, ''), order.startsWith('-'), refusal('order'));
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
