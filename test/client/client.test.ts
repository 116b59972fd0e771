import { expect, test } from '@jest/globals';
import type { Schemas } from '../../src/contract/types.ts';
import { useDemoServer } from '../support/server-process.ts';
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

/** The role of the requested issue towards the other. */
function labelOf({ type, direction }: Schemas['IssueLink']): string {
  return type[direction];
}
