import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { dataOf, IssueLinks, type IssueLinksError, pages } from '../../clients/typescript/src/client.ts';
import type { Schemas } from '../../src/contract/types.ts';
import { run, useDemoServer } from '../support/server-process.ts';
import { issueLinksClient } from './client.ts';

const url = useDemoServer();

test.each(['v2', 'v3'])('a typed client reads the links of the demo under /%s', async (version) => {
  const client = issueLinksClient(`${url()}/${version}`, 'demo-token', '1');

  const { data: links = [] } = await client.GET('/issues/{issueId}/links', {
    params: { path: { issueId: 'JUNE-2' }, header: { 'Accept-Language': 'en' } },
  });

  const link = links.find(({ id }) => id === 4709605);
  expect(link?.object).toEqual({
    self: `${url()}/${version}/issues/TREK-9844`,
    id: '593cd211ef7e8a332414f2a7',
    key: 'TREK-9844',
    display: 'subtask',
  });
  expect(link && labelOf(link)).toBe('Parent issue');
});

test('a typed client creates, reads, updates, lists and deletes a link', async () => {
  const client = issueLinksClient(`${url()}/v3`, 'demo-token', '1');
  const path = { issueId: 'SUPPORT-2' };

  const created = await client.POST('/issues/{issueId}/links', {
    params: { path },
    body: { relationship: 'depends on', issue: { key: 'JUNE-12' } },
  });
  expect(created.response.status).toBe(201);
  if (created.data === undefined) throw new Error(created.error.errorMessages.join(' '));
  const { id: linkId, self } = created.data;
  expect(created.response.headers.get('Location')).toBe(self);
  const version = created.response.headers.get('ETag') ?? '';

  const read = await client.GET('/issues/{issueId}/links/{linkId}', { params: { path: { ...path, linkId } } });
  expect(read.data).toEqual(created.data);
  expect(read.data?.type[read.data.direction]).toBe('Зависит от');

  const changed = await client.PATCH('/issues/{issueId}/links/{linkId}', {
    params: { path: { ...path, linkId }, header: { 'If-Match': version } },
    body: { relationship: 'relates' },
  });
  expect(changed.data).toMatchObject({ id: linkId, type: { id: 'relates' } });

  const stale = await client.PATCH('/issues/{issueId}/links/{linkId}', {
    params: { path: { ...path, linkId }, header: { 'If-Match': version } },
    body: { issue: 'JUNE-1' },
  });
  expect(stale.error).toMatchObject({ statusCode: 412, errorMessages: [expect.any(String)] });

  const page = await client.POST('/issues/{issueId}/links/_list', {
    params: { path, query: { perPage: 1, page: 1 } },
    body: { linkTypes: ['relates'], fields: ['id', 'object'] },
  });
  expect(page.data?.links).toEqual([{ id: linkId, object: expect.objectContaining({ key: 'JUNE-12' }) }]);
  expect(page.response.headers.get('X-Total-Count')).toBe('1');

  const removed = await client.DELETE('/issues/{issueId}/links/{linkId}', { params: { path: { ...path, linkId } } });
  expect(removed.response.status).toBe(204);
  const gone = await client.GET('/issues/{issueId}/links/{linkId}', { params: { path: { ...path, linkId } } });
  expect(gone.data).toBeUndefined();
  expect(gone.error?.statusCode).toBe(404);
});

test('a typed client creates a link type and uses it', async () => {
  const administrator = issueLinksClient(`${url()}/v2`, 'demo-admin-token', '1');

  const { data: type } = await administrator.POST('/linktypes', {
    body: { inward: { ru: 'Проверяет', en: 'Tests' }, outward: { ru: 'Проверяется', en: 'Tested by' }, acyclic: true },
  });
  if (type === undefined) throw new Error('The link type was rejected.');
  const created = await administrator.POST('/issues/{issueId}/links', {
    params: { path: { issueId: 'SUPPORT-4' } },
    body: { relationship: type.relationships.inward, issue: 'JUNE-11' },
  });
  const used = await administrator.DELETE('/linktypes/{linkTypeId}', { params: { path: { linkTypeId: type.id } } });

  expect(created.data && labelOf(created.data)).toBe('Проверяет');
  expect(used.error?.statusCode).toBe(422);
});

test('a typed client creates an issue with a parent, updates it by version and deletes it', async () => {
  const client = issueLinksClient(`${url()}/v3`, 'demo-token', '1');

  const { data: issue } = await client.POST('/issues', {
    body: { queue: 'TREK', summary: 'Написать клиента', parent: 'TREK-9845', assignee: 'ivanov' },
  });
  if (issue === undefined) throw new Error('The issue was rejected.');
  const path = { issueId: issue.key };
  const { data: links = [] } = await client.GET('/issues/{issueId}/links', { params: { path } });
  expect(links).toMatchObject([{ type: { id: 'subtask' }, direction: 'inward', object: { key: 'TREK-9845' } }]);

  const query = { version: issue.version };
  const changed = await client.PATCH('/issues/{issueId}', {
    params: { path, query },
    body: { parent: null, summary: 'Клиент' },
  });
  expect(changed.data).toMatchObject({ key: issue.key, version: issue.version + 1 });
  expect(changed.data).not.toHaveProperty('parent');
  const stale = await client.PATCH('/issues/{issueId}', { params: { path, query }, body: { summary: 'Поздно' } });
  expect(stale.error?.statusCode).toBe(409);

  const deleted = await client.DELETE('/issues/{issueId}', { params: { path } });
  expect(deleted.response.status).toBe(204);
});

