import { request as sendRequest } from 'node:http';
import { expect, test } from '@jest/globals';
import { createToken } from '../../src/core/tokens/tokens.service.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { type GivenOrganisation, givenIssue, givenOrganisation, givenQueue, givenUser } from '../support/builders.ts';
import { snapshot } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;

const MISSING = texts.authorizationMissing.ru;
const SCHEME = texts.authorizationScheme.ru;
const UNKNOWN = texts.tokenUnknown.ru;
const OTHER_ORGANISATION = texts.organisationForbidden.ru;

/** Sends a GET of an issue's links with these headers, and answers its status and body. */
async function read(headers: Record<string, string>, key = 'NONE-1') {
  const { status, body } = await api().request.get(`/v2/issues/${key}/links`).set(headers);
  return { status, body };
}

async function expectRefusal(headers: Record<string, string>, status: number, sentence: string, key?: string) {
  const before = await snapshot(db());
  const response = await api()
    .request.get(`/v2/issues/${key ?? 'NONE-1'}/links`)
    .set(headers);
  expect(response.body).toEqual({ errors: {}, errorsData: {}, errorMessages: [sentence], statusCode: status });
  expect(response.status).toBe(status);
  expect(response.headers['www-authenticate']).toBe(status === 401 ? 'OAuth, Bearer' : undefined);
  expect(await snapshot(db())).toEqual(before);
}

async function givenIssueKey(org: GivenOrganisation): Promise<string> {
  return (await givenIssue(db(), org, await givenQueue(db(), org))).key;
}

test.each(['OAuth', 'oauth', 'OAUTH', 'Bearer', 'bearer', 'BEARER'])('the scheme may be written %s', async (scheme) => {
  const org = await givenOrganisation(db());
  const key = await givenIssueKey(org);
  expect(await read({ Authorization: `${scheme} ${org.admin.token}` }, key)).toEqual({ status: 200, body: [] });
  expect(await read({ Authorization: `${scheme}   ${org.admin.token}` }, key)).toEqual({ status: 200, body: [] });
});

test('a request without a token is 401', async () => {
  await expectRefusal({}, 401, MISSING);
  await expectRefusal({ Authorization: '' }, 401, MISSING);
  await expectRefusal({ Authorization: 'OAuth' }, 401, MISSING);
  await expectRefusal({ Authorization: 'Bearer ' }, 401, MISSING);
});

test.each(['Basic YWRtaW46YWRtaW4=', 'Token x', 'OAuth2 x', 'x'])('%s is not a scheme, and 401', async (header) => {
  await expectRefusal({ Authorization: header }, 401, SCHEME);
});

test('a token that nobody has is 401, whatever it looks like', async () => {
  const { token } = (await givenOrganisation(db())).admin;
  for (const wrong of ['x', `${token}x`, token.slice(0, -1), token.toUpperCase(), `${token} ${token}`, "' or 1=1 --"]) {
    await expectRefusal({ Authorization: `OAuth ${wrong}` }, 401, UNKNOWN);
  }
});

test('the hash of a token is not the token', async () => {
  await givenOrganisation(db());
  const [row] = await db().query<{ hash: string }>({
    name: 'hash',
    text: `select encode(token_hash, 'hex') as hash from tokens limit 1`,
    values: [],
  });
  await expectRefusal({ Authorization: `OAuth ${row?.hash}` }, 401, UNKNOWN);
});

test('a revoked token is 401 at once', async () => {
  const { admin } = await givenOrganisation(db());
  expect((await read(admin.headers)).status).toBe(404);
  await db().query({
    name: 'revoke',
    text: 'update tokens set revoked_at = now() where user_id = $1',
    values: [admin.id],
  });
  await expectRefusal(admin.headers, 401, texts.tokenRevoked.ru);
});

test('an expired token is 401 at once', async () => {
  const { orgId, admin } = await givenOrganisation(db());
  const soon = await createToken(db(), orgId, admin.id, { scopes: ['read'], expiresAt: new Date(Date.now() + 60_000) });
  const late = await createToken(db(), orgId, admin.id, { scopes: ['read'], expiresAt: new Date() });
  expect((await read({ Authorization: `OAuth ${soon.token}` })).status).toBe(404);
  await expectRefusal({ Authorization: `OAuth ${late.token}` }, 401, texts.tokenExpired.ru);
});

test('the token of a disabled user is 401 at once', async () => {
  const { admin } = await givenOrganisation(db());
  await db().query({
    name: 'disable',
    text: 'update users set is_active = false where user_id = $1',
    values: [admin.id],
  });
  await expectRefusal(admin.headers, 401, texts.userDisabled.ru);
});

test('the organisation may be named by its id, its cloud id, both, or not at all', async () => {
  const org = await givenOrganisation(db());
  const key = await givenIssueKey(org);
  const Authorization = `OAuth ${org.admin.token}`;
  for (const names of [
    { 'X-Org-ID': org.orgId },
    { 'X-Cloud-Org-ID': org.cloudId },
    { 'X-Org-ID': org.orgId, 'X-Cloud-Org-ID': org.cloudId },
    { 'X-Org-ID': ` ${org.orgId} ` },
    {},
  ]) {
    expect(await read({ Authorization, ...names }, key)).toEqual({ status: 200, body: [] });
  }
});

test('the words "not provided" and an empty header count as absent', async () => {
  const org = await givenOrganisation(db());
  const key = await givenIssueKey(org);
  const Authorization = `OAuth ${org.admin.token}`;
  for (const absent of ['not provided', 'Not Provided', '']) {
    for (const cloudId of [org.cloudId, absent]) {
      const names = { 'X-Org-ID': absent, 'X-Cloud-Org-ID': cloudId };
      expect(await read({ Authorization, ...names }, key)).toEqual({ status: 200, body: [] });
    }
  }
});

