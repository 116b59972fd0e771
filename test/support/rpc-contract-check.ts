import type { IncomingMessage, ServerResponse } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import type { Contract } from '../../src/contract/contract.ts';
import { type Method, methodsOf } from '../../src/contract/methods.ts';
import { parseLossless } from '../../src/kanboard/rpc/json.ts';
import { batchOf, type RpcRequest, toRequest } from '../../src/kanboard/rpc/request.ts';

/** Holds every answer of the Kanboard face against openapi.yaml: the envelope, and each result against its procedure's schema. */
export class RpcContractCheck {
  readonly #contract: Contract;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #operations: { id: string; pattern: RegExp; statuses: readonly string[] }[];
  readonly #validators = new Map<string, ValidateFunction>();
  readonly #saw: (answer: string) => void;

  /** `saw` is told of every status, and of each procedure that it succeeded or failed. */
  constructor(contract: Contract, saw: (answer: string) => void) {
    this.#contract = contract;
    this.#methods = methodsOf(contract);
    this.#saw = saw;
    this.#operations = Object.entries(contract.document.paths)
      .filter(([, { servers }]) => servers !== undefined)
      .map(([path, { post }]) => ({
        id: String(post?.operationId),
        pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`),
        statuses: Object.keys(post?.responses ?? {}),
      }));
  }

  /** The operation that a path belongs to, whatever the HTTP method. */
  operationAt(path: string): string | undefined {
    return this.#operations.find(({ pattern }) => pattern.test(path))?.id;
  }

  problemsOf(operationId: string, request: IncomingMessage, response: ServerResponse, body: string): string[] {
    const answer = `${operationId} ${response.statusCode}`;
    const statuses = this.#operations.find(({ id }) => id === operationId)?.statuses ?? [];
    if (!statuses.includes(String(response.statusCode))) return [`${answer} is not in the contract: ${body}`];
    this.#saw(answer);
    if (response.getHeader('Content-Type') !== 'application/json') return [`${answer}: not application/json`];
    if (body === '') return [];
    const answers = JSON.parse(body) as RpcAnswer | RpcAnswer[];
    const asked = askedIn((request as { body?: unknown }).body);
    if (!Array.isArray(answers)) return this.#problemsOfOne(asked[0], answers);
    if (answers.length !== asked.length) return [`${answers.length} answers to ${asked.length} calls: ${body}`];
    return answers.flatMap((one, index) => this.#problemsOfOne(asked[index], one));
  }

  #problemsOfOne(request: RpcRequest | undefined, answer: RpcAnswer): string[] {
    if (!('result' in answer)) return this.#misfits('JsonRpcError', answer);
    const method = this.#methods.get(request?.method ?? '');
    if (method === undefined) return [`A result without a call: ${JSON.stringify(answer)}`];
    const { result, ...envelope } = answer;
    const isFailure = isDeepStrictEqual(result, method.failure);
    this.#saw(`${method.name} ${isFailure ? 'failure' : 'success'}`);
    const keys = Object.keys(answer).join();
    const misplaced = keys === 'jsonrpc,result,id' && envelope['jsonrpc'] === '2.0' ? [] : [`The envelope has ${keys}`];
    return [
      ...misplaced,
      ...this.#misfits(`${method.name.charAt(0).toUpperCase()}${method.name.slice(1)}Result`, result),
    ];
  }

  #misfits(schema: string, value: unknown): string[] {
    let validate = this.#validators.get(schema);
    if (validate === undefined) {
      validate = this.#contract.validator(`/components/schemas/${schema}`);
      this.#validators.set(schema, validate);
    }
    return validate(value) ? [] : [`Not a ${schema}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(value)}`];
  }
}

type RpcAnswer = Readonly<Record<string, unknown>>;

/** What is answered, in order: the calls, undefined for what is none; notifications are left out. */
export function askedIn(body: unknown): (RpcRequest | undefined)[] {
  const value = Buffer.isBuffer(body) ? parseLossless(body) : undefined;
  return (batchOf(value) ?? [value])
    .map(requestIn)
    .filter((request) => request === undefined || request.id !== undefined);
}

function requestIn(value: unknown): RpcRequest | undefined {
  try {
    return toRequest(value);
  } catch {
    return undefined;
  }
}