test('a typed client follows a link to the assignee of the other issue', async () => {
  const client = issueLinksClient(`${url()}/v2`, 'demo-token', '1');
  const { data: links = [] } = await client.GET('/issues/{issueId}/links', { params: { path: { issueId: 'JUNE-2' } } });
  const assignee = links.find(({ id }) => id === 4709605)?.assignee;

  const { data: user } = await client.GET('/users/{userId}', { params: { path: { userId: assignee?.id ?? '' } } });
  const { data: statuses = [] } = await client.GET('/statuses');

  expect(user).toMatchObject({ login: 'ivanov', uid: 1120000000049224, self: assignee?.self });
  expect(statuses.map(({ key }) => key)).toContain('open');
});

test('a typed client receives every error in the same shape', async () => {
  const stranger = issueLinksClient(`${url()}/v2`, 'nobody', '1');
  const client = issueLinksClient(`${url()}/v2`, 'demo-token', '1');
  const path = { issueId: 'JUNE-2' };

  const unknown = await stranger.GET('/issues/{issueId}/links', { params: { path } });
  const linked = await client.POST('/issues/{issueId}/links', {
    params: { path },
    body: { relationship: 'relates', issue: 'TREK-9844' },
  });

  const errors: (Schemas['ErrorBody'] | undefined)[] = [unknown.error, linked.error];
  expect(errors.map((error) => error?.statusCode)).toEqual([401, 422]);
  expect(linked.error?.errorMessages).toEqual(['Задачи JUNE-2 и TREK-9844 уже связаны.']);
});

