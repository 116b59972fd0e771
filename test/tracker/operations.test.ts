import { readdir, readFile } from 'node:fs/promises';
import { afterAll, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { load } from 'js-yaml';
import { migrate } from '../../src/database/migrations.ts';
import { useApi } from '../support/api.ts';
import { givenIssue, givenOrganisation, givenQueue } from '../support/builders.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';

let proxy: DatabaseProxy;
const api = useApi({}, async (connection) => {
  proxy = await openDatabaseProxy(connection);
  return proxy.connection;
});
afterAll(() => proxy.cut());
const db = () => api().database.db;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The log lines of this test. */
function logged(): { level: number; msg: string; req?: { id: string; method: string; url: string } }[] {
  return api().log.map((line) => JSON.parse(line));
}

test('/healthz and /readyz return 200 without a token', async () => {
  for (const path of ['/healthz', '/readyz']) {
    const response = await api().request.get(path).expect(200, { status: 'ok' });
    expect(response.headers['content-type']).toMatch(/^application\/json/);
  }
});

test('without the database /healthz returns 200 and /readyz 503', async () => {
  await proxy.cut();
  await api().request.get('/healthz').expect(200);
  const response = await api().request.get('/readyz').expect(503);
  expect(response.body).toEqual({ status: 'unavailable', problem: 'the database is not available' });
  expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);

  await proxy.restore();
  await api().request.get('/readyz').expect(200);
});

test('/readyz returns 503 while migrations are pending', async () => {
  const { connection } = api().database;
  await migrate(connection, 'down');
  const { body } = await api().request.get('/readyz').expect(503);
  expect(body).toEqual({
    status: 'unavailable',
    problem: 'the schema is not up to date: run "issue-links migrate"',
  });

  await migrate(connection);
  await api().request.get('/readyz').expect(200);
});

test('/readyz returns 200 after a newer server has migrated the schema', async () => {
  const execute = (text: string) => db().query({ name: '', text, values: [] });
  await execute(`insert into schema_migrations (name, batch, migration_time) values ('9999_later', 99, now())`);
  await api().request.get('/readyz').expect(200);
  await execute(`delete from schema_migrations where name = '9999_later'`);
});

