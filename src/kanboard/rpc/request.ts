import { isLosslessNumber } from 'lossless-json';
import type { Method } from '../../contract/openrpc.ts';
import { invalidParams, invalidRequest, parseError } from './rpc-error.ts';

/** A call with a valid envelope (Kanboard contract, section 1). */
export interface RpcRequest {
  readonly method: string;
  readonly params: readonly unknown[] | Readonly<Record<string, unknown>>;
  /** Undefined for a notification, which is executed but gets no response. */
  readonly id: unknown;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** The calls of a batch; undefined if the value is not a batch. */
export function batchOf(value: unknown): readonly unknown[] | undefined {
  const calls = arrayFrom(value);
  return calls?.length ? calls : undefined;
}

/** Throws RpcError if the value is not a request. */
export function toRequest(value: unknown): RpcRequest {
  if (typeof value !== 'object' || value === null || isLosslessNumber(value)) throw parseError();
  const { jsonrpc, method, params = null, id = null } = value as JsonObject;
  if (jsonrpc !== '2.0' || typeof method !== 'string' || typeof params !== 'object' || isLosslessNumber(params)) {
    throw invalidRequest();
  }
  return { method, params: (params ?? []) as RpcRequest['params'], id: id ?? undefined };
}

/** The arguments of a call, keyed by parameter name. Throws RpcError. */
export function argumentsOf({ params: declared }: Method, { params }: RpcRequest): Record<string, unknown> {
  const positional = arrayFrom(params);
  const named = params as JsonObject;
  const count = positional?.length ?? Object.keys(named).length;
  if (count < declared.filter(({ required }) => required).length) throw invalidParams('Wrong number of arguments');
  if (count > declared.length) throw invalidParams('Too many arguments');
  return Object.fromEntries(
    declared.map(({ name, required, schema }, index) => {
      if (positional && index < positional.length) return [name, positional[index]];
      if (!positional && Object.hasOwn(named, name)) return [name, named[name]];
      if (required) throw invalidParams(`Missing argument: ${name}`);
      return [name, schema.default];
    }),
  );
}

/** The parameters that were given, by name, whether or not they fit. */
export function namedParameters({ params: declared }: Method, { params }: RpcRequest): Record<string, unknown> {
  const positional = arrayFrom(params);
  if (positional === undefined) return params as Record<string, unknown>;
  return Object.fromEntries(declared.map(({ name }, index) => [name, positional[index]]));
}

/** PHP has a single array type: an object with the keys 0, 1, 2 and so on is a list, and `{}` is an empty one. */
function arrayFrom(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value as unknown[];
  if (typeof value !== 'object' || value === null || isLosslessNumber(value)) return undefined;
  const entries = Object.entries(value);
  return entries.every(([key], index) => key === String(index))
    ? entries.map(([, member]) => member as unknown)
    : undefined;
}
