import { randomUUID } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Profile } from '../../src/core/organisations/defaults.ts';
import { APPLICATION_LOGIN, createOrganisation } from '../../src/core/organisations/organisations.service.ts';
import { createToken, listTokens, replaceAccountToken, revokeToken } from '../../src/core/tokens/tokens.service.ts';
import { hashPassword } from '../../src/core/users/password-hash.ts';
import { createUser, getUserId, type NewUser } from '../../src/core/users/users.service.ts';
import { type Api, useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenOrganisation,
  givenAccount,
  givenApplication,
  givenCheapHash,
  givenOrganisation,
  givenUser,
} from '../support/builders.ts';
import { contents, snapshot } from '../support/snapshot.ts';
import { countStatements } from '../support/statements.ts';

/** Credentials of the Kanboard API, and the organisation they belong to (Kanboard contract, section 2). */

const HEADER = 'X-API-Auth';
const api = useApi();
const withHeader = useApi({ kanboardAuthHeader: HEADER }, () => Promise.resolve(api().database.connection));
const db = () => api().database.db;
let org: GivenOrganisation;

beforeAll(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
});

const GET_TIMEZONE = { jsonrpc: '2.0', method: 'getTimezone', id: 1 };

function base64(login: string, secret: string) {
  return Buffer.from(`${login}:${secret}`).toString('base64');
}

/** Returns the status of a call with these headers, and checks that a 401 has its fixed body and headers. */
async function statusOf(headers: Record<string, string>, { orgId = org.orgId, at = api() } = {}): Promise<number> {
  return await statusAt(`/kanboard/${orgId}/jsonrpc.php`, headers, at);
}

async function statusAt(path: string, headers: Record<string, string>, at: Api = api()): Promise<number> {
  const response = await at.request.post(path).set(headers).send(GET_TIMEZONE);
  if (response.status === 200) {
    expect(response.text).toBe('{"jsonrpc":"2.0","result":"UTC","id":1}');
  } else {
    expect(response.text).toBe('{"jsonrpc":"2.0","error":{"code":401,"message":"Unauthorized"},"id":null}');
    expect(response.headers['www-authenticate']).toBe('Basic realm="JsonRPC"');
    expect(response.headers['content-type']).toBe('application/json');
  }
  return response.status;
}

function basic(login: string, secret: string) {
  return { Authorization: `Basic ${base64(login, secret)}` };
}

async function signIn({ orgId, login }: { orgId: string; login: string }, secret: string): Promise<number> {
  return await statusOf(basic(login, secret), { orgId });
}

/** A user with a password, and no token. Its hash costs little to compare. */
async function givenPassword(password: string, more: Partial<NewUser> = {}, orgId = org.orgId) {
  const user = await createUserWith(more, orgId);
  await givenCheapHash(db(), user.id, password);
  return { ...user, secret: password };
}

/** The same, hashed as in production. */
async function givenHashedPassword(password: string) {
  return { ...(await createUserWith({ password }, org.orgId)), secret: password };
}

async function createUserWith(properties: Partial<NewUser>, orgId: string) {
  const { login = `user-${randomUUID()}` } = properties;
  const id = await createUser(db(), orgId, { role: 'member', ...properties, login });
  return { id, orgId, login };
}

async function update(table: 'users' | 'tokens', change: string, userId: number) {
  await db().query({ name: '', text: `update ${table} set ${change} where user_id = $1`, values: [userId] });
}

/** The most wrong passwords in a row from one address, and how long a lock lasts. */
async function lockOf({ orgId, login }: { orgId: string; login: string }) {
  const [row] = await db().query<{ failed_logins: number; minutes: number | null }>({
    name: '',
    text: `
      select coalesce(max(failures), 0) as failed_logins,
        round(extract(epoch from max(expires_at) filter (where failures >= 7) - now()) / 60)::integer as minutes
      from failed_logins where org_id = $1 and login_hash = sha256($2::text::bytea)`,
    values: [orgId, login],
  });
  return row;
}

/** Ends the lock, and forgets all failures, as time does. */
async function passTime({ orgId, login }: { orgId: string; login: string }) {
  await db().query({
    name: '',
    text: 'update failed_logins set expires_at = now() where org_id = $1 and login_hash = sha256($2::text::bytea)',
    values: [orgId, login],
  });
}