test('/openapi-3.0.json describes the same operations in OpenAPI 3.0.3', async () => {
  const { body, headers } = await api().request.get('/openapi-3.0.json').expect(200);
  expect(headers['content-type']).toMatch(/^application\/json/);
  expect(body.openapi).toBe('3.0.3');
  expect(await new Validator().validate(body)).toMatchObject({ valid: true });
  const { body: written } = await api().request.get('/openapi.json').expect(200);
  expect(Object.keys(body.paths)).toEqual(Object.keys(written.paths));
  expect(Object.keys(body.components.schemas)).toEqual(Object.keys(written.components.schemas));
  expect(body.components.schemas.IssueLink.required).toEqual(written.components.schemas.IssueLink.required);
  expect(body.components.schemas.Deadline).toEqual({
    description: 'A day after 1970-01-01.',
    type: 'string',
    format: 'date',
    example: '2017-06-11',
  });
  // What 3.0 does not know.
  expect(JSON.stringify(body)).not.toMatch(/"type":(\[|"null")|"const":/);
  // What OpenAPI Generator knows but makes unusable clients of: alternatives, and ids that it would take for 32 bits.
  expect(JSON.stringify(body)).not.toMatch(/"(anyOf|oneOf)":/);
  const { AssigneeChange, LinkState, IssueLink } = body.components.schemas;
  expect(AssigneeChange).toEqual({ nullable: true });
  expect(LinkState.properties.object).toMatchObject({ type: 'object', required: ['id', 'key', 'display'] });
  expect(Object.keys(LinkState.properties.object.properties)).toEqual(['self', 'id', 'key', 'display']);
  expect(IssueLink.properties.id).toMatchObject({ type: 'integer', format: 'int64' });

  body.components.schemas.IssueLink.type = ['object', 'null'];
  expect(await new Validator().validate(body)).toMatchObject({ valid: false });
});

test('the contract of the REST API has nothing of the Kanboard API, and no two names that generators take for one', async () => {
  const { body } = await api().request.get('/openapi.json').expect(200);
  expect(body.openapi).toBe('3.1.0');
  expect(JSON.stringify([body.paths, body.components])).not.toMatch(/json-?rpc/i);
  // As orval names them.
  const names = [
    ...Object.keys(body.components.schemas),
    ...Object.keys(body.components.responses).map((name) => `${name}Response`),
    ...Object.keys(body.components.parameters).map((name) => `${name}Parameter`),
  ].map((name) => name.toLowerCase());
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  for (const name of ['error', 'object', 'date', 'promise', 'response', 'request']) expect(names).not.toContain(name);
});

test('schemas of the contract are written out, and arrays name their items', async () => {
  const { body } = await api().request.get('/openapi.json').expect(200);
  const schemas = schemasIn(body);
  expect(schemas.length).toBeGreaterThan(200);
  expect(schemas.filter((schema) => 'allOf' in schema)).toEqual([]);
  const arrays = schemas.filter(({ type }) => [type].flat().includes('array'));
  expect(arrays.filter((schema) => !('items' in schema))).toEqual([]);
  const linkIds = JSON.stringify(body).match(/"name":"linkId"[^}]*"schema":\{"type":"\w+"/g) ?? [];
  expect(linkIds.map((text) => /\w+(?="$)/.exec(text)?.[0])).toEqual(['integer']);
  expect(body.components.schemas.IssueLink.properties.id.type).toBe('integer');
});

test('/openapi.yaml and /openapi.json return the contract unchanged', async () => {
  const yaml = await api().request.get('/openapi.yaml').expect(200).buffer();
  expect(yaml.headers['content-type']).toMatch(/^application\/yaml/);
  expect(yaml.text).toBe(await readFile(new URL('../../openapi.yaml', import.meta.url), 'utf8'));
  const json = await api().request.get('/openapi.json').expect(200);
  expect(json.headers['content-type']).toMatch(/^application\/json/);
  expect(json.body).toEqual(load(yaml.text));
});

test('/llms.txt lists the guides in the form of llmstxt.org, and each is served at its relative path', async () => {
  const { text, headers } = await api().request.get('/llms.txt').expect(200);
  expect(headers['content-type']).toBe('text/plain; charset=utf-8');
  expect(text).toMatch(
    /^# issue-links\n\n> .+\n\n[^#\n].+\n\n(## (Guides|Reference|Optional)\n\n(- \[[^\]]+\]\(\S+\): .+\n)+\n?)+$/,
  );
  const listed = [...text.matchAll(/\]\((\S+)\)/g)].map(([, path = '']) => path);
  const pages = (await readdir(new URL('../../docs/', import.meta.url))).filter((name) => name.endsWith('.md'));
  // It is about changing the server.
  expect(listed.sort()).toEqual(pages.filter((name) => name !== 'development.md').map((name) => `docs/${name}`));
  for (const path of listed) {
    const guide = await api().request.get(`/${path}`).expect(200).buffer();
    expect(guide.headers['content-type']).toBe('text/markdown; charset=utf-8');
    expect(guide.text).toMatch(/^(<!-- .* -->\n)?# /);
  }
  await api().request.get('/docs/development.md').expect(404);
  await api().request.post('/llms.txt').expect(405);
});

test('every relative link in a guide, and in the Markdown that guides link to, leads to a file that is served', async () => {
  const seen = new Set(['/llms.txt']);
  // The set grows while it is traversed.
  for (const path of seen) {
    const { status, text } = await api().request.get(path).buffer();
    expect([path, status]).toEqual([path, 200]);
    if (!/\.(md|txt)$/.test(path)) continue;
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s:#]+)(#[^)]*)?\)/g)) {
      seen.add(new URL(link, `http://links.example${path}`).pathname);
    }
  }
  expect([...seen]).toEqual(expect.arrayContaining(['/README.md', '/deploy/nginx.conf', '/db/schema.sql']));
});

test.each([
  '/healthz',
  '/readyz',
  '/openapi.yaml',
  '/openapi.json',
  '/openapi-3.0.json',
  '/openrpc.yaml',
  '/openrpc.json',
])('%s supports only GET', async (path) => {
  await api().request.head(path).expect(200);
  const { headers, body } = await api().request.post(path).expect(405);
  expect(headers['allow']).toBe('GET, HEAD, OPTIONS');
  expect(body).toMatchObject({ errors: {}, errorsData: {}, statusCode: 405 });
  expect((await api().request.options(path).expect(204)).headers['allow']).toBe('GET, HEAD, OPTIONS');
});

test('every response has the X-Request-Id of the request, or else a new one', async () => {
  for (const path of ['/healthz', '/nothing', '/v2/issues/A-1/links', '/v2/issues/%zz/links']) {
    const given = await api().request.get(path).set('X-Request-Id', 'c0ffee:1/2.3=4+5_6-7');
    expect(given.headers['x-request-id']).toBe('c0ffee:1/2.3=4+5_6-7');
    const own = await api().request.get(path);
    expect(own.headers['x-request-id']).toMatch(UUID);
  }
  api().takeProblems();
});

test.each(['', 'two words', 'x'.repeat(129), '<script>', 'a"b', 'ключ'])(
  'the invalid request id "%s" is replaced',
  async (id) => {
    const response = await api().request.get('/nothing').set('X-Request-Id', encodeHeader(id));
    expect(response.headers['x-request-id']).toMatch(UUID);
    expect(logged()).toMatchObject([{ req: { id: response.headers['x-request-id'] } }]);
  },
);

test('a request logs one line with its id, method, URL, status, duration and caller', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  const path = `/v2/issues/${issue.key}/links`;
  await api().request.get(`${path}?perPage=5`).set(org.admin.headers).set('X-Request-Id', 'seen').expect(200);
  await api().request.get('/nothing').set('X-Request-Id', 'unseen').expect(404);

  expect(logged()).toEqual([
    {
      level: 30,
      time: expect.anything(),
      pid: expect.anything(),
      hostname: expect.anything(),
      req: { id: 'seen', method: 'GET', url: `${path}?perPage=5`, address: '127.0.0.1' },
      res: { statusCode: 200 },
      operation: 'listIssueLinks',
      orgId: org.orgId,
      userId: org.admin.id,
      tokenId: expect.any(Number),
      responseTime: expect.any(Number),
      msg: 'request',
    },
    expect.objectContaining({
      level: 30,
      req: { id: 'unseen', method: 'GET', url: '/nothing', address: '127.0.0.1' },
      res: { statusCode: 404 },
    }),
  ]);
});

test('health checks are not logged', async () => {
  await api().request.get('/healthz').expect(200);
  await api().request.get('/readyz').expect(200);
  expect(logged()).toEqual([]);
});

test('a request while the database is unavailable logs a warning with the cause', async () => {
  const { admin } = await givenOrganisation(db());
  await proxy.cut();
  await api().request.get('/v2/issues/A-1/links').set(admin.headers).set('X-Request-Id', 'away').expect(503);
  await proxy.restore();

  const lines = logged().filter(({ req }) => req?.id === 'away');
  expect(lines).toMatchObject([
    { level: 40, res: { statusCode: 503 }, err: { message: expect.stringContaining('ECONNREFUSED') } },
  ]);
  expect(JSON.stringify(lines)).toContain('ECONNREFUSED');
});

test('secrets are never logged', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const issue = await givenIssue(db(), org, queue, { summary: 'Top secret' });
  const path = `/v2/issues/${issue.key}/links`;
  const { headers, token } = org.admin;

  await api().request.get(path).set(headers).set('Cookie', 'session=a-cookie').expect(200);
  await api().request.get(path).set('Authorization', 'Basic YWRtaW46YWRtaW4=').expect(401);
  await api()
    .request.post(path)
    .set(headers)
    .send({ relationship: 'a-word-of-the-body', issue: issue.key })
    .expect(400);
  await api().request.put(path).set(headers).expect(405);
  await proxy.cut();
  await api().request.get(path).set(headers).expect(503);
  await api().request.get('/readyz').expect(503);
  await proxy.restore();

  const log = api().log.join('');
  expect(log).toContain(path);
  const { password } = api().database.connection;
  for (const secret of [token, password, 'YWRtaW46YWRtaW4=', 'a-cookie', 'a-word-of-the-body', 'Top secret']) {
    expect(log).not.toContain(secret);
  }
  expect(log).not.toMatch(/authorization/i);
});

test('responses do not name the software and disable content sniffing', async () => {
  for (const path of ['/healthz', '/nothing', '/v2/issues/A-1/links', '/openapi.yaml']) {
    const { headers } = await api().request.get(path);
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('server');
    expect(headers['x-content-type-options']).toBe('nosniff');
  }
});

/** Node sends headers as Latin-1, so this sends the bytes of the UTF-8 string. */
function encodeHeader(value: string): string {
  return Buffer.from(value).toString('latin1');
}

/** All schemas in a document, without examples. */
function schemasIn(node: unknown): Record<string, unknown>[] {
  if (typeof node !== 'object' || node === null) return [];
  const below = Object.entries(node)
    .filter(([key]) => !key.startsWith('x-') && !['example', 'examples'].includes(key))
    .flatMap(([, value]) => schemasIn(value));
  const isSchema = ['type', 'anyOf', 'oneOf', 'allOf'].some((keyword) => keyword in node);
  return isSchema ? [node as Record<string, unknown>, ...below] : below;
}
