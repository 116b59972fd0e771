import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type AppInstance, startInstance } from '../support/app-instance.ts';
import {
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { unchanged } from '../support/snapshot.ts';
import { useDatabase } from '../support/test-database.ts';

/** Two servers that count requests together (RATE_LIMIT_STORE=database). */

const LIMIT = 40;
const SERVERS = 2;
/** As docs/limits.md says: each server can let through a tenth more. */
const OVERSHOOT = (SERVERS * LIMIT) / 10;

const database = useDatabase();
const db = () => database().db;
let servers: AppInstance[];
let org: GivenOrganisation;
let links: string;
let addresses = 0;

beforeAll(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
  const { key: queue } = await givenQueue(db(), org);
  links = `/v3/issues/${(await givenIssue(db(), org, queue)).key}/links`;
  const settings = { rateLimit: LIMIT, rateLimitStore: 'database', trustProxy: 1 } as const;
  servers = await Promise.all(Array.from({ length: SERVERS }, () => startInstance(database().connection, settings)));
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

function newAddress(): string {
  addresses += 1;
  return `192.0.2.${addresses}`;
}
const tokenOf = async () => (await givenUser(db(), org.orgId, { role: 'admin' })).headers;

type Headers = Readonly<Record<string, string>>;
type Send = (url: string, sent: number) => Promise<Response>;

const get =
  (headers: (sent: number) => Headers, path = links): Send =>
  (url, sent) =>
    fetch(`${url}${path}`, { headers: headers(sent) });

/** Sends requests to the servers in turn until each has refused one. Returns how many were not refused. */
async function countAccepted(send: Send): Promise<number> {
  let accepted = 0;
  const refusing = new Set<string>();
  for (let sent = 0; refusing.size < servers.length; sent += 1) {
    for (const { url } of servers) {
      const { status } = await send(url, sent);
      if (status === 429) refusing.add(url);
      else accepted += 1;
    }
  }
  return accepted;
}

test('two servers let a token through as often as its limit says, and a refused write writes nothing', async () => {
  const headers = await tokenOf();
  const request = get(() => ({ ...headers, 'X-Forwarded-For': newAddress() }));
  const accepted = await countAccepted(request);
  expect(accepted).toBeGreaterThanOrEqual(LIMIT);
  expect(accepted).toBeLessThanOrEqual(LIMIT + OVERSHOOT);
  await unchanged(db(), async () => {
    for (const { url } of servers) {
      const body = JSON.stringify({ id: 'new', inward: { ru: 'Новый', en: 'New' } });
      const refused = await fetch(`${url}/v3/linktypes`, {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/json', 'X-Forwarded-For': newAddress() },
        body,
      });
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(refused.headers.get('ratelimit')).toMatch(/"token";r=0;t=[1-9]/);
    }
  });
});

test('many requests at once exceed the limit by no more than a tenth for each server', async () => {
  const headers = await tokenOf();
  const request = get(() => ({ ...headers, 'X-Forwarded-For': newAddress() }));
  const responses = await Promise.all(
    servers.flatMap(({ url }) => Array.from({ length: 2 * LIMIT }, () => request(url, 0))),
  );
  const accepted = responses.filter(({ status }) => status === 200).length;
  expect(accepted).toBeGreaterThan(0);
  expect(accepted).toBeLessThanOrEqual(LIMIT + OVERSHOOT);
});

test('the limit of an address counts all tokens of an organisation, on all servers', async () => {
  const tokens = [await tokenOf(), await tokenOf(), await tokenOf()];
  const address = newAddress();
  const accepted = await countAccepted(
    get((sent) => ({ ...tokens[sent % tokens.length], 'X-Forwarded-For': address }), '/v3/linktypes'),
  );
  expect(accepted).toBeGreaterThanOrEqual(LIMIT);
  expect(accepted).toBeLessThanOrEqual(LIMIT + OVERSHOOT);
});

test('JSON-RPC counts on all servers as well', async () => {
  const { login, secret } = await givenApplication(db(), org);
  const authorization = `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}`;
  const accepted = await countAccepted((url) =>
    fetch(`${url}/kanboard/${org.orgId}/jsonrpc.php`, {
      method: 'POST',
      headers: { Authorization: authorization, 'X-Forwarded-For': newAddress() },
      body: '[{"jsonrpc":"2.0","method":"getVersion","id":1}]',
    }),
  );
  expect(accepted).toBeGreaterThanOrEqual(LIMIT);
  expect(accepted).toBeLessThanOrEqual(LIMIT + OVERSHOOT);
});

test('each server counts requests without valid credentials for itself, and stores nothing', async () => {
  const address = newAddress();
  await unchanged(db(), async () => {
    expect(await countAccepted(get(() => ({ 'X-Forwarded-For': address })))).toBe(SERVERS * LIMIT);
  });
});

test('a count whose minute is over starts again, and is deleted when another count starts', async () => {
  const execute = (text: string) => db().query({ name: '', text, values: [] });
  const use = async () =>
    countAccepted(
      get(
        (
          (headers) => () =>
            headers
        )({ ...(await tokenOf()), 'X-Forwarded-For': newAddress() }),
      ),
    );
  await use();
  await execute('update request_counts set started_ms = 0');
  expect(await execute('select key_hash from request_counts')).not.toEqual([]);
  await use();
  expect(await execute('select key_hash from request_counts where started_ms = 0')).toEqual([]);
  expect(await execute('select key_hash from request_counts')).toHaveLength(2);
});

test('if counts cannot be stored, each server counts for itself', async () => {
  const rename = (from: string, to: string) =>
    db().query({ name: '', text: `alter table ${from} rename to ${to}`, values: [] });
  await rename('request_counts', 'gone');
  const headers = await tokenOf();
  const address = newAddress();
  expect(await countAccepted(get(() => ({ ...headers, 'X-Forwarded-For': address })))).toBe(SERVERS * LIMIT);
  await rename('gone', 'request_counts');
  for (const { log } of servers)
    expect(log.some((line) => line.includes('could not be counted together with other servers'))).toBe(true);
});
