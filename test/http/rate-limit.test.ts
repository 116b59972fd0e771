import { beforeAll, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { snapshot } from '../support/snapshot.ts';

const LIMIT = 5;
const api = useApi({ rateLimit: LIMIT, trustProxy: 1 });
const db = () => api().database.db;
let org: GivenOrganisation;
let issue: GivenIssue;
let queue: string;
let addresses = 0;

beforeAll(async () => {
  org = await givenOrganisation(db());
  queue = (await givenQueue(db(), org)).key;
  issue = await givenIssue(db(), org, queue);
});

function newAddress(): string {
  addresses += 1;
  return `192.0.2.${addresses}`;
}
const newUser = () => givenUser(db(), org.orgId, { role: 'admin' });

async function useUp(send: () => Promise<{ status: number }>) {
  for (let sent = 0; sent < LIMIT; sent += 1) expect((await send()).status).not.toBe(429);
}

test('an address that has used up its requests gets 429 with any token, and writes nothing', async () => {
  const address = newAddress();
  const [one, other] = [await newUser(), await newUser()];
  const path = `/v2/issues/${issue.key}/links`;
  await useUp(() => api().request.get(path).set(one.headers).set('X-Forwarded-For', address));
  const before = await snapshot(db());
  const response = await api()
    .request.post('/v2/issues')
    .set(other.headers)
    .set('X-Forwarded-For', address)
    .send({ queue, summary: 'One too many' });
  expect(response.status).toBe(429);
  expect(response.body).toMatchObject({ statusCode: 429 });
  expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
  expect(response.headers['ratelimit-policy']).toBe('"address";q=5;w=60, "token";q=5;w=60');
  expect(response.headers['ratelimit']).toMatch(/^"address";r=0;t=\d+, "token";r=5;t=60$/);
  expect(await snapshot(db())).toEqual(before);
  await api().request.get(path).set(other.headers).set('X-Forwarded-For', newAddress()).expect(200);
});

test('a token that has used up its requests gets 429 from any address', async () => {
  const user = await newUser();
  const send = (headers = user.headers) =>
    api().request.get('/v3/linktypes').set(headers).set('X-Forwarded-For', newAddress());
  await useUp(() => send());
  const response = await send();
  expect(response.status).toBe(429);
  expect(response.headers['ratelimit']).toMatch(/^"address";r=5;t=60, "token";r=0;t=\d+$/);
  await send((await newUser()).headers).expect(200);
});

test('each request is counted once, also one for the links of an unknown issue, and the response says what is left', async () => {
  const user = await newUser();
  const address = newAddress();
  for (let left = LIMIT - 1; left >= 0; left -= 1) {
    const response = await api()
      .request.get('/v2/issues/NONE-1/links')
      .set(user.headers)
      .set('X-Forwarded-For', address)
      .expect(404);
    expect(response.headers['ratelimit']).toContain(`"address";r=${left};`);
  }
});

test('a request without valid credentials counts for its address', async () => {
  const address = newAddress();
  const send = () => api().request.get('/v2/issues/NONE-1').set('X-Forwarded-For', address);
  await useUp(send);
  expect((await send()).status).toBe(429);
});

test('JSON-RPC responds in its own form, and counts a batch as one request', async () => {
  const address = newAddress();
  const call = { jsonrpc: '2.0', method: 'getVersion', id: 1 };
  const send = () => api().request.post('/jsonrpc.php').set('X-Forwarded-For', address).send([call, call]);
  await useUp(send);
  const response = await send();
  expect(response.status).toBe(429);
  expect(response.body).toEqual({ jsonrpc: '2.0', error: { code: 429, message: 'Too Many Requests' }, id: null });
});

test('health, readiness, contracts and documentation have no limit', async () => {
  const address = newAddress();
  for (let sent = 0; sent <= LIMIT; sent += 1) {
    for (const path of ['/healthz', '/readyz', '/openapi.yaml', '/docs'])
      expect((await api().request.get(path).set('X-Forwarded-For', address)).status).toBeLessThan(400);
  }
});
