import { appendFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import type { Contract, Operation } from '../../src/contract/contract.ts';
import type { RpcContract } from '../../src/contract/openrpc.ts';
import { type Exchange, RpcContractCheck } from './rpc-contract-check.ts';

/** Validates every response of both APIs against openapi.yaml and openrpc.yaml, and records which responses were seen. */
export class ContractCheck {
  readonly #contract: Contract;
  readonly #rpc: RpcContractCheck;
  readonly #routes: { pattern: RegExp; operation: Operation }[];
  readonly #validators = new Map<string, ValidateFunction>();
  readonly #seen = new Set<string>();
  #problems: string[] = [];

  constructor(contract: Contract, rpcContract: RpcContract) {
    this.#contract = contract;
    this.#rpc = new RpcContractCheck(contract, rpcContract, (answer) => this.#seen.add(answer));
    this.#routes = contract.operations
      .map((operation) => ({ operation, pattern: patternOf(contract, operation) }))
      .sort((left, right) => left.operation.path.split('{').length - right.operation.path.split('{').length);
  }

  watch(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '' } = request;
    if (this.#routeOf(method, url) === undefined && this.#rpc.operationAt(pathOf(url)) === undefined) return;
    const pieces: string[] = [];
    const keep = ([body]: readonly unknown[]) => {
      if (typeof body === 'string' || Buffer.isBuffer(body)) pieces.push(body.toString());
    };
    const write = response.write.bind(response) as (...parts: unknown[]) => boolean;
    response.write = (...parts: unknown[]) => {
      keep(parts);
      return write(...parts);
    };
    const end = response.end.bind(response) as (...parts: unknown[]) => ServerResponse;
    response.end = (...parts: unknown[]) => {
      keep(parts);
      const problems = this.problemsOf({
        method,
        url,
        requestBody: (request as { body?: unknown }).body,
        status: response.statusCode,
        contentType: response.getHeader('Content-Type'),
        body: pieces.join(''),
      });
      this.#problems.push(...problems);
      return end(...parts);
    };
  }

  /** What the contracts say against a response. */
  problemsOf(exchange: Exchange): string[] {
    const { method, url } = exchange;
    const rpcOperation = this.#rpc.operationAt(pathOf(url));
    if (rpcOperation !== undefined) return this.#rpc.problemsOf(rpcOperation, exchange);
    // A page for people, at the URL of an operation.
    if (String(exchange.contentType).startsWith('text/html')) return [];
    const operation = method === 'HEAD' ? undefined : this.#routeOf(method, url);
    return operation === undefined ? [] : this.#problemsOfRest(operation, exchange);
  }

  /** Returns and clears the violations found so far. */
  takeProblems(): string[] {
    const problems = this.#problems;
    this.#problems = [];
    return problems;
  }

  /** Saves the responses that were seen for the check at the end of the run. */
  save(): void {
    const folder = process.env['TEST_FOLDER'];
    if (folder === undefined) return;
    appendFileSync(join(folder, 'answers.txt'), [...this.#seen].map((answer) => `${answer}\n`).join(''));
  }

  /** A path without parameters precedes a template that it matches, whatever the method. */
  #routeOf(method: string, url: string): Operation | undefined {
    const path = pathOf(url);
    const matching = this.#routes.filter(({ pattern }) => pattern.test(path)).map(({ operation }) => operation);
    return matching.find(
      (operation) => operation.path === matching[0]?.path && operation.method.toUpperCase() === method,
    );
  }

  #problemsOfRest(operation: Operation, { status, body, contentType }: Exchange): string[] {
    const answer = `${operation.id} ${status}`;
    this.#seen.add(answer);
    const item = this.#contract.document.paths[operation.path]?.[operation.method];
    const declared = item?.responses[status] as Answer | undefined;
    if (declared === undefined) return [`${answer} is not in the contract: ${body}`];
    const pointer =
      declared.$ref?.slice(1) ?? `/paths/${escapeStep(operation.path)}/${operation.method}/responses/${status}`;
    const validate = this.#validator(pointer, declared.$ref === undefined ? declared : this.#shared(declared.$ref));
    const mediaType = String(contentType).split(';')[0] ?? '';
    if (mediaType !== 'application/json' && mediaType in (declared.content ?? {})) return [];
    if (validate === undefined || body === '') {
      return validate !== undefined || body !== '' ? [`${answer}: unexpected body "${body}"`] : [];
    }
    if (validate(JSON.parse(body))) return [];
    return [`${answer} does not match the contract: ${JSON.stringify(validate.errors)} in ${body}`];
  }

  #validator(pointer: string, { content }: Answer): ValidateFunction | undefined {
    if (content === undefined) return undefined;
    const known = this.#validators.get(pointer);
    if (known) return known;
    const validate = this.#contract.validator(`${pointer}/content/${escapeStep('application/json')}/schema`);
    this.#validators.set(pointer, validate);
    return validate;
  }

  #shared(reference: string): Answer {
    const name = reference.split('/').at(-1) ?? '';
    return this.#contract.document.components.responses?.[name] as Answer;
  }
}

function pathOf(url: string): string {
  return url.split('?')[0] ?? '';
}

/** A response object of OpenAPI, or a reference to one. */
interface Answer {
  readonly $ref?: string;
  readonly content?: object;
}

/** A step of a JSON pointer in a URI fragment. */
function escapeStep(step: string): string {
  return encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'));
}

function patternOf(contract: Contract, { path }: Operation): RegExp {
  const servers = contract.servers.map((server) => server.replaceAll('/', '\\/')).join('|');
  return new RegExp(`^(?:${servers})${path.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`);
}
