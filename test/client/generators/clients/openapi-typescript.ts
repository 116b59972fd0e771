import createClient from 'openapi-fetch';
import type { components, paths } from '../generated/openapi-typescript.ts';
import { type LinksClient, Refusal, TOKEN } from '../links-client.ts';

export function linksClient(baseUrl: string): LinksClient {
  const client = createClient<paths>({ baseUrl, headers: { Authorization: `OAuth ${TOKEN}` } });
  return {
    list: async (issueId) => dataOf(await client.GET('/issues/{issueId}/links', { params: { path: { issueId } } })),
    create: async (issueId, relationship, issue) =>
      dataOf(
        await client.POST('/issues/{issueId}/links', { params: { path: { issueId } }, body: { relationship, issue } }),
      ),
    get: async (issueId, linkId) =>
      dataOf(await client.GET('/issues/{issueId}/links/{linkId}', { params: { path: { issueId, linkId } } })),
    update: async (issueId, linkId, relationship) =>
      dataOf(
        await client.PATCH('/issues/{issueId}/links/{linkId}', {
          params: { path: { issueId, linkId } },
          body: { relationship },
        }),
      ),
    delete: async (issueId, linkId) => {
      const { error } = await client.DELETE('/issues/{issueId}/links/{linkId}', {
        params: { path: { issueId, linkId } },
      });
      if (error) throw new Refusal(error);
    },
  };
}

function dataOf<Data>({ data, error }: { data?: Data; error?: components['schemas']['ErrorBody'] }): Data {
  if (error) throw new Refusal(error);
  return data as Data;
}
