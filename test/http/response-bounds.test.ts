import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { rpcAs } from '../support/rpc.ts';
import { PROGRAM, startServer } from '../support/server-process.ts';
import { unchanged } from '../support/snapshot.ts';

const ANSWER_BYTES_MAX = 300_000;
const DESCRIPTION_LENGTH_MAX = 65_536;
const api = useApi({}, undefined, { responseLimits: { bytesMax: ANSWER_BYTES_MAX } });
const sameDatabase = () => Promise.resolve(api().database.connection);
const idleLimited = useApi({}, sameDatabase, { responseLimits: { readerIdleMs: 500 } });
const rateLimited = useApi({}, sameDatabase, { responseLimits: { readerGraceMs: 500, readerBytesPerSecond: 1e9 } });
const db = () => api().database.db;
let org: GivenOrganisation;
let application: GivenAccount;
let queue: string;
let projectId: number;
let issues: readonly GivenIssue[];

beforeAll(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
  application = await givenApplication(db(), org);
  queue = (await givenQueue(db(), org)).key;
  issues = [await givenIssue(db(), org, queue), ...(await givenLargeIssues(org, queue, 5))];
  for (const other of issues.slice(1)) await givenLink(db(), org, 'relates', issues[0] as GivenIssue, other);
  projectId = (await rpcAs(api(), application).call<{ project_id: number }>('getTask', issues[0]?.id)).project_id;
});

/** Issues whose summary and description are both long. */
async function givenLargeIssues(
  owner: GivenOrganisation,
  key: string,
  count: number,
  description = 'y'.repeat(DESCRIPTION_LENGTH_MAX),
): Promise<GivenIssue[]> {
  const made: GivenIssue[] = [];
  for (let number = 0; number < count; number += 1) {
    made.push(await givenIssue(db(), owner, key, { summary: 'x'.repeat(65_535) }));
  }
  await db().query({
    name: '',
    text: 'update issues set description = $2 where issue_id = any($1)',
    values: [made.map(({ id }) => id), description],
  });
  return made;
}

/** The error of JSON-RPC. */
const TOO_LARGE = { code: 413, message: 'The response is larger than 300000 bytes: request less at a time.' };

function postRpc(body: object) {
  return api()
    .request.post(`/kanboard/${org.orgId}/jsonrpc.php`)
    .auth(application.login, application.secret)
    .send(body);
}

function createLabel(id: unknown) {
  return { jsonrpc: '2.0', method: 'createLink', params: [randomUUID()] as const, id };
}

/** Which labels the calls have created. */
async function existingLabels(...calls: ReturnType<typeof createLabel>[]): Promise<unknown[]> {
  const labels = await rpcAs(api(), application).call<{ label: string }[]>('getAllLinks');
  const existing = new Set(labels.map(({ label }) => label));
  return calls.map(({ params: [label] }) => label).filter((label) => existing.has(label));
}

describe('a response that is too large', () => {
  test.each<[string, string, () => string, () => object]>([
    ['listIssueLinks', 'GET', () => `/v3/issues/${issues[0]?.key}/links`, () => ({})],
    ['getIssue', 'GET', () => `/v3/issues/${issues[0]?.key}?expand=links`, () => ({})],
    ['searchIssues', 'POST', () => '/v3/issues/_search', () => ({ queue })],
    ['searchIssues', 'POST', () => '/v3/issues/_search?expand=links', () => ({ keys: [issues[0]?.key] })],
  ])('is 413 and names the bound: %s', async (_operation, method, path, body) => {
    const headers = { ...org.admin.headers, 'Accept-Language': 'en' };
    const { request } = api();
    const response = await (method === 'GET' ? request.get(path()) : request.post(path()).send(body())).set(headers);
    expect([response.status, response.body]).toEqual([
      413,
      {
        errors: {},
        errorsData: {},
        errorMessages: ['The response is larger than 300000 bytes: request less at a time.'],
        statusCode: 413,
      },
    ]);
  });

  test.each(['getAllTasks', 'searchTasks', 'getAllTaskLinks'])(
    'is the 413 object of JSON-RPC, alone and as the first call of a batch: %s',
    async (method) => {
      const params = { getAllTasks: [projectId], searchTasks: [projectId, ''] }[method] ?? [issues[0]?.id];
      const call = { jsonrpc: '2.0', method, params, id: 1 };
      await unchanged(db(), async () => {
        for (const body of [call, [call, createLabel(2)]]) {
          const response = await postRpc(body);
          expect([response.status, response.body]).toEqual([413, { jsonrpc: '2.0', error: TOO_LARGE, id: null }]);
        }
      });
    },
  );

  test('ends a batch: earlier results are kept, and later calls are not carried out', async () => {
    const [first, notification, last] = [createLabel(1), createLabel(null), createLabel(3)];
    const tooLarge = { jsonrpc: '2.0', method: 'getAllTasks', params: [projectId], id: 2 };
    const response = await postRpc([first, tooLarge, notification, last, 5]);
    expect([response.status, response.body]).toEqual([
      200,
      [
        { jsonrpc: '2.0', result: expect.any(Number), id: 1 },
        ...[2, 3].map((id) => ({ jsonrpc: '2.0', error: TOO_LARGE, id })),
        { jsonrpc: '2.0', error: { code: -32700, message: 'Parse error' }, id: null },
      ],
    ]);
    expect(await existingLabels(first, notification, last)).toEqual([first.params[0]]);
  });

  test('ends a batch when only its JSON is too large', async () => {
    // Each of these characters takes one byte in a row, and six in JSON.
    const [issue] = await givenLargeIssues(
      org,
      (await givenQueue(db(), org)).key,
      1,
      '\u0001'.repeat(DESCRIPTION_LENGTH_MAX),
    );
    const tooLarge = { jsonrpc: '2.0', method: 'getTask', params: [issue?.id], id: 1 };
    const label = createLabel(2);
    const response = await postRpc([tooLarge, label]);
    expect([response.status, response.body]).toEqual([
      200,
      [1, 2].map((id) => ({ jsonrpc: '2.0', error: TOO_LARGE, id })),
    ]);
    expect(await existingLabels(label)).toEqual([]);
  });

  test('never hides the result of a write that was carried out', async () => {
    const [first, last] = [createLabel('x'.repeat(ANSWER_BYTES_MAX)), createLabel(2)];
    const response = await postRpc([first, last]);
    expect([response.status, response.body]).toEqual([
      200,
      [
        { jsonrpc: '2.0', result: expect.any(Number), id: first.id },
        { jsonrpc: '2.0', error: TOO_LARGE, id: 2 },
      ],
    ]);
    expect(await existingLabels(first, last)).toEqual([first.params[0]]);
  });

  test('is whole where it fits, page by page', async () => {
    const page = await api().request.post('/v3/issues/_search?perPage=1&page=1').send({ queue }).set(org.admin.headers);
    expect([page.status, page.body.length, page.headers['x-total-count']]).toEqual([200, 1, '6']);
  });
});

