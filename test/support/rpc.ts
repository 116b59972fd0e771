import type { Api } from './api.ts';
import type { GivenAccount } from './builders.ts';

/** Calls procedures as one account. */
export interface Rpc {
  /** The result of a call; throws for an answer that is an error. */
  call<Result = unknown>(method: string, ...params: unknown[]): Promise<Result>;
  /** The same with parameters by name. */
  named<Result = unknown>(method: string, params: object): Promise<Result>;
  /** The HTTP status of a call. */
  status(method: string, ...params: unknown[]): Promise<number>;
}

export function rpcAs(api: Api, { orgId, login, secret }: GivenAccount): Rpc {
  const send = async (method: string, params: unknown) =>
    await api.request
      .post(`/kanboard/${orgId}/jsonrpc.php`)
      .auth(login, secret)
      .send({ jsonrpc: '2.0', method, id: 1, params });
  const result = async (method: string, params: unknown) => {
    const { status, body } = await send(method, params);
    if (!('result' in body)) throw new Error(`${method} answered ${status} ${JSON.stringify(body)}`);
    return body.result;
  };
  return {
    call: async (method, ...params) => await result(method, params),
    named: async (method, params) => await result(method, params),
    status: async (method, ...params) => (await send(method, params)).status,
  };
}
