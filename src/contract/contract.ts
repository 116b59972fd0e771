import type { IncomingHttpHeaders } from 'node:http';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import type { Ajv2020, ErrorObject, Options, ValidateFunction } from 'ajv/dist/2020.js';
import type { OpenAPIV3_1 } from 'openapi-types';
import { DomainError } from '../errors.ts';
import { type Language, type Text, texts } from '../texts.ts';
import { readContract } from './contract-files.ts';
import type { OperationId } from './types.ts';

/** The scopes that a token can have, as in the security requirements of openapi.yaml. */
export type Scope = 'read' | 'write' | 'admin';

/** One operation of openapi.yaml, ready to serve. */
export interface Operation {
  readonly id: OperationId;
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** In OpenAPI notation, without the server prefix: `/issues/{issueId}/links`. */
  readonly path: string;
  readonly scope: Scope;
  readonly successStatus: number;
  readonly hasBody: boolean;
  /** Whether its errors have a code in `errorsData`. */
  readonly namesReason: boolean;
  /** Each returns the values with the types of the contract, or throws a DomainError that names the invalid fields. */
  readonly parse: {
    path(values: unknown): unknown;
    query(values: unknown): unknown;
    headers(values: IncomingHttpHeaders): unknown;
    body(value: unknown): unknown;
  };
}

export interface Contract {
  readonly document: OpenApiDocument;
  /** The path prefixes of the REST API: `/v2`, `/v3`. */
  readonly servers: readonly string[];
  readonly operations: readonly Operation[];
  /** Compiles the schema at a JSON pointer into the document. */
  validator(pointer: string): ValidateFunction;
}

type OpenApiDocument = OpenAPIV3_1.Document &
  Required<Pick<OpenAPIV3_1.Document, 'paths' | 'servers' | 'security' | 'components'>>;

type Parameter = OpenAPIV3_1.ParameterObject;

type Reference = OpenAPIV3_1.ReferenceObject;

const DOCUMENT_ID = 'openapi.yaml';
/** Loads ajv with the first validator: it would prolong the server's start by a third. */
const require = createRequire(import.meta.url);
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/**
 * Reads openapi.yaml, the single source of paths, shapes and statuses, and prepares the request validators. Tests read
 * `docs.json`, which describes the endpoint of the Kanboard API as well.
 */
export function loadContract(file: 'openapi.json' | 'docs.json' = 'openapi.json'): Contract {
  const document = readContract(file) as OpenApiDocument;
  const bodies = lazily(() => newAjv(document, { useDefaults: true }));
  const parameters = lazily(() => newAjv(document, { useDefaults: true, coerceTypes: 'array' }));
  // For values that must not change: fills in no defaults.
  const shapes = lazily(() => newAjv(document, {}));

  const operations = Object.entries(document.paths).flatMap(([path, item = {}]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      // Paths with servers of their own are outside the REST API: /jsonrpc.php.
      return operation && item.servers === undefined
        ? [toOperation(document, { bodies, parameters }, path, method, item, operation)]
        : [];
    }),
  );
  return {
    document,
    servers: document.servers.map(({ url }) => url),
    operations,
    validator: (pointer) => shapes().compile({ $ref: `${DOCUMENT_ID}#${pointer}` }),
  };
}

function lazily<Value>(create: () => Value): () => Value {
  let value: Value | undefined;
  return () => (value ??= create());
}

function newAjv(document: OpenApiDocument, options: Pick<Options, 'useDefaults' | 'coerceTypes'>): Ajv2020 {
  const { Ajv2020 } = require('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js');
  const addFormats = require('ajv-formats') as typeof import('ajv-formats');
  const ajv = new Ajv2020({
    allErrors: true,
    messages: false,
    // `npm run check` does, and the schema of schemas takes longer to compile than what a first request needs.
    validateSchema: false,
    ...options,
    strict: true,
    strictRequired: false,
    strictTypes: false,
  });
  addFormats.default(ajv);
  // OpenAPI keywords that do not affect validity. ajv sees those of the document root, since references resolve through it.
  ajv.addVocabulary(['example', 'discriminator', 'externalDocs', 'xml']);
  ajv.addVocabulary(['openapi', 'info', 'servers', 'security', 'tags', 'paths', 'components']);
  ajv.addSchema({ ...document, $id: DOCUMENT_ID }, DOCUMENT_ID, false, false);
  return ajv;
}