/** Everything but the counts of wrong passwords, which are kept for unknown and disabled logins too. */
async function data() {
  const { failed_logins: _counts, ...rest } = await snapshot(db());
  return rest;
}

describe('the application account', () => {
  let application: GivenAccount;
  beforeEach(async () => {
    application = await givenApplication(db(), org);
  });

  test('signs in only with its token', async () => {
    expect(await signIn(application, application.secret)).toBe(200);
    for (const secret of [
      '',
      'x',
      application.secret.toUpperCase(),
      `${application.secret} `,
      `:${application.secret}`,
    ]) {
      expect(await signIn(application, secret)).toBe(401);
    }
  });

  test('has a case-sensitive login', async () => {
    for (const login of ['JSONRPC', 'Jsonrpc', ' jsonrpc', 'admin', '']) {
      expect(await signIn({ ...application, login }, application.secret)).toBe(401);
    }
  });

  test('has one token: a new one replaces the old one', async () => {
    const next = await givenApplication(db(), org);
    expect(await signIn(application, application.secret)).toBe(401);
    expect(await signIn(next, next.secret)).toBe(200);
  });

  test('is never locked', async () => {
    for (let guess = 1; guess <= 10; guess += 1) expect(await signIn(application, `guess ${guess}`)).toBe(401);
    expect(await signIn(application, application.secret)).toBe(200);
  });

  test('has no password, and no personal token', async () => {
    const userId = await getUserId(db(), org.orgId, APPLICATION_LOGIN);
    await update('users', `password_hash = '${await hashPassword('password')}'`, userId);
    await replaceAccountToken(db(), org.orgId, userId, 'personal', { value: 'personal of jsonrpc' });
    expect(await signIn(application, 'password')).toBe(401);
    expect(await signIn(application, 'personal of jsonrpc')).toBe(401);
  });

  test('does not sign in with a token of the Tracker API, and neither does a user', async () => {
    const { login, token } = await givenUser(db(), org.orgId);
    expect(await signIn(application, token)).toBe(401);
    expect(await signIn({ ...application, login }, token)).toBe(401);
  });

  test('is authenticated with one statement', async () => {
    expect(await countStatements(db(), () => signIn(application, application.secret))).toBe(1);
  });
});

describe('a user', () => {
  test.each(['secret', 'pa:ss:word', ':', 'пароль €', ' blanks ', 'x'.repeat(1000), '" \\ %'])(
    'signs in with the password %j',
    async (password) => {
      const user = await givenHashedPassword(password);
      expect(await signIn(user, password)).toBe(200);
      expect(await signIn(user, `${password}x`)).toBe(401);
      expect(await signIn(user, password.slice(0, -1))).toBe(401);
    },
  );

  test('signs in only with their own personal token', async () => {
    const [anna, boris] = [await givenAccount(db(), org), await givenAccount(db(), org)];
    expect(await signIn(anna, anna.secret)).toBe(200);
    expect(await signIn(anna, boris.secret)).toBe(401);
    expect(await signIn(anna, '')).toBe(401);
  });

  test('can have both a password and a token, and sign in with either', async () => {
    const user = await givenPassword('secret');
    const token = await replaceAccountToken(db(), org.orgId, user.id, 'personal');
    expect([await signIn(user, 'secret'), await signIn(user, token)]).toEqual([200, 200]);
  });

  test('without a password or token cannot sign in', async () => {
    const user = { orgId: org.orgId, login: (await givenUser(db(), org.orgId)).login };
    for (const secret of ['', 'null', 'undefined', 'nothing']) expect(await signIn(user, secret)).toBe(401);
  });

  test('has a case-sensitive login', async () => {
    const user = await givenPassword('secret');
    for (const login of [user.login.toUpperCase(), `${user.login} `, '', 'unknown', '\0', `${user.login}\0`]) {
      expect(await signIn({ ...user, login }, 'secret')).toBe(401);
    }
    expect(await signIn(user, '\0')).toBe(401);
  });

  test('section 8.7: authenticates a token, and a cached password, with one statement', async () => {
    const account = await givenAccount(db(), org);
    expect(await countStatements(db(), () => signIn(account, account.secret))).toBe(1);
    const user = await givenPassword('secret');
    await signIn(user, 'secret');
    expect(await countStatements(db(), () => signIn(user, 'secret'))).toBe(1);
  });
});

