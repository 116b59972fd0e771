import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import supertest, { type Response } from 'supertest';
import { replaceAccountToken } from '../../src/core/tokens/tokens.service.ts';
import { createUser } from '../../src/core/users/users.service.ts';
import { useApi } from '../support/api.ts';
import { startInstance } from '../support/app-instance.ts';
import {
  type GivenOrganisation,
  givenApplication,
  givenCheapHash,
  givenOrganisation,
  givenUser,
} from '../support/builders.ts';
import { snapshot } from '../support/snapshot.ts';
import { countStatements } from '../support/statements.ts';

// Attacks on passwords from several addresses: the client's is the last one in X-Forwarded-For.

const api = useApi({ trustProxy: 1 });
const direct = useApi({}, () => Promise.resolve(api().database.connection));
const db = () => api().database.db;
const WRONG = Array.from({ length: 7 }, (_, index) => `guess ${index}`);
let org: GivenOrganisation;
let addresses = 0;

beforeAll(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
});

/** An address that no other test uses. */
function newAddress(): string {
  addresses += 1;
  return `198.51.${addresses >> 8}.${addresses & 255}`;
}

/** A user with the password `secret`. */
async function givenPassword() {
  const login = `user-${randomUUID()}`;
  const id = await createUser(db(), org.orgId, { login, role: 'member' });
  await givenCheapHash(db(), id, 'secret');
  return { id, login };
}

function tryOnce(login: string, secret: string, address: string, at = api().request): Promise<Response> {
  return at
    .post(`/kanboard/${org.orgId}/jsonrpc.php`)
    .auth(login, secret)
    .set('X-Forwarded-For', address)
    .send({ jsonrpc: '2.0', method: 'getTimezone', id: 1 });
}

async function signIn(...attempt: Parameters<typeof tryOnce>): Promise<number> {
  return (await tryOnce(...attempt)).status;
}

async function guess(login: string, address: string, times = WRONG.length) {
  for (const secret of WRONG.slice(0, times)) expect(await signIn(login, secret, address)).toBe(401);
}

/** Ends every lock, and forgets all failures, as time does. */
async function passTime() {
  await db().query({ name: '', text: 'update failed_logins set expires_at = now()', values: [] });
}

describe('seven wrong passwords', () => {
  test('lock the login for the address that sent them, and for no other', async () => {
    const { id, login } = await givenPassword();
    const token = await replaceAccountToken(db(), org.orgId, id, 'personal');
    const [attacker, owner] = [newAddress(), newAddress()];
    await guess(login, attacker);
    const before = await snapshot(db());
    expect(await signIn(login, 'secret', attacker)).toBe(401);
    expect(await snapshot(db())).toEqual(before);
    expect(await signIn(login, 'secret', owner)).toBe(200);
    // Also while the right password is cached.
    expect(await signIn(login, 'secret', attacker)).toBe(401);
    for (const address of [attacker, owner]) expect(await signIn(login, token, address)).toBe(200);
  });

  test('lock nothing longer by one more every 15 minutes', async () => {
    const { login } = await givenPassword();
    const address = newAddress();
    await guess(login, address);
    for (let round = 0; round < 2; round += 1) {
      await passTime();
      await guess(login, address, 1);
    }
    expect(await signIn(login, 'secret', address)).toBe(200);
  });

  test('are counted by all servers together', async () => {
    const { login } = await givenPassword();
    const other = await startInstance(api().database.connection);
    try {
      // Without TRUST_PROXY, the address is that of the connection.
      const servers = [direct().request, supertest(other.url)];
      for (const [index, secret] of WRONG.entries()) {
        expect(await signIn(login, secret, newAddress(), servers[index % 2])).toBe(401);
      }
      for (const server of servers) expect(await signIn(login, 'secret', newAddress(), server)).toBe(401);
    } finally {
      await other.stop();
    }
  });

  test('from an IPv6 network of 64 bits come from one address', async () => {
    const { login } = await givenPassword();
    for (const [index, secret] of WRONG.entries()) {
      const address = index % 2 === 0 ? `2001:db8:0:7::${index}` : `2001:db8:0:7:${index}:a:b:c`;
      expect(await signIn(login, secret, address)).toBe(401);
    }
    expect(await signIn(login, 'secret', '2001:DB8::7:0:0:0:99')).toBe(401);
    expect(await signIn(login, 'secret', '2001:db8:0:8::1')).toBe(200);
  });
});

