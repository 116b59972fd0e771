import { HttpError, ok } from '@oazapfts/runtime';
import {
  createIssueLink,
  defaults,
  deleteIssueLink,
  getIssueLink,
  listIssueLinks,
  updateIssueLink,
} from '../generated/oazapfts.ts';
import { type LinksClient, Refusal, TOKEN } from '../links-client.ts';

export function linksClient(baseUrl: string): LinksClient {
  defaults.baseUrl = baseUrl;
  defaults.headers = { Authorization: `OAuth ${TOKEN}` };
  return {
    list: (issueId) => dataOf(ok(listIssueLinks(issueId))),
    create: (issueId, relationship, issue) => dataOf(ok(createIssueLink(issueId, { relationship, issue }))),
    get: (issueId, linkId) => dataOf(ok(getIssueLink(issueId, linkId))),
    update: (issueId, linkId, relationship) => dataOf(ok(updateIssueLink(issueId, linkId, { relationship }))),
    delete: async (issueId, linkId) => {
      await dataOf(ok(deleteIssueLink(issueId, linkId)));
    },
  };
}

async function dataOf<Data>(response: Promise<Data>): Promise<Data> {
  try {
    return await response;
  } catch (thrown) {
    throw thrown instanceof HttpError ? new Refusal(thrown.data) : thrown;
  }
}
