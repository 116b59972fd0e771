import { beforeAll, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenOrganisation,
  givenAccount,
  givenIssue,
  givenQueue,
} from '../support/builders.ts';
import {
  errorResponse,
  FORBIDDEN,
  GET_TIMEZONE,
  givenRawRpc,
  INVALID_REQUEST,
  newLabel,
  PARSE_ERROR,
  type RawRpc,
  requestFor,
  UNAUTHORIZED,
  UTC,
} from '../support/raw-rpc.ts';
import { snapshot } from '../support/snapshot.ts';

/** JSON-RPC batches (Kanboard contract, section 1). */

const api = useApi();
const db = () => api().database.db;
let raw: RawRpc;
let org: GivenOrganisation;
let application: GivenAccount;
let wrong: GivenAccount;
let anonymous: GivenAccount;

beforeAll(async () => {
  raw = await givenRawRpc(api());
  ({ org, application, wrong, anonymous } = raw);
});

const labels = (...ids: number[]) => ids.map((id) => requestFor('getLinkById', `,"params":[${id}],"id":9`)).join();

test('a batch returns its results in order, also for equal ids', async () => {
  const responses = JSON.parse(await raw.postOk(`[${labels(3, 2, 9999, 1)}]`));
  expect(responses.map(({ result }: { result: { id: number } | null }) => result?.id)).toEqual([3, 2, undefined, 1]);
  expect(responses.map(({ id }: { id: unknown }) => id)).toEqual([9, 9, 9, 9]);
});

test('a batch runs in order: each call sees the effects of the ones before it', async () => {
  const label = newLabel();
  const batch = [
    requestFor('getLinkByLabel', `,"params":["${label}"],"id":1`),
    requestFor('createLink', `,"params":["${label}"],"id":2`),
    requestFor('createLink', `,"params":["${label}"],"id":3`),
    requestFor('getLinkByLabel', `,"params":["${label}"],"id":4`),
  ];
  const [first, second, third, fourth] = JSON.parse(await raw.postOk(`[${batch.join()}]`));
  expect(first.result).toBeNull();
  expect(third.result).toBe(false);
  expect(fourth.result).toEqual({ id: second.result, label, opposite_id: 0 });
});

test('a batch of one call returns an array of one', async () => {
  expect(await raw.postOk(`[${GET_TIMEZONE}]`)).toBe(`[${UTC}]`);
});

test('a batch continues after a failed call and returns an error for it', async () => {
  const batch = [
    GET_TIMEZONE,
    requestFor('nope', ',"id":2'),
    requestFor('getLinkById', ',"id":"s"'),
    '{"foo":"boo"}',
    GET_TIMEZONE,
  ];
  const errors = [
    errorResponse(-32601, 'Method not found', '2'),
    errorResponse(-32602, 'Invalid params', '"s"', 'Wrong number of arguments'),
    INVALID_REQUEST,
  ];
  expect(await raw.postOk(`[${batch.join()}]`)).toBe(`[${[UTC, ...errors, UTC].join()}]`);
});

test('a batch returns nothing for notifications, and an empty body if it has no other calls', async () => {
  expect(await raw.postOk(`[${requestFor('getTimezone', '')},${GET_TIMEZONE},${requestFor('nope', '')}]`)).toBe(
    `[${UTC}]`,
  );
  expect(await raw.postOk(`[${requestFor('getTimezone', '')},${requestFor('nope', '')}]`)).toBe('');
});

test('a batch returns a parse error for each item that is not an object, without checking credentials', async () => {
  for (const account of [application, wrong, anonymous]) {
    expect(await raw.postOk('[1,"x",null,true,12345678901234567890]', account)).toBe(
      `[${Array(5).fill(PARSE_ERROR).join()}]`,
    );
    expect(await raw.postOk(`[[${GET_TIMEZONE}],[],{}]`, account)).toBe(
      `[${INVALID_REQUEST},${INVALID_REQUEST},${INVALID_REQUEST}]`,
    );
  }
});

test('a batch may be an object with the keys 0, 1, 2 and so on', async () => {
  expect(await raw.postOk(`{"0":${GET_TIMEZONE},"1":${GET_TIMEZONE}}`)).toBe(`[${UTC},${UTC}]`);
  expect(await raw.postOk(`{"0":${GET_TIMEZONE},"x":${GET_TIMEZONE}}`)).toBe(INVALID_REQUEST);
});

test('a batch with wrong or missing credentials returns one 401, even if its first item is not a request', async () => {
  for (const account of [wrong, anonymous]) {
    const response = await raw.post(`[{"foo":1},${GET_TIMEZONE}]`, account);
    expect([response.status, response.text]).toEqual([401, UNAUTHORIZED]);
    expect(response.headers['www-authenticate']).toBe('Basic realm="JsonRPC"');
  }
});

test('a batch with a forbidden call returns one 403, and keeps the effects of the calls before it', async () => {
  const manager = await givenAccount(db(), org, 'admin');
  const create = (label: string) => requestFor('createLink', `,"params":["${label}"],"id":1`);
  const before = await raw.countLabels();
  const forbidden = requestFor('getTaskLinkById', ',"params":[99999],"id":2');
  const response = await raw.post(`[${create(newLabel())},${forbidden},${create(newLabel())}]`, manager);
  expect([response.status, response.text]).toEqual([403, FORBIDDEN]);
  expect(await raw.countLabels()).toBe(before + 1);
});

test('a batch of 1000 calls is accepted; one of 1001 returns 413', async () => {
  const responses = JSON.parse(await raw.postOk(`[${Array(1000).fill(GET_TIMEZONE).join()}]`));
  expect(responses).toHaveLength(1000);
  const before = await snapshot(db());
  const create = requestFor('createLink', `,"params":["${newLabel()}"],"id":1`);
  const response = await raw.post(`[${Array(1001).fill(create).join()}]`);
  expect(response.status).toBe(413);
  expect(response.body).toEqual({ jsonrpc: '2.0', error: { code: 413, message: expect.any(String) }, id: null });
  expect(await snapshot(db())).toEqual(before);
});

test('a batch keeps the results that fit into 32 MiB, and returns a 413 for each call after them', async () => {
  const { key: queue } = await givenQueue(db(), org);
  const issue = await givenIssue(db(), org, queue, { summary: 'x'.repeat(1_048_576) });
  const getTask = requestFor('getTask', `,"params":[${issue.id}],"id":1`);
  expect((await raw.post(`[${Array(10).fill(getTask).join()}]`)).status).toBe(200);
  const before = await raw.countLabels();
  const createLink = requestFor('createLink', `,"params":["${newLabel()}"],"id":2`);
  const responses = JSON.parse(await raw.postOk(`[${[...Array(99).fill(getTask), createLink].join()}]`));
  const count = responses.findIndex((response: object) => 'error' in response);
  expect(count).toBe(31);
  const error = { code: 413, message: 'The response is larger than 33554432 bytes: request less at a time.' };
  expect(responses.slice(count)).toEqual([
    ...Array(99 - count).fill({ jsonrpc: '2.0', error, id: 1 }),
    { jsonrpc: '2.0', error, id: 2 },
  ]);
  expect(await raw.countLabels()).toBe(before);
});
