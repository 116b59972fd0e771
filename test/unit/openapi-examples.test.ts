import { expect, test } from '@jest/globals';
import { loadContract } from '../../src/contract/contract.ts';

/** Any node of the YAML document. */
type Node = { readonly [key: string]: unknown };

interface Example {
  /** Its location in the document, for messages. */
  readonly at: string;
  /** JSON pointer of the schema that it must match. */
  readonly schema: string;
  readonly value: unknown;
}

const contract = loadContract('docs.json');
const document = contract.document as unknown as Node;
const examples = examplesBelow(document, '');
const operations = contract.operations.map((operation) => ({
  ...operation,
  pointer: pointerTo('', 'paths', operation.path, operation.method),
}));

test('every example of the contract matches its schema', () => {
  const problems = examples.flatMap(({ at, schema, value }) => {
    const validate = contract.validator(schema);
    return validate(structuredClone(value)) ? [] : [`${at}: ${JSON.stringify(validate.errors)}`];
  });
  expect(problems).toEqual([]);
  expect(examples.length).toBeGreaterThan(contract.operations.length);
});

test('every request body and every response body has an example', () => {
  const missing = operations.flatMap(({ id, pointer }) => {
    const operation = nodeAt(pointer);
    const responses = Object.keys(operation['responses'] as Node).map((status) => ['responses', status]);
    const messages = [...(operation['requestBody'] ? [['requestBody']] : []), ...responses];
    return messages
      .filter((steps) => mediaTypes(pointerTo(pointer, ...steps)).some((type) => valuesOf(type).length === 0))
      .map((steps) => `${id}: ${steps.join(' ')}`);
  });
  expect(missing).toEqual([]);
});

test('every parameter of a path has an example', () => {
  const parameters = operations.flatMap(({ pointer }) =>
    [pointer.slice(0, pointer.lastIndexOf('/')), pointer].flatMap((at) => {
      const list = (nodeAt(at)['parameters'] ?? []) as readonly Node[];
      return list.map((_parameter, index) => resolved(pointerTo(at, 'parameters', String(index))));
    }),
  );
  const missing = parameters.filter((parameter) => parameter['in'] === 'path' && valuesOf(parameter).length === 0);
  expect(missing.map(({ name }) => name)).toEqual([]);
});

test('an invalid example is detected', () => {
  const [{ schema } = { schema: '' }] = examples.filter(({ value }) => typeof value === 'object');
  expect(contract.validator(schema)('not this')).toBe(false);
});

/** The examples of parameters, headers, bodies and schemas. Their contents are not searched. */
function examplesBelow(node: unknown, pointer: string): Example[] {
  if (typeof node !== 'object' || node === null) return [];
  const here = node as Node;
  const schema = 'schema' in here ? pointerTo(pointer, 'schema') : pointer;
  // Examples under `components` are checked where they are referenced.
  const own = (pointer === '/components' ? [] : valuesOf(here)).map(([name, value]) => ({
    at: `${pointer} ${name}`,
    schema,
    value,
  }));
  const below = Object.entries(here)
    .filter(([key]) => !['example', 'examples', 'default', 'const', 'enum'].includes(key))
    .flatMap(([key, member]) => examplesBelow(member, pointerTo(pointer, key)));
  return [...own, ...below];
}

/** OpenAPI's `example` and named `examples`, and JSON Schema's list of `examples`. */
function valuesOf(node: Node): [string, unknown][] {
  const { example, examples: several } = node;
  const one: [string, unknown][] = example === undefined ? [] : [['example', example]];
  if (Array.isArray(several))
    return [...one, ...several.map((value, index): [string, unknown] => [String(index), value])];
  const named = Object.entries((several ?? {}) as Readonly<Record<string, Node>>);
  return [...one, ...named.map(([name, shown]): [string, unknown] => [name, target(shown)['value']])];
}

function mediaTypes(pointer: string): Node[] {
  return Object.values((resolved(pointer)['content'] ?? {}) as Node) as Node[];
}

function resolved(pointer: string): Node {
  return target(nodeAt(pointer));
}

/** The node itself or, for a `$ref`, its target. */
function target(node: Node): Node {
  return typeof node['$ref'] === 'string' ? nodeAt(node['$ref'].slice(1)) : node;
}

function nodeAt(pointer: string): Node {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'));
  return steps.reduce((node, step) => node[step] as Node, document);
}

function pointerTo(pointer: string, ...steps: string[]): string {
  return [pointer, ...steps.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1')))].join(
    '/',
  );
}
