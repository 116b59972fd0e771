import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { useApi } from '../support/api.ts';
import type { GivenAccount } from '../support/builders.ts';
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
let application: GivenAccount;
let member: GivenAccount;
let wrong: GivenAccount;
let anonymous: GivenAccount;

beforeAll(async () => {
  raw = await givenRawRpc(api());
  ({ application, member, wrong, anonymous } = raw);
});

test('a response is compact JSON, with the content type application/json and no charset', async () => {
  const response = await raw.post(GET_TIMEZONE);
  expect(response.status).toBe(200);
  expect(response.text).toBe(UTC);
  expect(response.headers['content-type']).toBe('application/json');
  expect(response.headers['set-cookie']).toBeUndefined();
  expect(response.headers['access-control-allow-origin']).toBeUndefined();
});

describe('the envelope', () => {
  test.each([
    '',
    ' ',
    '{"jsonrpc":',
    `${GET_TIMEZONE} xx`,
    `${GET_TIMEZONE}${GET_TIMEZONE}`,
    `\uFEFF${GET_TIMEZONE}`,
    "{'jsonrpc':'2.0'}",
    '{"jsonrpc":"2.0",}',
    '[1,]',
    '{"a":01}',
    '{"a":.5}',
    '{"a":NaN}',
    '{"a":"\n"}',
    '{"a":"\\x"}',
    'null',
    '42',
    '12345678901234567890',
    '"x"',
    'true',
    '[',
    '"\\ud800"',
    '{"\\ud800":1}',
  ])('the body %j returns a parse error, with and without credentials', async (body) => {
    for (const account of [application, wrong, anonymous]) expect(await raw.postOk(body, account)).toBe(PARSE_ERROR);
  });

  test('a body that is not UTF-8 returns a parse error', async () => {
    for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
      const body = Buffer.concat([Buffer.from('{"jsonrpc":"2.0","method":"'), Buffer.from(bytes), Buffer.from('"}')]);
      expect(await raw.send(body)).toMatchObject({ status: 200, body: PARSE_ERROR });
    }
  });

  test('JSON of 512 levels is accepted, and of 513 returns a parse error', async () => {
    // The request and its params are two of the levels.
    const nested = (levels: number) =>
      requestFor('getTimezone', `,"params":[${'['.repeat(levels)}${']'.repeat(levels)}],"id":1`);
    expect(await raw.postOk(nested(510))).toBe(errorResponse(-32602, 'Invalid params', '1', 'Too many arguments'));
    expect(await raw.postOk(nested(511))).toBe(PARSE_ERROR);
    expect(await raw.postOk('['.repeat(500_000))).toBe(PARSE_ERROR);
    expect(await raw.postOk('{"a":'.repeat(200_000))).toBe(PARSE_ERROR);
  });

  test.each([
    '{}',
    '[]',
    '{"method":"getTimezone","id":1}',
    '{"jsonrpc":"1.0","method":"getTimezone","id":1}',
    '{"jsonrpc":2.0,"method":"getTimezone","id":1}',
    '{"jsonrpc":"2.0","id":1}',
    '{"jsonrpc":"2.0"}',
    '{"jsonrpc":"2.0","method":1,"id":7}',
    '{"jsonrpc":"2.0","method":null,"id":7}',
    '{"jsonrpc":"2.0","method":["getTimezone"],"id":7}',
    '{"jsonrpc":["2.0"],"method":"getTimezone","id":7}',
    requestFor('getTimezone', ',"id":1,"params":"x"'),
    requestFor('getTimezone', ',"id":1,"params":5'),
    requestFor('getTimezone', ',"id":1,"params":12345678901234567890'),
    requestFor('getTimezone', ',"id":1,"params":false'),
    '{"__proto__":{"jsonrpc":"2.0","method":"getTimezone"},"id":1}',
    '{"constructor":1}',
  ])('the body %s returns Invalid Request with the id null, with and without credentials', async (body) => {
    for (const account of [application, wrong, anonymous])
      expect(await raw.postOk(body, account)).toBe(INVALID_REQUEST);
  });

  test('the last of several members with the same name counts', async () => {
    expect(
      await raw.postOk('{"jsonrpc":"1.0","jsonrpc":"2.0","method":"nope","method":"getTimezone","id":7,"id":1}'),
    ).toBe(UTC);
  });

  test('unknown members are ignored', async () => {
    expect(await raw.postOk(requestFor('getTimezone', ',"id":1,"auth":{"x":[1]},"result":2,"toString":3'))).toBe(UTC);
  });
});

