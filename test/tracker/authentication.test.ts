import { request as sendRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createToken, revokeToken } from '../../src/core/tokens/tokens.service.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenOrganisation,
  type GivenUser,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { snapshot } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

const MISSING = texts.authorizationMissing.ru;
const SCHEME = texts.authorizationScheme.ru;
const UNKNOWN = texts.tokenUnknown.ru;
const OTHER_ORGANISATION = texts.organisationForbidden.ru;

/** GETs the links of an issue with these headers. */
async function read(headers: Record<string, string>, key = 'NONE-1') {
  const { status, body } = await api().request.get(`/v2/issues/${key}/links`).set(headers);
  return { status, body };
}

async function expectRejected(headers: Record<string, string>, status: number, message: string, key?: string) {
  const before = await snapshot(db());
  const response = await api()
    .request.get(`/v2/issues/${key ?? 'NONE-1'}/links`)
    .set(headers);
  expect(response.body).toEqual({ errors: {}, errorsData: {}, errorMessages: [message], statusCode: status });
  expect(response.status).toBe(status);
  expect(response.headers['www-authenticate']).toBe(status === 401 ? 'OAuth, Bearer' : undefined);
  expect(await snapshot(db())).toEqual(before);
}

async function givenIssueKey(org: GivenOrganisation): Promise<string> {
  return (await givenIssue(db(), org, (await givenQueue(db(), org)).key)).key;
}

test.each(['OAuth', 'oauth', 'OAUTH', 'Bearer', 'bearer', 'BEARER'])('the scheme %s is accepted', async (scheme) => {
  const org = await givenOrganisation(db());
  const key = await givenIssueKey(org);
  expect(await read({ Authorization: `${scheme} ${org.admin.token}` }, key)).toEqual({ status: 200, body: [] });
  expect(await read({ Authorization: `${scheme}   ${org.admin.token}` }, key)).toEqual({ status: 200, body: [] });
});

test('a request without a token returns 401', async () => {
  await expectRejected({}, 401, MISSING);
  await expectRejected({ Authorization: '' }, 401, MISSING);
  await expectRejected({ Authorization: 'OAuth' }, 401, MISSING);
  await expectRejected({ Authorization: 'Bearer ' }, 401, MISSING);
});

test.each(['Basic YWRtaW46YWRtaW4=', 'Token x', 'OAuth2 x', 'x'])(
  'the Authorization header %s has an unknown scheme and returns 401',
  async (header) => {
    await expectRejected({ Authorization: header }, 401, SCHEME);
  },
);

test('an unknown token returns 401', async () => {
  const { token } = (await givenOrganisation(db())).admin;
  for (const wrong of ['x', `${token}x`, token.slice(0, -1), token.toUpperCase(), `${token} ${token}`, "' or 1=1 --"]) {
    await expectRejected({ Authorization: `OAuth ${wrong}` }, 401, UNKNOWN);
  }
});

test('the stored hash of a token is not accepted as a token', async () => {
  await givenOrganisation(db());
  const [row] = await db().query<{ hash: string }>({
    name: '',
    text: `select encode(token_hash, 'hex') as hash from tokens limit 1`,
    values: [],
  });
  await expectRejected({ Authorization: `OAuth ${row?.hash}` }, 401, UNKNOWN);
});

test('a revoked token returns 401 at once', async () => {
  const { admin } = await givenOrganisation(db());
  expect((await read(admin.headers)).status).toBe(404);
  await db().query({
    name: '',
    text: 'update tokens set revoked_at = now() where user_id = $1',
    values: [admin.id],
  });
  await expectRejected(admin.headers, 401, texts.tokenRevoked.ru);
});

test('an expired token returns 401 at once', async () => {
  const { orgId, admin } = await givenOrganisation(db());
  const soon = await createToken(db(), orgId, admin.id, { scopes: ['read'], expiresAt: new Date(Date.now() + 60_000) });
  const late = await createToken(db(), orgId, admin.id, { scopes: ['read'], expiresAt: new Date() });
  expect((await read({ Authorization: `OAuth ${soon.token}` })).status).toBe(404);
  await expectRejected({ Authorization: `OAuth ${late.token}` }, 401, texts.tokenExpired.ru);
});

test('the token of a disabled user returns 401 at once', async () => {
  const { admin } = await givenOrganisation(db());
  await db().query({
    name: '',
    text: 'update users set is_active = false where user_id = $1',
    values: [admin.id],
  });
  await expectRejected(admin.headers, 401, texts.userDisabled.ru);
});

test('a token that is revoked while the body arrives returns 401, and nothing is written', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const { id, token } = await createToken(db(), org.orgId, org.admin.id, { scopes: ['read', 'write'] });
  const body = JSON.stringify({ queue, summary: 'Too late' });
  const others = async () => ({ ...(await snapshot(db(), org.orgId)), tokens: undefined });
  const before = await others();
  const request = sendRequest(`${api().url}/v2/issues`, {
    method: 'POST',
    headers: { Authorization: `OAuth ${token}`, 'Content-Length': body.length },
  });
  const status = new Promise<number | undefined>((resolve, reject) => {
    request.on('error', reject).on('response', (response) => resolve(response.resume().statusCode));
  });
  request.write(body.slice(0, 5));
  // Long enough for the headers to be read; if they are read later, the token is refused all the more.
  await sleep(200);
  await revokeToken(db(), org.orgId, id);
  request.end(body.slice(5));
  expect(await status).toBe(401);
  expect(await others()).toEqual(before);
});

