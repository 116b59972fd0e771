import { expect } from '@jest/globals';
import type { Api } from './api.ts';
import { type GivenAccount, givenAccount, givenApplication, givenOrganisation } from './builders.ts';
import { sendExactly } from './raw-request.ts';

export const PARSE_ERROR = '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}';
export const INVALID_REQUEST = '{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}';
export const UNAUTHORIZED = '{"jsonrpc":"2.0","error":{"code":401,"message":"Unauthorized"},"id":null}';
export const FORBIDDEN = '{"jsonrpc":"2.0","error":{"code":403,"message":"Forbidden"},"id":null}';
export const GET_TIMEZONE = '{"jsonrpc":"2.0","method":"getTimezone","id":1}';
export const UTC = '{"jsonrpc":"2.0","result":"UTC","id":1}';

/** The JSON of a request, which ends with `members` verbatim. */
export function requestFor(method: string, members = ',"id":1'): string {
  return `{"jsonrpc":"2.0","method":${JSON.stringify(method)}${members}}`;
}

export function errorResponse(code: number, message: string, id = '1', data?: string): string {
  return `{"jsonrpc":"2.0","error":${JSON.stringify({ code, message, data })},"id":${id}}`;
}

let labelCount = 0;
export function newLabel(): string {
  labelCount += 1;
  return `label ${labelCount}`;
}

export type RawRpc = Awaited<ReturnType<typeof givenRawRpc>>;

/** An organisation with accounts, and senders of JSON-RPC bodies for tests in which every byte counts. */
export async function givenRawRpc(api: Api) {
  const { db } = api.database;
  const org = await givenOrganisation(db, { profile: 'kanboard' });
  const application = await givenApplication(db, org);
  const path = `/kanboard/${org.orgId}/jsonrpc.php`;

  function post(body: string, { login, secret }: GivenAccount = application) {
    const request = api.request.post(path).set('Content-Type', 'application/json');
    return (secret === '' ? request : request.auth(login, secret)).send(body);
  }

  /** Posts a body that is expected to get a 200, and returns the body of the response. */
  async function postOk(body: string, account?: GivenAccount): Promise<string> {
    const response = await post(body, account);
    expect(response.status).toBe(200);
    expect(response.headers['content-type']).toBe('application/json');
    expect(response.headers['www-authenticate']).toBeUndefined();
    return response.text;
  }

  /** Sends exactly these bytes with the credentials of the application account. */
  async function send(
    body: string | Buffer,
    options: { method?: string; headers?: Record<string, string>; path?: string } = {},
  ) {
    const credentials = Buffer.from(`${application.login}:${application.secret}`).toString('base64');
    return await sendExactly(api.url + (options.path ?? path), {
      method: options.method ?? 'POST',
      headers: { Authorization: `Basic ${credentials}`, ...options.headers },
      body,
    });
  }

  async function countLabels(): Promise<number> {
    const [row] = await db.query<{ count: number }>({
      name: '',
      text: 'select count(*) from labels where org_id = $1',
      values: [org.orgId],
    });
    return row?.count ?? 0;
  }

  return {
    org,
    path,
    application,
    member: await givenAccount(db, org),
    wrong: { ...application, secret: 'wrong' },
    anonymous: { orgId: org.orgId, login: '', secret: '' },
    post,
    postOk,
    send,
    countLabels,
  };
}