describe('the order of checks', () => {
  test('wrong or missing credentials return 401 before the method is checked', async () => {
    for (const account of [wrong, anonymous]) {
      for (const body of [
        GET_TIMEZONE,
        requestFor('noSuchThing'),
        requestFor('getLinkById'),
        requestFor('getTimezone', ''),
      ]) {
        const response = await raw.post(body, account);
        expect(response.status).toBe(401);
        expect(response.text).toBe(UNAUTHORIZED);
        expect(response.headers['content-type']).toBe('application/json');
        expect(response.headers['www-authenticate']).toBe('Basic realm="JsonRPC"');
      }
    }
  });

  test('an unknown method returns Method not found, whatever the account may call', async () => {
    for (const account of [application, member]) {
      expect(await raw.postOk(requestFor('noSuchThing', ',"id":1,"params":[1,2]'), account)).toBe(
        errorResponse(-32601, 'Method not found'),
      );
    }
  });

  test('a method that the account may not call returns 403 before the parameters are checked', async () => {
    for (const params of ['', ',"params":[1]', ',"params":[1,2,3]', ',"params":{"x":1}']) {
      const response = await raw.post(requestFor('getLinkById', `,"id":1${params}`), member);
      expect(response.status).toBe(403);
      expect(response.text).toBe(FORBIDDEN);
      expect(response.headers['content-type']).toBe('application/json');
      expect(response.headers['www-authenticate']).toBeUndefined();
    }
  });

  test('the parameters are checked before the role in the project', async () => {
    expect(await raw.postOk(requestFor('getTaskLinkById'), member)).toBe(
      errorResponse(-32602, 'Invalid params', '1', 'Wrong number of arguments'),
    );
    const response = await raw.post(requestFor('getTaskLinkById', ',"id":1,"params":[99999]'), member);
    expect([response.status, response.text]).toEqual([403, FORBIDDEN]);
  });

  test.each([
    '',
    'GETTIMEZONE',
    'gettimezone',
    ' getTimezone',
    'getTimezone ',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'beforeProcedure',
    'getClassName',
    'GetTimezoneParams',
    'связать',
    'x'.repeat(10_000),
  ])('section 8.9: only the methods of the API can be called; %j returns Method not found', async (method) => {
    expect(await raw.postOk(requestFor(method))).toBe(errorResponse(-32601, 'Method not found'));
  });
});

describe('the id', () => {
  test.each([
    '0',
    '-5',
    '""',
    '"s"',
    '"связь € / \\" \\\\ 👍"',
    '1.5',
    'true',
    'false',
    '[]',
    '[1,2]',
    '{"a":1}',
    '{"a":[9007199254740993,{"b":null}]}',
    '{"isLosslessNumber":true,"value":"1"}',
    '{"__proto__":1,"constructor":2}',
    '9007199254740993',
    '9223372036854775807',
    '-9223372036854775808',
    '12345678901234567890',
    '1e400',
    '0.1000000000000000055511151231257827',
  ])('the id %s is returned unchanged', async (id) => {
    expect(await raw.postOk(requestFor('getTimezone', `,"id":${id}`))).toBe(
      `{"jsonrpc":"2.0","result":"UTC","id":${id}}`,
    );
    expect(await raw.postOk(requestFor('nope', `,"id":${id}`))).toBe(errorResponse(-32601, 'Method not found', id));
    expect(await raw.postOk(requestFor('getTimezone', `,"params":[1],"id":${id}`))).toBe(
      errorResponse(-32602, 'Invalid params', id, 'Too many arguments'),
    );
    expect(await raw.postOk(`[${requestFor('getTimezone', `,"id":${id}`)}]`)).toBe(
      `[{"jsonrpc":"2.0","result":"UTC","id":${id}}]`,
    );
  });

  test.each([
    ['1.0', '1'],
    ['1e2', '100'],
    ['"\\u0441\\/"', '"с/"'],
    [' [ 1 , 2 ] ', '[1,2]'],
  ])('the id %s is returned as %s', async (id, returned) => {
    expect(await raw.postOk(requestFor('getTimezone', `,"id":${id}`))).toBe(
      `{"jsonrpc":"2.0","result":"UTC","id":${returned}}`,
    );
  });
});

