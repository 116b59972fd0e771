import { Api, type ErrorBody } from '../generated/swagger-typescript-api.ts';
import { type LinksClient, Refusal, TOKEN } from '../links-client.ts';

export function linksClient(baseUrl: string): LinksClient {
  const { issues } = new Api({ baseUrl, baseApiParams: { headers: { Authorization: `OAuth ${TOKEN}` } } });
  return {
    list: (issueId) => dataOf(issues.listIssueLinks(issueId)),
    create: (issueId, relationship, issue) => dataOf(issues.createIssueLink(issueId, { relationship, issue })),
    get: (issueId, linkId) => dataOf(issues.getIssueLink(issueId, linkId)),
    update: (issueId, linkId, relationship) => dataOf(issues.updateIssueLink(issueId, linkId, { relationship })),
    delete: (issueId, linkId) => dataOf(issues.deleteIssueLink(issueId, linkId)),
  };
}

/** The generated client throws the response of an error. */
async function dataOf<Data>(response: Promise<{ data: Data }>): Promise<Data> {
  try {
    return (await response).data;
  } catch (thrown) {
    throw new Refusal((thrown as { error: ErrorBody }).error);
  }
}
