import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenUser,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { listEvents } from '../support/issues.ts';
import { restAs } from '../support/rest.ts';
import { snapshot } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

test('DELETE issue removes the issue and its links, and records events on the other ends', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const [issue, other, third] = [
    await givenIssue(db(), org, queue, { summary: 'Deleted' }),
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue),
  ];
  const first = await givenLink(db(), org, 'subtask', issue, other);
  const second = await givenLink(db(), org, 'relates', third, issue);
  const kept = await givenLink(db(), org, 'relates', third, other);

  const response = await as(org.admin).delete(`/v2/issues/${issue.key}`).expect(204);

  expect(response.text).toBe('');
  await as(org.admin).get(`/v2/issues/${issue.key}`).expect(404);
  await as(org.admin).delete(`/v2/issues/${issue.key}`).expect(404);
  expect((await as(org.admin).get(`/v2/issues/${other.key}/links`)).body).toMatchObject([{ id: kept }]);
  const unlinked = (link_id: number, link_type_id: string, direction: string) => [
    {
      type: 'IssueUnlinked',
      changes: { links: [{ from: { link_id, link_type_id, direction, object_id: issue.id }, to: null }] },
    },
  ];
  expect(await listEvents(db(), org, other.id)).toEqual(unlinked(first, 'subtask', 'outward'));
  expect(await listEvents(db(), org, third.id)).toEqual(unlinked(second, 'relates', 'inward'));
  expect(await listEvents(db(), org, issue.id)).toEqual([
    {
      type: 'IssueDeleted',
      changes: {
        fields: [
          { field: 'key', from: issue.key, to: null },
          { field: 'summary', from: 'Deleted', to: null },
        ],
      },
    },
  ]);
  expect((await as(org.admin).post('/v2/issues', { summary: 'Next', queue }).expect(201)).body.key).toBe(`${queue}-4`);
});

test('DELETE issue returns 403 without the role admin or the scope write', async () => {
  const org = await givenOrganisation(db());
  const manager = await givenUser(db(), org.orgId, { role: 'manager' });
  const readOnlyAdmin = await givenUser(db(), org.orgId, { role: 'admin', scopes: ['read'] });
  const { key } = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  const before = await snapshot(db());

  const { body } = await as(manager).delete(`/v2/issues/${key}`).expect(403);
  expect(body.errorMessages).toEqual([texts.administratorsOnly.ru]);
  await as(readOnlyAdmin).delete(`/v2/issues/${key}`).expect(403);

  expect(await snapshot(db())).toEqual(before);
});

test('a link created while its issue is being deleted is removed with it or rejected', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  for (let round = 0; round < 5; round += 1) {
    const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
    const linkBody = { relationship: 'relates', issue: issue.key };
    const [removed, link, child] = await Promise.all([
      as(org.admin).delete(`/v2/issues/${issue.key}`),
      as(org.admin).post(`/v2/issues/${other.key}/links`, linkBody),
      as(org.admin).post('/v2/issues', { queue, summary: 'Child', parent: issue.key }),
    ]);
    expect(removed.status).toBe(204);
    expect([201, 404]).toContain(link.status);
    expect([201, 422]).toContain(child.status);
    expect((await as(org.admin).get(`/v2/issues/${other.key}/links`)).body).toEqual([]);
    const types = (await listEvents(db(), org, other.id)).map(({ type }) => type);
    expect(types).toEqual(link.status === 201 ? ['IssueLinked', 'IssueUnlinked'] : []);
  }
});
