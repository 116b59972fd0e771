import {
  createIssueLink,
  deleteIssueLink,
  type ErrorBody,
  getIssueLink,
  listIssueLinks,
  updateIssueLink,
} from '../generated/orval.ts';
import { type LinksClient, Refusal, TOKEN } from '../links-client.ts';

const OPTIONS = { headers: { Authorization: `OAuth ${TOKEN}` } };

/** The base URL is part of the generated source. */
export function linksClient(): LinksClient {
  return {
    list: async (issueId) => {
      const response = await listIssueLinks(issueId, OPTIONS);
      if (response.status !== 200) throw refusal(response);
      return response.data;
    },
    create: async (issueId, relationship, issue) => {
      const response = await createIssueLink(issueId, { relationship, issue }, OPTIONS);
      if (response.status !== 201) throw refusal(response);
      return response.data;
    },
    get: async (issueId, linkId) => {
      const response = await getIssueLink(issueId, linkId, OPTIONS);
      if (response.status !== 200) throw refusal(response);
      return response.data;
    },
    update: async (issueId, linkId, relationship) => {
      const response = await updateIssueLink(issueId, linkId, { relationship }, OPTIONS);
      if (response.status !== 200) throw refusal(response);
      return response.data;
    },
    delete: async (issueId, linkId) => {
      const response = await deleteIssueLink(issueId, linkId, OPTIONS);
      if (response.status !== 204) throw refusal(response);
    },
  };
}

function refusal({ status, data }: { status: number; data: unknown }): Error {
  return data ? new Refusal(data as ErrorBody) : new Error(`status ${status}`);
}