describe('clients/typescript', () => {
  /** A client whose first responses are these, instead of the server's, and the requests that it sent. */
  function clientAfter(responses: Response[], options: { token?: string; retriesMax?: number } = {}) {
    const sent: Request[] = [];
    const fetch = (request: Request) => {
      sent.push(request.clone());
      const response = responses.shift();
      return response ? Promise.resolve(response) : globalThis.fetch(request);
    };
    const client = new IssueLinks({ baseUrl: `${url()}/v3`, token: 'demo-token', language: 'en', fetch, ...options });
    return { client, sent };
  }
  const busy = (status = 503, retryAfter = '0') =>
    new Response(JSON.stringify({ errorMessages: ['Busy.'] }), { status, headers: { 'Retry-After': retryAfter } });

  test('writes and reads links, and throws errors with their codes', async () => {
    const { client } = clientAfter([]);
    const created = await client.createLink('SUPPORT-3', { relationship: 'depends on', issue: 'JUNE-12' });
    expect(created).toMatchObject({ relationship: 'depends on', object: { key: 'JUNE-12' } });
    const links = await client.listLinks('SUPPORT-3');
    expect(links).toContainEqual(created);

    const refused = client.createLink('SUPPORT-3', { relationship: 'relates', issue: 'JUNE-12' });
    await expect(refused).rejects.toMatchObject({
      name: 'IssueLinksError',
      status: 422,
      code: 'already_linked',
      details: { link: { id: created.id } },
      message: expect.stringMatching(/^\w.*SUPPORT-3/),
    } satisfies Partial<Record<keyof IssueLinksError, unknown>>);
    expect(await client.listLinks('SUPPORT-3')).toEqual(links);
    const missing = { status: 422, code: 'invalid', fields: { issue: expect.any(String) } };
    await expect(client.createLink('SUPPORT-3', { relationship: 'relates' } as never)).rejects.toMatchObject({
      ...missing,
      code: expect.any(String),
    });

    const changed = await client.updateLink('SUPPORT-3', created.id, { relationship: 'relates' });
    expect(await client.getLink('SUPPORT-3', created.id)).toEqual(changed);
    await client.deleteLink('SUPPORT-3', created.id);
    await expect(client.getLink('SUPPORT-3', created.id)).rejects.toMatchObject({ status: 404 });
    const stranger = clientAfter([], { token: 'nobody' }).client;
    await expect(stranger.getIssue('JUNE-2')).rejects.toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  test.each([429, 503])('repeats what is safe to repeat after %d, and nothing else', async (status) => {
    const read = clientAfter([busy(status), busy(status)]);
    expect((await read.client.getIssue('JUNE-2')).key).toBe('JUNE-2');
    expect(read.sent).toHaveLength(3);

    const write = clientAfter([busy(status)]);
    const { id } = await write.client.createLink('SUPPORT-4', { relationship: 'relates', issue: 'JUNE-12' });
    const keys = write.sent.map(({ headers }) => headers.get('Idempotency-Key'));
    expect(keys).toEqual([expect.stringMatching(/^[\da-f-]{36}$/), keys[0]]);

    for (const unsafe of ['PATCH', 'DELETE', 'POST'] as const) {
      const { client, sent } = clientAfter([busy(status)]);
      const params = { path: { issueId: 'SUPPORT-4', linkId: id } };
      const call = {
        PATCH: () => client.updateLink('SUPPORT-4', id, { relationship: 'duplicates' }),
        DELETE: () => client.deleteLink('SUPPORT-4', id),
        POST: async () => dataOf(await client.api.POST('/issues/{issueId}/links/_list', { params })),
      }[unsafe];
      const code = status === 429 ? 'rate_limited' : 'unavailable';
      await expect(call()).rejects.toMatchObject({ status, code, message: 'Busy.' });
      expect(sent.map(({ method }) => method)).toEqual([unsafe]);
    }
    expect((await read.client.getLink('SUPPORT-4', id)).relationship).toBe('relates');
    await read.client.deleteLink('SUPPORT-4', id);
  });

  test('gives up after retriesMax, and at once if the server asks for a long wait', async () => {
    const patient = clientAfter([busy(), busy(), busy()], { retriesMax: 1 });
    await expect(patient.client.getIssue('JUNE-2')).rejects.toMatchObject({ status: 503 });
    expect(patient.sent).toHaveLength(2);
    for (const longWait of ['3600', new Date(Date.now() + 3_600_000).toUTCString()]) {
      const { client, sent } = clientAfter([busy(503, longWait)]);
      await expect(client.getIssue('JUNE-2')).rejects.toMatchObject({ status: 503 });
      expect(sent).toHaveLength(1);
    }
  });

  test('reads pages when they are needed, until the last', async () => {
    const { client, sent } = clientAfter([]);
    const all: string[] = [];
    for await (const { key } of client.issues({ queue: 'JUNE', perPage: 5 })) all.push(key);
    expect(new Set(all).size).toBe(all.length);
    expect(all.length).toBeGreaterThan(5);
    expect(sent).toHaveLength(Math.ceil(all.length / 5));

    sent.length = 0;
    for await (const { key } of client.issues({ queue: 'JUNE', perPage: 5 })) if (key === all[5]) break;
    expect(sent).toHaveLength(2);

    const params = { path: { issueId: 'JUNE-2' } };
    const listed = pages(async (page) => {
      const answer = await client.api.POST('/issues/{issueId}/links/_list', {
        params: { ...params, query: { page, perPage: 1 } },
      });
      return { ...answer, data: answer.data?.links ?? [] };
    });
    const ids: (number | undefined)[] = [];
    for await (const { id } of listed) ids.push(id);
    expect(ids).toEqual((await client.listLinks('JUNE-2')).map(({ id }) => id));
  });

  test('the package contains what it needs, and the example of its README runs with it', async () => {
    const root = fileURLToPath(new URL('../../', import.meta.url));
    const folder = await mkdtemp(join(tmpdir(), 'issue-links-client-'));
    try {
      const pack = ['npm', 'pack', `${root}clients/typescript`, '--json', '--pack-destination', folder];
      const packed = await run(pack, { PATH: process.env['PATH'] ?? '', HOME: folder });
      expect({ ...packed, code: 0 }).toEqual(packed);
      const [{ filename, files }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('[\n'))) as [
        { filename: string; files: { path: string }[] },
      ];
      expect(files.map(({ path }) => path).sort()).toEqual([
        'README.md',
        'dist/client.d.ts',
        'dist/client.js',
        'dist/openapi.generated.d.ts',
        'dist/openapi.generated.js',
        'dist/retries.d.ts',
        'dist/retries.js',
        'package.json',
      ]);

      const modules = join(folder, 'node_modules');
      await mkdir(join(modules, 'issue-links-client'), { recursive: true });
      await symlink(`${root}node_modules/openapi-fetch`, join(modules, 'openapi-fetch'));
      await run(
        ['tar', '-xzf', join(folder, filename), '-C', join(modules, 'issue-links-client'), '--strip-components=1'],
        { PATH: process.env['PATH'] ?? '' },
      );
      const readme = await readFile(`${root}clients/typescript/README.md`, 'utf8');
      const [, example = ''] = /^```js\n(.*?)^```$/ms.exec(readme) ?? [];
      await writeFile(join(folder, 'example.mjs'), example.replaceAll('http://127.0.0.1:8080', url()));
      const { code, stdout, stderr } = await run([process.execPath, join(folder, 'example.mjs')], {});
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('JUNE-2 is parent task for TREK-9844\n');
      expect(stdout).toContain('already_linked true\n');
      expect(stdout).toContain('SUPPORT-2 ');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** The role of the requested issue towards the other. */
function labelOf({ type, direction }: Schemas['IssueLink']): string {
  return type[direction];
}
