// Never run. tsc fails if a line below compiles, which shows that the contract has become too loose.
import type { IssueLinksClient } from './client.ts';

export async function useWrongly(client: IssueLinksClient): Promise<void> {
  const path = { issueId: 'JUNE-2' };

  // @ts-expect-error: there is no such path.
  await client.GET('/issues/{issueId}/link', { params: { path } });
  // @ts-expect-error: the path has a parameter.
  await client.GET('/issues/{issueId}/links');
  // @ts-expect-error: the parameter has another name.
  await client.GET('/issues/{issueId}/links', { params: { path: { issue: 'JUNE-2' } } });
  // @ts-expect-error: the path has no PUT.
  await client.PUT('/issues/{issueId}/links', { params: { path } });
  // @ts-expect-error: the body is required.
  await client.POST('/issues/{issueId}/links', { params: { path } });
  // @ts-expect-error: the other issue is required.
  await client.POST('/issues/{issueId}/links', { params: { path }, body: { relationship: 'relates' } });
  // @ts-expect-error: a relationship is a string.
  await client.POST('/issues/{issueId}/links', { params: { path }, body: { relationship: 1, issue: 'JUNE-1' } });
  await client.GET('/issues/{issueId}/links/{linkId}', {
    // @ts-expect-error: the id of a link is a number, as in the link itself.
    params: { path: { issueId: 'JUNE-2', linkId: '4709605' } },
  });
  await client.POST('/issues/{issueId}/links/_list', {
    // @ts-expect-error: a page is a number.
    params: { path, query: { page: 'last' } },
  });

  const { data, error } = await client.GET('/issues/{issueId}/links', { params: { path } });
  // @ts-expect-error: the data is undefined after an error.
  data.length;
  // @ts-expect-error: an error has no such field.
  error?.message;
  for (const link of data ?? []) {
    // @ts-expect-error: the other issue has a display instead of a summary.
    link.object.summary;
    // @ts-expect-error: the assignee may be missing.
    link.assignee.display;
    // @ts-expect-error: there are two directions.
    if (link.direction === 'both') return;
  }
}
