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
  givenOrganisation,
  givenUser,
} from '../support/builders.ts';
import { snapshot } from '../support/snapshot.ts';
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

/** The status of a call with these headers; a refusal has the one body and the one header that refusals have. */
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

/** A user with a password, and no token. */
async function givenPassword(password: string, more: Partial<NewUser> = {}, orgId = org.orgId) {
  const { login = `user-${randomUUID()}` } = more;
  const id = await createUser(db(), orgId, { role: 'member', password, ...more, login });
  return { id, orgId, login, secret: password };
}

async function update(table: 'users' | 'tokens', change: string, userId: number) {
  await db().query({ name: '', text: `update ${table} set ${change} where user_id = $1`, values: [userId] });
}

async function lockOf(userId: number) {
  const [row] = await db().query<{ failed_logins: number; minutes: number | null }>({
    name: '',
    text: `
      select failed_logins, round(extract(epoch from locked_until - now()) / 60)::integer as minutes
      from users where user_id = $1`,
    values: [userId],
  });
  return row;
}

describe('the application account', () => {
  let application: GivenAccount;
  beforeEach(async () => {
    application = await givenApplication(db(), org);
  });

  test('signs in with its token, and with nothing else', async () => {
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

  test('has one name, in small letters', async () => {
    for (const login of ['JSONRPC', 'Jsonrpc', ' jsonrpc', 'admin', '']) {
      expect(await signIn({ ...application, login }, application.secret)).toBe(401);
    }
  });

  test('has one token: a new one takes the place of the old', async () => {
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

  test('does not sign in with tokens of the Tracker face, nor does anybody else', async () => {
    const { login, token } = await givenUser(db(), org.orgId);
    expect(await signIn(application, token)).toBe(401);
    expect(await signIn({ ...application, login }, token)).toBe(401);
  });

  test('signs in with one statement', async () => {
    expect(await countStatements(db(), () => signIn(application, application.secret))).toBe(1);
  });
});

describe('a user', () => {
  test.each(['secret', 'pa:ss:word', ':', 'пароль €', ' blanks ', 'x'.repeat(1000), '" \\ %'])(
    'signs in with the password %j',
    async (password) => {
      const user = await givenPassword(password);
      expect(await signIn(user, password)).toBe(200);
      expect(await signIn(user, `${password}x`)).toBe(401);
      expect(await signIn(user, password.slice(0, -1))).toBe(401);
    },
  );

  test('signs in with the personal token, which is no other user’s', async () => {
    const [anna, boris] = [await givenAccount(db(), org), await givenAccount(db(), org)];
    expect(await signIn(anna, anna.secret)).toBe(200);
    expect(await signIn(anna, boris.secret)).toBe(401);
    expect(await signIn(anna, '')).toBe(401);
  });

  test('may have both, and either is good', async () => {
    const user = await givenPassword('secret');
    const token = await replaceAccountToken(db(), org.orgId, user.id, 'personal');
    expect([await signIn(user, 'secret'), await signIn(user, token)]).toEqual([200, 200]);
  });

  test('without a password or token cannot sign in at all', async () => {
    const user = { orgId: org.orgId, login: (await givenUser(db(), org.orgId)).login };
    for (const secret of ['', 'null', 'undefined', 'nobody']) expect(await signIn(user, secret)).toBe(401);
  });

  test('is known by a login in its own letters alone', async () => {
    const user = await givenPassword('secret');
    for (const login of [user.login.toUpperCase(), `${user.login} `, '', 'nobody', '\0', `${user.login}\0`]) {
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

describe('whoever was let in is refused at once', () => {
  /** Signed in with both, so that whatever is remembered is remembered. */
  async function givenSignedIn() {
    const user = await givenPassword('secret');
    const token = await replaceAccountToken(db(), org.orgId, user.id, 'personal');
    expect([await signIn(user, 'secret'), await signIn(user, token)]).toEqual([200, 200]);
    return { ...user, token };
  }

  test.each([
    ['disabled', 'is_active = false'],
    ['removed', 'removed_at = now()'],
    ['locked', `locked_until = now() + interval '1 minute'`],
  ])('when they are %s', async (_what, change) => {
    const user = await givenSignedIn();
    await update('users', change, user.id);
    const before = await snapshot(db());
    expect([await signIn(user, 'secret'), await signIn(user, user.token)]).toEqual([401, 401]);
    expect(await snapshot(db())).toEqual(before);
  });

  test('when their password is changed or taken away, though the token stays good', async () => {
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
  ])('when their stored hash is “%s”, which no password matches', async (stored) => {
    const user = await givenSignedIn();
    await update('users', `password_hash = '${stored}'`, user.id);
    expect(await signIn(user, 'secret')).toBe(401);
    expect(await signIn(user, user.token)).toBe(200);
  });

  test.each([
    ['expires', 'expires_at = now()'],
    ['is revoked', 'revoked_at = now()'],
  ])('when their token %s', async (_what, change) => {
    const user = await givenSignedIn();
    await update('tokens', change, user.id);
    expect([await signIn(user, user.token), await signIn(user, 'secret')]).toEqual([401, 200]);
    const application = await givenApplication(db(), org);
    await update('tokens', change, await getUserId(db(), org.orgId, APPLICATION_LOGIN));
    expect(await signIn(application, application.secret)).toBe(401);
  });

  test('when the token is revoked by its number', async () => {
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

  test('locks the account for fifteen minutes: to the right password, and to the token', async () => {
    const user = await givenPassword('secret');
    const token = await replaceAccountToken(db(), org.orgId, user.id, 'personal');
    await guess(user, 6);
    expect(await lockOf(user.id)).toEqual({ failed_logins: 6, minutes: null });
    expect(await signIn(user, token)).toBe(200);
    await guess(user, 1);
    expect(await lockOf(user.id)).toEqual({ failed_logins: 7, minutes: 15 });
    expect([await signIn(user, 'secret'), await signIn(user, token)]).toEqual([401, 401]);
    // Whoever goes on guessing does not lengthen it.
    await guess(user, 2);
    expect(await lockOf(user.id)).toEqual({ failed_logins: 7, minutes: 15 });
  });

  test('locks it also where the password was remembered', async () => {
    const user = await givenPassword('secret');
    expect(await signIn(user, 'secret')).toBe(200);
    await guess(user, 7);
    expect(await signIn(user, 'secret')).toBe(401);
  });

  test('is the first again after the right one, remembered or not', async () => {
    const user = await givenPassword('secret');
    for (const round of [1, 2]) {
      await guess(user, 6);
      expect(`${round}: ${await signIn(user, 'secret')}`).toBe(`${round}: 200`);
      expect(await lockOf(user.id)).toEqual({ failed_logins: 0, minutes: null });
    }
  });

  test('is forgotten when the time is over and the right one comes; a wrong one locks again', async () => {
    const user = await givenPassword('secret');
    await guess(user, 7);
    await update('users', 'locked_until = now()', user.id);
    await guess(user, 1);
    expect(await lockOf(user.id)).toMatchObject({ minutes: 15 });
    await update('users', 'locked_until = now()', user.id);
    expect(await signIn(user, 'secret')).toBe(200);
    expect(await lockOf(user.id)).toEqual({ failed_logins: 0, minutes: null });
  });

  test('is the last that is looked at, however many come at once', async () => {
    const user = await givenPassword('secret');
    const guesses = Array.from({ length: 30 }, (_, index) => signIn(user, `guess ${index}`));
    expect(new Set(await Promise.all(guesses))).toEqual(new Set([401]));
    expect(await lockOf(user.id)).toEqual({ failed_logins: 7, minutes: 15 });
    expect(await signIn(user, 'secret')).toBe(401);
  });

  test('counts also where all are the same', async () => {
    const user = await givenPassword('secret');
    await Promise.all(Array.from({ length: 7 }, () => signIn(user, 'the same')));
    expect(await signIn(user, 'secret')).toBe(401);
  });

  test('locks nobody else', async () => {
    const [user, other] = [await givenPassword('secret'), await givenPassword('secret')];
    await guess(user, 7);
    expect(await signIn(other, 'secret')).toBe(200);
    const elsewhere = await givenOrganisation(db());
    const namesake = await givenPassword('secret', { login: user.login }, elsewhere.orgId);
    expect(await signIn(namesake, 'secret')).toBe(200);
  });

  test('is never reached by a client that starts with many calls of the right one at once', async () => {
    const user = await givenPassword('secret');
    const statuses = await Promise.all(Array.from({ length: 30 }, () => signIn(user, 'secret')));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await lockOf(user.id)).toEqual({ failed_logins: 0, minutes: null });
  });

  test('is never reached by right passwords, however many wrong ones came before them', async () => {
    const user = await givenPassword('secret');
    const token = await replaceAccountToken(db(), org.orgId, user.id, 'personal');
    for (let guess = 0; guess < 6; guess += 1) await signIn(user, 'wrong');
    const statuses = await Promise.all(
      Array.from({ length: 10 }, (_, index) => signIn(user, index % 2 === 0 ? 'secret' : token)),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await lockOf(user.id)).toEqual({ failed_logins: 0, minutes: null });
  });
});

test('guesses at many names at once are 429 beyond what can be compared, and tokens work all the while', async () => {
  const application = await givenApplication(db(), org);
  const guesses = Array.from({ length: 60 }, (_, index) =>
    api()
      .request.post(index % 2 === 0 ? '/jsonrpc.php' : `/kanboard/${org.orgId}/jsonrpc.php`)
      .auth(`nobody-${index}`, 'x')
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

describe('the header Authorization', () => {
  let token: string;
  beforeAll(async () => {
    token = (await givenApplication(db(), org)).secret;
  });

  test.each(['Basic', 'basic', 'BASIC', 'bAsIc'])('may say the scheme as %s', async (scheme) => {
    expect(await statusOf({ Authorization: `${scheme} ${base64('jsonrpc', token)}` })).toBe(200);
    expect(await statusOf({ Authorization: `${scheme}   ${base64('jsonrpc', token)} ` })).toBe(200);
  });

  test('with another scheme, or with what is no base64 of login and password, is refused', async () => {
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

describe('a header of one’s own', () => {
  let token: string;
  beforeAll(async () => {
    token = (await givenApplication(db(), org)).secret;
  });
  const on = () => ({ at: withHeader() });

  test('holds login and password without a scheme, whatever the letters of its name', async () => {
    for (const name of [HEADER, HEADER.toLowerCase(), HEADER.toUpperCase()]) {
      expect(await statusOf({ [name]: base64('jsonrpc', token) }, on())).toBe(200);
    }
    for (const value of [`Basic ${base64('jsonrpc', token)}`, base64('jsonrpc', 'nope'), 'jsonrpc', '%']) {
      expect(await statusOf({ [HEADER]: value }, on())).toBe(401);
    }
  });

  test('holds passwords with colons, too', async () => {
    const { login } = await givenPassword('pa:ss:word');
    expect(await statusOf({ [HEADER]: base64(login, 'pa:ss:word') }, on())).toBe(200);
  });

  test('wins over Authorization where it is not empty', async () => {
    const [right, wrong] = [base64('jsonrpc', token), base64('jsonrpc', 'nope')];
    expect(await statusOf({ [HEADER]: wrong, Authorization: `Basic ${right}` }, on())).toBe(401);
    expect(await statusOf({ [HEADER]: right, Authorization: `Basic ${wrong}` }, on())).toBe(200);
    expect(await statusOf({ [HEADER]: '', Authorization: `Basic ${right}` }, on())).toBe(200);
    expect(await statusOf({ Authorization: `Basic ${right}` }, on())).toBe(200);
    expect(await statusOf({}, on())).toBe(401);
  });

  test('is not looked at where it is not configured', async () => {
    const right = base64('jsonrpc', token);
    expect(await statusOf({ [HEADER]: right })).toBe(401);
    expect(await statusOf({ [HEADER]: base64('jsonrpc', 'nope'), Authorization: `Basic ${right}` })).toBe(200);
  });
});

describe('the organisation in the path', () => {
  test('has its own accounts alone', async () => {
    const other = await givenOrganisation(db());
    const accounts = [await givenApplication(db(), org), await givenAccount(db(), org), await givenPassword('secret')];
    for (const account of accounts) {
      expect(await signIn(account, account.secret)).toBe(200);
      for (const orgId of [other.orgId, org.orgId.toUpperCase(), 'nothing', '%00']) {
        expect(await signIn({ ...account, orgId }, account.secret)).toBe(401);
      }
    }
  });

  test('tells its application token from the same one elsewhere', async () => {
    const other = await givenOrganisation(db());
    for (const { orgId } of [org, other]) {
      const userId = await getUserId(db(), orgId, APPLICATION_LOGIN);
      await replaceAccountToken(db(), orgId, userId, 'application', { value: 'the same token' });
      expect(await signIn({ orgId, login: APPLICATION_LOGIN }, 'the same token')).toBe(200);
    }
    // Where none is named, it is nobody's.
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

  test('is the only organisation; with several, the one that a token belongs to, and a password is refused', async () => {
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

  test('acts in the organisation of the token', async () => {
    const call = async (headers: Record<string, string>, method: string, ...params: unknown[]) =>
      (await alone().request.post('/jsonrpc.php').set(headers).send({ jsonrpc: '2.0', method, params, id: 1 })).body
        .result;
    const [third, fourth] = [await given(alone(), 'third'), await given(alone(), 'fourth')];
    expect(await call(third.application, 'createLink', 'of the third')).toEqual(expect.any(Number));
    expect(await call(third.application, 'getLinkByLabel', 'of the third')).toMatchObject({ label: 'of the third' });
    expect(await call(fourth.application, 'getLinkByLabel', 'of the third')).toBeNull();
  });

  test('is the organisation that KANBOARD_ORG names, and no other', async () => {
    expect(await statusAt('/jsonrpc.php', basic('anna', 'password of second'), named())).toBe(401);
    const [first, second] = [await given(named(), 'first'), await given(named(), 'second')];
    for (const headers of Object.values(second)) expect(await statusAt('/jsonrpc.php', headers, named())).toBe(200);
    for (const headers of Object.values(first)) {
      expect(await statusAt('/jsonrpc.php', headers, named())).toBe(401);
      // The others keep the paths of their own.
      expect(await statusAt('/kanboard/first/jsonrpc.php', headers, named())).toBe(200);
    }
  });
});

describe('the demo’s credentials', () => {
  test.each([{ 'X-Forwarded-For': '203.0.113.7' }, { Forwarded: 'for=203.0.113.7' }, { Host: 'links.example' }])(
    'do not answer a request with %j',
    async (forwarded) => {
      const user = await givenPassword('secret', { loopbackOnly: true });
      const { orgId } = await givenOrganisation(db());
      const applicationId = await getUserId(db(), orgId, APPLICATION_LOGIN);
      const options = { value: `demo ${randomUUID()}`, loopbackOnly: true };
      const application = await replaceAccountToken(db(), orgId, applicationId, 'application', options);
      for (const [login, secret, of] of [
        [user.login, 'secret', org.orgId],
        [APPLICATION_LOGIN, application, orgId],
      ] as const) {
        expect(await statusOf(basic(login, secret), { orgId: of })).toBe(200);
        const before = await snapshot(db());
        expect(await statusOf({ ...basic(login, secret), ...forwarded }, { orgId: of })).toBe(401);
        expect(await statusOf({ ...basic(login, 'guess'), ...forwarded }, { orgId: of })).toBe(401);
        // Nobody locks them from elsewhere.
        expect(await snapshot(db())).toEqual(before);
      }
    },
  );
});

test('no secret is stored or logged', async () => {
  const user = await givenPassword('a-secret-password');
  const application = await givenApplication(db(), org);
  const personal = await replaceAccountToken(db(), org.orgId, user.id, 'personal');
  await createToken(db(), org.orgId, user.id, { scopes: ['read'] });
  for (const secret of ['a-secret-password', personal]) expect(await signIn(user, secret)).toBe(200);
  expect(await signIn(application, application.secret)).toBe(200);
  const stored = JSON.stringify(await snapshot(db()));
  const logged = api().log.join('\n');
  expect(logged).toContain('jsonrpc.php');
  for (const secret of ['a-secret-password', personal, application.secret]) {
    for (const form of [secret, base64(user.login, secret), base64(application.login, secret)]) {
      expect(stored).not.toContain(form);
      expect(logged).not.toContain(form);
    }
  }
});
