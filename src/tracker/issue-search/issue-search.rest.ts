import type { Schemas } from '../../contract/types.ts';
import { issuesJson, issueView } from '../issues/issues.rest.ts';
import type { Handlers } from '../rest/caller.ts';
import { commaList } from '../rest/comma-list.ts';
import { nameIn } from '../rest/names.ts';
import { pageOf, pagingHeaders } from '../rest/paging.ts';
import { countIssuesFound, type IssueSearch, searchIssues } from './issue-search.service.ts';

export const issueSearchHandlers: Handlers<'searchIssues' | 'countIssues'> = {
  async searchIssues(call) {
    const { db, query, body, caller } = call;
    const page = pageOf(query);
    const { issues, total } = await searchIssues(db, caller.viewer, searchFrom(body), page);
    const entries = await issuesJson(call, issues, issueView(query));
    return { json: `[${entries.join()}]`, headers: pagingHeaders(caller, page, total) };
  },
  async countIssues({ db, body, caller }) {
    return { body: await countIssuesFound(db, caller.viewer, searchFrom(body)) };
  },
};

function searchFrom(body: Schemas['IssueSearch'] | undefined): IssueSearch {
  return {
    queue: body?.queue,
    keys: listFrom(body?.keys),
    filter: body?.filter && filterFrom(body.filter),
    query: body?.query,
    order: listFrom(body?.order),
  };
}

function listFrom(value: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof value === 'string' ? commaList(value) : value;
}

/** The values of each field as strings; a value without a name is undefined. Fields that are `null` count as absent. */
function filterFrom(filter: Readonly<Record<string, unknown>>): IssueSearch['filter'] {
  const given = Object.entries(filter).filter(([, value]) => value !== null);
  return Object.fromEntries(
    given.map(([field, value]) => [field, [value].flat().map((one) => nameIn(one)?.toString())]),
  );
}
