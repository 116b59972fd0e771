import createClient, { type Client } from 'openapi-fetch';
import type { components, operations, paths } from './openapi.generated.ts';
import { withRetries } from './retries.ts';

type Schemas = components['schemas'];
export type Issue = Schemas['Issue'];
export type PartialIssue = Schemas['PartialIssue'];
export type IssueLink = Schemas['IssueLink'];
export type NewIssueLink = Schemas['NewIssueLink'];
export type IssueLinkChange = Schemas['IssueLinkChange'];

export interface IssueLinksOptions {
  /** With the version of the API, such as `http://127.0.0.1:8080/v3`. */
  readonly baseUrl: string;
  readonly token: string;
  /** The value of `X-Org-ID`; a token belongs to one organisation, so it can be left out. */
  readonly orgId?: string;
  /** Of names and messages; the default is the organisation's. */
  readonly language?: 'ru' | 'en';
  /** How often a request that is safe to repeat is repeated after 429 and 503. */
  readonly retriesMax?: number;
  readonly fetch?: (request: Request) => Promise<Response>;
}

type IssueQuery = Omit<NonNullable<operations['listIssues']['parameters']['query']>, 'page'>;

/** Links between issues. Every method throws an `IssueLinksError` for an error response. */
export class IssueLinks {
  /** Every operation of the API, with its types; errors are returned, not thrown. */
  readonly api: Client<paths>;

  constructor({ baseUrl, token, orgId, language, retriesMax = 3, fetch = globalThis.fetch }: IssueLinksOptions) {
    this.api = createClient<paths>({
      baseUrl,
      headers: { Authorization: `Bearer ${token}`, 'X-Org-ID': orgId, 'Accept-Language': language },
      fetch: withRetries(fetch, retriesMax),
    });
  }

  /** All links of an issue, by ascending id. */
  async listLinks(issueId: string): Promise<IssueLink[]> {
    return dataOf(await this.api.GET('/issues/{issueId}/links', { params: { path: { issueId } } }));
  }

  async getLink(issueId: string, linkId: number): Promise<IssueLink> {
    return dataOf(await this.api.GET('/issues/{issueId}/links/{linkId}', { params: { path: { issueId, linkId } } }));
  }

  /** Creates a link. An `idempotencyKey` of your own makes it safe to call this again after a crash, too. */
  async createLink(
    issueId: string,
    link: NewIssueLink,
    idempotencyKey: string = crypto.randomUUID(),
  ): Promise<IssueLink> {
    const params = { path: { issueId }, header: { 'Idempotency-Key': idempotencyKey } };
    return dataOf(await this.api.POST('/issues/{issueId}/links', { params, body: link }));
  }

  async updateLink(issueId: string, linkId: number, change: IssueLinkChange): Promise<IssueLink> {
    const params = { path: { issueId, linkId } };
    return dataOf(await this.api.PATCH('/issues/{issueId}/links/{linkId}', { params, body: change }));
  }

  async deleteLink(issueId: string, linkId: number): Promise<void> {
    dataOf(await this.api.DELETE('/issues/{issueId}/links/{linkId}', { params: { path: { issueId, linkId } } }));
  }

  async getIssue(issueId: string): Promise<PartialIssue> {
    return dataOf(await this.api.GET('/issues/{issueId}', { params: { path: { issueId } } }));
  }

  /** The issues that the query selects, read page by page. */
  issues(query: IssueQuery = {}): AsyncGenerator<PartialIssue, void> {
    return pages(async (page) => await this.api.GET('/issues', { params: { query: { ...query, page } } }));
  }
}

interface Result<Data> {
  readonly data?: Data;
  readonly error?: Partial<Schemas['ErrorBody']>;
  readonly response: Response;
}

/** The items of all pages, each read when it is needed. For other operations with `page` and `X-Total-Pages` as well. */
export async function* pages<Item>(read: (page: number) => Promise<Result<Item[]>>): AsyncGenerator<Item, void> {
  for (let page = 1, last = 1; page <= last; page += 1) {
    const result = await read(page);
    yield* dataOf(result);
    last = Number(result.response.headers.get('X-Total-Pages') ?? last);
  }
}

/** The body of a response. Throws an `IssueLinksError` if it is an error. */
export function dataOf<Data>({ data, error, response }: Result<Data>): Data {
  if (!response.ok) throw new IssueLinksError(response.status, error);
  return data as Data;
}

/** Why a request failed: the server's codes (docs/errors.md), or one for the status of a response without a code. */
export type IssueLinksErrorCode =
  | Schemas['LinkErrorCode']
  | 'unauthenticated'
  | 'too_large'
  | 'rate_limited'
  | 'unavailable'
  | 'failed';

const CODES: Readonly<Record<number, IssueLinksErrorCode>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  412: 'stale',
  413: 'too_large',
  422: 'refused',
  429: 'rate_limited',
  503: 'unavailable',
};

/** An error response. `message` is in the language of the request. */
export class IssueLinksError extends Error {
  override readonly name = 'IssueLinksError';
  readonly status: number;
  readonly code: IssueLinksErrorCode;
  /** Problems with single fields of the request. */
  readonly fields: Readonly<Record<string, string>>;
  /** What the code is about, such as the link that is in the way. */
  readonly details: Partial<Schemas['LinkErrorData']>;

  constructor(status: number, body: Partial<Schemas['ErrorBody']> | undefined) {
    const { errors: fields = {}, errorMessages: messages = [], errorsData = {} } = body ?? {};
    const named = Object.entries(fields).map(([field, problem]) => `${field}: ${problem}`);
    super([...messages, ...named].join(' ') || `The server responded with status ${status}.`);
    this.status = status;
    this.fields = fields;
    this.details = errorsData;
    this.code = this.details.code ?? CODES[status] ?? 'failed';
  }
}
