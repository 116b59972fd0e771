import { expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type GivenUser, givenIssue, givenOrganisation, givenQueue, givenUser } from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { unchanged } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
const HELPDESK = { id: 'com.example.helpdesk', type: 'helpdesk', name: 'Our helpdesk' };

test('an administrator adds an application, which is listed, read and the origin of remote links', async () => {
  const org = await givenOrganisation(db());
  const member = await givenUser(db(), org.orgId);

  const { body, headers } = await as(org.admin).post('/v3/applications', HELPDESK).expect(201);

  expect(body).toEqual({ self: `${api().url}/v3/applications/${HELPDESK.id}`, ...HELPDESK });
  expect(headers['location']).toBe(body.self);
  expect((await as(member).get(`/v3/applications/${HELPDESK.id}`).expect(200)).body).toEqual(body);
  expect((await as(member).get('/v3/applications').expect(200)).body.at(-1)).toEqual(body);
  const issue = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  const remote = { relationship: 'RELATES', key: 'ticket 7', origin: HELPDESK.id };
  const link = await as(member).post(`/v3/issues/${issue.key}/remotelinks`, remote).expect(201);
  expect(link.body.object.application).toEqual(body);
});

test('an application belongs to its organisation', async () => {
  const [org, other] = [await givenOrganisation(db()), await givenOrganisation(db())];
  await as(org.admin).post('/v3/applications', HELPDESK).expect(201);
  await as(other.admin).get(`/v3/applications/${HELPDESK.id}`).expect(404);
  await as(other.admin).post('/v3/applications', HELPDESK).expect(201);
});

test('an application is refused to others, with a taken id and with invalid members, and nothing is written', async () => {
  const org = await givenOrganisation(db());
  const manager = await givenUser(db(), org.orgId, { role: 'manager', scopes: ['read', 'write', 'admin'] });
  await unchanged(db(), async () => {
    await as(manager).post('/v3/applications', HELPDESK).expect(403);
    await as(org.admin)
      .post('/v3/applications', { ...HELPDESK, id: 'com.github' })
      .expect(409);
    for (const id of ['', 'a b', '-a', 'x'.repeat(101)]) {
      await as(org.admin)
        .post('/v3/applications', { ...HELPDESK, id })
        .expect(400);
    }
    await as(org.admin)
      .post('/v3/applications', { ...HELPDESK, name: '' })
      .expect(400);
    await as(org.admin).post('/v3/applications', { id: 'a', type: 'b' }).expect(422);
    await as(org.admin)
      .post('/v3/applications', { ...HELPDESK, url: 'x' })
      .expect(422);
  });
});
