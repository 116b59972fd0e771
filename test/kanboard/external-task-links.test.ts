import { beforeAll, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  givenAccount,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { expectFailure, expectForbidden, INVALID_IDS, MISSING_ID, type Rpc, rpcAs } from '../support/rpc.ts';
import { snapshot, unchanged } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let queue: string;
let application: Rpc;

const DOCUMENT = 'http://127.0.0.1/doc.pdf';

beforeAll(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
  queue = (await givenQueue(db(), org)).key;
  application = rpcAs(api(), await givenApplication(db(), org));
});

interface Link {
  readonly id: number;
  readonly date_creation: number;
}

async function givenTask(): Promise<GivenIssue> {
  return await givenIssue(db(), org, queue);
}

/** An account with its id, and its method calls. */
async function member(role?: 'member' | 'reader' | 'admin'): Promise<Rpc & GivenAccount & { readonly id: number }> {
  const account = await givenAccount(db(), org, role);
  return { ...account, ...rpcAs(api(), account) };
}

function remoteLinksOf({ key }: GivenIssue) {
  return api().request.get(`/v2/issues/${key}/remotelinks`).set(org.admin.headers).set('Accept-Language', 'en');
}

test('the external link types and their dependencies are those of Kanboard', async () => {
  expect(Object.entries(await application.call<object>('getExternalTaskLinkTypes'))).toEqual([
    ['auto', 'Auto'],
    ['attachment', 'Attachment'],
    ['file', 'Local File'],
    ['weblink', 'Web Link'],
  ]);
  for (const type of ['attachment', 'file', 'weblink']) {
    expect(await application.call('getExternalTaskLinkProviderDependencies', type)).toEqual({ related: 'Related' });
  }
  for (const type of ['auto', 'nope', '', 'toString', null, 7, [], '\0']) {
    expect(await application.call('getExternalTaskLinkProviderDependencies', type)).toBe(false);
  }
});

test('getExternalTaskLinkById and getAllExternalTaskLinks return all fields of a new link', async () => {
  const task = await givenTask();
  const id = await application.call('createExternalTaskLink', task.id, DOCUMENT, 'related', 'attachment');
  expect(id).toEqual(expect.any(Number));

  const link = await application.call<Link>('getExternalTaskLinkById', task.id, id);
  expect(Object.entries(link)).toEqual([
    ['id', id],
    ['link_type', 'attachment'],
    ['dependency', 'related'],
    ['title', 'doc.pdf'],
    ['url', DOCUMENT],
    ['date_creation', expect.any(Number)],
    ['date_modification', link.date_creation],
    ['task_id', task.id],
    ['creator_id', 0],
  ]);
  const [row] = await db().query<{ created: number }>({
    name: '',
    text: 'select floor(extract(epoch from created_at))::integer as created from remote_links where remote_link_id = $1',
    values: [id],
  });
  expect(link.date_creation).toBe(row?.created);
  const [listed] = await application.call<object[]>('getAllExternalTaskLinks', task.id);
  expect(Object.entries(listed ?? {})).toEqual([
    ...Object.entries(link),
    ['creator_name', null],
    ['creator_username', null],
    ['dependency_label', 'Related'],
    ['type', 'Attachment'],
  ]);
});

test('a link names the user who created it, and may have any dependency', async () => {
  const task = await givenTask();
  const user = await member();
  await user.named('createExternalTaskLink', { task_id: task.id, url: DOCUMENT, dependency: 'constructor' });
  expect(await user.call('getAllExternalTaskLinks', String(task.id))).toMatchObject([
    { creator_id: user.id, creator_name: '', creator_username: user.login, dependency_label: 'constructor' },
  ]);
});

test('getAllExternalTaskLinks sorts by title, and one URL may be linked more than once', async () => {
  const task = await givenTask();
  for (const title of ['b', '', 'a', 'B'])
    await application.call('createExternalTaskLink', task.id, DOCUMENT, 'related', 'auto', title);
  const links = await application.call<{ title: string }[]>('getAllExternalTaskLinks', task.id);
  expect(links.map(({ title }) => title)).toEqual(['B', 'a', 'b', 'doc.pdf']);
});

