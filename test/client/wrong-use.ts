// Never run: every expected error below must be one, or the types check of `npm run check` fails. So a contract that
// became looser than it was meant to be is noticed here.
import type { IssueLinksClient } from './client.ts';

export async function useWrongly(client: IssueLinksClient): Promise<void> {
  const path = { issueId: 'JUNE-2' };

  // @ts-expect-error: there is no such path.
  await client.GET('/issues/{issueId}/link', { params: { path } });
  // @ts-expect-error: the path has a parameter.
  await client.GET('/issues/{issueId}/links');
  // @ts-expect-error: the parameter has another name.
  await client.GET('/issues/{issueId}/links', { params: { path: { issue: 'JUNE-2' } } });
  // @ts-expect-error: links are not put.
  await client.PUT('/issues/{issueId}/links', { params: { path } });
  // @ts-expect-error: a link needs a body.
  await client.POST('/issues/{issueId}/links', { params: { path } });
  // @ts-expect-error: a link needs another issue.
  await client.POST('/issues/{issueId}/links', { params: { path }, body: { relationship: 'relates' } });
  // @ts-expect-error: a relationship is said in words.
  await client.POST('/issues/{issueId}/links', { params: { path }, body: { relationship: 1, issue: 'JUNE-1' } });
  await client.GET('/issues/{issueId}/links/{linkId}', {
    // @ts-expect-error: what stands in a path is text.
    params: { path: { issueId: 'JUNE-2', linkId: 4709605 } },
  });
  await client.POST('/issues/{issueId}/links/_list', {
    // @ts-expect-error: pages are numbered.
    params: { path, query: { page: 'last' } },
  });

  const { data, error } = await client.GET('/issues/{issueId}/links', { params: { path } });
  // @ts-expect-error: without a look at what came, there may be nothing.
  data.length;
  // @ts-expect-error: a refusal has no such field.
  error?.message;
  for (const link of data ?? []) {
    // @ts-expect-error: an issue has no summary here, but a display.
    link.object.summary;
    // @ts-expect-error: nobody may work on the other issue.
    link.assignee.display;
    // @ts-expect-error: there are two directions.
    if (link.direction === 'both') return;
  }
}