describe('parameters', () => {
  const TOO_FEW = 'Wrong number of arguments';
  const TOO_MANY = 'Too many arguments';
  test.each([
    ['getTimezone', '[1]', TOO_MANY],
    ['getTimezone', '{"x":1}', TOO_MANY],
    ['getLinkById', '[]', TOO_FEW],
    ['getLinkById', '{}', TOO_FEW],
    ['getLinkById', 'null', TOO_FEW],
    ['getLinkById', '[1,2]', TOO_MANY],
    ['getLinkById', '{"link_id":1,"x":2}', TOO_MANY],
    ['getLinkById', '{"id":1}', 'Missing argument: link_id'],
    ['getLinkById', '{"Link_Id":1}', 'Missing argument: link_id'],
    ['getLinkById', '{"__proto__":1}', 'Missing argument: link_id'],
    ['getLinkById', '{"toString":1}', 'Missing argument: link_id'],
    ['getLinkById', '{"isLosslessNumber":true}', 'Missing argument: link_id'],
    ['getLinkById', '{"1":1}', 'Missing argument: link_id'],
    ['createTaskLink', '[1]', TOO_FEW],
    ['createTaskLink', '{"task_id":1,"constructor":2,"link_id":1}', 'Missing argument: opposite_task_id'],
    ['createTaskLink', '{"x":1,"y":2,"z":1}', 'Missing argument: task_id'],
    ['createLink', '{"opposite_label":"x"}', 'Missing argument: label'],
    ['createLink', '{"label":"x","opposite":"y"}', undefined],
    ['createLink', '["a","b","c"]', TOO_MANY],
  ])('%s with the parameters %s: %s', async (method, params, data) => {
    const response = await raw.postOk(requestFor(method, `,"params":${params},"id":1`));
    if (data) expect(response).toBe(errorResponse(-32602, 'Invalid params', '1', data));
    else expect(response).toMatch(/^\{"jsonrpc":"2.0","result":\d+,"id":1\}$/);
  });

  test('params without a parameter may be missing, null, an empty array or an empty object', async () => {
    for (const params of ['', ',"params":null', ',"params":[]', ',"params":{}']) {
      expect(await raw.postOk(requestFor('getTimezone', `${params},"id":1`))).toBe(UTC);
    }
  });

  test('params that are an object with the keys 0, 1, 2 and so on are positional', async () => {
    const blocks = '{"jsonrpc":"2.0","result":{"id":2,"label":"blocks","opposite_id":3},"id":1}';
    for (const params of ['[2]', '{"link_id":2}', '{"0":2}']) {
      expect(await raw.postOk(requestFor('getLinkById', `,"params":${params},"id":1`))).toBe(blocks);
    }
  });

  test('a parameter of the wrong type is treated as not found, and nothing is written', async () => {
    const before = await snapshot(db());
    const invalid = [
      'null',
      '[2]',
      '{"a":1}',
      '"x"',
      '""',
      '1.5',
      '-1',
      '1e400',
      '9223372036854775807',
      '9007199254740993',
    ];
    const outOfRange = [
      '99999999999999999999',
      '"99999999999999999999"',
      '"\\u0000"',
      '"1\\u0000"',
      'false',
      '2147483648',
    ];
    for (const value of [...invalid, ...outOfRange]) {
      const params = (count: number) => `,"params":[${Array(count).fill(value).join()}],"id":1`;
      for (const [method, count, result] of [
        ['getLinkById', 1, 'null'],
        ['getTaskLinkById', 1, 'null'],
        ['getAllTaskLinks', 1, '[]'],
        ['createTaskLink', 3, 'false'],
        ['updateTaskLink', 4, 'false'],
        ['removeTaskLink', 1, 'false'],
        ['removeLink', 1, 'false'],
      ] as const) {
        expect(`${method} ${value} ${await raw.postOk(requestFor(method, params(count)))}`).toBe(
          `${method} ${value} {"jsonrpc":"2.0","result":${result},"id":1}`,
        );
      }
    }
    expect(await snapshot(db())).toEqual(before);
  });
});

