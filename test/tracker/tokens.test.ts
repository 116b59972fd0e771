import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Response } from 'supertest';
import { writeTokenUses } from '../../src/core/tokens/token-uses.ts';
import {
  createToken,
  createTokenWithin,
  listTokens,
  revokeToken,
  rotateToken,
  type TokenOptions,
} from '../../src/core/tokens/tokens.service.ts';
import { getUserId } from '../../src/core/users/users.service.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenOrganisation,
  type GivenUser,
  givenAccount,
  givenApplication,
  givenOrganisation,
  givenUser,
} from '../support/builders.ts';
import { type Rest, restAs } from '../support/rest.ts';
import { unchanged } from '../support/snapshot.ts';
import { untilWaiting } from '../support/statements.ts';

const api = useApi();
const db = () => api().database.db;
const HOUR_MS = 3_600_000;
let org: GivenOrganisation;
let clerk: GivenUser;
let rest: Rest;

beforeAll(async () => {
  org = await givenOrganisation(db(), { language: 'en' });
  clerk = await givenUser(db(), org.orgId, { display: 'Clerk' });
  rest = restAs(api(), org.admin);
});

const inHours = (hours: number) => new Date(Date.now() + hours * HOUR_MS);
const asSent = (date: Date) => date.toISOString().replace('Z', '+0000');
const statusOf = async (token: string, headers: Record<string, string> = {}) =>
  (
    await api()
      .request.get('/v3/myself')
      .set({ Authorization: `OAuth ${token}`, ...headers })
  ).status;

/** The REST API as the administrator with another token. */
async function restWith(options: TokenOptions): Promise<Rest> {
  const { token } = await createToken(db(), org.orgId, org.admin.id, options);
  return restAs(api(), { headers: { Authorization: `OAuth ${token}`, 'X-Org-ID': org.orgId } });
}

interface Entry {
  readonly audit?: true;
  readonly action: string;
}

const audited = (action: string) =>
  api()
    .log.map((line) => JSON.parse(line) as Entry)
    .filter((entry) => entry.audit && entry.action === action);

test('a token is created, shown once, listed, and revoked as often as requested', async () => {
  const expiresAt = inHours(48);
  const body = { user: clerk.login, scopes: ['read', 'write', 'read'], expiresAt: asSent(expiresAt) };
  const created = await rest.post('/v3/tokens', body).expect(201);
  const { token, ...shown } = created.body;
  expect(token).toMatch(/^ilt_[\w-]{43}$/);
  expect(created.headers).toMatchObject({ 'cache-control': 'no-store', location: shown.self });
  expect(shown).toEqual({
    self: `${api().url}/v3/tokens/${shown.id}`,
    id: shown.id,
    user: { self: expect.stringContaining('/v3/users/'), id: expect.any(String), display: 'Clerk' },
    kind: 'oauth',
    scopes: ['read', 'write'],
    state: 'good',
    createdAt: expect.any(String),
    expiresAt: asSent(expiresAt),
  });
  const path = `/v3/tokens/${shown.id}`;
  expect((await rest.get(path).expect(200)).body).toEqual(shown);
  expect(await statusOf(token)).toBe(200);
  await writeTokenUses(db());

  const listed = (await rest.get(`/v3/tokens?user=${clerk.login}`).expect(200)).body;
  expect(listed[0]).toEqual({ ...shown, lastUsedAt: expect.any(String) });
  expect((await rest.get(`/v3/tokens?user=${shown.user.id}`).expect(200)).body).toEqual(listed);
  await rest.delete(path).expect(204);
  expect(await statusOf(token)).toBe(401);
  await unchanged(db(), async () => {
    await rest.delete(path).expect(204);
  });
  expect((await rest.get(path).expect(200)).body.state).toBe('revoked');

  expect(audited('createToken')).toMatchObject([
    {
      outcome: 'done',
      on: { tokenId: shown.id, user: clerk.login, scopes: 'read,write', expiresAt: body.expiresAt },
    },
  ]);
  expect(audited('revokeToken')).toMatchObject([
    { outcome: 'done', on: { tokenId: String(shown.id) } },
    { outcome: 'done', on: { tokenId: String(shown.id) } },
  ]);
  expect([audited('listTokens'), audited('getToken')]).toEqual([[], []]);
  expect(api().log.join('')).not.toContain(token);
});

