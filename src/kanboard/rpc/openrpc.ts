import type { Contract } from '../../contract/contract.ts';
import { type Method, methodsOf } from '../../contract/methods.ts';
import { invalidParams, methodNotFound } from './rpc-error.ts';

/** A node of a document: whatever YAML can say. */
type Node = Readonly<Record<string, unknown>>;

/** What is read of openapi.yaml here. */
interface Source {
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly license: { readonly identifier: string };
  };
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, ErrorResponse>>;
    readonly requestBodies: {
      readonly JsonRpc: { readonly content: JsonContent<{ readonly examples: Readonly<Record<string, Example>> }> };
    };
  };
}

interface PathItem {
  readonly servers?: readonly [{ readonly description: string }];
  readonly parameters?: readonly { readonly name: string; readonly description: string; readonly example: string }[];
  readonly post?: Operation;
}

interface Operation {
  readonly operationId: string;
  readonly description: string;
  readonly responses: Readonly<Record<string, { readonly $ref: string }>>;
}

interface JsonContent<MediaType> {
  readonly 'application/json': MediaType;
}

interface Example {
  readonly summary?: string;
  readonly value: unknown;
}

interface Call {
  readonly method: string;
  readonly params?: readonly unknown[] | Node;
}

interface ErrorResponse {
  readonly content: JsonContent<{ readonly example: { readonly error: Node } }>;
}

interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly 'x-section'?: string;
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
}

const SCHEMAS = '#/components/schemas/';
const ERRORS = '#/components/errors/';

/** The Kanboard face in the words of OpenRPC 1.3, from openapi.yaml: what the server answers at /openrpc.json. */
export function openrpcOf(contract: Contract): object {
  const source = contract.document as unknown as Source;
  const face = Object.entries(source.paths).filter(([, { servers }]) => servers !== undefined);
  const post = face[0]?.[1].post as Operation;
  const errors = errorsOf(source, post);
  const methods = [...methodsOf(contract).values()].map((method) => toMethod(source, method, Object.keys(errors)));
  return {
    openrpc: '1.3.2',
    info: {
      title: `${source.info.title}: the Kanboard face`,
      version: source.info.version,
      description: post.description,
      license: {
        name: source.info.license.identifier,
        url: `https://spdx.org/licenses/${source.info.license.identifier}.html`,
      },
    },
    servers: face.map(toServer),
    methods,
    components: { schemas: schemasBelow(source, methods), errors },
  };
}

function toServer([path, { servers, parameters = [] }]: [string, PathItem]) {
  const variables = parameters.map(({ name, description, example }) => [name, { default: example, description }]);
  return {
    name: path.slice(1),
    // A variable is {orgId} to OpenAPI, and ${orgId} here.
    url: path.replaceAll('{', '${'),
    description: servers?.[0].description,
    ...(variables.length > 0 && { variables: Object.fromEntries(variables) as Node }),
  };
}

/** What can be answered instead of a result, by name. */
function errorsOf({ components }: Source, { responses }: Operation): Readonly<Record<string, Node>> {
  const refusals = Object.entries(responses)
    .filter(([status]) => status !== '200')
    .map(([, { $ref }]) => lastStep($ref))
    .map((name) => [name, (components.responses[name] as ErrorResponse).content['application/json'].example.error]);
  const { code, message } = invalidParams('');
  return {
    MethodNotFound: { code: methodNotFound().code, message: methodNotFound().message },
    InvalidParams: {
      code,
      message,
      data: 'One of: Wrong number of arguments; Too many arguments; Missing argument: NAME',
    },
    ...(Object.fromEntries(refusals) as Readonly<Record<string, Node>>),
  };
}

function toMethod(source: Source, method: Method, errors: readonly string[]) {
  const { schemas } = source.components;
  const base = `${method.name.charAt(0).toUpperCase()}${method.name.slice(1)}`;
  const { description, properties = {}, 'x-section': section } = schemas[`${base}Params`] as Schema;
  return {
    name: method.name,
    description,
    tags: [{ name: section }],
    paramStructure: 'either',
    params: method.params.map(({ name, required }) => toParam(source, name, required, properties[name] as Schema)),
    result: {
      name: 'result',
      description: `Of a call that fails: ${JSON.stringify(method.failure)}.`,
      schema: { $ref: `${SCHEMAS}${base}Result` },
    },
    errors: errors.map((name) => ({ $ref: `${ERRORS}${name}` })),
    examples: examplesOf(source, method, `${base}Result`),
    'x-access': method.access,
    'x-failure': method.failure,
  };
}

function toParam({ components }: Source, name: string, required: boolean, schema: Schema) {
  const target = schema.$ref === undefined ? schema : components.schemas[lastStep(schema.$ref)];
  const description = schema.description ?? target?.description;
  return { name, ...(description !== undefined && { description }), required, schema };
}

/** Calls of the method among the examples of /jsonrpc.php. */
function examplesOf({ components }: Source, { name: method, params: declared }: Method, result: string) {
  const examples = Object.entries(components.requestBodies.JsonRpc.content['application/json'].examples);
  return examples
    .filter(([, { value }]) => (value as Call).method === method)
    .map(([name, { summary, value }]) => {
      const { params = [] } = value as Call;
      const given = declared.flatMap(({ name: param }, place) => {
        const argument = Array.isArray(params) ? (params[place] as unknown) : (params as Node)[param];
        return argument === undefined ? [] : [{ name: param, value: argument }];
      });
      const answer = exampleIn(components.schemas, components.schemas[result] as Schema);
      return {
        name,
        ...(summary !== undefined && { description: summary }),
        params: given,
        ...(answer !== undefined && { result: { name: 'result', value: answer } }),
      };
    });
}

/** An example of the schema, or of the first that it offers. */
function exampleIn(schemas: Source['components']['schemas'], schema: Schema): unknown {
  const { $ref, examples, anyOf } = schema;
  if (examples !== undefined) return examples[0];
  const next = $ref === undefined ? anyOf?.[0] : schemas[lastStep($ref)];
  return next && exampleIn(schemas, next);
}

/** The schemas that are referred to, also by one another. */
function schemasBelow({ components: { schemas } }: Source, root: unknown): Record<string, Schema> {
  const found: Record<string, Schema> = {};
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { $ref } = node as Schema;
    if (typeof $ref === 'string' && $ref.startsWith(SCHEMAS) && !Object.hasOwn(found, lastStep($ref))) {
      const schema = schemas[lastStep($ref)] as Schema;
      found[lastStep($ref)] = schema;
      collect(schema);
    }
    for (const member of Object.values(node)) collect(member);
  };
  collect(root);
  return found;
}

function lastStep(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}
