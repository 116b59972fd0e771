import { beforeEach, expect, test } from '@jest/globals';
import { writeTokenUses } from '../../src/core/tokens/token-uses.ts';
import { createToken, listTokens, replaceAccountToken, revokeToken } from '../../src/core/tokens/tokens.service.ts';
import { useApi } from '../support/api.ts';
import { type GivenOrganisation, givenApplication, givenOrganisation, givenUser } from '../support/builders.ts';
import { snapshot } from '../support/snapshot.ts';
import { countStatements } from '../support/statements.ts';

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;

beforeEach(async () => {
  await writeTokenUses(db());
  org = await givenOrganisation(db());
});

function read(headers: Record<string, string>) {
  return api().request.get('/v3/linktypes').set(headers);
}

function call(login: string, secret: string, { orgId } = org) {
  return api()
    .request.post(`/kanboard/${orgId}/jsonrpc.php`)
    .auth(login, secret)
    .send({ jsonrpc: '2.0', method: 'getTimezone', id: 1 });
}

/** The kinds of the tokens that were used. */
async function usedKinds({ orgId } = org): Promise<string[]> {
  const tokens = await listTokens(db(), orgId);
  return tokens.flatMap(({ kind, lastUsedAt }) => (lastUsedAt === null ? [] : [kind]));
}

test('the last use of every kind of token is recorded later, with one statement per organisation', async () => {
  const other = await givenOrganisation(db());
  const user = await givenUser(db(), org.orgId);
  const personal = await replaceAccountToken(db(), org.orgId, user.id, 'personal');
  const application = await givenApplication(db(), org);
  const elsewhere = await givenApplication(db(), other);
  const before = await snapshot(db());
  for (let time = 0; time < 2; time += 1) {
    await read(user.headers).expect(200);
    await call(user.login, personal).expect(200);
    await call(application.login, application.secret).expect(200);
    await call(elsewhere.login, elsewhere.secret, other).expect(200);
  }
  expect(await snapshot(db())).toEqual(before);

  expect(await countStatements(db(), () => writeTokenUses(db()))).toBe(2);
  // The administrator's token was not used.
  expect((await usedKinds()).sort()).toEqual(['application', 'oauth', 'personal']);
  expect(await usedKinds(other)).toEqual(['application']);
});

test('a token that is used all the time is written once a minute at most, by all servers together', async () => {
  await read(org.admin.headers).expect(200);
  await writeTokenUses(db());
  const before = await snapshot(db());
  expect(await countStatements(db(), () => writeTokenUses(db()))).toBe(0);
  await read(org.admin.headers).expect(200);
  await writeTokenUses(db());
  expect(await snapshot(db())).toEqual(before);

  const hour = `update tokens set last_used_at = now() - interval '1 hour' where org_id = $1`;
  await db().query({ name: '', text: hour, values: [org.orgId] });
  const since = Date.now() - 1_800_000;
  await read(org.admin.headers).expect(200);
  await writeTokenUses(db());
  const [token] = await listTokens(db(), org.orgId);
  expect(token?.lastUsedAt?.getTime()).toBeGreaterThan(since);
});

test('a refused request is no use of a token', async () => {
  const { id, token } = await createToken(db(), org.orgId, org.admin.id, { scopes: ['read'] });
  await revokeToken(db(), org.orgId, id);
  const application = await givenApplication(db(), org);
  const before = await snapshot(db());
  await read({ Authorization: `OAuth ${token}` }).expect(401);
  await read({ Authorization: `OAuth ${org.admin.token}`, 'X-Org-ID': 'another' }).expect(403);
  await call(application.login, org.admin.token).expect(401);
  expect(await countStatements(db(), () => writeTokenUses(db()))).toBe(0);
  expect(await snapshot(db())).toEqual(before);
});

test('uses that cannot be written are written the next time', async () => {
  await read(org.admin.headers).expect(200);
  const failing = { ...db(), execute: () => Promise.reject(new Error('The database is gone.')) };
  await expect(writeTokenUses(failing)).rejects.toThrow('gone');
  expect(await usedKinds()).toEqual([]);
  await writeTokenUses(db());
  expect(await usedKinds()).toEqual(['oauth']);
});
