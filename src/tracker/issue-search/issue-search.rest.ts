import type { Schemas } from '../../contract/types.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { issuesJson, issueView } from '../issues/issues.rest.ts';
import type { Caller, Context, Handlers } from '../rest/caller.ts';
import { commaList } from '../rest/comma-list.ts';
import { requireStorableQuery } from '../rest/json-body.ts';
import { isName, nameIn } from '../rest/names.ts';
import { type Page, pageOf, pagingHeaders } from '../rest/paging.ts';
import { issueReference } from '../rest/references.ts';
import { countIssuesFound, scrollIssues, searchIssues, suggestIssues } from './issue-search.service.ts';
import type { IssueSearch, Range } from './issue-search.ts';
import { refusal } from './search-condition.ts';

type Operations = 'listIssues' | 'searchIssues' | 'countIssues' | 'clearSearchScroll' | 'suggestIssues';

export const issueSearchHandlers: Handlers<Operations> = {
  async listIssues(call) {
    requireStorableQuery(call.query);
    const { queue, keys, filter, query, order } = call.query;
    const body = { queue, keys: keys?.flatMap(commaList), filter: filter && filterInUrl(filter), query };
    return await searched(call, searchFrom(body, order));
  },
  async searchIssues(call) {
    return await searched(call, searchFrom(call.body, call.query.order));
  },
  async countIssues({ db, body, caller }) {
    return { body: await countIssuesFound(db, caller.viewer, searchFrom(body)) };
  },
  async suggestIssues(call) {
    const { db, query, caller } = call;
    requireStorableQuery(query);
    const { input, queue, full, fields, expand } = query;
    if (!full && (fields ?? expand)) {
      const name = fields ? 'fields' : 'expand';
      throw new DomainError('invalid', undefined, { [name]: texts.suggestPartsNeedFull });
    }
    const issues = await suggestIssues(db, caller.viewer, input, queue);
    if (!full) return { body: issues.map((issue) => issueReference(caller, issue)) };
    return { json: `[${(await issuesJson(call, issues, issueView(query))).join()}]` };
  },
  clearSearchScroll() {
    // The server keeps nothing about a scroll (decision 21).
    return Promise.resolve({ body: {} });
  },
};

interface PageParameters extends Partial<Page> {
  readonly scrollId?: string;
  readonly scrollToken?: string;
  readonly scrollType?: 'sorted' | 'unsorted';
  readonly perScroll?: number;
  readonly scrollTTLMillis?: number;
}

/** The response to a search: a page, or a scroll if there is a parameter of one. */
async function searched(
  call: Context & { readonly query: PageParameters & Parameters<typeof issueView>[0] },
  search: IssueSearch,
): Promise<{ json: string; headers: Record<string, string | string[]> }> {
  const { db, query, caller } = call;
  const { scrollId, scrollToken, scrollType, perScroll, scrollTTLMillis } = query;
  const isScroll = [scrollId, scrollToken, scrollType, perScroll, scrollTTLMillis].some((one) => one !== undefined);
  if (!isScroll) {
    const page = pageOf(query);
    const { issues, total } = await searchIssues(db, caller.viewer, search, page);
    const entries = await issuesJson(call, issues, issueView(query));
    return { json: `[${entries.join()}]`, headers: pagingHeaders(caller, page, total) };
  }
  const given = new URL(caller.url).searchParams;
  if (given.has('page')) throw new DomainError('invalid', undefined, { page: texts.scrollOrPage });
  const { issues, total, next } = await scrollIssues(db, caller.viewer, isEmpty(search) ? undefined : search, {
    scrollId,
    scrollToken,
    scrollType,
    perScroll: perScroll ?? (given.has('perPage') ? query.perPage : undefined),
    ttlMs: scrollTTLMillis,
  });
  const entries = await issuesJson(call, issues, issueView(query));
  return { json: `[${entries.join()}]`, headers: scrollHeaders(caller, total, next) };
}

function scrollHeaders(
  caller: Caller,
  total: number,
  next: Awaited<ReturnType<typeof scrollIssues>>['next'],
): Record<string, string> {
  if (next === undefined) return { 'X-Total-Count': String(total) };
  const url = new URL(caller.url);
  url.searchParams.delete('scrollType');
  url.searchParams.set('scrollId', next.scrollId);
  url.searchParams.set('scrollToken', next.token);
  return {
    'X-Total-Count': String(total),
    'X-Scroll-Id': next.scrollId,
    'X-Scroll-Token': next.token,
    Link: `<${url.href}>; rel="next"`,
  };
}

function isEmpty(search: IssueSearch): boolean {
  return Object.values(search).every((part) => part === undefined);
}

type Body = { readonly [Name in keyof Schemas['IssueSearch']]: Schemas['IssueSearch'][Name] | undefined };

/** The search in a body. `order` is that of the URL, to which the body may not add another. */
function searchFrom(body: Body | undefined, order: readonly string[] = []): IssueSearch {
  const orders = [order.flatMap(commaList), listFrom(body?.order) ?? []].filter((one) => one.length > 0);
  if (orders.length > 1) throw new DomainError('invalid', undefined, { order: texts.orderTwice });
  return {
    queue: body?.queue,
    keys: listFrom(body?.keys),
    filter: body?.filter && filterFrom(body.filter),
    query: body?.query,
    order: orders[0],
  };
}

/** `status:open,inProgress`; the values of a field that is named several times add up. Throws `invalid` without a colon. */
function filterInUrl(conditions: readonly string[]): Record<string, string[]> {
  const filter = new Map<string, string[]>();
  for (const condition of conditions) {
    const [, field, values] = /^([^:]+):(.*)$/su.exec(condition) ?? [];
    if (field === undefined || values === undefined) refusal('filter')(texts.searchValue);
    else filter.set(field.trim(), [...(filter.get(field.trim()) ?? []), ...commaList(values)]);
  }
  return Object.fromEntries(filter);
}

function listFrom(value: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof value === 'string' ? commaList(value) : value;
}

/** The values of each field as strings; a value without a name is undefined. Fields that are `null` count as absent. */
function filterFrom(filter: Readonly<Record<string, unknown>>): IssueSearch['filter'] {
  const given = Object.entries(filter).filter(([, value]) => value !== null);
  return Object.fromEntries(
    given.map(([field, value]) => [field, [value].flat().map((one) => rangeIn(one) ?? nameIn(one)?.toString())]),
  );
}

/** `{"from": "2017-06-01", "to": "2017-06-30"}`, also with numbers; one member suffices. Undefined for anything else. */
function rangeIn(value: unknown): Range | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { from, to, ...others } = value as Readonly<Record<string, unknown>>;
  const bounds = [from, to].map((bound) => (isName(bound) ? String(bound) : undefined));
  const isRange = [from, to].every((bound) => bound === undefined || bound === null || isName(bound));
  if (!isRange || bounds.every((bound) => bound === undefined) || Object.keys(others).length > 0) return undefined;
  return { from: bounds[0], to: bounds[1] };
}
