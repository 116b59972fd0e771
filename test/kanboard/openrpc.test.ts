import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { useApi } from '../support/api.ts';
import { type GivenAccount, givenApplication, givenOrganisation } from '../support/builders.ts';

/** /openrpc.json: the Kanboard API for tools that read OpenRPC. */

const api = useApi();

interface Document {
  readonly servers: readonly { readonly url: string }[];
  readonly methods: readonly OpenrpcMethod[];
  readonly components: { readonly schemas: object; readonly errors: object };
}

interface OpenrpcMethod {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly { readonly name: string }[];
  readonly params: readonly { readonly name: string; readonly required: boolean; readonly schema: object }[];
  readonly examples: readonly { readonly name: string; readonly params: readonly object[] }[];
}

let document: Document;
let application: GivenAccount;

beforeAll(async () => {
  const response = await api().request.get('/openrpc.json').expect(200);
  expect(response.headers['content-type']).toMatch(/^application\/json/);
  document = response.body;
  application = await givenApplication(api().database.db, await givenOrganisation(api().database.db));
});

function methodNamed(name: string): OpenrpcMethod | undefined {
  return document.methods.find((method) => method.name === name);
}

test('/openrpc.yaml and /openrpc.json are the contract, verbatim', async () => {
  const yaml = await api().request.get('/openrpc.yaml').expect(200).buffer();
  expect(yaml.headers['content-type']).toMatch(/^application\/yaml/);
  expect(yaml.text).toBe(await readFile(new URL('../../openrpc.yaml', import.meta.url), 'utf8'));
  expect(document).toEqual(load(yaml.text));
});

test('every method is listed once, in its section, with a description and an example', () => {
  const names = document.methods.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, description, tags, examples } of document.methods) {
    expect([name, description, tags]).toEqual([name, expect.stringMatching(/\w/), [{ name: expect.any(String) }]]);
    expect([name, examples.length]).toEqual([name, 1]);
  }
});

test('the server implements every method, and no other', async () => {
  const send = (method: string) =>
    api()
      .request.post(`/kanboard/${application.orgId}/jsonrpc.php`)
      .auth(application.login, application.secret)
      // More than any method takes, so that no method runs.
      .send({ jsonrpc: '2.0', method, id: 1, params: Array<number>(100).fill(0) });
  for (const { name } of document.methods) {
    const { error } = (await send(name)).body;
    expect([name, error]).toEqual([name, expect.not.objectContaining({ code: -32601 })]);
  }
  expect((await send('getNothing')).body.error.code).toBe(-32601);
});

test('every reference has a target, and every component is referenced', () => {
  const references = [...new Set(JSON.stringify(document).match(/"\$ref":"[^"]+"/g))].map((found) =>
    found.slice('"$ref":"#/'.length, -1).split('/'),
  );
  for (const steps of references) {
    const target = steps.reduce<unknown>((node, step) => (node as Record<string, unknown>)[step], document);
    expect([steps, target]).toEqual([steps, expect.any(Object)]);
  }
  const { schemas, errors } = document.components;
  expect(references.map((steps) => steps.at(-1)).sort()).toEqual(
    [...Object.keys(schemas), ...Object.keys(errors)].sort(),
  );
});

test('parameters are listed in positional order, required ones first, others with a default', () => {
  expect(methodNamed('createExternalTaskLink')?.params).toMatchObject([
    { name: 'task_id', required: true, description: expect.any(String) },
    { name: 'url', required: true },
    { name: 'dependency', required: true },
    { name: 'type', required: false, schema: { default: 'auto' } },
    { name: 'title', required: false, schema: { default: '' } },
  ]);
  for (const { name, params } of document.methods) {
    const required = params.map((param) => param.required);
    expect([name, required]).toEqual([name, [...required].sort((left, right) => Number(right) - Number(left))]);
    for (const { required: isRequired, schema } of params) expect('default' in schema).toBe(!isRequired);
  }
});

test('the document declares the access, the failure value and the errors of methods', () => {
  expect(methodNamed('getAllExternalTaskLinks')).toMatchObject({
    paramStructure: 'either',
    'x-access': 'project',
    'x-failure': [],
    result: { schema: { type: 'array', items: { $ref: '#/components/schemas/ListedExternalTaskLink' } } },
  });
  expect(Object.values(document.components.errors)).toMatchObject([
    { code: -32601, message: 'Method not found' },
    { code: -32602, message: 'Invalid params', data: expect.any(String) },
    { code: 401, message: 'Unauthorized' },
    { code: 403, message: 'Forbidden' },
    { code: 413 },
    { code: 429, message: 'Too Many Requests' },
    { code: 503 },
  ]);
});

test('examples have named parameters', () => {
  expect(methodNamed('createTaskLink')?.examples).toMatchObject([
    {
      name: 'createTaskLink',
      params: [
        { name: 'task_id', value: 12 },
        { name: 'opposite_task_id', value: 3 },
        { name: 'link_id', value: 2 },
      ],
      result: { name: 'result', value: expect.any(Number) },
    },
  ]);
});

test('the servers are the two paths of the API', () => {
  expect(document.servers).toMatchObject([
    { url: '/jsonrpc.php' },
    { url: '/kanboard/$' + '{orgId}/jsonrpc.php', variables: { orgId: { default: '1' } } },
  ]);
});
