import { beforeAll, describe, expect, test } from '@jest/globals';
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

/** JSON-RPC 2.0 as Kanboard speaks it (Kanboard contract, section 1). */

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

describe('a batch', () => {
  const labels = (...ids: number[]) => ids.map((id) => requestFor('getLinkById', `,"params":[${id}],"id":9`)).join();

  test('is answered in its order, also where ids are the same', async () => {
    const answers = JSON.parse(await raw.postOk(`[${labels(3, 2, 9999, 1)}]`));
    expect(answers.map(({ result }: { result: { id: number } | null }) => result?.id)).toEqual([3, 2, undefined, 1]);
    expect(answers.map(({ id }: { id: unknown }) => id)).toEqual([9, 9, 9, 9]);
  });

  test('is carried out in its order: a call sees what those before it have done', async () => {
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

  test('of one call is answered by a list of one', async () => {
    expect(await raw.postOk(`[${GET_TIMEZONE}]`)).toBe(`[${UTC}]`);
  });

  test('has an error for each call that is wrong, and goes on', async () => {
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

  test('leaves out the answers of notifications; without any other it has none', async () => {
    expect(await raw.postOk(`[${requestFor('getTimezone', '')},${GET_TIMEZONE},${requestFor('nope', '')}]`)).toBe(
      `[${UTC}]`,
    );
    expect(await raw.postOk(`[${requestFor('getTimezone', '')},${requestFor('nope', '')}]`)).toBe('');
  });

  test('of garbage is a parse error for each item that is no object, and needs no credentials', async () => {
    for (const account of [application, wrong, anonymous]) {
      expect(await raw.postOk('[1,"x",null,true,12345678901234567890]', account)).toBe(
        `[${Array(5).fill(PARSE_ERROR).join()}]`,
      );
      expect(await raw.postOk(`[[${GET_TIMEZONE}],[],{}]`, account)).toBe(
        `[${INVALID_REQUEST},${INVALID_REQUEST},${INVALID_REQUEST}]`,
      );
    }
  });

  test('may be an object with the keys 0, 1, 2 and so on', async () => {
    expect(await raw.postOk(`{"0":${GET_TIMEZONE},"1":${GET_TIMEZONE}}`)).toBe(`[${UTC},${UTC}]`);
    expect(await raw.postOk(`{"0":${GET_TIMEZONE},"x":${GET_TIMEZONE}}`)).toBe(INVALID_REQUEST);
  });

  test('without good credentials is one 401, though the first item is no request', async () => {
    for (const account of [wrong, anonymous]) {
      const response = await raw.post(`[{"foo":1},${GET_TIMEZONE}]`, account);
      expect([response.status, response.text]).toEqual([401, UNAUTHORIZED]);
      expect(response.headers['www-authenticate']).toBe('Basic realm="JsonRPC"');
    }
  });

  test('with one call that the account may not make is one 403, though those before it were carried out', async () => {
    const manager = await givenAccount(db(), org, 'admin');
    const create = (label: string) => requestFor('createLink', `,"params":["${label}"],"id":1`);
    const before = await raw.countLabels();
    const forbidden = requestFor('getTaskLinkById', ',"params":[99999],"id":2');
    const response = await raw.post(`[${create(newLabel())},${forbidden},${create(newLabel())}]`, manager);
    expect([response.status, response.text]).toEqual([403, FORBIDDEN]);
    expect(await raw.countLabels()).toBe(before + 1);
  });

  test('holds 1000 calls, and not one more', async () => {
    const answers = JSON.parse(await raw.postOk(`[${Array(1000).fill(GET_TIMEZONE).join()}]`));
    expect(answers).toHaveLength(1000);
    const before = await snapshot(db());
    const create = requestFor('createLink', `,"params":["${newLabel()}"],"id":1`);
    const response = await raw.post(`[${Array(1001).fill(create).join()}]`);
    expect(response.status).toBe(413);
    expect(response.body).toEqual({ jsonrpc: '2.0', error: { code: 413, message: expect.any(String) }, id: null });
    expect(await snapshot(db())).toEqual(before);
  });

  test('whose answers are larger than 32 MiB is 413', async () => {
    const { key: queue } = await givenQueue(db(), org);
    const issue = await givenIssue(db(), org, queue, { summary: 'x'.repeat(1_048_576) });
    const getTask = requestFor('getTask', `,"params":[${issue.id}],"id":1`);
    expect((await raw.post(`[${Array(10).fill(getTask).join()}]`)).status).toBe(200);
    const response = await raw.post(`[${Array(100).fill(getTask).join()}]`);
    expect([response.status, response.body.error.code]).toEqual([413, 413]);
  });
});