test('pages of tokens begin with the latest, hold every kind, and no value', async () => {
  const other = await givenOrganisation(db());
  const { admin } = other;
  const application = await givenApplication(db(), other);
  await givenAccount(db(), other);
  const all = await listTokens(db(), other.orgId);
  const seen: { id: number; kind: string }[] = [];
  let next: string | undefined = '/v3/tokens?perPage=2';
  while (next !== undefined) {
    const { body, headers, text }: Response = await restAs(api(), admin).get(next).expect(200);
    expect(body.length).toBeLessThanOrEqual(2);
    expect([admin.token, application.secret].filter((secret) => text.includes(secret))).toEqual([]);
    seen.push(...body);
    next = /<http:\/\/[^/]+([^>]+)>; rel="next"/.exec(String(headers['link']))?.[1];
  }
  expect(seen.map(({ id, kind }) => [id, kind])).toEqual(all.map(({ id, kind }) => [id, kind]).reverse());
  expect(new Set(seen.map(({ kind }) => kind))).toEqual(new Set(['oauth', 'application', 'personal']));
  expect((await restAs(api(), admin).get('/v3/tokens?user=nobody').expect(200)).body).toEqual([]);
});

test('a token that is replaced expires at once or at a given time, and its successor has its user, scopes and lifetime', async () => {
  const old = await createToken(db(), org.orgId, clerk.id, { scopes: ['read'], expiresAt: inHours(2) });
  const path = `/v3/tokens/${old.id}/_rotate`;
  const oldExpiresAt = asSent(inHours(1));
  const { body, headers } = await rest.post(path, { oldExpiresAt }).expect(201);
  expect(body).toMatchObject({ scopes: ['read'], state: 'good', user: { display: 'Clerk' } });
  const lifetime = Date.parse(body.expiresAt) - Date.parse(body.createdAt);
  expect(Math.abs(lifetime - 2 * HOUR_MS)).toBeLessThan(HOUR_MS / 2);
  expect(headers).toMatchObject({ 'cache-control': 'no-store', location: `${api().url}/v3/tokens/${body.id}` });
  expect((await rest.get(`/v3/tokens/${old.id}`).expect(200)).body).toMatchObject({ expiresAt: oldExpiresAt });
  expect([await statusOf(old.token), await statusOf(body.token)]).toEqual([200, 200]);
  expect(audited('rotateToken')).toMatchObject([
    {
      outcome: 'done',
      on: {
        tokenId: String(old.id),
        newTokenId: body.id,
        user: clerk.login,
        scopes: 'read',
        expiresAt: body.expiresAt,
        oldExpiresAt,
      },
    },
  ]);
  expect(api().log.join('')).not.toContain(body.token);

  await rest.post(path).expect(201);
  expect(await statusOf(old.token)).toBe(401);
});

test('a token can replace itself, but not prolong itself', async () => {
  const { id, token } = await createToken(db(), org.orgId, org.admin.id, { scopes: ['read', 'admin'] });
  const own = restAs(api(), { headers: { Authorization: `OAuth ${token}`, 'X-Org-ID': org.orgId } });
  const { body } = await own.post(`/v3/tokens/${id}/_rotate`, {}).expect(201);
  expect(body).not.toHaveProperty('expiresAt');
  expect([await statusOf(token), await statusOf(body.token)]).toEqual([401, 200]);

  const expiresAt = inHours(1);
  const brief = await createToken(db(), org.orgId, org.admin.id, { scopes: ['read', 'admin'], expiresAt });
  const headers = { Authorization: `OAuth ${brief.token}`, 'X-Org-ID': org.orgId };
  const successor = await restAs(api(), { headers }).post(`/v3/tokens/${brief.id}/_rotate`).expect(201);
  expect(successor.body.expiresAt).toBe(asSent(expiresAt));
});

