import { createClient } from '../generated/hey-api/client/index.ts';
import {
  createIssueLink,
  deleteIssueLink,
  getIssueLink,
  listIssueLinks,
  updateIssueLink,
} from '../generated/hey-api/sdk.gen.ts';
import type { ErrorBody } from '../generated/hey-api/types.gen.ts';
import { type LinksClient, Refusal, TOKEN } from '../links-client.ts';

export function linksClient(baseUrl: string): LinksClient {
  const client = createClient({ baseUrl, headers: { Authorization: `OAuth ${TOKEN}` } });
  return {
    list: async (issueId) => dataOf(await listIssueLinks({ client, path: { issueId } })),
    create: async (issueId, relationship, issue) =>
      dataOf(await createIssueLink({ client, path: { issueId }, body: { relationship, issue } })),
    get: async (issueId, linkId) => dataOf(await getIssueLink({ client, path: { issueId, linkId } })),
    update: async (issueId, linkId, relationship) =>
      dataOf(await updateIssueLink({ client, path: { issueId, linkId }, body: { relationship } })),
    delete: async (issueId, linkId) => {
      const { error } = await deleteIssueLink({ client, path: { issueId, linkId } });
      if (error) throw new Refusal(error);
    },
  };
}

function dataOf<Data>({ data, error }: { data: Data | undefined; error: ErrorBody | undefined }): Data {
  if (error) throw new Refusal(error);
  return data as Data;
}
