import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { Ajv2020, type ErrorObject, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import ajvI18n from 'ajv-i18n';
import { parse } from 'yaml';
import { DomainError } from '../errors.ts';
import { type Language, type Text, texts } from '../texts.ts';
import type { OperationId } from './types.ts';

/** Rights that a token can carry, as the contract's security requirements name them. */
export type Scope = 'read' | 'write' | 'admin';

/** One operation of openapi.yaml, ready to serve. */
export interface Operation {
  readonly id: OperationId;
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** In OpenAPI's notation, without the server's part: `/issues/{issueId}/links`. */
  readonly path: string;
  readonly scope: Scope;
  readonly successStatus: number;
  readonly hasBody: boolean;
  /** Each throws a DomainError that names what is wrong, and answers the values as the contract types them. */
  readonly parse: {
    path(values: unknown): unknown;
    query(values: unknown): unknown;
    headers(values: IncomingHttpHeaders): unknown;
    body(value: unknown): unknown;
  };
}

export interface Contract {
  /** openapi.yaml to the letter. */
  readonly yaml: string;
  readonly document: OpenApiDocument;
  /** Where the operations of the REST face are served: `/v2`, `/v3`. */
  readonly servers: readonly string[];
  readonly operations: readonly Operation[];
  /** The validator of the schema at a JSON pointer into the document. */
  validator(pointer: string): ValidateFunction;
}

interface OpenApiDocument {
  readonly info: { readonly version: string };
  readonly servers: readonly { readonly url: string }[];
  readonly security: readonly Record<string, readonly Scope[]>[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: {
    readonly responses: Readonly<Record<string, unknown>>;
    readonly schemas: Readonly<Record<string, unknown>>;
  };
}

type PathItem = {
  readonly parameters?: readonly (Parameter | Reference)[];
  /** Given where a path is no part of the REST face: /jsonrpc.php. */
  readonly servers?: readonly object[];
} & {
  readonly [Method in Operation['method']]?: OperationObject;
};

interface OperationObject {
  readonly operationId: OperationId;
  readonly security?: OpenApiDocument['security'];
  readonly parameters?: readonly (Parameter | Reference)[];
  readonly requestBody?: { readonly required?: boolean } | Reference;
  readonly responses: Readonly<Record<string, unknown>>;
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly required?: boolean;
  readonly schema: object;
}

interface Reference {
  readonly $ref: string;
}

const FILE = new URL('../../openapi.yaml', import.meta.url);
const DOCUMENT_ID = 'openapi.yaml';
/** Its types promise a default export that the module, being CommonJS, does not have. */
const localize = ajvI18n as unknown as Record<Language, (errors: ErrorObject[]) => void>;
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Reads openapi.yaml, the one place where paths, shapes and statuses are said, and compiles what requests need. */
export function loadContract(): Contract {
  const yaml = readFileSync(FILE, 'utf8');
  const document = parse(yaml) as OpenApiDocument;
  const bodies = newAjv(document, { useDefaults: true });
  const parameters = newAjv(document, { useDefaults: true, coerceTypes: 'array' });
  // Fills in no defaults.
  const shapes = newAjv(document, {});

  const paths = Object.entries(document.paths).filter(([, { servers }]) => servers === undefined);
  const operations = paths.flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation ? [toOperation(document, { bodies, parameters }, path, method, item, operation)] : [];
    }),
  );
  return {
    yaml,
    document,
    servers: document.servers.map(({ url }) => url),
    operations,
    validator: (pointer) => shapes.compile({ $ref: `${DOCUMENT_ID}#${pointer}` }),
  };
}

function newAjv(document: OpenApiDocument, options: Pick<Options, 'useDefaults' | 'coerceTypes'>): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    messages: false,
    ...options,
    strict: true,
    strictRequired: false,
    strictTypes: false,
  });
  addFormats.default(ajv);
  // Words of OpenAPI that say nothing about validity. ajv meets those of the root, since references lead through it.
  ajv.addVocabulary(['example', 'discriminator', 'externalDocs', 'xml']);
  ajv.addVocabulary(['openapi', 'info', 'servers', 'security', 'tags', 'paths', 'components']);
  ajv.addSchema({ ...document, $id: DOCUMENT_ID }, DOCUMENT_ID, false, false);
  return ajv;
}