test('a new token never exceeds the one that creates it, whether it replaces another or not', async () => {
  const expiresAt = inHours(1);
  const limited = await restWith({ scopes: ['read', 'admin'], expiresAt, loopbackOnly: true });
  const wide = await createToken(db(), org.orgId, clerk.id, { scopes: ['read', 'write'] });
  const narrow = await createToken(db(), org.orgId, clerk.id, { scopes: ['read'] });
  await unchanged(db(), async () => {
    for (const [path, body] of [
      ['/v3/tokens', { user: clerk.login, scopes: ['read', 'write'] }],
      [`/v3/tokens/${wide.id}/_rotate`, {}],
    ] as const) {
      const refused = await limited.post(path, body).expect(403);
      expect(refused.body.errorMessages).toEqual([texts.scopeMissing('write').en]);
    }
  });
  const later = { user: clerk.login, scopes: ['read'], expiresAt: asSent(inHours(9)) };
  for (const [path, body, scopes] of [
    ['/v3/tokens', { user: clerk.login }, ['read', 'admin']],
    ['/v3/tokens', later, ['read']],
    [`/v3/tokens/${narrow.id}/_rotate`, {}, ['read']],
  ] as const) {
    const created = (await limited.post(path, body).expect(201)).body;
    expect(created).toMatchObject({ expiresAt: asSent(expiresAt), scopes });
    expect(await statusOf(created.token)).toBe(200);
    expect(await statusOf(created.token, { Host: 'links.example' })).toBe(401);
  }
});