test.each([
  ['https://example.com/a/report.pdf', 'attachment', 'report.pdf'],
  ['https://example.com/a/report.tar.gz', 'attachment', 'report.tar.gz'],
  ['  https://example.com/my%20file.txt?x=1.2#top ', 'attachment', 'my%20file.txt'],
  ['https://example.com/index.HTML', 'weblink', 'https://example.com/index.HTML'],
  ['https://example.com/run.php', 'weblink', 'https://example.com/run.php'],
  ['https://example.com', 'weblink', 'https://example.com'],
  ['http://example.com/документ.pdf', 'attachment', 'документ.pdf'],
  ['https://пример.рф/путь?вопрос=да', 'weblink', 'https://пример.рф/путь?вопрос=да'],
  ['http://user:secret@[::1]:8080/a.b/', 'weblink', 'http://user:secret@[::1]:8080/a.b/'],
  ['file:///home/me/notes.txt', 'file', 'notes.txt'],
  ['file://server/share\\folder\\plan.doc', 'file', 'plan.doc'],
])('the URL %s gets the type %s and the title %s', async (url, type, title) => {
  const task = await givenTask();
  const id = await application.call('createExternalTaskLink', task.id, url, 'related');
  expect(await application.call('getExternalTaskLinkById', task.id, id)).toMatchObject({
    link_type: type,
    title,
    url: url.trim(),
  });
});

test.each([
  ['without a scheme', ['example.com/doc.pdf', 'related']],
  ['without a host', ['http:///doc.pdf', 'related']],
  ['with an invalid host', ['http://-example-.com/doc.pdf', 'related']],
  ['with a space', ['http://example.com/my doc.pdf', 'related']],
  ['with a no-break space', ['http://example.com/my\u00a0doc.pdf', 'related']],
  ['with a control character', ['http://example.com/my\u0085doc.pdf', 'related']],
  ['with a URL that is too long', [`http://example.com/${'x'.repeat(65_536)}.pdf`, 'related']],
  ['without a type that fits its scheme', ['mailto:me@example.com', 'related']],
  ['of an unknown type', [DOCUMENT, 'related', 'nope']],
  ['whose type is not a string', [DOCUMENT, 'related', ['attachment']]],
  ['without a dependency', [DOCUMENT, '']],
  ['with a dependency that is too long', [DOCUMENT, 'x'.repeat(101)]],
  ['without a title or a file name in the URL', ['http://example.com', 'related', 'attachment']],
  ['with values of the wrong type', [[DOCUMENT], { related: 1 }]],
  ['with nulls', [null, null]],
  ['with a zero byte', [`${DOCUMENT}\0x`, 'related']],
])('createExternalTaskLink returns false for a link %s, and writes nothing', async (_description, values) => {
  const task = await givenTask();
  await expectFailure(application, false, 'createExternalTaskLink', task.id, ...values);
});

test('a given type is kept, whatever the URL', async () => {
  const task = await givenTask();
  const id = await application.call('createExternalTaskLink', task.id, 'mailto:me@example.com', 'related', 'weblink');
  expect(await application.call('getExternalTaskLinkById', task.id, id)).toMatchObject({
    link_type: 'weblink',
    title: 'mailto:me@example.com',
  });
});

test('updateExternalTaskLink changes the given fields, and the Tracker API shows who changed them', async () => {
  const task = await givenTask();
  const id = await application.call('createExternalTaskLink', task.id, DOCUMENT, 'related');
  const user = await member();
  const before = await user.call<object>('getExternalTaskLinkById', task.id, id);

  expect(await user.named('updateExternalTaskLink', { task_id: task.id, link_id: id, title: 'T2' })).toBe(true);
  const changed = { ...before, title: 'T2', date_modification: expect.any(Number) };
  expect(await user.call('getExternalTaskLinkById', task.id, id)).toEqual(changed);
  const url = 'https://example.com/other';
  expect(await user.call('updateExternalTaskLink', task.id, id, null, url, 'mine')).toBe(true);
  expect(await user.call('getExternalTaskLinkById', task.id, id)).toEqual({ ...changed, url, dependency: 'mine' });
  expect(await user.call('updateExternalTaskLink', task.id, id)).toBe(true);

  const { body } = await remoteLinksOf(task).expect(200);
  expect(body).toMatchObject([
    { id, object: { key: url }, createdBy: { display: 'jsonrpc' }, updatedBy: { display: user.login } },
  ]);
});