describe('a signed-in user is rejected at once', () => {
  /** A user who has signed in with both password and token, so that anything that is cached is in the cache. */
  async function givenSignedIn() {
    const user = await givenPassword('secret');
    const token = await replaceAccountToken(db(), org.orgId, user.id, 'personal');
    expect([await signIn(user, 'secret'), await signIn(user, token)]).toEqual([200, 200]);
    return { ...user, token };
  }

  test.each([
    ['disabled', 'is_active = false'],
    ['removed', 'removed_at = now()'],
  ])('once they are %s', async (_state, change) => {
    const user = await givenSignedIn();
    await update('users', change, user.id);
    const before = await data();
    expect([await signIn(user, 'secret'), await signIn(user, user.token)]).toEqual([401, 401]);
    expect(await data()).toEqual(before);
  });

  test('once their password is changed or removed, while their token stays valid', async () => {
    const user = await givenSignedIn();
    await update('users', `password_hash = '${await hashPassword('another')}'`, user.id);
    expect(await signIn(user, 'secret')).toBe(401);
    expect(await signIn(user, 'another')).toBe(200);
    await update('users', 'password_hash = null', user.id);
    expect(await signIn(user, 'another')).toBe(401);
    expect(await signIn(user, user.token)).toBe(200);
  });

  test.each([
    '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG',
    '$scrypt$ln=30,r=8,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG',
    'secret',
  ])('once their stored hash is “%s”, which matches no password', async (stored) => {
    const user = await givenSignedIn();
    await update('users', `password_hash = '${stored}'`, user.id);
    expect(await signIn(user, 'secret')).toBe(401);
    expect(await signIn(user, user.token)).toBe(200);
  });

  test.each([
    ['expires', 'expires_at = now()'],
    ['is revoked', 'revoked_at = now()'],
  ])('once their token %s', async (_state, change) => {
    const user = await givenSignedIn();
    await update('tokens', change, user.id);
    expect([await signIn(user, user.token), await signIn(user, 'secret')]).toEqual([401, 200]);
    const application = await givenApplication(db(), org);
    await update('tokens', change, await getUserId(db(), org.orgId, APPLICATION_LOGIN));
    expect(await signIn(application, application.secret)).toBe(401);
  });

  test('once their token is revoked by id', async () => {
    const user = await givenSignedIn();
    const [token] = (await listTokens(db(), org.orgId)).filter(({ login }) => login === user.login);
    await revokeToken(db(), org.orgId, token?.id ?? 0);
    expect(await signIn(user, user.token)).toBe(401);
  });
});