test('of two organisations that are named, the one in X-Org-ID is meant', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const key = await givenIssueKey(mine);
  const Authorization = `OAuth ${mine.admin.token}`;
  const right = { 'X-Org-ID': mine.orgId, 'X-Cloud-Org-ID': theirs.cloudId };
  expect(await read({ Authorization, ...right }, key)).toEqual({ status: 200, body: [] });
  const wrong = { 'X-Org-ID': theirs.orgId, 'X-Cloud-Org-ID': mine.cloudId };
  await expectRefusal({ Authorization, ...wrong }, 403, OTHER_ORGANISATION, key);
});

test("another organisation's name is 403, and so is the name of none", async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const [myKey, theirKey] = [await givenIssueKey(mine), await givenIssueKey(theirs)];
  const Authorization = `OAuth ${mine.admin.token}`;
  for (const key of [myKey, theirKey]) {
    await expectRefusal({ Authorization, 'X-Org-ID': theirs.orgId }, 403, OTHER_ORGANISATION, key);
    await expectRefusal({ Authorization, 'X-Cloud-Org-ID': theirs.cloudId }, 403, OTHER_ORGANISATION, key);
    await expectRefusal({ Authorization, 'X-Org-ID': 'no-such' }, 403, OTHER_ORGANISATION, key);
    await expectRefusal({ Authorization, 'X-Org-ID': mine.cloudId }, 403, OTHER_ORGANISATION, key);
  }
});

test('header names may be written in any case', async () => {
  const org = await givenOrganisation(db());
  const key = await givenIssueKey(org);
  for (const spell of [(name: string) => name.toUpperCase(), (name: string) => name.toLowerCase()]) {
    const headers = {
      [spell('Authorization')]: `OAuth ${org.admin.token}`,
      [spell('X-Org-Id')]: 'not provided',
      [spell('X-Cloud-Org-Id')]: org.cloudId,
    };
    expect(await statusOf(`/v2/issues/${key}/links`, headers)).toBe(200);
    headers[spell('X-Cloud-Org-Id')] = 'no-such';
    expect(await statusOf(`/v2/issues/${key}/links`, headers)).toBe(403);
  }
});

test('a token value that two organisations took over acts in the one that is named', async () => {
  const orgs = [await givenOrganisation(db()), await givenOrganisation(db())] as const;
  const value = `shared-${orgs[0].orgId}`;
  for (const { orgId, admin } of orgs) await createToken(db(), orgId, admin.id, { scopes: ['read'], value });
  const Authorization = `OAuth ${value}`;

  for (const org of orgs) {
    const key = await givenIssueKey(org);
    expect(await read({ Authorization, 'X-Org-ID': org.orgId }, key)).toEqual({ status: 200, body: [] });
    expect(await read({ Authorization, 'X-Cloud-Org-ID': org.cloudId }, key)).toEqual({ status: 200, body: [] });
    const [other] = orgs.filter((candidate) => candidate !== org);
    expect((await read({ Authorization, 'X-Org-ID': other?.orgId ?? '' }, key)).status).toBe(404);
  }
  const several = texts.organisationAmbiguous.ru;
  await expectRefusal({ Authorization }, 403, several);
});

test('a scope that the token lacks is 403', async () => {
  const { orgId, admin } = await givenOrganisation(db());
  const { token } = await createToken(db(), orgId, admin.id, { scopes: ['write'] });
  await expectRefusal({ Authorization: `OAuth ${token}` }, 403, texts.scopeMissing('read').ru);
});

test('a token for reading writes nothing, and says what it lacks', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const reader = await givenUser(db(), org.orgId, { scopes: ['read'] });
  const before = await snapshot(db());

  const link = { relationship: 'relates', issue: other.key };
  const { body } = await api().request.post(`/v2/issues/${issue.key}/links`).set(reader.headers).send(link).expect(403);

  expect(body.errorMessages).toEqual([texts.scopeMissing('write').ru]);
  expect(await snapshot(db())).toEqual(before);
});

test('a demo token answers requests of this machine alone', async () => {
  const org = await givenOrganisation(db());
  const key = await givenIssueKey(org);
  const { token } = await createToken(db(), org.orgId, org.admin.id, { scopes: ['read'], loopbackOnly: true });
  const Authorization = `OAuth ${token}`;
  const { host, port } = new URL(api().url);

  for (const Host of [host, `localhost:${port}`, `links.localhost:${port}`, `[::1]:${port}`, 'LOCALHOST']) {
    expect(await read({ Authorization, Host }, key)).toEqual({ status: 200, body: [] });
  }
  const refused = texts.loopbackOnly.ru;
  for (const Host of ['links.example', 'localhost.example', '10.0.0.1', '127.0.0.1.links.example', '0.0.0.0']) {
    await expectRefusal({ Authorization, Host }, 401, refused, key);
  }
  for (const header of ['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Real-IP', 'Via']) {
    await expectRefusal({ Authorization, [header]: '127.0.0.1' }, 401, refused, key);
  }
  // What holds for the demo's credentials holds for no others.
  expect(await read({ Authorization: `OAuth ${org.admin.token}`, Host: 'links.example' }, key)).toMatchObject({
    status: 200,
  });
});

test('nothing of a refused token is in the log', async () => {
  await expectRefusal({ Authorization: 'OAuth a-secret-word' }, 401, UNKNOWN);
  expect(api().log.join('')).toContain('"statusCode":401');
  expect(api().log.join('')).not.toContain('a-secret-word');
});

/** Names of headers as they stand; supertest's own client changes them. */
async function statusOf(path: string, headers: Record<string, string>): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    sendRequest(`${api().url}${path}`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .once('error', reject)
      .end();
  });
}