test('updateExternalTaskLink returns false for invalid values and for a link of another task, and writes nothing', async () => {
  const [task, other] = [await givenTask(), await givenTask()];
  const id = await application.call('createExternalTaskLink', task.id, DOCUMENT, 'related');
  for (const values of [
    [task.id, id, ''],
    [task.id, id, ['T2']],
    [task.id, id, 'x'.repeat(65_536)],
    [task.id, id, null, 'not a URL'],
    [task.id, id, null, 7],
    [task.id, id, null, null, ''],
    [other.id, id, 'T2'],
    [task.id, 2 ** 53 - 1, 'T2'],
    [task.id, '99999999999999999999', 'T2'],
    [0, id, 'T2'],
    [{}, [], 'T2'],
  ]) {
    await expectFailure(application, false, 'updateExternalTaskLink', ...values);
  }
});

test('removeExternalTaskLink removes a link, and returns false for a removed one', async () => {
  const [task, other] = [await givenTask(), await givenTask()];
  const before = await snapshot(db());
  const id = await application.call('createExternalTaskLink', task.id, DOCUMENT, 'related');
  await expectFailure(application, false, 'removeExternalTaskLink', other.id, id);
  expect(await application.call('removeExternalTaskLink', task.id, id)).toBe(true);
  await expectFailure(application, false, 'removeExternalTaskLink', task.id, id);
  await expectFailure(application, false, 'getExternalTaskLinkById', task.id, id);
  await expectFailure(application, [], 'getAllExternalTaskLinks', task.id);
  // The link left no trace, not in the task either.
  expect(await snapshot(db())).toEqual(before);
});

test('the application account gets false or an empty array for a task that does not exist', async () => {
  const task = await givenTask();
  const id = await application.call('createExternalTaskLink', task.id, DOCUMENT, 'related');
  await unchanged(db(), async () => {
    for (const missing of [...INVALID_IDS, [task.id]]) {
      await expectFailure(application, false, 'createExternalTaskLink', missing, DOCUMENT, 'related');
      await expectFailure(application, false, 'getExternalTaskLinkById', missing, id);
      await expectFailure(application, false, 'updateExternalTaskLink', missing, id, 'T2');
      await expectFailure(application, false, 'removeExternalTaskLink', missing, id);
      await expectFailure(application, [], 'getAllExternalTaskLinks', missing);
    }
  });
});

test('users can read links of the tasks they see and change those of the tasks they may write, and get 403 for others', async () => {
  const [insider, outsider, admin] = [await member(), await member(), await member('admin')];
  const reader = await member('reader');
  const [open, closed] = [await givenTask(), await givenTaskInQueueOf(insider)];
  const openLink = await application.call('createExternalTaskLink', open.id, DOCUMENT, 'related');
  const link = await insider.call('createExternalTaskLink', closed.id, DOCUMENT, 'related');
  expect(await insider.call('getAllExternalTaskLinks', closed.id)).toHaveLength(1);
  expect(await insider.call('updateExternalTaskLink', closed.id, link, 'T2')).toBe(true);
  await unchanged(db(), async () => {
    for (const [rpc, task, id] of [
      [outsider, closed.id, link],
      // Administrators cannot see closed queues either.
      [admin, closed.id, link],
      [insider, MISSING_ID, link],
    ] as const) {
      await expectForbidden(rpc, 'getAllExternalTaskLinks', task);
      await expectForbidden(rpc, 'getExternalTaskLinkById', task, id);
      await expectForbidden(rpc, 'createExternalTaskLink', task, DOCUMENT, 'related');
      await expectForbidden(rpc, 'updateExternalTaskLink', task, id, 'T3');
      await expectForbidden(rpc, 'removeExternalTaskLink', task, id);
    }
    await expectForbidden(reader, 'createExternalTaskLink', open.id, DOCUMENT, 'related');
    await expectForbidden(reader, 'updateExternalTaskLink', open.id, openLink, 'T3');
    await expectForbidden(reader, 'removeExternalTaskLink', open.id, openLink);
    // The user can see the task, but it has no such link.
    await expectFailure(insider, false, 'getExternalTaskLinkById', closed.id, openLink);
  });
  expect(await reader.call('getExternalTaskLinkById', open.id, openLink)).toMatchObject({ id: openLink });
});

