import { expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenOrganisation,
  type GivenUser,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

/** The response of POST links on issue A with issue B (Tracker contract, section 1). */
const RELATIONSHIPS = [
  ['relates', 'relates', 'inward', 'Связана', 'Relates'],
  ['depends on', 'depends', 'outward', 'Зависит от', 'Depends on'],
  ['is dependent by', 'depends', 'inward', 'Блокирующая задача', 'Blocker'],
  ['is parent task for', 'subtask', 'outward', 'Родительская задача', 'Parent issue'],
  ['is subtask for', 'subtask', 'inward', 'Подзадача', 'Sub-issue'],
  ['is duplicated by', 'duplicates', 'outward', 'Дублируется', 'Duplicated by'],
  ['duplicates', 'duplicates', 'inward', 'Дублирует', 'Duplicates'],
  ['has epic', 'epic', 'outward', 'Подэпик', 'Sub-epic'],
  ['is epic of', 'epic', 'inward', 'Эпик для', 'Epic for'],
  ['original', 'cloners', 'outward', 'Клон', 'Clone'],
  ['clone', 'cloners', 'inward', 'Оригинал', 'Original'],
] as const;

const CASES = RELATIONSHIPS.flatMap((relationship) =>
  (['/v2', '/v3'] as const).flatMap((version) =>
    (['ru', 'en'] as const).map((language) => [...relationship, version, language] as const),
  ),
);

test.each(CASES)(
  '"%s" creates a link of type %s, %s (%s / %s), under %s in %s',
  async (relationship, type, direction, labelRu, labelEn, version, language) => {
    const org = await givenOrganisation(db(), { language });
    const [a, b] = await givenTwoIssues(org);
    const isImport = type === 'cloners';
    const path = `${version}/issues/${a.key}/links${isImport ? '/_import' : ''}`;
    const importFields = isImport ? { createdAt: '2020-01-02T03:04:05.678+0000', createdBy: org.admin.login } : {};

    const { body: link } = await as(org.admin)
      .post(path, { relationship, issue: b.key, ...importFields })
      .expect(isImport ? 200 : 201);

    const opposite = direction === 'inward' ? 'outward' : 'inward';
    const label = language === 'ru' ? labelRu : labelEn;
    expect(link).toMatchObject({
      type: { id: type, [direction]: label },
      direction,
      object: { key: b.key },
      relationship,
    });
    expect(link.self).toBe(`${api().url}${version}/issues/${a.key}/links/${link.id}`);
    const { body: links } = await as(org.admin).get(`${version}/issues/${b.key}/links`);
    expect(links).toMatchObject([{ id: link.id, type: link.type, direction: opposite, object: { key: a.key } }]);
    expect(links[0].relationship).toBe(oppositeOf(type, relationship));
  },
);

test.each(['IS SUBTASK FOR', 'is-subtask-for', 'Is  Subtask-for', ' is_subtask_for '])(
  'POST links accepts a relationship in any case, with hyphens or spaces: %s',
  async (relationship) => {
    const org = await givenOrganisation(db());
    const [a, b] = await givenTwoIssues(org);
    const response = await as(org.admin).post(`/v2/issues/${a.key}/links`, { relationship, issue: b.key });
    expect(response.status).toBe(201);
    expect(response.body).toMatchObject({ type: { id: 'subtask' }, direction: 'inward' });
  },
);

test.each(['depends', 'subtask', 'epic', 'parent', 'clone', 'original', '', 'blocks'])(
  'POST links returns 400 for an unknown relationship (%s), lists the known ones and writes nothing',
  async (relationship) => {
    const org = await givenOrganisation(db());
    const [a, b] = await givenTwoIssues(org);
    const { body } = await as(org.admin).post(`/v2/issues/${a.key}/links`, { relationship, issue: b.key }).expect(400);
    expect(body.errorMessages[0]).toContain('Unrecognized value');
    expect(body.errorMessages[0]).toContain('is subtask for');
    expect(body.errorMessages[0]).not.toMatch(/, (clone|original)\b/);
    const { body: links } = await as(org.admin).get(`/v2/issues/${a.key}/links`);
    expect(links).toEqual([]);
  },
);

test('a link of a custom type has the English label as its relationship, which creates another such link', async () => {
  const org = await givenOrganisation(db());
  const [a, b] = await givenTwoIssues(org);
  await as(org.admin)
    .post('/v2/linktypes', { inward: { ru: 'Проверяет', en: 'Tests' }, outward: { ru: 'Проверена', en: 'Tested-By' } })
    .expect(201);

  const { body: link } = await as(org.admin).post(`/v2/issues/${a.key}/links`, { relationship: 'tests', issue: b.key });
  const { body: links } = await as(org.admin).get(`/v2/issues/${b.key}/links`).expect(200);

  expect([link.relationship, links[0].relationship]).toEqual(['tests', 'tested by']);
  await as(org.admin).delete(`/v2/issues/${a.key}/links/${link.id}`).expect(204);
  const again = { relationship: links[0].relationship, issue: a.key };
  expect((await as(org.admin).post(`/v2/issues/${b.key}/links`, again).expect(201)).body).toMatchObject({
    relationship: again.relationship,
  });
});

/** The relationship of the other end. */
function oppositeOf(type: string, relationship: string): string {
  const ends = RELATIONSHIPS.filter(([, id]) => id === type).map(([phrase]) => phrase);
  return ends.find((phrase) => phrase !== relationship) ?? relationship;
}

async function givenTwoIssues(org: GivenOrganisation) {
  const { key: queue } = await givenQueue(db(), org);
  return [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)] as const;
}