describe('the seventh wrong password in a row', () => {
  async function guess(user: GivenAccount, times: number) {
    for (let wrong = 1; wrong <= times; wrong += 1) expect(await signIn(user, `guess ${wrong}`)).toBe(401);
  }

  test('locks the login for 15 minutes, for the right password but not for the token', async () => {
    const user = await givenPassword('secret');
    const token = await replaceAccountToken(db(), org.orgId, user.id, 'personal');
    await guess(user, 6);
    expect(await lockOf(user)).toEqual({ failed_logins: 6, minutes: null });
    expect(await signIn(user, token)).toBe(200);
    await guess(user, 1);
    expect(await lockOf(user)).toEqual({ failed_logins: 7, minutes: 15 });
    const before = await snapshot(db());
    expect([await signIn(user, 'secret'), await signIn(user, token)]).toEqual([401, 200]);
    // Further guesses do not extend the lock.
    await guess(user, 2);
    expect(await snapshot(db())).toEqual(before);
  });

  test('locks the account even if the right password was cached', async () => {
    const user = await givenPassword('secret');
    expect(await signIn(user, 'secret')).toBe(200);
    await guess(user, 7);
    expect(await signIn(user, 'secret')).toBe(401);
  });

  test('is counted from zero again after the right password, cached or not', async () => {
    const user = await givenPassword('secret');
    for (const round of [1, 2]) {
      await guess(user, 6);
      expect(`${round}: ${await signIn(user, 'secret')}`).toBe(`${round}: 200`);
      expect(await lockOf(user)).toEqual({ failed_logins: 0, minutes: null });
    }
  });

  test('is the last one: when the lock ends, the count starts again', async () => {
    const user = await givenPassword('secret');
    await guess(user, 7);
    await passTime(user);
    await guess(user, 6);
    expect(await lockOf(user)).toEqual({ failed_logins: 6, minutes: null });
    expect(await signIn(user, 'secret')).toBe(200);
    expect(await lockOf(user)).toEqual({ failed_logins: 0, minutes: null });
  });

  test('is not kept for ever: a later failure in the organisation deletes rows that have expired', async () => {
    const { orgId } = await givenOrganisation(db());
    const users = [await givenPassword('secret', {}, orgId), await givenPassword('secret', {}, orgId)] as const;
    await guess(users[0], 1);
    await passTime(users[0]);
    await guess(users[1], 1);
    const { failed_logins: rows } = await contents(db());
    expect(rows).toEqual(expect.arrayContaining([expect.objectContaining({ org_id: orgId, failures: 1 })]));
    expect((rows as { org_id: string }[]).filter((row) => row.org_id === orgId)).toHaveLength(1);
  });

  test('is the last that is counted, also among concurrent ones', async () => {
    const user = await givenHashedPassword('secret');
    const guesses = Array.from({ length: 30 }, (_, index) => signIn(user, `guess ${index}`));
    expect(new Set(await Promise.all(guesses))).toEqual(new Set([401]));
    expect(await lockOf(user)).toEqual({ failed_logins: 7, minutes: 15 });
    expect(await signIn(user, 'secret')).toBe(401);
  });

  test('locks the account even if all seven are equal', async () => {
    const user = await givenHashedPassword('secret');
    await Promise.all(Array.from({ length: 7 }, () => signIn(user, 'the same')));
    expect(await signIn(user, 'secret')).toBe(401);
  });

  test('locks no other account', async () => {
    const [user, other] = [await givenPassword('secret'), await givenPassword('secret')];
    await guess(user, 7);
    expect(await signIn(other, 'secret')).toBe(200);
    const elsewhere = await givenOrganisation(db());
    const namesake = await givenPassword('secret', { login: user.login }, elsewhere.orgId);
    expect(await signIn(namesake, 'secret')).toBe(200);
  });

  test('is not counted for concurrent calls with the right password', async () => {
    const user = await givenHashedPassword('secret');
    const statuses = await Promise.all(Array.from({ length: 30 }, () => signIn(user, 'secret')));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await lockOf(user)).toEqual({ failed_logins: 0, minutes: null });
  });

  test('is not counted for concurrent right passwords after six wrong ones', async () => {
    const user = await givenHashedPassword('secret');
    const token = await replaceAccountToken(db(), org.orgId, user.id, 'personal');
    for (let guess = 0; guess < 6; guess += 1) await signIn(user, 'wrong');
    const statuses = await Promise.all(
      Array.from({ length: 10 }, (_, index) => signIn(user, index % 2 === 0 ? 'secret' : token)),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await lockOf(user)).toEqual({ failed_logins: 0, minutes: null });
  });
});

test('too many concurrent password checks return 429, while tokens still work', async () => {
  const application = await givenApplication(db(), org);
  const guesses = Array.from({ length: 60 }, (_, index) =>
    api()
      .request.post(index % 2 === 0 ? '/jsonrpc.php' : `/kanboard/${org.orgId}/jsonrpc.php`)
      .auth(`unknown-${index}`, 'x')
      .send(GET_TIMEZONE),
  );
  const [token, ...responses] = await Promise.all([signIn(application, application.secret), ...guesses]);
  expect(token).toBe(200);
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([401, 429]));
  for (const response of responses.filter(({ status }) => status === 429)) {
    expect(response.text).toBe('{"jsonrpc":"2.0","error":{"code":429,"message":"Too Many Requests"},"id":null}');
    expect(response.headers['retry-after']).toMatch(/^\d+$/);
  }
});

describe('the Authorization header', () => {
  let token: string;
  beforeAll(async () => {
    token = (await givenApplication(db(), org)).secret;
  });

  test.each(['Basic', 'basic', 'BASIC', 'bAsIc'])('accepts the scheme %s', async (scheme) => {
    expect(await statusOf({ Authorization: `${scheme} ${base64('jsonrpc', token)}` })).toBe(200);
    expect(await statusOf({ Authorization: `${scheme}   ${base64('jsonrpc', token)} ` })).toBe(200);
  });

  test('returns 401 for another scheme and for anything but base64 of login and password', async () => {
    const good = base64('jsonrpc', token);
    for (const value of [
      `Bearer ${good}`,
      `Bearer ${token}`,
      `OAuth ${token}`,
      good,
      `Basic${good}`,
      `Digest ${good}`,
    ]) {
      expect(`${value} ${await statusOf({ Authorization: value })}`).toBe(`${value} 401`);
    }
    const noColon = Buffer.from(`jsonrpc${token}`).toString('base64');
    for (const value of [
      'Basic',
      'Basic ',
      'Basic %%%',
      'Basic jsonrpc',
      `Basic ${noColon}`,
      `Basic jsonrpc:${token}`,
    ]) {
      expect(`${value} ${await statusOf({ Authorization: value })}`).toBe(`${value} 401`);
    }
    expect(await statusOf({})).toBe(401);
  });
});