test('getOppositeLinkId returns null for a value that is neither a number nor a string', async () => {
  for (const value of ['null', '[2]', '{"a":1}', 'false', '99999999999999999999']) {
    expect(await raw.postOk(requestFor('getOppositeLinkId', `,"params":[${value}],"id":1`))).toBe(
      '{"jsonrpc":"2.0","result":null,"id":1}',
    );
  }
});

describe('notifications', () => {
  test.each(['', ',"id":null'])('a notification with%s is executed, and its response is empty', async (id) => {
    const before = await raw.countLabels();
    expect(await raw.postOk(requestFor('createLink', `,"params":["${newLabel()}"]${id}`))).toBe('');
    expect(await raw.countLabels()).toBe(before + 1);
  });

  test('a notification with an unknown method or wrong parameters gets an empty response', async () => {
    for (const body of [
      requestFor('nope', ''),
      requestFor('getLinkById', ''),
      requestFor('getLinkById', ',"params":[1,2]'),
    ]) {
      expect(await raw.postOk(body)).toBe('');
    }
  });

  test('a notification returns 401 and 403 as a call does', async () => {
    const body = requestFor('createLink', `,"params":["${newLabel()}"]`);
    const before = await snapshot(db());
    expect([(await raw.post(body, wrong)).status, (await raw.post(body, wrong)).text]).toEqual([401, UNAUTHORIZED]);
    expect([(await raw.post(body, member)).status, (await raw.post(body, member)).text]).toEqual([403, FORBIDDEN]);
    expect(await snapshot(db())).toEqual(before);
  });
});

describe('any body', () => {
  const names = fc.constantFrom(
    'getTimezone',
    'getLinkById',
    'createTaskLink',
    'getOppositeLinkId',
    'nope',
    '__proto__',
  );
  const request = fc.record(
    {
      jsonrpc: fc.oneof({ weight: 5, arbitrary: fc.constant('2.0') }, fc.jsonValue()),
      method: fc.oneof({ weight: 5, arbitrary: names }, fc.jsonValue()),
      params: fc.oneof(fc.array(fc.jsonValue(), { maxLength: 4 }), fc.jsonValue()),
      id: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const body = fc.oneof(fc.jsonValue(), request, fc.array(fc.oneof(request, fc.jsonValue())));

  test('the response is valid JSON-RPC or empty, and never 500', async () => {
    const validate = api().contract.validator('/components/schemas/JsonRpcResponse');
    await fc.assert(
      fc.asyncProperty(body, fc.boolean(), async (value, withCredentials) => {
        const response = await raw.post(JSON.stringify(value), withCredentials ? application : anonymous);
        expect([200, 401, 413]).toContain(response.status);
        if (response.text === '') return;
        const parsed = JSON.parse(response.text);
        for (const one of Array.isArray(parsed) ? parsed : [parsed]) {
          expect({ one, errors: validate(one) ? null : validate.errors }).toEqual({ one, errors: null });
        }
      }),
      { numRuns: 300 },
    );
  });
});