async function givenTaskInQueueOf({ id }: { readonly id: number }): Promise<GivenIssue> {
  return await givenIssue(db(), org, (await givenQueue(db(), org, [{ ...org.admin, id }])).key);
}

test('the Tracker API shows an external link as a remote link with the URL as its key', async () => {
  const task = await givenTask();
  const id = await application.call('createExternalTaskLink', task.id, DOCUMENT, 'related', 'auto', 'The document');
  const { body } = await remoteLinksOf(task).expect(200);
  expect(body).toMatchObject([
    {
      id,
      type: { id: 'relates' },
      direction: 'outward',
      object: { key: DOCUMENT, application: { id: 'attachment', type: 'attachment' } },
      createdBy: { display: 'jsonrpc' },
    },
  ]);
  const self = new URL(body[0].self).pathname;
  await api().request.delete(self).set(org.admin.headers).expect(204);
  expect(await application.call('getAllExternalTaskLinks', task.id)).toEqual([]);
});

test('a remote link created through the Tracker API is an external link, of the type web link for another application', async () => {
  const task = await givenTask();
  const path = `/v2/issues/${task.key}/remotelinks`;
  for (const [key, origin] of [
    ['example/links#42', 'com.github'],
    ['/tmp/notes.txt', 'file'],
  ]) {
    await api().request.post(path).set(org.admin.headers).send({ relationship: 'relates', key, origin }).expect(201);
  }
  const links = await application.call<Link[]>('getAllExternalTaskLinks', task.id);
  expect(links).toMatchObject([
    { link_type: 'file', title: '/tmp/notes.txt', url: '/tmp/notes.txt', creator_id: org.admin.id },
    { link_type: 'weblink', title: 'example/links#42', url: 'example/links#42', type: 'Web Link' },
  ]);
  const id = links[1]?.id;
  expect(await application.call('updateExternalTaskLink', task.id, id, 'The request')).toBe(true);
  expect(await application.call('getExternalTaskLinkById', task.id, id)).toMatchObject({ title: 'The request' });
  expect(await application.call('removeExternalTaskLink', task.id, id)).toBe(true);
  expect((await remoteLinksOf(task)).body).toHaveLength(1);
});

test('updateExternalTaskLink returns false if it would duplicate a link created through the Tracker API', async () => {
  const task = await givenTask();
  for (const key of ['http://a.example/', 'http://b.example/']) {
    await api()
      .request.post(`/v2/issues/${task.key}/remotelinks`)
      .set(org.admin.headers)
      .send({ relationship: 'relates', key, origin: 'weblink' })
      .expect(201);
  }
  const [{ id } = { id: 0 }] = await application.call<Link[]>('getAllExternalTaskLinks', task.id);
  await expectFailure(application, false, 'updateExternalTaskLink', task.id, id, null, 'http://b.example/');
});

test('links can be created after the label of their type was removed, and the Tracker API omits the type', async () => {
  const other = await givenOrganisation(db(), { profile: 'kanboard' });
  const task = await givenIssue(db(), other, (await givenQueue(db(), other)).key);
  await db().query({ name: '', text: 'delete from labels where org_id = $1 and label_id = 1', values: [other.orgId] });
  const rpc = rpcAs(api(), await givenApplication(db(), other));
  expect(await rpc.call('createExternalTaskLink', task.id, DOCUMENT, 'related')).toEqual(expect.any(Number));
  const { body } = await api().request.get(`/v2/issues/${task.key}/remotelinks`).set(other.admin.headers).expect(200);
  expect(body).toMatchObject([{ object: { key: DOCUMENT } }]);
  expect(body[0]).not.toHaveProperty('type');
});