function toOperation(
  document: OpenApiDocument,
  ajv: { bodies: () => Ajv2020; parameters: () => Ajv2020 },
  path: string,
  method: Operation['method'],
  item: OpenAPIV3_1.PathItemObject,
  operation: OpenAPIV3_1.OperationObject,
): Operation {
  const declared = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((parameter) =>
    resolve<Parameter>(document, parameter),
  );
  const pointer = `/paths/${escapePointer(path)}/${method}`;
  const success = Object.keys(operation.responses ?? {}).find((status) => status.startsWith('2'));
  const { 'x-not-supported': unsupported = {} } = operation as { 'x-not-supported'?: Unsupported };
  if (success === undefined) throw new Error(`${operation.operationId} declares no success`);

  return {
    id: operation.operationId as OperationId,
    method,
    path,
    scope: ((operation.security ?? document.security)[0]?.['oauth']?.[0] ?? 'read') as Scope,
    successStatus: Number(success),
    hasBody: operation.requestBody !== undefined,
    namesReason: 'x-error-codes' in operation,
    parse: {
      path: parser(() => ajv.parameters().compile(parametersSchema(declared, 'path'))),
      query: withoutUnsupported(
        'invalid',
        texts.notSupported,
        unsupported.query,
        parser(() => ajv.parameters().compile(parametersSchema(declared, 'query'))),
      ),
      headers: headerParser(ajv.parameters, declared, unsupported.header),
      body: withoutUnsupported(
        'refused',
        texts.fieldUnknown,
        unsupported.body,
        bodyParser(ajv.bodies, document, pointer, operation.requestBody),
      ),
    },
  };
}

/**
 * What Tracker documents and this server does not do: names of parameters and members, each with the values that ask for
 * nothing. Those are ignored; any other value is refused. Of headers, this is `Idempotency-Key` where it cannot be accepted.
 */
interface Unsupported {
  readonly header?: Readonly<Record<string, readonly unknown[]>>;
  readonly query?: Readonly<Record<string, readonly unknown[]>>;
  readonly body?: Readonly<Record<string, readonly unknown[]>>;
}

/** Parses what is left without unsupported names. Throws an error that lists those that ask for something. */
function withoutUnsupported(
  code: 'invalid' | 'refused',
  text: Text,
  unsupported: Readonly<Record<string, readonly unknown[]>> | undefined,
  parse: (value: unknown) => unknown,
): (value: unknown) => unknown {
  if (unsupported === undefined) return parse;
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return parse(value);
    const given = Object.entries(value).filter(([name]) => Object.hasOwn(unsupported, name));
    const refused = given.filter(([name, member]) => !unsupported[name]?.some((one) => isDeepStrictEqual(one, member)));
    if (refused.length > 0) {
      const fields = Object.fromEntries(refused.map(([name]) => [name, text]));
      throw new DomainError(code, undefined, fields, { reason: 'not_supported' });
    }
    if (given.length === 0) return parse(value);
    return parse(Object.fromEntries(Object.entries(value).filter(([name]) => !Object.hasOwn(unsupported, name))));
  };
}

/** Node lowercases header names; handlers get them as the contract spells them. */
function headerParser(ajv: () => Ajv2020, declared: readonly Parameter[], unsupported: Unsupported['header']) {
  const names = declared.filter((parameter) => parameter.in === 'header').map(({ name }) => name);
  names.push(...Object.keys(unsupported ?? {}));
  const parse = withoutUnsupported(
    'invalid',
    texts.idempotencyKeyRefused,
    unsupported,
    parser(() => ajv().compile(parametersSchema(declared, 'header'))),
  );
  return (headers: IncomingHttpHeaders) => {
    const given = names.map((name) => [name, headers[name.toLowerCase()]]).filter(([, value]) => value !== undefined);
    return parse(Object.fromEntries(given));
  };
}

function bodyParser(
  ajv: () => Ajv2020,
  document: OpenApiDocument,
  pointer: string,
  body: OpenAPIV3_1.OperationObject['requestBody'],
) {
  if (body === undefined) return () => undefined;
  const at = '$ref' in body ? body.$ref.slice(1) : `${pointer}/requestBody`;
  const parse = parser(() => ajv().compile({ $ref: `${DOCUMENT_ID}#${at}/content/application~1json/schema` }));
  const required = resolve<{ required?: boolean }>(document, body).required ?? false;
  // Validate a missing body as an empty object, so that the error names each missing field.
  return (value: unknown) => (value === undefined && !required ? undefined : parse(value ?? {}));
}