function toOperation(
  document: OpenApiDocument,
  ajv: { bodies: Ajv2020; parameters: Ajv2020 },
  path: string,
  method: Operation['method'],
  item: PathItem,
  operation: OperationObject,
): Operation {
  const declared = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((parameter) =>
    resolve<Parameter>(document, parameter),
  );
  const pointer = `/paths/${escapePointer(path)}/${method}`;
  const success = Object.keys(operation.responses).find((status) => status.startsWith('2'));
  if (success === undefined) throw new Error(`${operation.operationId} declares no success`);

  return {
    id: operation.operationId,
    method,
    path,
    scope: (operation.security ?? document.security)[0]?.['oauth']?.[0] ?? 'read',
    successStatus: Number(success),
    hasBody: operation.requestBody !== undefined,
    parse: {
      path: parser(ajv.parameters.compile(parametersSchema(declared, 'path'))),
      query: parser(ajv.parameters.compile(parametersSchema(declared, 'query'))),
      headers: headerParser(ajv.parameters, declared),
      body: bodyParser(ajv.bodies, document, pointer, operation.requestBody),
    },
  };
}

/** HTTP writes the names of headers in any case, node in small letters, the contract in its own way. */
function headerParser(ajv: Ajv2020, declared: readonly Parameter[]) {
  const names = declared.filter((parameter) => parameter.in === 'header').map(({ name }) => name);
  const parse = parser(ajv.compile(parametersSchema(declared, 'header')));
  return (headers: IncomingHttpHeaders) => {
    const given = names.map((name) => [name, headers[name.toLowerCase()]]).filter(([, value]) => value !== undefined);
    return parse(Object.fromEntries(given));
  };
}

function bodyParser(ajv: Ajv2020, document: OpenApiDocument, pointer: string, body: OperationObject['requestBody']) {
  if (body === undefined) return () => undefined;
  const at = '$ref' in body ? body.$ref.slice(1) : `${pointer}/requestBody`;
  const parse = parser(ajv.compile({ $ref: `${DOCUMENT_ID}#${at}/content/application~1json/schema` }));
  const required = resolve<{ required?: boolean }>(document, body).required ?? false;
  // A missing body is an object without fields: each missing field is then named.
  return (value: unknown) => (value === undefined && !required ? undefined : parse(value ?? {}));
}

function parametersSchema(parameters: readonly Parameter[], location: Parameter['in']): object {
  const here = parameters.filter((parameter) => parameter.in === location);
  return {
    type: 'object',
    required: here.filter(({ required }) => required).map(({ name }) => name),
    properties: Object.fromEntries(here.map(({ name, schema }) => [name, withAbsoluteReferences(schema)])),
  };
}

function withAbsoluteReferences(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#', `"$ref":"${DOCUMENT_ID}#`)) as object;
}

/** ajv reads `1e999` in a URL as a whole number. */
function holdsInfinity(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).some((member) => member === Infinity || member === -Infinity)
  );
}

function parser(validate: ValidateFunction): (value: unknown) => unknown {
  return (value) => {
    if (validate(value)) {
      if (holdsInfinity(value)) throw new DomainError('invalid', texts.requestMalformed);
      return value;
    }
    throw invalid(validate.errors ?? []);
  };
}

/**
 * One sentence a field. A field that is missing, or that does not exist, is a refusal (422); a value that cannot be is a
 * bad request (400).
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
 * Where a value may have one of several forms, ajv says what each of them lacks. That is left out, unless it says more than
 * that the value has another form: that it is too long, for one.
 */
function withoutAlternatives(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const choices = errors.filter(({ keyword }) => ALTERNATIVES.has(keyword)).map(({ instancePath }) => instancePath);
  const isBelow = (path: string, above: string) => path === above || path.startsWith(`${above}/`);
  const outermost = choices.filter((path) => !choices.some((above) => above !== path && isBelow(path, above)));
  return outermost.reduce<readonly ErrorObject[]>((left, choice) => {
    const within = left.filter(({ instancePath }) => isBelow(instancePath, choice));
    const telling = within.find(({ keyword }) => !ALTERNATIVES.has(keyword) && !FORMS.has(keyword));
    const said =
      telling ?? within.find(({ instancePath, keyword }) => instancePath === choice && ALTERNATIVES.has(keyword));
    return left.filter((error) => !within.includes(error) || error === said);
  }, errors);
}

const ALTERNATIVES: ReadonlySet<string> = new Set(['anyOf', 'oneOf']);
/** Keywords that tell the forms of a value apart. */
const FORMS: ReadonlySet<string> = new Set(['type', 'required', 'additionalProperties']);

/** Keywords whose errors are about a field that the error names. */
const NAMING: Readonly<Record<string, (error: ErrorObject) => [string, Text]>> = {
  required: ({ params }) => [String(params['missingProperty']), texts.fieldRequired],
  additionalProperties: ({ params }) => [String(params['additionalProperty']), texts.fieldUnknown],
};

function localized(error: ErrorObject): Text {
  if (ALTERNATIVES.has(error.keyword)) return texts.formUnfit;
  const say = (language: Language) => {
    const copy = { ...error };
    localize[language]([copy]);
    return copy.message ?? '';
  };
  return { ru: say('ru'), en: say('en') };
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
