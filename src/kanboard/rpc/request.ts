import { isLosslessNumber } from 'lossless-json';
import type { Method } from '../../contract/openrpc.ts';
import { invalidParams, invalidRequest, parseError } from './rpc-error.ts';

/** A call with a valid envelope (Kanboard contract, section 1). */
export interface RpcRequest {
  readonly method: string;
  readonly params: readonly unknown[] | Readonly<Record<string, unknown>>;
  /** Undefined for a notification, which is carried out and not answered. */
  readonly id: unknown;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** The calls of a batch; undefined for what is no batch. */
export function batchOf(value: unknown): readonly unknown[] | undefined {
  const list = listIn(value);
  return list === undefined || list.length === 0 ? undefined : list;
}

/** Throws RpcError for what is no request. */
export function toRequest(value: unknown): RpcRequest {
  if (typeof value !== 'object' || value === null || isLosslessNumber(value)) throw parseError();
  const { jsonrpc, method, params = null, id = null } = value as JsonObject;
  if (jsonrpc !== '2.0' || typeof method !== 'string' || typeof params !== 'object' || isLosslessNumber(params)) {
    throw invalidRequest();
  }
  return { method, params: (params ?? []) as RpcRequest['params'], id: id ?? undefined };
}

/** The arguments of a call by the names of the method's parameters. Throws RpcError. */
export function argumentsOf({ params: declared }: Method, { params }: RpcRequest): Record<string, unknown> {
  const positional = listIn(params);
  const named = params as JsonObject;
  const count = positional?.length ?? Object.keys(named).length;
  if (count < declared.filter(({ required }) => required).length) throw invalidParams('Wrong number of arguments');
  if (count > declared.length) throw invalidParams('Too many arguments');
  return Object.fromEntries(
    declared.map(({ name, required, schema }, place) => {
      if (positional && place < positional.length) return [name, positional[place]];
      if (!positional && Object.hasOwn(named, name)) return [name, named[name]];
      if (required) throw invalidParams(`Missing argument: ${name}`);
      return [name, schema.default];
    }),
  );
}

/** PHP knows one kind of array: an object with the keys 0, 1, 2 and so on is a list, and one without members is empty. */
function listIn(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value as unknown[];
  if (typeof value !== 'object' || value === null || isLosslessNumber(value)) return undefined;
  const entries = Object.entries(value);
  return entries.every(([key], place) => key === String(place))
    ? entries.map(([, member]) => member as unknown)
    : undefined;
}
