import { isDeepStrictEqual } from 'node:util';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { Contract } from '../../src/contract/contract.ts';
import type { Method, RpcContract } from '../../src/contract/openrpc.ts';
import { parseLossless } from '../../src/kanboard/rpc/json.ts';
import { batchOf, type RpcRequest, toRequest } from '../../src/kanboard/rpc/request.ts';

/** A request and its response. */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly requestBody: unknown;
  readonly status: number;
  readonly contentType: unknown;
  readonly body: string;
}

/** Validates every response of the Kanboard API: the envelope against openapi.yaml, each result against openrpc.yaml. */
export class RpcContractCheck {
  readonly #rpcContract: RpcContract;
  readonly #operations: { id: string; pattern: RegExp; statuses: readonly string[] }[];
  readonly #contract: Contract;
  readonly #ajv = newAjv();
  readonly #validators = new Map<string, ValidateFunction>();
  readonly #saw: (answer: string) => void;
  #isError: ValidateFunction | undefined;

  /** `saw` is called with every status, and with each method that succeeded or failed. */
  constructor(contract: Contract, rpcContract: RpcContract, saw: (answer: string) => void) {
    this.#rpcContract = rpcContract;
    this.#contract = contract;
    this.#saw = saw;
    this.#operations = Object.entries(contract.document.paths)
      .filter(([, item]) => item?.servers !== undefined)
      .map(([path, { post } = {}]) => ({
        id: String(post?.operationId),
        pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`),
        statuses: Object.keys(post?.responses ?? {}),
      }));
  }

  /** The operation of a path, for any HTTP method. */
  operationAt(path: string): string | undefined {
    return this.#operations.find(({ pattern }) => pattern.test(path))?.id;
  }

  problemsOf(operationId: string, { requestBody, status, contentType, body }: Exchange): string[] {
    const answer = `${operationId} ${status}`;
    const statuses = this.#operations.find(({ id }) => id === operationId)?.statuses ?? [];
    if (!statuses.includes(String(status))) return [`${answer} is not in the contract: ${body}`];
    this.#saw(answer);
    if (contentType !== 'application/json') return [`${answer}: not application/json`];
    if (body === '') return [];
    const answers = JSON.parse(body) as RpcAnswer | RpcAnswer[];
    const requests = expectedRequests(requestBody);
    if (!Array.isArray(answers)) return this.#problemsOfOne(requests[0], answers);
    if (answers.length !== requests.length) return [`${answers.length} responses to ${requests.length} calls: ${body}`];
    return answers.flatMap((one, index) => this.#problemsOfOne(requests[index], one));
  }

  #problemsOfOne(request: RpcRequest | undefined, answer: RpcAnswer): string[] {
    if (!('result' in answer)) return misfits('JsonRpcError', this.#errorValidator(), answer);
    const method = this.#rpcContract.methods.get(request?.method ?? '');
    if (method === undefined) return [`A result without a call: ${JSON.stringify(answer)}`];
    const { result, ...envelope } = answer;
    const isFailure = isDeepStrictEqual(result, method['x-failure']);
    this.#saw(`${method.name} ${isFailure ? 'failure' : 'success'}`);
    const keys = Object.keys(answer).join();
    const misplaced = keys === 'jsonrpc,result,id' && envelope['jsonrpc'] === '2.0' ? [] : [`The envelope has ${keys}`];
    return [...misplaced, ...misfits(`result of ${method.name}`, this.#resultValidator(method), result)];
  }

  #errorValidator(): ValidateFunction {
    this.#isError ??= this.#contract.validator('/components/schemas/JsonRpcError');
    return this.#isError;
  }

  #resultValidator({ name, result }: Method): ValidateFunction {
    let validate = this.#validators.get(name);
    if (validate === undefined) {
      // References in the schema lead to the components of the document.
      const { components } = this.#rpcContract.document;
      validate = this.#ajv.compile({ ...result.schema, components });
      this.#validators.set(name, validate);
    }
    return validate;
  }
}

function newAjv(): Ajv {
  // check:openrpc validates the schemas themselves.
  const ajv = new Ajv({ allErrors: true, validateSchema: false, strictRequired: false, strictTypes: false });
  addFormats.default(ajv);
  ajv.addVocabulary(['components']);
  return ajv;
}

function misfits(name: string, validate: ValidateFunction, value: unknown): string[] {
  return validate(value) ? [] : [`Not a ${name}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(value)}`];
}

type RpcAnswer = Readonly<Record<string, unknown>>;

/** The calls that get a response, in order: undefined for an invalid one, without notifications. */
export function expectedRequests(body: unknown): (RpcRequest | undefined)[] {
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