describe('a configured authentication header', () => {
  let token: string;
  beforeAll(async () => {
    token = (await givenApplication(db(), org)).secret;
  });
  const on = () => ({ at: withHeader() });

  test('holds login and password without a scheme, and its name is case-insensitive', async () => {
    for (const name of [HEADER, HEADER.toLowerCase(), HEADER.toUpperCase()]) {
      expect(await statusOf({ [name]: base64('jsonrpc', token) }, on())).toBe(200);
    }
    for (const value of [`Basic ${base64('jsonrpc', token)}`, base64('jsonrpc', 'nope'), 'jsonrpc', '%']) {
      expect(await statusOf({ [HEADER]: value }, on())).toBe(401);
    }
  });

  test('can hold a password with colons', async () => {
    const { login } = await givenPassword('pa:ss:word');
    expect(await statusOf({ [HEADER]: base64(login, 'pa:ss:word') }, on())).toBe(200);
  });

  test('takes precedence over Authorization unless it is empty', async () => {
    const [right, wrong] = [base64('jsonrpc', token), base64('jsonrpc', 'nope')];
    expect(await statusOf({ [HEADER]: wrong, Authorization: `Basic ${right}` }, on())).toBe(401);
    expect(await statusOf({ [HEADER]: right, Authorization: `Basic ${wrong}` }, on())).toBe(200);
    expect(await statusOf({ [HEADER]: '', Authorization: `Basic ${right}` }, on())).toBe(200);
    expect(await statusOf({ Authorization: `Basic ${right}` }, on())).toBe(200);
    expect(await statusOf({}, on())).toBe(401);
  });

  test('is ignored if it is not configured', async () => {
    const right = base64('jsonrpc', token);
    expect(await statusOf({ [HEADER]: right })).toBe(401);
    expect(await statusOf({ [HEADER]: base64('jsonrpc', 'nope'), Authorization: `Basic ${right}` })).toBe(200);
  });
});

describe('the organisation in the path', () => {
  test('accepts only its own accounts', async () => {
    const other = await givenOrganisation(db());
    const accounts = [await givenApplication(db(), org), await givenAccount(db(), org), await givenPassword('secret')];
    for (const account of accounts) {
      expect(await signIn(account, account.secret)).toBe(200);
      for (const orgId of [other.orgId, org.orgId.toUpperCase(), 'nothing', '%00']) {
        expect(await signIn({ ...account, orgId }, account.secret)).toBe(401);
      }
    }
  });

  test('accepts an application token that another organisation has too', async () => {
    const other = await givenOrganisation(db());
    for (const { orgId } of [org, other]) {
      const userId = await getUserId(db(), orgId, APPLICATION_LOGIN);
      await replaceAccountToken(db(), orgId, userId, 'application', { value: 'the same token' });
      expect(await signIn({ orgId, login: APPLICATION_LOGIN }, 'the same token')).toBe(200);
    }
    // Without an organisation in the path the token is ambiguous.
    expect(await statusAt('/jsonrpc.php', basic(APPLICATION_LOGIN, 'the same token'))).toBe(401);
  });
});