test('a flood from many addresses is slowed with 429, and does not lock out the owner of the account', async () => {
  const { id, login } = await givenPassword();
  const token = await replaceAccountToken(db(), org.orgId, id, 'personal');
  const owner = newAddress();
  expect(await signIn(login, 'secret', owner)).toBe(200);
  const responses: Response[] = [];
  for (let batch = 0; batch < 3; batch += 1) {
    const guesses = Array.from({ length: 10 }, () => tryOnce(login, randomUUID(), newAddress()));
    responses.push(...(await Promise.all(guesses)));
  }
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([401, 429]));
  const before = await snapshot(db());
  const slowed = await tryOnce(login, 'another guess', newAddress());
  expect([slowed.status, slowed.text]).toEqual([
    429,
    '{"jsonrpc":"2.0","error":{"code":429,"message":"Too Many Requests"},"id":null}',
  ]);
  expect(slowed.headers['retry-after']).toMatch(/^([1-9]|[1-5]\d|60)$/);
  // Where the password was right before, a new one is compared.
  expect(await signIn(login, 'a typing error', owner)).toBe(401);
  expect(await signIn(login, 'secret', owner)).toBe(200);
  expect(await signIn(login, token, newAddress())).toBe(200);
  expect(await snapshot(db())).toEqual(before);
  // Other logins are not slowed.
  expect(await signIn((await givenPassword()).login, 'secret', newAddress())).toBe(200);
});

test('a flood of wrong tokens from one address is slowed with 429; valid tokens and other addresses are not', async () => {
  const { login, secret } = await givenApplication(db(), org);
  const { id, login: person } = await givenPassword();
  const personal = await replaceAccountToken(db(), org.orgId, id, 'personal');
  const flooder = newAddress();
  const before = await snapshot(db());
  for (let wrong = 0; wrong < 300; wrong += 1) expect(await signIn(login, `wrong ${wrong}`, flooder)).toBe(401);
  const slowed = await tryOnce(login, 'wrong again', flooder);
  expect([slowed.status, slowed.headers['www-authenticate']]).toEqual([429, undefined]);
  expect(slowed.headers['retry-after']).toMatch(/^([1-9]|[1-5]\d|60)$/);
  expect(await signIn(login, secret, flooder)).toBe(200);
  expect(await signIn(person, personal, flooder)).toBe(200);
  // Whether a password is right is not known before it is hashed.
  expect(await signIn(person, 'secret', flooder)).toBe(429);
  expect(await signIn(person, 'secret', newAddress())).toBe(200);
  expect(await snapshot(db())).toEqual(before);
});

describe('logins cannot be told apart', () => {
  async function givenLogins() {
    const disabled = await givenPassword();
    await db().query({
      name: '',
      text: 'update users set is_active = false where user_id = $1',
      values: [disabled.id],
    });
    return {
      known: (await givenPassword()).login,
      unknown: `user-${randomUUID()}`,
      disabled: disabled.login,
      withoutPassword: (await givenUser(db(), org.orgId)).login,
    };
  }

  function visible({ status, text, headers }: Response) {
    const { date: _date, 'x-request-id': _id, ...others } = headers;
    return { status, text, headers: others };
  }

  test('by 24 wrong passwords at once, or by more one after the other', async () => {
    const seen: unknown[] = [];
    for (const login of Object.values(await givenLogins())) {
      const address = newAddress();
      const once = await Promise.all(Array.from({ length: 24 }, () => tryOnce(login, randomUUID(), address)));
      const later = [await tryOnce(login, randomUUID(), address), await tryOnce(login, randomUUID(), newAddress())];
      seen.push([...once, ...later].map(visible));
    }
    const [known, ...others] = seen;
    for (const other of others) expect(other).toEqual(known);
  });

  test('by the number of statements', async () => {
    const counts: unknown[] = [];
    for (const login of Object.values(await givenLogins())) {
      const address = newAddress();
      const statements: number[] = [];
      for (const secret of [...WRONG, 'one more']) {
        statements.push(await countStatements(db(), () => signIn(login, secret, address)));
      }
      counts.push(statements);
    }
    expect(counts).toEqual(counts.map(() => [4, 4, 4, 4, 4, 4, 4, 2]));
  });
});