describe('a description', () => {
  const longest = 'ё'.repeat(DESCRIPTION_LENGTH_MAX);

  test('may have 65 536 characters', async () => {
    const made = await api()
      .request.post('/v3/issues')
      .send({ queue, summary: 'Long', description: longest })
      .set(org.admin.headers);
    expect([made.status, made.body.description]).toEqual([201, longest]);
    const rpc = rpcAs(api(), application);
    expect(await rpc.named('createTask', { project_id: projectId, title: 'Long', description: longest })).toEqual(
      expect.any(Number),
    );
  });

  test('that is longer is refused by each API in its own form, and nothing is written', async () => {
    const description = `${longest}ё`;
    await unchanged(db(), async () => {
      const { request } = api();
      const { headers } = org.admin;
      const path = `/v3/issues/${issues[0]?.key}`;
      for (const refused of [
        await request.post('/v3/issues').send({ queue, summary: 'Long', description }).set(headers),
        await request.patch(path).send({ description }).set(headers),
        await request
          .patch(path)
          .send({ description: { set: description } })
          .set(headers),
      ]) {
        expect([refused.status, Object.keys(refused.body.errors)]).toEqual([
          400,
          [expect.stringMatching(/^description/)],
        ]);
      }
      const rpc = rpcAs(api(), application);
      expect(await rpc.named('createTask', { project_id: projectId, title: 'Long', description })).toBe(false);
      expect(await rpc.named('updateTask', { id: issues[0]?.id, description })).toBe(false);
    });
  });
});

describe('a client that reads slowly', () => {
  let reader: GivenOrganisation;
  beforeAll(async () => {
    reader = await givenOrganisation(db());
    // 28 MiB, more than the buffers of both sockets hold.
    await givenLargeIssues(reader, (await givenQueue(db(), reader)).key, 60, 'y'.repeat(420_000));
  });

  async function search(url: string): Promise<IncomingMessage> {
    const outgoing = httpRequest(`${url}/v3/issues/_search?perPage=1000`, {
      method: 'POST',
      headers: reader.admin.headers,
    });
    outgoing.end('{}');
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    return response;
  }

  async function read(response: IncomingMessage, pauseMs: number): Promise<void> {
    for await (const _part of response) await sleep(pauseMs);
  }

  test('is disconnected when it reads nothing', async () => {
    const response = await search(idleLimited().url);
    // The request is logged when its connection is closed.
    while (!idleLimited().log.some((line) => line.includes('_search'))) await sleep(5);
    await expect(read(response, 0)).rejects.toThrow('aborted');
  });

  test('is disconnected when it reads a little now and then', async () => {
    await expect(read(await search(rateLimited().url), 50)).rejects.toThrow('aborted');
  });
});

test('clients that read nothing neither end the process nor keep others from being served', async () => {
  const flooded = await givenOrganisation(db());
  const other = await givenUser(db(), flooded.orgId);
  await givenLargeIssues(flooded, (await givenQueue(db(), flooded)).key, 60);
  const [node, ...program] = PROGRAM;
  const server = await startServer([node, '--max-old-space-size=256', ...program, 'serve'], {
    DATABASE_URL: api().database.url,
    LOG_LEVEL: 'warn',
  });
  const requests: ClientRequest[] = [];
  try {
    const statuses = new Set<number | undefined>();
    for (let count = 0; count < 40; count += 1) {
      const request = httpRequest(`${server.url}/v3/issues/_search?perPage=1000`, {
        method: 'POST',
        headers: flooded.admin.headers,
      });
      requests.push(request);
      const responded = once(request, 'response') as Promise<[IncomingMessage]>;
      request.end('{}');
      // The head is read, and nothing of the body.
      const [{ statusCode }] = await responded;
      statuses.add(statusCode);
    }
    expect(statuses).toEqual(new Set([200, 503]));
    const served = await fetch(`${server.url}/v3/myself`, { headers: other.headers });
    expect([served.status, await served.json()]).toMatchObject([200, { login: other.login }]);
  } finally {
    for (const asked of requests) asked.on('error', () => undefined).destroy();
    expect(await server.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
  }
});
