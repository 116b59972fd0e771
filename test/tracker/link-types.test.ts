import { expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  type GivenUser,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { snapshot } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

const TESTS = { inward: { ru: 'Проверяет', en: 'Tests' }, outward: { ru: 'Проверяется', en: 'Tested by' } };

test('GET linktypes returns the default types, and each self returns the same type', async () => {
  const org = await givenOrganisation(db());
  for (const version of ['/v2', '/v3']) {
    const { body } = await as(org.admin).get(`${version}/linktypes/`).expect(200);
    expect(body.map(({ id }: { id: string }) => id)).toEqual([
      'relates',
      'depends',
      'duplicates',
      'subtask',
      'milestone',
      'fixes',
      'epic',
      'cloners',
    ]);
    for (const type of body) {
      const one = await as(org.admin).get(new URL(type.self).pathname).expect(200);
      expect(one.body).toEqual(type);
    }
  }
  await as(org.admin).get('/v2/linktypes/none').expect(404);
});

test('the profile tracker starts with rules, the profile kanboard without', async () => {
  const rules = async (org: GivenOrganisation) => {
    const { body } = await as(org.admin).get('/v2/linktypes');
    return Object.fromEntries(
      body.map((type: Record<string, unknown>) => [
        type['id'],
        [type['symmetric'], type['antisymmetric'], type['acyclic'], type['single']],
      ]),
    );
  };
  expect(await rules(await givenOrganisation(db()))).toEqual({
    relates: [true, false, false, 'none'],
    depends: [false, true, true, 'none'],
    duplicates: [false, true, false, 'none'],
    subtask: [false, true, true, 'inward'],
    milestone: [false, true, false, 'none'],
    fixes: [false, true, false, 'none'],
    epic: [false, true, true, 'outward'],
    cloners: [false, true, false, 'none'],
  });
  expect(await rules(await givenOrganisation(db(), { profile: 'kanboard' }))).toEqual({
    relates: [true, false, false, 'none'],
    depends: [false, false, false, 'none'],
    duplicates: [false, false, false, 'none'],
    subtask: [false, false, false, 'none'],
    milestone: [false, false, false, 'none'],
    fixes: [false, false, false, 'none'],
  });
});

test('a new link type defines relationships by its English labels', async () => {
  const { org, a, b } = await givenIssues();
  const created = await createType(org.admin, { ...TESTS, acyclic: true }).expect(201);
  expect(created.body).toMatchObject({ id: 'tests', inward: 'Проверяет', outward: 'Проверяется', acyclic: true });
  expect(created.body.relationships).toEqual({ inward: 'tests', outward: 'tested by' });
  expect(created.headers['location']).toBe(created.body.self);

  const link = await createLink(org.admin, a, 'Tested-By', b).expect(201);
  expect(link.body).toMatchObject({ type: { id: 'tests', outward: 'Проверяется' }, direction: 'outward' });
});

test('a link type with one label is symmetric', async () => {
  const { org, a, b } = await givenIssues();
  const label = { ru: 'Рядом с', en: 'Next to' };
  const created = await createType(org.admin, { inward: label }).expect(201);
  expect(created.body).toMatchObject({ id: 'next-to', symmetric: true, inward: 'Рядом с', outward: 'Рядом с' });
  await createLink(org.admin, a, 'next to', b).expect(201);
  await expectRejected(createType(org.admin, { id: 'x', inward: { ru: 'Икс', en: 'X' }, acyclic: true }));
  await expectRejected(updateType(org.admin, 'next-to', { single: 'inward' }));
  await expectRejected(updateType(org.admin, 'next-to', { outward: { ru: 'А', en: 'A' } }));
});

test.each([
  [
    'a label of another type',
    { ...TESTS, inward: { ru: 'Блокирует', en: 'Blocks' }, outward: { ru: 'Я', en: 'blocks' } },
  ],
  ['the relationship of another type', { ...TESTS, inward: { ru: 'Я', en: 'Depends on' } }],
  ['a relationship that only imports know', { ...TESTS, outward: { ru: 'Я', en: 'Clone' } }],
  ['equal labels', { ...TESTS, outward: TESTS.inward }],
  ['a label of the Kanboard API', { ...TESTS, inward: { ru: 'Блокирует', en: 'blocks' } }],
  ['an existing id', { id: 'subtask', ...TESTS }],
  ['a label that yields no valid id', { ...TESTS, inward: { ru: 'Проверяет', en: 'Проверяет' } }],
  ['no label', {}],
])('POST linktypes returns 422 for %s', async (_what, body) => {
  const org = await givenOrganisation(db());
  await expectRejected(createType(org.admin, body));
});

test.each([{ inward: 'Tests' }, { ...TESTS, single: 'both' }, { ...TESTS, id: 'Не слово' }])(
  'POST linktypes returns 400 for an invalid body: %j',
  async (body) => {
    const org = await givenOrganisation(db());
    const before = await snapshot(db());
    await createType(org.admin, body).expect(400);
    expect(await snapshot(db())).toEqual(before);
  },
);

test('PATCH linktype changes labels under If-Match, and links show the new ones', async () => {
  const { org, a, b } = await givenIssues();
  await createType(org.admin, TESTS).expect(201);
  await createType(org.admin, { inward: { ru: 'Рядом с', en: 'Next to' } }).expect(201);
  await createLink(org.admin, a, 'tests', b).expect(201);
  const patch = (body: object, version: string) => updateType(org.admin, 'tests', body).set('If-Match', version);

  const changed = await patch({ inward: { ru: 'Испытывает', en: 'Tries' } }, '"1"').expect(200);
  expect(changed.body).toMatchObject({ id: 'tests', inward: 'Испытывает', relationships: { inward: 'tries' } });
  expect(changed.headers['etag']).toMatch(/^"2-/);
  expect(changed.headers['etag']).toBe((await as(org.admin).get('/v2/linktypes/tests')).headers['etag']);
  const { body: links } = await as(org.admin).get(`/v2/issues/${a.key}/links`);
  expect(links[0].type.inward).toBe('Испытывает');
  const before = await snapshot(db());
  await patch({ inward: { ru: 'Я', en: 'I' } }, '"1"').expect(412);
  await patch({ inward: { ru: 'Я', en: 'I' } }, 'x').expect(400);
  await updateType(org.admin, 'none', { acyclic: true }).expect(404);
  await updateType(org.admin, 'tests', { acyclic: 'yes' }).expect(400);
  expect(await snapshot(db())).toEqual(before);
  await expectRejected(updateType(org.admin, 'tests', { inward: { ru: 'Рядом', en: 'next to' } }));
  await expectRejected(updateType(org.admin, 'tests', { inward: { ru: 'Обратно', en: 'TESTED-BY' } }));
  await expectRejected(updateType(org.admin, 'tests', { inward: { ru: 'Черта', en: '-' } }));
  await updateType(org.admin, '%00', { acyclic: true }).expect(404);
  // The labels of a default type can change; the relationships that clients send cannot.
  const depends = await updateType(org.admin, 'depends', { inward: { ru: 'Держит', en: 'Holds up' } }).expect(200);
  expect(depends.body).toMatchObject({ inward: 'Держит', relationships: { inward: 'is dependent by' } });
});

test('PATCH linktype rejects a rule that stored links violate, and lists them', async () => {
  const { org, a, b, c } = await givenIssues();
  await as(org.admin).patch('/v2/organization', { oneLinkPerPair: false }).expect(200);
  await createType(org.admin, { ...TESTS, antisymmetric: false }).expect(201);
  const ab = (await createLink(org.admin, a, 'tests', b).expect(201)).body.id;
  const ba = (await createLink(org.admin, b, 'tests', a).expect(201)).body.id;
  const ac = (await createLink(org.admin, a, 'tests', c).expect(201)).body.id;
  const describeLink = (id: number, from: GivenIssue, to: GivenIssue) => `#${id} ${from.key} → ${to.key}`;

  const opposite = await expectRejected(updateType(org.admin, 'tests', { antisymmetric: true }));
  expect(opposite.body.errorMessages[0]).toContain(`${describeLink(ab, a, b)}, ${describeLink(ba, b, a)}.`);
  const cycle = await expectRejected(updateType(org.admin, 'tests', { acyclic: true }));
  expect(cycle.body.errorMessages[0]).toContain(describeLink(ab, a, b));
  expect(cycle.body.errorMessages[0]).not.toContain(describeLink(ac, a, c));
  const second = await expectRejected(updateType(org.admin, 'tests', { single: 'inward' }));
  expect(second.body.errorMessages[0]).toContain(`${describeLink(ab, a, b)}, ${describeLink(ac, a, c)}.`);

  await as(org.admin).delete(`/v2/issues/${a.key}/links/${ba}`).expect(204);
  const strict = await updateType(org.admin, 'tests', { antisymmetric: true, acyclic: true, single: 'outward' }).expect(
    200,
  );
  expect(strict.body).toMatchObject({ antisymmetric: true, acyclic: true, single: 'outward' });
  await expectRejected(createLink(org.admin, b, 'tests', a));
  await expectRejected(createLink(org.admin, b, 'tests', c));
  await expectRejected(createLink(org.admin, c, 'tests', a));
  await updateType(org.admin, 'tests', { antisymmetric: false, acyclic: false, single: 'none' }).expect(200);
  await createLink(org.admin, b, 'tests', a).expect(201);
});

test('DELETE linktype removes the type and its labels, and rejects types in use and default types', async () => {
  const { org, a, b } = await givenIssues();
  const before = await snapshot(db());
  const remove = (id: string) => as(org.admin).delete(`/v2/linktypes/${id}`);
  await createType(org.admin, TESTS).expect(201);
  const link = (await createLink(org.admin, a, 'tests', b).expect(201)).body;

  await expectRejected(remove('tests'));
  await expectRejected(remove('subtask'));
  await remove('none').expect(404);
  await as(org.admin).delete(new URL(link.self).pathname).expect(204);
  await remove('tests').expect(204);
  await remove('tests').expect(404);
  expect((await snapshot(db()))['labels']).toEqual(before['labels']);
  await createType(org.admin, TESTS).expect(201);
});

test('writing link types and the organisation returns 403 without the role and scope admin', async () => {
  const org = await givenOrganisation(db());
  const users = [
    await givenUser(db(), org.orgId, { role: 'manager', scopes: ['read', 'write', 'admin'] }),
    await givenUser(db(), org.orgId, { role: 'admin', scopes: ['read', 'write'] }),
  ];
  const before = await snapshot(db());
  for (const user of users) {
    await createType(user, TESTS).expect(403);
    await updateType(user, 'subtask', { acyclic: false }).expect(403);
    await as(user).delete('/v2/linktypes/subtask').expect(403);
    await as(user).patch('/v2/organization', { name: 'Mine' }).expect(403);
    await as(user).get('/v2/organization').expect(200);
  }
  expect(await snapshot(db())).toEqual(before);
});

test('GET and PATCH organization read and change its name, language and oneLinkPerPair', async () => {
  const { org, a, b } = await givenIssues();
  const patch = (body: object) => as(org.admin).patch('/v3/organization', body);
  const { body: before } = await as(org.admin).get('/v3/organization').expect(200);
  expect(before).toEqual({
    self: `${api().url}/v3/organization`,
    id: org.orgId,
    cloudId: org.cloudId,
    name: org.orgId,
    language: 'ru',
    oneLinkPerPair: true,
  });

  const { body: changed } = await patch({ name: 'Наша', language: 'en', oneLinkPerPair: false }).expect(200);
  expect(changed).toEqual({ ...before, name: 'Наша', language: 'en', oneLinkPerPair: false });
  await createLink(org.admin, a, 'relates', b).expect(201);
  const depends = (await createLink(org.admin, a, 'depends on', b).expect(201)).body;
  const rejected = await expectRejected(patch({ oneLinkPerPair: true }));
  expect(rejected.body.errorMessages[0]).toContain(`#${depends.id} ${b.key} → ${a.key}`);
  await patch({ language: 'de' }).expect(400);
  await as(org.admin).delete(new URL(depends.self).pathname).expect(204);
  await patch({ oneLinkPerPair: true }).expect(200);
  await expectRejected(createLink(org.admin, a, 'depends on', b));
});

test('a body over 1 MiB returns 413', async () => {
  const org = await givenOrganisation(db());
  const huge = { name: 'x'.repeat(1_100_000) };
  await createType(org.admin, huge).expect(413);
  await updateType(org.admin, 'subtask', huge).expect(413);
  await as(org.admin).patch('/v2/organization').send(huge).expect(413);
});

test('a link type exists only in its own organisation', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  await createType(mine.admin, TESTS).expect(201);
  await as(theirs.admin).get('/v2/linktypes/tests').expect(404);
  const { key: queue } = await givenQueue(db(), theirs);
  const [a, b] = [await givenIssue(db(), theirs, queue), await givenIssue(db(), theirs, queue)];
  await createLink(theirs.admin, a, 'tests', b).expect(400);
  await givenLink(db(), theirs, 'relates', a, b);
});

async function givenIssues() {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const [a, b, c] = [
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue),
  ];
  return { org, a, b, c };
}

function createType(user: GivenUser, body: object) {
  return as(user).post('/v2/linktypes', body);
}

function updateType(user: GivenUser, id: string, body: object) {
  return as(user).patch(`/v2/linktypes/${id}`, body);
}

function createLink(user: GivenUser, issue: GivenIssue, relationship: string, other: GivenIssue) {
  return as(user).post(`/v2/issues/${issue.key}/links`, { relationship, issue: other.key });
}

async function expectRejected(request: ReturnType<typeof createType>) {
  const before = await snapshot(db());
  const response = await request;
  expect(response.status).toBe(422);
  expect(await snapshot(db())).toEqual(before);
  return response;
}
