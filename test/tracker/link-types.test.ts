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
import { snapshot } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;

const TESTS = { inward: { ru: 'Проверяет', en: 'Tests' }, outward: { ru: 'Проверяется', en: 'Tested by' } };

test('every organisation has the types of the contract, and each self answers the same', async () => {
  const org = await givenOrganisation(db());
  for (const version of ['/v2', '/v3']) {
    const { body } = await api().request.get(`${version}/linktypes/`).set(org.admin.headers).expect(200);
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
      const one = await api().request.get(new URL(type.self).pathname).set(org.admin.headers).expect(200);
      expect(one.body).toEqual(type);
    }
  }
  await api().request.get('/v2/linktypes/none').set(org.admin.headers).expect(404);
});

test('the profile tracker starts with the rules of the design, kanboard with none', async () => {
  const rules = async (org: GivenOrganisation) => {
    const { body } = await api().request.get('/v2/linktypes').set(org.admin.headers);
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

test('a new type makes links by the English labels of its ends', async () => {
  const { org, a, b } = await givenTwoIssues();
  const made = await create(org.admin, { ...TESTS, acyclic: true }).expect(201);
  expect(made.body).toMatchObject({ id: 'tests', inward: 'Проверяет', outward: 'Проверяется', acyclic: true });
  expect(made.body.relationships).toEqual({ inward: 'tests', outward: 'tested by' });
  expect(made.headers['location']).toBe(made.body.self);

  const link = await post(org.admin, a, 'Tested-By', b).expect(201);
  expect(link.body).toMatchObject({ type: { id: 'tests', outward: 'Проверяется' }, direction: 'outward' });
});

test('a type with one label is symmetric', async () => {
  const { org, a, b } = await givenTwoIssues();
  const label = { ru: 'Рядом с', en: 'Next to' };
  const made = await create(org.admin, { inward: label }).expect(201);
  expect(made.body).toMatchObject({ id: 'next-to', symmetric: true, inward: 'Рядом с', outward: 'Рядом с' });
  await post(org.admin, a, 'next to', b).expect(201);
  await refused(create(org.admin, { id: 'x', inward: { ru: 'Икс', en: 'X' }, acyclic: true }));
  await refused(change(org.admin, 'next-to', { single: 'inward' }));
  await refused(change(org.admin, 'next-to', { outward: { ru: 'А', en: 'A' } }));
});

test.each([
  [
    'a label of another type',
    { ...TESTS, inward: { ru: 'Блокирует', en: 'Blocks' }, outward: { ru: 'Я', en: 'blocks' } },
  ],
  ['the relationship of another type', { ...TESTS, inward: { ru: 'Я', en: 'Depends on' } }],
  ['a relationship that only imports know', { ...TESTS, outward: { ru: 'Я', en: 'Clone' } }],
  ['the same label twice', { ...TESTS, outward: TESTS.inward }],
  ['a label that Kanboard has', { ...TESTS, inward: { ru: 'Блокирует', en: 'blocks' } }],
  ['an id that is taken', { id: 'subtask', ...TESTS }],
  ['an id that cannot be made of the label', { ...TESTS, inward: { ru: 'Проверяет', en: 'Проверяет' } }],
  ['no label', {}],
])('a new type with %s is refused', async (_what, body) => {
  const org = await givenOrganisation(db());
  await refused(create(org.admin, body));
});

test.each([{ inward: 'Tests' }, { ...TESTS, single: 'both' }, { ...TESTS, id: 'Не слово' }])(
  'a new type of the wrong shape is 400: %j',
  async (body) => {
    const org = await givenOrganisation(db());
    const before = await snapshot(db());
    await create(org.admin, body).expect(400);
    expect(await snapshot(db())).toEqual(before);
  },
);

test('labels change in place, under If-Match, and links show the new ones', async () => {
  const { org, a, b } = await givenTwoIssues();
  await create(org.admin, TESTS).expect(201);
  await create(org.admin, { inward: { ru: 'Рядом с', en: 'Next to' } }).expect(201);
  await post(org.admin, a, 'tests', b).expect(201);
  const patch = (body: object, version: string) => change(org.admin, 'tests', body).set('If-Match', version);

  const changed = await patch({ inward: { ru: 'Испытывает', en: 'Tries' } }, '"1"').expect(200);
  expect(changed.body).toMatchObject({ id: 'tests', inward: 'Испытывает', relationships: { inward: 'tries' } });
  expect(changed.headers['etag']).toBe('"2"');
  const { body: links } = await api().request.get(`/v2/issues/${a.key}/links`).set(org.admin.headers);
  expect(links[0].type.inward).toBe('Испытывает');
  const before = await snapshot(db());
  await patch({ inward: { ru: 'Я', en: 'I' } }, '"1"').expect(412);
  await patch({ inward: { ru: 'Я', en: 'I' } }, 'x').expect(400);
  await change(org.admin, 'none', { acyclic: true }).expect(404);
  await change(org.admin, 'tests', { acyclic: 'yes' }).expect(400);
  expect(await snapshot(db())).toEqual(before);
  await refused(change(org.admin, 'tests', { inward: { ru: 'Рядом', en: 'next to' } }));
  await refused(change(org.admin, 'tests', { inward: { ru: 'Обратно', en: 'TESTED-BY' } }));
  await refused(change(org.admin, 'tests', { inward: { ru: 'Черта', en: '-' } }));
  await change(org.admin, '%00', { acyclic: true }).expect(404);
  // The texts of a type of the contract can change; what clients send cannot.
  const depends = await change(org.admin, 'depends', { inward: { ru: 'Держит', en: 'Holds up' } }).expect(200);
  expect(depends.body).toMatchObject({ inward: 'Держит', relationships: { inward: 'is dependent by' } });
});

test('a rule is not switched on while stored links break it, and they are named', async () => {
  const { org, a, b, c } = await givenTwoIssues();
  await api().request.patch('/v2/organization').set(org.admin.headers).send({ oneLinkPerPair: false }).expect(200);
  await create(org.admin, { ...TESTS, antisymmetric: false }).expect(201);
  const ab = (await post(org.admin, a, 'tests', b).expect(201)).body.id;
  const ba = (await post(org.admin, b, 'tests', a).expect(201)).body.id;
  const ac = (await post(org.admin, a, 'tests', c).expect(201)).body.id;
  const name = (id: number, from: GivenIssue, to: GivenIssue) => `#${id} ${from.key} → ${to.key}`;

  const opposite = await refused(change(org.admin, 'tests', { antisymmetric: true }));
  expect(opposite.body.errorMessages[0]).toContain(`${name(ab, a, b)}, ${name(ba, b, a)}.`);
  const cycle = await refused(change(org.admin, 'tests', { acyclic: true }));
  expect(cycle.body.errorMessages[0]).toContain(name(ab, a, b));
  expect(cycle.body.errorMessages[0]).not.toContain(name(ac, a, c));
  const second = await refused(change(org.admin, 'tests', { single: 'inward' }));
  expect(second.body.errorMessages[0]).toContain(`${name(ab, a, b)}, ${name(ac, a, c)}.`);

  await api().request.delete(`/v2/issues/${a.key}/links/${ba}`).set(org.admin.headers).expect(204);
  const strict = await change(org.admin, 'tests', { antisymmetric: true, acyclic: true, single: 'outward' }).expect(
    200,
  );
  expect(strict.body).toMatchObject({ antisymmetric: true, acyclic: true, single: 'outward' });
  await refused(post(org.admin, b, 'tests', a));
  await refused(post(org.admin, b, 'tests', c));
  await refused(post(org.admin, c, 'tests', a));
  await change(org.admin, 'tests', { antisymmetric: false, acyclic: false, single: 'none' }).expect(200);
  await post(org.admin, b, 'tests', a).expect(201);
});

test('a type is removed with its labels, unless links or every organisation have it', async () => {
  const { org, a, b } = await givenTwoIssues();
  const before = await snapshot(db());
  const remove = (id: string) => api().request.delete(`/v2/linktypes/${id}`).set(org.admin.headers);
  await create(org.admin, TESTS).expect(201);
  const link = (await post(org.admin, a, 'tests', b).expect(201)).body;

  await refused(remove('tests'));
  await refused(remove('subtask'));
  await remove('none').expect(404);
  await api().request.delete(new URL(link.self).pathname).set(org.admin.headers).expect(204);
  await remove('tests').expect(204);
  await remove('tests').expect(404);
  expect((await snapshot(db()))['labels']).toEqual(before['labels']);
  await create(org.admin, TESTS).expect(201);
});

test('link types and the organisation are changed by administrators with the scope admin', async () => {
  const org = await givenOrganisation(db());
  const users = [
    await givenUser(db(), org.orgId, { role: 'manager', scopes: ['read', 'write', 'admin'] }),
    await givenUser(db(), org.orgId, { role: 'admin', scopes: ['read', 'write'] }),
  ];
  const before = await snapshot(db());
  for (const user of users) {
    await create(user, TESTS).expect(403);
    await change(user, 'subtask', { acyclic: false }).expect(403);
    await api().request.delete('/v2/linktypes/subtask').set(user.headers).expect(403);
    await api().request.patch('/v2/organization').set(user.headers).send({ name: 'Mine' }).expect(403);
    await api().request.get('/v2/organization').set(user.headers).expect(200);
  }
  expect(await snapshot(db())).toEqual(before);
});

test('the organisation has a name, a language and its rule', async () => {
  const { org, a, b } = await givenTwoIssues();
  const patch = (body: object) => api().request.patch('/v3/organization').set(org.admin.headers).send(body);
  const { body: before } = await api().request.get('/v3/organization').set(org.admin.headers).expect(200);
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
  await post(org.admin, a, 'relates', b).expect(201);
  const depends = (await post(org.admin, a, 'depends on', b).expect(201)).body;
  const refusal = await refused(patch({ oneLinkPerPair: true }));
  expect(refusal.body.errorMessages[0]).toContain(`#${depends.id} ${b.key} → ${a.key}`);
  await patch({ language: 'de' }).expect(400);
  await api().request.delete(new URL(depends.self).pathname).set(org.admin.headers).expect(204);
  await patch({ oneLinkPerPair: true }).expect(200);
  await refused(post(org.admin, a, 'depends on', b));
});

test('a body of more than a mebibyte is 413', async () => {
  const org = await givenOrganisation(db());
  const huge = { name: 'x'.repeat(1_100_000) };
  await create(org.admin, huge).expect(413);
  await change(org.admin, 'subtask', huge).expect(413);
  await api().request.patch('/v2/organization').set(org.admin.headers).send(huge).expect(413);
});

test('a type of its own is known in its organisation only', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  await create(mine.admin, TESTS).expect(201);
  await api().request.get('/v2/linktypes/tests').set(theirs.admin.headers).expect(404);
  const queue = await givenQueue(db(), theirs);
  const [a, b] = [await givenIssue(db(), theirs, queue), await givenIssue(db(), theirs, queue)];
  await post(theirs.admin, a, 'tests', b).expect(400);
  await givenLink(db(), theirs, 'relates', a, b);
});

async function givenTwoIssues() {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const [a, b, c] = [
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue),
  ];
  return { org, a, b, c };
}

function create(user: GivenUser, body: object) {
  return api().request.post('/v2/linktypes').set(user.headers).send(body);
}

function change(user: GivenUser, id: string, body: object) {
  return api().request.patch(`/v2/linktypes/${id}`).set(user.headers).send(body);
}

function post(user: GivenUser, issue: GivenIssue, relationship: string, other: GivenIssue) {
  return api().request.post(`/v2/issues/${issue.key}/links`).set(user.headers).send({ relationship, issue: other.key });
}

async function refused(request: ReturnType<typeof create>) {
  const before = await snapshot(db());
  const response = await request;
  expect(response.status).toBe(422);
  expect(await snapshot(db())).toEqual(before);
  return response;
}
