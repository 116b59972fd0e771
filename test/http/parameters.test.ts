import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { compatibilityPage } from '../../scripts/compatibility.js';
import { parametersPage } from '../../scripts/parameters.js';
import { loadContract } from '../../src/contract/contract.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { type Rest, restAs } from '../support/rest.ts';
import { type Rpc, rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

/** A documented parameter or member is acted upon or refused by name, and never dropped (docs/parameters.md). */

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let queue: string;
let issue: GivenIssue;
let rest: Rest;

beforeAll(async () => {
  org = await givenOrganisation(db());
  queue = (await givenQueue(db(), org)).key;
  issue = await givenIssue(db(), org, queue);
  rest = restAs(api(), org.admin);
});

test('docs/parameters.md is up to date with both contracts', () => {
  const read = (name: string) => readFileSync(name, 'utf8');
  expect(read('docs/parameters.md')).toBe(parametersPage(read('openapi.yaml'), read('openrpc.yaml')));
});

test('docs/compatibility.md is up to date with both contracts', () => {
  const read = (name: string) => readFileSync(name, 'utf8');
  const [openapi, openrpc] = [read('openapi.yaml'), read('openrpc.yaml')];
  expect(read('docs/compatibility.md')).toBe(compatibilityPage(openapi, openrpc));
  expect(() => compatibilityPage(openapi, openrpc.replace('- name: createTaskLink', '- name: makeTaskLink'))).toThrow(
    'not served: createTaskLink; not listed: makeTaskLink',
  );
});

type Place = 'query' | 'body';
type Method = 'get' | 'post' | 'patch';

interface Unsupported {
  readonly operationId: string;
  readonly method: Method;
  readonly path: string;
  readonly place: Place;
  readonly name: string;
  readonly accepted: readonly unknown[];
}

const METHODS: readonly Method[] = ['get', 'post', 'patch'];

/** The rows of the page in the column "refused". */
const unsupported: Unsupported[] = Object.entries(loadContract().document.paths).flatMap(([path, item]) =>
  METHODS.flatMap((method) => {
    const operation = item?.[method] as
      | { operationId: string; 'x-not-supported'?: Partial<Record<Place, Record<string, unknown[]>>> }
      | undefined;
    return (['query', 'body'] as const).flatMap((place) =>
      Object.entries(operation?.['x-not-supported']?.[place] ?? {}).map(([name, accepted]) => {
        return { operationId: operation?.operationId ?? '', method, path, place, name, accepted };
      }),
    );
  }),
);

async function send({ method, path }: Pick<Unsupported, 'method' | 'path'>, query: string, body?: object) {
  const url = `/v3${path.replace('{issueId}', issue.key).replace('{queueId}', queue)}?${query}`;
  return await (method === 'get' ? rest.get(url) : rest[method](url, body));
}

test.each(unsupported)('$operationId refuses $name in the $place', async (row) => {
  await unchanged(db(), async () => {
    const response = await (row.place === 'query'
      ? send(row, `queue=${queue}&${row.name}=something`, {})
      : send(row, '', { [row.name]: 'something' }));
    expect([response.status, response.body]).toEqual([
      row.place === 'query' ? 400 : 422,
      {
        errors: { [row.name]: (row.place === 'query' ? texts.notSupported : texts.fieldUnknown).ru },
        errorsData: { code: 'not_supported' },
        errorMessages: [],
        statusCode: response.status,
      },
    ]);
  });
});

test.each([
  ['createIssue', 201, (): object => ({ queue, summary: 'New' })],
  ['updateIssue', 200, (): object => ({})],
  ['createQueue', 201, (): object => ({ key: 'NEW', name: 'New' })],
  ['createRemoteLink', 201, (): object => ({ relationship: 'RELATES', key: 'x', origin: 'com.github' })],
  ['moveIssue', 200, (): object => ({})],
  ['listPriorities', 200, (): object => ({})],
])('%s accepts values that ask for nothing', async (operationId, status, body) => {
  const rows = unsupported.filter((row) => row.operationId === operationId && row.accepted.length > 0);
  const [first] = rows as [Unsupported];
  const query = rows
    .filter(({ place }) => place === 'query')
    .map(({ name, accepted }) => `${name}=${String(accepted[0])}`);
  const members = rows
    .filter(({ place }) => place === 'body')
    .map(({ name, accepted }) => [name, accepted[0]] as const);
  if (operationId === 'moveIssue') query.push(`queue=${queue}`);
  const response = await send(first, query.join('&'), { ...body(), ...Object.fromEntries(members) });
  expect([operationId, response.status]).toEqual([operationId, status]);
});

test('_move refuses changes of fields in its body', async () => {
  await unchanged(db(), async () => {
    const response = await rest.post(`/v2/issues/${issue.key}/_move?queue=${queue}`, { summary: 'Moved' });
    expect([response.status, response.body.errors]).toEqual([422, { summary: texts.fieldUnknown.ru }]);
  });
});

test('parameters that mean nothing to either API are ignored', async () => {
  await rest.post('/v2/issues/_search?utm_source=x&_=1', { queue }).expect(200);
  await rest.get(`/v2/issues/${issue.key}?nonsense=1&expand=nonsense`).expect(200);
});

test('expand=attachments,transitions adds an empty array and the transitions, which may be sent back', async () => {
  const { body } = await rest.get(`/v2/issues/${issue.key}?expand=attachments,transitions`).expect(200);
  const { body: transitions } = await rest.get(`/v2/issues/${issue.key}/transitions`).expect(200);
  expect(transitions).toHaveLength(4);
  expect(body).toMatchObject({ attachments: [], transitions });
  await rest.patch(`/v2/issues/${issue.key}`, body).expect(200);
});

describe('fields that cannot be changed', () => {
  test('an issue that is sent back as it was read is accepted, in either version of the API', async () => {
    const other = await givenIssue(db(), org, queue);
    await rest.post(`/v2/issues/${issue.key}/links`, { relationship: 'is subtask for', issue: other.key }).expect(201);
    await rest.patch(`/v2/issues/${issue.key}`, { status: 'inProgress' }).expect(200);
    const { body } = await rest.get(`/v2/issues/${issue.key}?expand=links`).expect(200);
    expect((await rest.patch(`/v2/issues/${issue.key}`, body).expect(200)).body.version).toBe(body.version);
    expect((await rest.patch(`/v3/issues/${issue.key}`, body).expect(200)).body.version).toBe(body.version);
    const renamed = await rest.patch(`/v2/issues/${issue.key}`, { ...body, summary: 'Renamed' }).expect(200);
    expect(renamed.body.summary).toBe('Renamed');
  });

  test.each([
    ['self', 'http://127.0.0.1/v2/issues/NONE-1'],
    ['id', '000000000000000000000000'],
    ['key', 'NONE-1'],
    ['version', 999],
    ['version', null],
    ['aliases', ['OLD-1']],
    ['statusType', { id: 'done', key: 'done' }],
    ['statusType', 'done'],
    ['previousStatus', { key: 'closed' }],
    ['createdAt', '2001-01-01T00:00:00.000+0000'],
    ['createdBy', { id: '1' }],
    ['updatedAt', '2001-01-01T00:00:00.000+0000'],
    ['updatedBy', '1'],
    ['votes', 5],
    ['favorite', true],
    ['links', [{ id: 999_999 }]],
  ])('an issue with another %s (%j) is refused', async (member, value) => {
    await unchanged(db(), async () => {
      const body = { summary: 'Another', [member]: value };
      const response = await rest.patch(`/v2/issues/${issue.key}`, body);
      expect([response.status, response.body.errors]).toEqual([422, { [member]: texts.fieldReadOnly.ru }]);
    });
  });

  test('a stale object with its version is stale, whatever else differs', async () => {
    const { body } = await rest.get(`/v2/issues/${issue.key}`).expect(200);
    await rest.patch(`/v2/issues/${issue.key}`, { summary: `Changed ${body.version}` }).expect(200);
    await unchanged(db(), async () => {
      await rest.patch(`/v2/issues/${issue.key}?version=${body.version}`, body).expect(409);
      await rest.patch(`/v2/issues/${issue.key}`, body).set('If-Match', `"${body.version}"`).expect(412);
      const response = await rest.patch(`/v2/issues/${issue.key}`, body).expect(422);
      expect(Object.keys(response.body.errors).sort()).toEqual(['updatedAt', 'version']);
    });
  });

  test('a link, a link type and an organisation: as they were read, or refused', async () => {
    const [a, b] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
    const { body: link } = await rest.post(`/v2/issues/${a.key}/links`, { relationship: 'relates', issue: b.key });
    await rest
      .post('/v2/linktypes', { inward: { ru: 'Кормит', en: 'Feeds' }, outward: { ru: 'Ест', en: 'Eats' } })
      .expect(201);
    for (const [path, member, value] of [
      [`/v2/issues/${a.key}/links/${link.id}`, 'direction', 'outward'],
      [`/v2/issues/${a.key}/links/${link.id}`, 'object', { key: a.key }],
      ['/v2/linktypes/feeds', 'id', 'eats'],
      ['/v2/linktypes/feeds', 'symmetric', true],
      ['/v2/organization', 'id', 'other'],
    ] as const) {
      const read = async () => {
        // A link type takes its labels in both languages, and shows them in one.
        const { inward: _inward, outward: _outward, ...stored } = (await rest.get(path).expect(200)).body;
        return stored as object;
      };
      await rest.patch(path, await read()).expect(200);
      const stored = await read();
      await unchanged(db(), async () => {
        const response = await rest.patch(path, { ...stored, [member]: value });
        expect([path, response.status, response.body.errors]).toEqual([
          path,
          422,
          { [member]: texts.fieldReadOnly.ru },
        ]);
      });
    }
  });
});

test('changelog?field= returns the entries that change one of the fields', async () => {
  const changed = await givenIssue(db(), org, queue);
  const path = `/v2/issues/${changed.key}`;
  await rest.patch(path, { summary: 'Changed' }).expect(200);
  await rest.patch(path, { status: 'closed' }).expect(200);
  await rest.post(`${path}/links`, { relationship: 'relates', issue: issue.key }).expect(201);
  const typesOf = async (query: string) => {
    const { body } = await rest.get(`${path}/changelog?${query}`).expect(200);
    return (body as { type: string }[]).map(({ type }) => type);
  };
  expect(await typesOf('')).toEqual(['IssueUpdated', 'IssueWorkflow', 'IssueLinked']);
  expect(await typesOf('field=status')).toEqual(['IssueWorkflow']);
  expect(await typesOf('field=summary,status')).toEqual(['IssueUpdated', 'IssueWorkflow']);
  expect(await typesOf('field=summary&field=links')).toEqual(['IssueUpdated', 'IssueLinked']);
  expect(await typesOf('field=priority')).toEqual([]);
  const response = await rest.get(`${path}/changelog?field=nothing`);
  expect([response.status, response.body.errors]).toEqual([400, { field: texts.fieldNotFound.ru }]);
});

describe('the query language', () => {
  let found: (query: string | object) => Promise<string[]>;

  beforeAll(async () => {
    const ivanov = await givenUser(db(), org.orgId, { display: 'Иван Петрович Сидоров' });
    const named = (await givenQueue(db(), org)).key;
    await db().query({
      name: '',
      text: `update users set login = 'ivanov' where org_id = $1 and user_id = $2`,
      values: [org.orgId, ivanov.id],
    });
    const login = await givenUser(db(), org.orgId, { display: 'ivanov' });
    for (const [summary, assignee] of [
      ['Old page', ivanov],
      ['old page again', login],
      ['Login', undefined],
    ] as const) {
      await givenIssue(db(), org, named, { summary, ...(assignee && { assignee }) });
    }
    found = async (query) => {
      const search =
        typeof query === 'string' ? { query: `Queue: ${named} AND ${query}` } : { filter: { queue: named, ...query } };
      const { body } = await rest.post('/v2/issues/_search', search).expect(200);
      return (body as { summary: string }[]).map((one) => one.summary);
    };
  });

  test.each<[string | object, string[]]>([
    ['Summary: "old page"', ['Old page', 'old page again']],
    ['Summary: #"old page"', ['Old page']],
    ['Summary: ~"old page"', ['old page again', 'Login']],
    ['Summary: !#"old page"', ['old page again', 'Login']],
    ['Summary: #"old page", #"login"', ['Old page', 'Login']],
    ['Description: #"none"', []],
    ['Description: ~"none"', ['Old page', 'old page again', 'Login']],
    [{ summary: '#"old page"' }, ['Old page']],
    [{ summary: '~"old page"' }, ['old page again', 'Login']],
    ['Assignee: ivanov', ['Old page', 'old page again']],
    ['Assignee: ivanov@', ['Old page']],
    ['Assignee: "ivanov@"', ['Old page']],
    ['Assignee: Иван', ['Old page']],
    ['Assignee: "петрович сидоров"', ['Old page']],
    ['Assignee: "Иван Петрович Сидоров"', ['Old page']],
    ['Assignee: "Петрович Сидоров Иван"', ['Old page']],
    ['Assignee: Сидор', []],
    [{ assignee: 'ivanov@' }, ['Old page']],
  ])('%j finds %j', async (query, summaries) => {
    expect(await found(query)).toEqual(summaries);
  });

  test('# and ~ are refused for fields that are not texts', async () => {
    for (const field of ['Status', 'Tags', 'Created', 'Key', 'Relates']) {
      const response = await rest.post('/v2/issues/_search', { query: `${field}: #"x"` });
      expect([response.status, response.body.errors.query]).toEqual([400, expect.stringContaining('# и ~')]);
    }
  });
});

describe('JSON-RPC', () => {
  let rpc: Rpc;

  beforeAll(async () => {
    rpc = rpcAs(api(), await givenApplication(db(), org));
  });

  test('searchTasks does not filter by an unknown status, and complexity is the score', async () => {
    const { id } = await givenQueue(db(), org);
    const first = await rpc.named<number>('createTask', { title: 'One', project_id: id, score: 5 });
    const second = await rpc.named<number>('createTask', { title: 'Two', project_id: id });
    await rpc.call('closeTask', second);
    const found = async (query: string) =>
      (await rpc.call<{ id: number }[]>('searchTasks', id, query)).map((task) => task.id);
    expect(await found('status:all')).toEqual([first, second]);
    expect(await found('status:anything')).toEqual([first, second]);
    expect(await found('status:open')).toEqual([first]);
    expect(await found('status:2')).toEqual([]);
    expect(await found('complexity:5')).toEqual([first]);
  });

  test.each([
    ['time_spent', -1],
    ['tags', ['a', null]],
    ['date_due', 'some day'],
    ['recurrence_status', 'x'],
    ['title', ''],
    ['owner_id', 999_999],
  ])('a refused value of %s gives false, and its name in the log', async (name, value) => {
    const taskId = await rpc.named<number>('createTask', {
      title: 'A task',
      project_id: (await givenQueue(db(), org)).id,
    });
    api().log.splice(0);
    await unchanged(db(), async () => {
      expect(await rpc.named('updateTask', { id: taskId, [name]: value })).toBe(false);
    });
    const { refusals } = JSON.parse(api().log[0] ?? '{}') as { refusals: { method: string; message: string }[] };
    expect(refusals).toMatchObject([{ method: 'updateTask', message: expect.stringContaining(name) }]);
  });
});
