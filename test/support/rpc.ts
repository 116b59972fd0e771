import { expect } from '@jest/globals';
import type { Database } from '../../src/database/database.ts';
import type { Api } from './api.ts';
import type { GivenAccount } from './builders.ts';
import { unchanged } from './snapshot.ts';

/** No task, project, column, label, link or user has this id. */
export const MISSING_ID = 999_999_999;
/** None of these is a valid id. (`true` counts as 1, which can be one.) */
export const INVALID_IDS: readonly unknown[] = [
  MISSING_ID,
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  'text',
  '',
  null,
  [],
  {},
  '99999999999999999999',
  '\0',
  '1\0',
];

/** Calls methods as one account. */
export interface Rpc {
  /** The result of a call; throws if the response is an error. */
  call<Result = unknown>(method: string, ...params: unknown[]): Promise<Result>;
  /** The same with parameters by name. */
  named<Result = unknown>(method: string, params: object): Promise<Result>;
  /** The HTTP status of a call. */
  status(method: string, ...params: unknown[]): Promise<number>;
  /** The database that the calls write to. */
  readonly db: Database;
}

export function rpcAs(api: Api, { orgId, login, secret }: GivenAccount): Rpc {
  const send = async (method: string, params: unknown) =>
    await api.request
      .post(`/kanboard/${orgId}/jsonrpc.php`)
      .auth(login, secret)
      .send({ jsonrpc: '2.0', method, id: 1, params });
  const result = async (method: string, params: unknown) => {
    const { status, body } = await send(method, params);
    if (!('result' in body)) throw new Error(`${method} returned ${status} ${JSON.stringify(body)}`);
    return body.result;
  };
  return {
    call: async (method, ...params) => await result(method, params),
    named: async (method, params) => await result(method, params),
    status: async (method, ...params) => (await send(method, params)).status,
    db: api.database.db,
  };
}

/** Expects the failure value of the method, and that nothing is written. */
export async function expectFailure(
  caller: Rpc,
  failure: unknown,
  method: string,
  ...params: unknown[]
): Promise<void> {
  await unchanged(caller.db, async () => {
    expect([method, params, await caller.call(method, ...params)]).toEqual([method, params, failure]);
  });
}

/** The same with parameters by name. */
export async function expectFailureByName(
  caller: Rpc,
  failure: unknown,
  method: string,
  params: object,
): Promise<void> {
  await unchanged(caller.db, async () => {
    expect([method, params, await caller.named(method, params)]).toEqual([method, params, failure]);
  });
}

/** Expects 403, and that nothing is written. */
export async function expectForbidden(caller: Rpc, method: string, ...params: unknown[]): Promise<void> {
  await unchanged(caller.db, async () => {
    expect([method, params, await caller.status(method, ...params)]).toEqual([method, params, 403]);
  });
}