describe('/jsonrpc.php', () => {
  const alone = useApi();
  const named = useApi({ kanboardOrg: 'second' });

  async function given(at: Api, orgId: string, profile: Profile = 'kanboard') {
    const database = at.database.db;
    await createOrganisation(database, { orgId, cloudId: undefined, name: orgId, language: 'en', profile });
    const id = await createUser(database, orgId, { login: 'anna', role: 'member', password: `password of ${orgId}` });
    const applicationId = await getUserId(database, orgId, APPLICATION_LOGIN);
    return {
      application: basic(APPLICATION_LOGIN, await replaceAccountToken(database, orgId, applicationId, 'application')),
      personal: basic('anna', await replaceAccountToken(database, orgId, id, 'personal')),
      password: basic('anna', `password of ${orgId}`),
    };
  }

  test('uses the only organisation; with several, that of the token, and rejects passwords', async () => {
    expect(await statusAt('/jsonrpc.php', basic('anna', 'password of first'), alone())).toBe(401);

    const first = await given(alone(), 'first');
    for (const headers of Object.values(first)) expect(await statusAt('/jsonrpc.php', headers, alone())).toBe(200);

    const second = await given(alone(), 'second');
    for (const { application, personal, password } of [first, second]) {
      expect(await statusAt('/jsonrpc.php', application, alone())).toBe(200);
      expect(await statusAt('/jsonrpc.php', personal, alone())).toBe(200);
      expect(await statusAt('/jsonrpc.php', password, alone())).toBe(401);
    }
  });

  test('runs calls in the organisation of the token', async () => {
    const call = async (headers: Record<string, string>, method: string, ...params: unknown[]) =>
      (await alone().request.post('/jsonrpc.php').set(headers).send({ jsonrpc: '2.0', method, params, id: 1 })).body
        .result;
    const [third, fourth] = [await given(alone(), 'third'), await given(alone(), 'fourth')];
    expect(await call(third.application, 'createLink', 'of the third')).toEqual(expect.any(Number));
    expect(await call(third.application, 'getLinkByLabel', 'of the third')).toMatchObject({ label: 'of the third' });
    expect(await call(fourth.application, 'getLinkByLabel', 'of the third')).toBeNull();
  });

  test('uses only the organisation that KANBOARD_ORG names', async () => {
    expect(await statusAt('/jsonrpc.php', basic('anna', 'password of second'), named())).toBe(401);
    const [first, second] = [await given(named(), 'first'), await given(named(), 'second')];
    for (const headers of Object.values(second)) expect(await statusAt('/jsonrpc.php', headers, named())).toBe(200);
    for (const headers of Object.values(first)) {
      expect(await statusAt('/jsonrpc.php', headers, named())).toBe(401);
      // The other organisations keep their own paths.
      expect(await statusAt('/kanboard/first/jsonrpc.php', headers, named())).toBe(200);
    }
  });
});

describe('the demo’s credentials', () => {
  test.each([{ 'X-Forwarded-For': '203.0.113.7' }, { Forwarded: 'for=203.0.113.7' }, { Host: 'links.example' }])(
    'are rejected in a request with %j',
    async (forwarded) => {
      const user = await givenPassword('secret', { loopbackOnly: true });
      const { orgId } = await givenOrganisation(db());
      const applicationId = await getUserId(db(), orgId, APPLICATION_LOGIN);
      const options = { value: `demo ${randomUUID()}`, loopbackOnly: true };
      const application = await replaceAccountToken(db(), orgId, applicationId, 'application', options);
      for (const [login, secret, owner] of [
        [user.login, 'secret', org.orgId],
        [APPLICATION_LOGIN, application, orgId],
      ] as const) {
        expect(await statusOf(basic(login, secret), { orgId: owner })).toBe(200);
        const before = await snapshot(db());
        expect(await statusOf({ ...basic(login, secret), ...forwarded }, { orgId: owner })).toBe(401);
        expect(await statusOf({ ...basic(login, 'guess'), ...forwarded }, { orgId: owner })).toBe(401);
        // Guesses from other machines do not lock the account.
        expect(await snapshot(db())).toEqual(before);
      }
    },
  );
});

test('no secret is stored or logged', async () => {
  const user = await givenHashedPassword('a-secret-password');
  const application = await givenApplication(db(), org);
  const personal = await replaceAccountToken(db(), org.orgId, user.id, 'personal');
  await createToken(db(), org.orgId, user.id, { scopes: ['read'] });
  for (const secret of ['a-secret-password', personal]) expect(await signIn(user, secret)).toBe(200);
  expect(await signIn(application, application.secret)).toBe(200);
  const stored = JSON.stringify(await contents(db()));
  const logged = api().log.join('\n');
  expect(logged).toContain('jsonrpc.php');
  for (const secret of ['a-secret-password', personal, application.secret]) {
    for (const form of [secret, base64(user.login, secret), base64(application.login, secret)]) {
      expect(stored).not.toContain(form);
      expect(logged).not.toContain(form);
    }
  }
});