describe('nothing is written', () => {
  test('for an Idempotency-Key, which is refused by name', async () => {
    const { id } = await createToken(db(), org.orgId, clerk.id, { scopes: ['read'] });
    await unchanged(db(), async () => {
      for (const path of ['/v3/tokens', '/v2/tokens', `/v3/tokens/${id}/_rotate`]) {
        const { body } = await rest.post(path, { user: clerk.login }).set('Idempotency-Key', randomUUID()).expect(400);
        expect(body).toMatchObject({
          errors: { 'Idempotency-Key': texts.idempotencyKeyRefused.en },
          errorsData: { code: 'not_supported' },
        });
      }
    });
  });

  test('for users who cannot have a token, and for invalid members', async () => {
    const elsewhere = await givenOrganisation(db());
    const application = await givenApplication(db(), org);
    const namesakes = [await givenUser(db(), org.orgId, { display: 'Two' })];
    namesakes.push(await givenUser(db(), org.orgId, { display: 'Two' }));
    const user = clerk.login;
    const past = asSent(inHours(-1));
    await unchanged(db(), async () => {
      for (const [body, status, field] of [
        [{ user: 'nobody' }, 422, 'user'],
        [{ user: elsewhere.admin.login }, 422, 'user'],
        [{ user: application.login }, 422, 'user'],
        [{ user: { name: 'Two' } }, 422, 'user'],
        [{ scopes: ['read'] }, 422, 'user'],
        [{ user, token: 'mine' }, 422, 'token'],
        [{ user, scopes: [] }, 400, 'scopes'],
        [{ user, scopes: ['root'] }, 400, 'scopes.0'],
        [{ user, expiresAt: 'tomorrow' }, 400, 'expiresAt'],
        [{ user, expiresAt: past }, 400, 'expiresAt'],
        [{ user, expiresAt: '9999-12-31T23:59:59-14:00' }, 400, 'expiresAt'],
      ] as const) {
        const refused = await rest.post('/v3/tokens', body);
        expect([body, refused.status, Object.keys(refused.body.errors)]).toEqual([body, status, [field]]);
      }
    });
  });

  test('for a token that is revoked or expired, though the cache may show it as valid', async () => {
    const scopes = ['read'] as const;
    const { id: good } = await createToken(db(), org.orgId, clerk.id, { scopes });
    const { id: expired } = await createToken(db(), org.orgId, clerk.id, { scopes, expiresAt: inHours(-1) });
    const { id: revoked } = await createToken(db(), org.orgId, clerk.id, { scopes });
    const create = (tokenId: number) => createTokenWithin(db(), org.orgId, { tokenId, userId: clerk.id, scopes });
    const before = await listTokens(db(), org.orgId);
    const concurrent = await db().transaction(async (transaction) => {
      await revokeToken(transaction, org.orgId, revoked);
      const creation = Promise.allSettled([create(revoked)]);
      await untilWaiting(db(), 1);
      return { creation };
    });
    const unauthenticated = { code: 'unauthenticated' };
    expect(await concurrent.creation).toEqual([
      { status: 'rejected', reason: expect.objectContaining(unauthenticated) },
    ]);
    expect(await listTokens(db(), org.orgId)).toHaveLength(before.length);
    await unchanged(db(), async () => {
      for (const within of [expired, revoked]) {
        await expect(create(within)).rejects.toMatchObject(unauthenticated);
        const rotation = rotateToken(db(), org.orgId, good, { expiresAt: inHours(1), within });
        await expect(rotation).rejects.toMatchObject(unauthenticated);
      }
    });
  });

  test('for all but one of several rotations at once', async () => {
    const { id } = await createToken(db(), org.orgId, clerk.id, { scopes: ['read'] });
    const rotations = await Promise.all([1, 2, 3, 4].map(() => rest.post(`/v3/tokens/${id}/_rotate`)));
    expect(rotations.map(({ status }) => status).sort()).toEqual([201, 422, 422, 422]);
    const [rotated] = rotations.filter(({ status }) => status === 201);
    expect(rotated?.body).toMatchObject({ state: 'good' });
    expect(rotated?.body).not.toHaveProperty('expiresAt');
  });

  test('for tokens that cannot be replaced or are not there', async () => {
    const { login } = await givenApplication(db(), org);
    const applicationId = await getUserId(db(), org.orgId, login);
    const ofApplication = await createToken(db(), org.orgId, applicationId, { scopes: ['read'] });
    const expired = await createToken(db(), org.orgId, clerk.id, { scopes: ['read'], expiresAt: inHours(-1) });
    const password = (await listTokens(db(), org.orgId)).find(({ kind }) => kind === 'application');
    const good = await createToken(db(), org.orgId, clerk.id, { scopes: ['read'] });
    const elsewhere = await givenOrganisation(db());
    const theirs = await createToken(db(), elsewhere.orgId, elsewhere.admin.id, { scopes: ['read'] });
    await unchanged(db(), async () => {
      for (const id of [ofApplication.id, expired.id, password?.id ?? 0]) {
        const { body } = await rest.post(`/v3/tokens/${id}/_rotate`).expect(422);
        expect(body.errorMessages).toEqual([texts.tokenNotReplaceable(String(id)).en]);
      }
      await rest.post(`/v3/tokens/${good.id}/_rotate`, { oldExpiresAt: asSent(inHours(-1)) }).expect(400);
      await rest.get('/v3/tokens?perPage=0').expect(400);
      await rest.post(`/v3/tokens/${good.id}/_rotate`, { expiresAt: asSent(inHours(1)) }).expect(422);
      for (const id of [theirs.id, 999_999_999, 0, 'x']) {
        await rest.get(`/v3/tokens/${id}`).expect(404);
        await rest.delete(`/v3/tokens/${id}`).expect(404);
        await rest.post(`/v3/tokens/${id}/_rotate`).expect(404);
      }
    });
  });
});