function parametersSchema(parameters: readonly Parameter[], location: 'path' | 'query' | 'header'): object {
  const here = parameters.filter((parameter) => parameter.in === location);
  return {
    type: 'object',
    required: here.filter(({ required }) => required).map(({ name }) => name),
    properties: Object.fromEntries(
      here.map(({ name, schema = {} }) => [
        name,
        location === 'path' && 'type' in schema && schema.type === 'integer'
          ? { type: 'string' }
          : withAbsoluteReferences(schema),
      ]),
    ),
  };
}

function withAbsoluteReferences(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#', `"$ref":"${DOCUMENT_ID}#`)) as object;
}

/** ajv coerces `1e999` in a URL to Infinity, and accepts that as an integer. */
function hasInfinity(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).some((member) => member === Infinity || member === -Infinity)
  );
}

/** Compiles the schema for its first value: compiling all of them would take most of the server's start. */
function parser(compile: () => ValidateFunction): (value: unknown) => unknown {
  const validator = lazily(compile);
  return (value) => {
    const validate = validator();
    if (validate(value)) {
      if (hasInfinity(value)) throw new DomainError('invalid', texts.requestMalformed);
      return value;
    }
    throw invalid(validate.errors ?? []);
  };
}

/**
 * One message per field. The code is `refused` (422) if all errors are missing or unknown fields, and `invalid` (400) if
 * a value is invalid.
 */
function invalid(given: readonly ErrorObject[]): DomainError {
  const errors = withoutAlternatives(given);
  const fields: Record<string, Text> = {};
  for (const error of errors) {
    const [name, text] = NAMING[error.keyword]?.(error) ?? [undefined, localized(error)];
    const path = [...error.instancePath.split('/').slice(1), ...(name === undefined ? [] : [name])].join('.');
    if (path !== '') fields[path] ??= text;
  }
  const code = errors.every(({ keyword }) => keyword in NAMING) ? 'refused' : 'invalid';
  return new DomainError(code, Object.keys(fields).length === 0 ? texts.requestMalformed : undefined, fields);
}

/**
 * For a value that matches no branch of `anyOf` or `oneOf`, ajv reports the errors of every branch. Keeps a single one: the
 * first that is not about the branch itself, such as a string that is too long, or else that of `anyOf` or `oneOf`.
 */
function withoutAlternatives(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const choices = errors.filter(({ keyword }) => ALTERNATIVES.has(keyword)).map(({ instancePath }) => instancePath);
  const isBelow = (path: string, above: string) => path === above || path.startsWith(`${above}/`);
  const outermost = choices.filter((path) => !choices.some((above) => above !== path && isBelow(path, above)));
  return outermost.reduce<readonly ErrorObject[]>((left, choice) => {
    const within = left.filter(({ instancePath }) => isBelow(instancePath, choice));
    const specific = within.find(({ keyword }) => !ALTERNATIVES.has(keyword) && !FORMS.has(keyword));
    const kept =
      specific ?? within.find(({ instancePath, keyword }) => instancePath === choice && ALTERNATIVES.has(keyword));
    return left.filter((error) => !within.includes(error) || error === kept);
  }, errors);
}

const ALTERNATIVES: ReadonlySet<string> = new Set(['anyOf', 'oneOf']);
/** Keywords whose errors mean that the value belongs to another branch. */
const FORMS: ReadonlySet<string> = new Set(['type', 'required', 'additionalProperties']);

/** Keywords whose errors name the field that they concern. */
const NAMING: Readonly<Record<string, (error: ErrorObject) => [string, Text]>> = {
  required: ({ params }) => [String(params['missingProperty']), texts.fieldRequired],
  additionalProperties: ({ params }) => [String(params['additionalProperty']), texts.fieldUnknown],
};

function localized(error: ErrorObject): Text {
  if (ALTERNATIVES.has(error.keyword)) return texts.formInvalid;
  const localize = require('ajv-i18n') as Record<Language, (errors: ErrorObject[]) => void>;
  const messageIn = (language: Language) => {
    const copy = { ...error };
    localize[language]([copy]);
    return copy.message ?? '';
  };
  return { ru: messageIn('ru'), en: messageIn('en') };
}

function resolve<Target>(document: OpenApiDocument, value: Target | Reference): Target {
  if (typeof value !== 'object' || value === null || !('$ref' in value)) return value;
  return value.$ref
    .slice(2)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((node, step) => (node as Record<string, unknown>)[step], document) as Target;
}

function escapePointer(step: string): string {
  return encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'));
}