test('the organisation can be given by id, by cloud id, by both or not at all', async () => {
  const org = await givenOrganisation(db());
  const key = await givenIssueKey(org);
  const Authorization = `OAuth ${org.admin.token}`;
  for (const names of [
    { 'X-Org-ID': org.orgId },
    { 'X-Cloud-Org-ID': org.cloudId },
    { 'X-Org-ID': org.orgId, 'X-Cloud-Org-ID': org.cloudId },
    { 'X-Org-ID': ` ${org.orgId} ` },
    { 'X-Org-ID': org.cloudId, 'X-Cloud-Org-ID': org.cloudId },
    {},
  ]) {
    expect(await read({ Authorization, ...names }, key)).toEqual({ status: 200, body: [] });
  }
});

test('an organisation header that is empty or "not provided" counts as absent', async () => {
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

test('X-Org-ID takes precedence over X-Cloud-Org-ID', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const key = await givenIssueKey(mine);
  const Authorization = `OAuth ${mine.admin.token}`;
  const right = { 'X-Org-ID': mine.orgId, 'X-Cloud-Org-ID': theirs.cloudId };
  expect(await read({ Authorization, ...right }, key)).toEqual({ status: 200, body: [] });
  const wrong = { 'X-Org-ID': theirs.orgId, 'X-Cloud-Org-ID': mine.cloudId };
  await expectRejected({ Authorization, ...wrong }, 403, OTHER_ORGANISATION, key);
});

test('the id of another organisation or of none returns 403', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const [myKey, theirKey] = [await givenIssueKey(mine), await givenIssueKey(theirs)];
  const Authorization = `OAuth ${mine.admin.token}`;
  for (const key of [myKey, theirKey]) {
    await expectRejected({ Authorization, 'X-Org-ID': theirs.orgId }, 403, OTHER_ORGANISATION, key);
    await expectRejected({ Authorization, 'X-Cloud-Org-ID': theirs.cloudId }, 403, OTHER_ORGANISATION, key);
    await expectRejected({ Authorization, 'X-Org-ID': 'no-such' }, 403, OTHER_ORGANISATION, key);
    await expectRejected({ Authorization, 'X-Org-ID': mine.cloudId }, 403, OTHER_ORGANISATION, key);
    const both = { 'X-Org-ID': theirs.cloudId, 'X-Cloud-Org-ID': theirs.cloudId };
    await expectRejected({ Authorization, ...both }, 403, OTHER_ORGANISATION, key);
  }
});

test('header names are case-insensitive', async () => {
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

test('a token value shared by two organisations acts in the one that the headers name', async () => {
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
  await expectRejected({ Authorization }, 403, texts.organisationAmbiguous.ru);
});

test('a token without the required scope returns 403', async () => {
  const { orgId, admin } = await givenOrganisation(db());
  const { token } = await createToken(db(), orgId, admin.id, { scopes: ['write'] });
  await expectRejected({ Authorization: `OAuth ${token}` }, 403, texts.scopeMissing('read').ru);
});

test('a write with a read-only token returns 403, names the missing scope and writes nothing', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const reader = await givenUser(db(), org.orgId, { scopes: ['read'] });
  const before = await snapshot(db());

  const link = { relationship: 'relates', issue: other.key };
  const { body } = await as(reader).post(`/v2/issues/${issue.key}/links`, link).expect(403);

  expect(body.errorMessages).toEqual([texts.scopeMissing('write').ru]);
  expect(await snapshot(db())).toEqual(before);
});

test('a demo token is accepted from this machine only', async () => {
  const org = await givenOrganisation(db());
  const key = await givenIssueKey(org);
  const { token } = await createToken(db(), org.orgId, org.admin.id, { scopes: ['read'], loopbackOnly: true });
  const Authorization = `OAuth ${token}`;
  const { host, port } = new URL(api().url);

  for (const Host of [host, `localhost:${port}`, `links.localhost:${port}`, `[::1]:${port}`, 'LOCALHOST']) {
    expect(await read({ Authorization, Host }, key)).toEqual({ status: 200, body: [] });
  }
  const message = texts.loopbackOnly.ru;
  for (const Host of ['links.example', 'localhost.example', '10.0.0.1', '127.0.0.1.links.example', '0.0.0.0']) {
    await expectRejected({ Authorization, Host }, 401, message, key);
  }
  for (const header of ['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Real-IP', 'Via']) {
    await expectRejected({ Authorization, [header]: '127.0.0.1' }, 401, message, key);
  }
  // Other tokens have no such restriction.
  expect(await read({ Authorization: `OAuth ${org.admin.token}`, Host: 'links.example' }, key)).toMatchObject({
    status: 200,
  });
});

test('a rejected token is not logged', async () => {
  await expectRejected({ Authorization: 'OAuth a-secret-word' }, 401, UNKNOWN);
  expect(api().log.join('')).toContain('"statusCode":401');
  expect(api().log.join('')).not.toContain('a-secret-word');
});

/** Sends header names as they are; the client of supertest changes their case. */
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
