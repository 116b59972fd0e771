import type { Schemas } from '../../contract/types.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { issuesJson, issueView } from '../issues/issues.rest.ts';
import type { Handlers } from '../rest/caller.ts';
import { commaList } from '../rest/comma-list.ts';
import { nameIn } from '../rest/names.ts';
import { pageOf, pagingHeaders } from '../rest/paging.ts';
import { countIssuesFound, type IssueSearch, type Range, searchIssues } from './issue-search.service.ts';

export const issueSearchHandlers: Handlers<'searchIssues' | 'countIssues'> = {
  async searchIssues(call) {
    const { db, query, body, caller } = call;
    const page = pageOf(query);
    const { issues, total } = await searchIssues(db, caller.viewer, searchFrom(body, query.order), page);
    const entries = await issuesJson(call, issues, issueView(query));
    return { json: `[${entries.join()}]`, headers: pagingHeaders(caller, page, total) };
  },
  async countIssues({ db, body, caller }) {
    return { body: await countIssuesFound(db, caller.viewer, searchFrom(body)) };
  },
};

/** The search in a body. `order` is that of the URL, to which the body may not add another. */
function searchFrom(body: Schemas['IssueSearch'] | undefined, order: readonly string[] = []): IssueSearch {
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

/** `{"from": "2017-06-01", "to": "2017-06-30"}`, of which one member suffices. Undefined for anything else. */
function rangeIn(value: unknown): Range | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { from, to, ...others } = value as Readonly<Record<string, unknown>>;
  const bounds = [from, to].filter((bound) => bound !== undefined && bound !== null);
  const isRange = bounds.length > 0 && bounds.every((bound) => typeof bound === 'string');
  if (!isRange || Object.keys(others).length > 0) return undefined;
  return { from: (from as string | null) ?? undefined, to: (to as string | null) ?? undefined };
}
