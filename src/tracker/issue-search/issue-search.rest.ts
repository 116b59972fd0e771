import type { Schemas } from '../../contract/types.ts';
import type { Database } from '../../database/database.ts';
import { issueView, serializeIssue } from '../issues/issues.rest.ts';
import type { Handlers } from '../rest/caller.ts';
import { pageOf, pagingHeaders } from '../rest/paging.ts';
import { countIssuesFound, type IssueSearch, searchIssues } from './issue-search.service.ts';

export const issueSearchHandlers = (db: Database): Handlers<'searchIssues' | 'countIssues'> => ({
  async searchIssues({ query, body, caller }) {
    const view = issueView(query);
    const page = pageOf(query);
    const { issues, total, links } = await searchIssues(db, caller.viewer, searchFrom(body), {
      ...page,
      withLinks: view.withLinks,
    });
    return {
      body: issues.map((issue) => serializeIssue(caller, issue, view, links && (links.get(issue.number) ?? []))),
      headers: pagingHeaders(caller, page, total),
    };
  },
  async countIssues({ body, caller }) {
    return { body: await countIssuesFound(db, caller.viewer, searchFrom(body)) };
  },
});

function searchFrom(body: Schemas['IssueSearch'] | undefined): IssueSearch {
  return {
    queue: body?.queue,
    keys: listFrom(body?.keys),
    filter: body?.filter,
    query: body?.query,
    order: listFrom(body?.order),
  };
}

/** A list, or the parts between the commas of a text. */
function listFrom(value: string | readonly string[] | undefined): readonly string[] | undefined {
  if (typeof value !== 'string') return value;
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
