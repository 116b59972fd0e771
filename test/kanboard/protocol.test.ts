import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenOrganisation,
  givenAccount,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';
import { sendExactly } from '../support/raw-request.ts';
import { snapshot } from '../support/snapshot.ts';

/** JSON-RPC 2.0 as Kanboard speaks it (Kanboard contract, section 1). */

let proxy: DatabaseProxy;
const api = useApi({}, async (connection) => {
  proxy = await openDatabaseProxy(connection);
  return proxy.connection;
});
const published = useApi({ publicUrl: 'https://links.example/tracker' }, () =>
  Promise.resolve(api().database.connection),
);
const db = () => api().database.db;
let org: GivenOrganisation;
let application: GivenAccount;
let member: GivenAccount;
let wrong: GivenAccount;
const nobody = { orgId: '', login: '', secret: '' };

beforeAll(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
  application = await givenApplication(db(), org);
  member = await givenAccount(db(), org);
  wrong = { ...application, secret: 'wrong' };
});

const PARSE_ERROR = '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}';
const INVALID_REQUEST = '{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}';
const UNAUTHORIZED = '{"jsonrpc":"2.0","error":{"code":401,"message":"Unauthorized"},"id":null}';
const FORBIDDEN = '{"jsonrpc":"2.0","error":{"code":403,"message":"Forbidden"},"id":null}';
const GET_TIMEZONE = '{"jsonrpc":"2.0","method":"getTimezone","id":1}';
const UTC = '{"jsonrpc":"2.0","result":"UTC","id":1}';

function path(account: GivenAccount = application) {
  return `/kanboard/${account.orgId || org.orgId}/jsonrpc.php`;
}

function post(body: string, account: GivenAccount = application) {
  const request = api().request.post(path(account)).set('Content-Type', 'application/json');
  return (account.secret === '' ? request : request.auth(account.login, account.secret)).send(body);
}

/** The text of a call of `method`; what `more` holds stands as it is. */
function call(method: string, more = ',"id":1') {
  return `{"jsonrpc":"2.0","method":${JSON.stringify(method)}${more}}`;
}

async function answerTo(body: string, account?: GivenAccount): Promise<string> {
  const response = await post(body, account);
  expect(response.status).toBe(200);
  expect(response.headers['content-type']).toBe('application/json');
  expect(response.headers['www-authenticate']).toBeUndefined();
  return response.text;
}

/** What exactly this is answered. */
async function exactly(
  body: string | Buffer,
  {
    method = 'POST',
    headers = {},
    at = path(),
  }: { method?: string; headers?: Record<string, string>; at?: string } = {},
) {
  const authorization = `Basic ${Buffer.from(`${application.login}:${application.secret}`).toString('base64')}`;
  return await sendExactly(api().url + at, { method, headers: { Authorization: authorization, ...headers }, body });
}

function error(code: number, message: string, id = '1', data?: string) {
  return `{"jsonrpc":"2.0","error":${JSON.stringify({ code, message, data })},"id":${id}}`;
}

async function countLabels(): Promise<number> {
  const [row] = await db().query<{ count: number }>({
    name: '',
    text: 'select count(*) from labels where org_id = $1',
    values: [org.orgId],
  });
  return row?.count ?? 0;
}

let labelCount = 0;
function newLabel() {
  labelCount += 1;
  return `label ${labelCount}`;
}

test('an answer is compact JSON, with the content type and no charset', async () => {
  const response = await post(GET_TIMEZONE);
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
  ])('%j is a parse error, with credentials and without', async (body) => {
    for (const account of [application, wrong, nobody]) expect(await answerTo(body, account)).toBe(PARSE_ERROR);
  });

  test('bytes that are not UTF-8 are a parse error', async () => {
    for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
      const body = Buffer.concat([Buffer.from('{"jsonrpc":"2.0","method":"'), Buffer.from(bytes), Buffer.from('"}')]);
      expect(await exactly(body)).toMatchObject({ status: 200, body: PARSE_ERROR });
    }
  });

  test('JSON is as deep as 512 levels, and no deeper', async () => {
    // The request and its params are two of them.
    const nested = (levels: number) =>
      call('getTimezone', `,"params":[${'['.repeat(levels)}${']'.repeat(levels)}],"id":1`);
    expect(await answerTo(nested(510))).toBe(error(-32602, 'Invalid params', '1', 'Too many arguments'));
    expect(await answerTo(nested(511))).toBe(PARSE_ERROR);
    expect(await answerTo('['.repeat(500_000))).toBe(PARSE_ERROR);
    expect(await answerTo('{"a":'.repeat(200_000))).toBe(PARSE_ERROR);
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
    call('getTimezone', ',"id":1,"params":"x"'),
    call('getTimezone', ',"id":1,"params":5'),
    call('getTimezone', ',"id":1,"params":12345678901234567890'),
    call('getTimezone', ',"id":1,"params":false'),
    '{"__proto__":{"jsonrpc":"2.0","method":"getTimezone"},"id":1}',
    '{"constructor":1}',
  ])('%s is no request, with credentials and without, and its id is not told', async (body) => {
    for (const account of [application, wrong, nobody]) expect(await answerTo(body, account)).toBe(INVALID_REQUEST);
  });

  test('the last of several members of one name counts', async () => {
    expect(
      await answerTo('{"jsonrpc":"1.0","jsonrpc":"2.0","method":"nope","method":"getTimezone","id":7,"id":1}'),
    ).toBe(UTC);
  });

  test('members that JSON-RPC does not know are not looked at', async () => {
    expect(await answerTo(call('getTimezone', ',"id":1,"auth":{"x":[1]},"result":2,"toString":3'))).toBe(UTC);
  });
});

describe('the order of checks', () => {
  test('wrong or no credentials are 401, before the method is looked at', async () => {
    for (const account of [wrong, nobody]) {
      for (const body of [GET_TIMEZONE, call('noSuchThing'), call('getLinkById'), call('getTimezone', '')]) {
        const response = await post(body, account);
        expect(response.status).toBe(401);
        expect(response.text).toBe(UNAUTHORIZED);
        expect(response.headers['content-type']).toBe('application/json');
        expect(response.headers['www-authenticate']).toBe('Basic realm="JsonRPC"');
      }
    }
  });

  test('an unknown method is said before what the account may do', async () => {
    for (const account of [application, member]) {
      expect(await answerTo(call('noSuchThing', ',"id":1,"params":[1,2]'), account)).toBe(
        error(-32601, 'Method not found'),
      );
    }
  });

  test('what the account may not call is 403, before the parameters are looked at', async () => {
    for (const params of ['', ',"params":[1]', ',"params":[1,2,3]', ',"params":{"x":1}']) {
      const response = await post(call('getLinkById', `,"id":1${params}`), member);
      expect(response.status).toBe(403);
      expect(response.text).toBe(FORBIDDEN);
      expect(response.headers['content-type']).toBe('application/json');
      expect(response.headers['www-authenticate']).toBeUndefined();
    }
  });

  test('the parameters are looked at before the role in the project', async () => {
    expect(await answerTo(call('getTaskLinkById'), member)).toBe(
      error(-32602, 'Invalid params', '1', 'Wrong number of arguments'),
    );
    const response = await post(call('getTaskLinkById', ',"id":1,"params":[99999]'), member);
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
  ])('section 8.9: only procedures can be called, not %j', async (method) => {
    expect(await answerTo(call(method))).toBe(error(-32601, 'Method not found'));
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
  ])('%s comes back as it was', async (id) => {
    expect(await answerTo(call('getTimezone', `,"id":${id}`))).toBe(`{"jsonrpc":"2.0","result":"UTC","id":${id}}`);
    expect(await answerTo(call('nope', `,"id":${id}`))).toBe(error(-32601, 'Method not found', id));
    expect(await answerTo(call('getTimezone', `,"params":[1],"id":${id}`))).toBe(
      error(-32602, 'Invalid params', id, 'Too many arguments'),
    );
    expect(await answerTo(`[${call('getTimezone', `,"id":${id}`)}]`)).toBe(
      `[{"jsonrpc":"2.0","result":"UTC","id":${id}}]`,
    );
  });

  test.each([
    ['1.0', '1'],
    ['1e2', '100'],
    ['"\\u0441\\/"', '"с/"'],
    [' [ 1 , 2 ] ', '[1,2]'],
  ])('%s comes back as %s', async (id, back) => {
    expect(await answerTo(call('getTimezone', `,"id":${id}`))).toBe(`{"jsonrpc":"2.0","result":"UTC","id":${back}}`);
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
  ])('%s with %s: %s', async (method, params, data) => {
    const answer = await answerTo(call(method, `,"params":${params},"id":1`));
    if (data) expect(answer).toBe(error(-32602, 'Invalid params', '1', data));
    else expect(answer).toMatch(/^\{"jsonrpc":"2.0","result":\d+,"id":1\}$/);
  });

  test('none are absent, null, an empty list or an empty object', async () => {
    for (const params of ['', ',"params":null', ',"params":[]', ',"params":{}']) {
      expect(await answerTo(call('getTimezone', `${params},"id":1`))).toBe(UTC);
    }
  });

  test('an object with the keys 0, 1, 2 and so on is a list', async () => {
    const blocks = '{"jsonrpc":"2.0","result":{"id":2,"label":"blocks","opposite_id":3},"id":1}';
    for (const params of ['[2]', '{"link_id":2}', '{"0":2}']) {
      expect(await answerTo(call('getLinkById', `,"params":${params},"id":1`))).toBe(blocks);
    }
  });

  test('a value of an odd type is a thing not found, and nothing is written', async () => {
    const before = await snapshot(db());
    const odd = [
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
    const odder = ['99999999999999999999', '"99999999999999999999"', '"\\u0000"', '"1\\u0000"', 'false', '2147483648'];
    for (const value of [...odd, ...odder]) {
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
        expect(`${method} ${value} ${await answerTo(call(method, params(count)))}`).toBe(
          `${method} ${value} {"jsonrpc":"2.0","result":${result},"id":1}`,
        );
      }
    }
    expect(await snapshot(db())).toEqual(before);
  });
});

test('what is neither a number nor a text names no label, and comes back as null', async () => {
  for (const value of ['null', '[2]', '{"a":1}', 'false', '99999999999999999999']) {
    expect(await answerTo(call('getOppositeLinkId', `,"params":[${value}],"id":1`))).toBe(
      '{"jsonrpc":"2.0","result":null,"id":1}',
    );
  }
});

describe('a notification', () => {
  test.each(['', ',"id":null'])('with%s is carried out, and answered by nothing', async (id) => {
    const before = await countLabels();
    expect(await answerTo(call('createLink', `,"params":["${newLabel()}"]${id}`))).toBe('');
    expect(await countLabels()).toBe(before + 1);
  });

  test('is answered by nothing also where its method or its parameters are wrong', async () => {
    for (const body of [call('nope', ''), call('getLinkById', ''), call('getLinkById', ',"params":[1,2]')]) {
      expect(await answerTo(body)).toBe('');
    }
  });

  test('is refused like a call: 401 and 403', async () => {
    const body = call('createLink', `,"params":["${newLabel()}"]`);
    const before = await snapshot(db());
    expect([(await post(body, wrong)).status, (await post(body, wrong)).text]).toEqual([401, UNAUTHORIZED]);
    expect([(await post(body, member)).status, (await post(body, member)).text]).toEqual([403, FORBIDDEN]);
    expect(await snapshot(db())).toEqual(before);
  });
});

describe('a batch', () => {
  const labels = (...ids: number[]) => ids.map((id) => call('getLinkById', `,"params":[${id}],"id":9`)).join();

  test('is answered in its order, also where ids are the same', async () => {
    const answers = JSON.parse(await answerTo(`[${labels(3, 2, 9999, 1)}]`));
    expect(answers.map(({ result }: { result: { id: number } | null }) => result?.id)).toEqual([3, 2, undefined, 1]);
    expect(answers.map(({ id }: { id: unknown }) => id)).toEqual([9, 9, 9, 9]);
  });

  test('is carried out in its order: a call sees what those before it have done', async () => {
    const label = newLabel();
    const batch = [
      call('getLinkByLabel', `,"params":["${label}"],"id":1`),
      call('createLink', `,"params":["${label}"],"id":2`),
      call('createLink', `,"params":["${label}"],"id":3`),
      call('getLinkByLabel', `,"params":["${label}"],"id":4`),
    ];
    const [first, second, third, fourth] = JSON.parse(await answerTo(`[${batch.join()}]`));
    expect(first.result).toBeNull();
    expect(third.result).toBe(false);
    expect(fourth.result).toEqual({ id: second.result, label, opposite_id: 0 });
  });

  test('of one call is answered by a list of one', async () => {
    expect(await answerTo(`[${GET_TIMEZONE}]`)).toBe(`[${UTC}]`);
  });

  test('has an error for each call that is wrong, and goes on', async () => {
    const batch = [
      GET_TIMEZONE,
      call('nope', ',"id":2'),
      call('getLinkById', ',"id":"s"'),
      '{"foo":"boo"}',
      GET_TIMEZONE,
    ];
    const errors = [
      error(-32601, 'Method not found', '2'),
      error(-32602, 'Invalid params', '"s"', 'Wrong number of arguments'),
      INVALID_REQUEST,
    ];
    expect(await answerTo(`[${batch.join()}]`)).toBe(`[${[UTC, ...errors, UTC].join()}]`);
  });

  test('leaves out the answers of notifications; without any other it has none', async () => {
    expect(await answerTo(`[${call('getTimezone', '')},${GET_TIMEZONE},${call('nope', '')}]`)).toBe(`[${UTC}]`);
    expect(await answerTo(`[${call('getTimezone', '')},${call('nope', '')}]`)).toBe('');
  });

  test('of garbage is a parse error for each item that is no object, and needs no credentials', async () => {
    for (const account of [application, wrong, nobody]) {
      expect(await answerTo('[1,"x",null,true,12345678901234567890]', account)).toBe(
        `[${Array(5).fill(PARSE_ERROR).join()}]`,
      );
      expect(await answerTo(`[[${GET_TIMEZONE}],[],{}]`, account)).toBe(
        `[${INVALID_REQUEST},${INVALID_REQUEST},${INVALID_REQUEST}]`,
      );
    }
  });

  test('may be an object with the keys 0, 1, 2 and so on', async () => {
    expect(await answerTo(`{"0":${GET_TIMEZONE},"1":${GET_TIMEZONE}}`)).toBe(`[${UTC},${UTC}]`);
    expect(await answerTo(`{"0":${GET_TIMEZONE},"x":${GET_TIMEZONE}}`)).toBe(INVALID_REQUEST);
  });

  test('without good credentials is one 401, though the first item is no request', async () => {
    for (const account of [wrong, nobody]) {
      const response = await post(`[{"foo":1},${GET_TIMEZONE}]`, account);
      expect([response.status, response.text]).toEqual([401, UNAUTHORIZED]);
      expect(response.headers['www-authenticate']).toBe('Basic realm="JsonRPC"');
    }
  });

  test('with one call that the account may not make is one 403, though those before it were carried out', async () => {
    const manager = await givenAccount(db(), org, 'admin');
    const create = (label: string) => call('createLink', `,"params":["${label}"],"id":1`);
    const before = await countLabels();
    const forbidden = call('getTaskLinkById', ',"params":[99999],"id":2');
    const response = await post(`[${create(newLabel())},${forbidden},${create(newLabel())}]`, manager);
    expect([response.status, response.text]).toEqual([403, FORBIDDEN]);
    expect(await countLabels()).toBe(before + 1);
  });

  test('holds 1000 calls, and not one more', async () => {
    const answers = JSON.parse(await answerTo(`[${Array(1000).fill(GET_TIMEZONE).join()}]`));
    expect(answers).toHaveLength(1000);
    const before = await snapshot(db());
    const create = call('createLink', `,"params":["${newLabel()}"],"id":1`);
    const response = await post(`[${Array(1001).fill(create).join()}]`);
    expect(response.status).toBe(413);
    expect(response.body).toEqual({ jsonrpc: '2.0', error: { code: 413, message: expect.any(String) }, id: null });
    expect(await snapshot(db())).toEqual(before);
  });

  test('whose answers are larger than 64 MiB is 413', async () => {
    const queue = await givenQueue(db(), org);
    const issue = await givenIssue(db(), org, queue, { summary: 'x'.repeat(1_048_576) });
    const getTask = call('getTask', `,"params":[${issue.id}],"id":1`);
    expect((await post(`[${Array(10).fill(getTask).join()}]`)).status).toBe(200);
    const response = await post(`[${Array(100).fill(getTask).join()}]`);
    expect([response.status, response.body.error.code]).toEqual([413, 413]);
  });
});

describe('HTTP', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'REPORT'])(
    'the method %s makes no difference',
    async (method) => {
      expect(await exactly(GET_TIMEZONE, { method })).toMatchObject({ status: 200, body: UTC });
      expect(await exactly('', { method })).toMatchObject({ status: 200, body: PARSE_ERROR });
    },
  );

  test('HEAD is answered by headers alone', async () => {
    const response = await exactly('', { method: 'HEAD' });
    expect(response).toMatchObject({ status: 200, body: '', headers: { 'content-type': 'application/json' } });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml; charset=koi8-r', 'nonsense', ''])(
    'the content type %j makes no difference',
    async (type) => {
      const headers = { 'Content-Type': type, Accept: 'application/xml' };
      const at = `${path()}?x=1&method=nope`;
      expect(await exactly(GET_TIMEZONE, { headers, at })).toMatchObject({ status: 200, body: UTC });
    },
  );

  test('a compressed body is read', async () => {
    const headers = { 'Content-Encoding': 'gzip' };
    expect(await exactly(gzipSync(GET_TIMEZONE), { headers })).toMatchObject({ status: 200, body: UTC });
  });

  test('a compressed body that cannot be read is a parse error', async () => {
    for (const encoding of ['gzip', 'rot13']) {
      const headers = { 'Content-Encoding': encoding };
      expect(await exactly(GET_TIMEZONE, { headers })).toMatchObject({ status: 200, body: PARSE_ERROR });
    }
  });

  test.each(['/jsonrpc.php', '/kanboard/x/jsonrpc.php'])('at %s a body of more than a mebibyte is 413', async (at) => {
    const before = await snapshot(db());
    const large = call('createLink', `,"params":["${'x'.repeat(1_048_576)}"],"id":1`);
    for (const [body, encoding] of [
      [large, 'identity'],
      [gzipSync(large), 'gzip'],
    ] as const) {
      expect(await exactly(body, { headers: { 'Content-Encoding': encoding }, at })).toMatchObject({
        status: 413,
        body: '{"jsonrpc":"2.0","error":{"code":413,"message":"Payload Too Large"},"id":null}',
        headers: { 'content-type': 'application/json' },
      });
    }
    expect(await snapshot(db())).toEqual(before);
  });

  test('a body of exactly a mebibyte is read', async () => {
    const body = GET_TIMEZONE + ' '.repeat(1_048_576 - GET_TIMEZONE.length);
    expect(await answerTo(body)).toBe(UTC);
  });

  test.each(['/JSONRPC.PHP', '/jsonrpc.php/extra', '/jsonrpc', '/kanboard/jsonrpc.php', '/kanboard/a/b/jsonrpc.php'])(
    'there is nothing at %s',
    async (at) => {
      await api().request.post(at).auth(application.login, application.secret).send(GET_TIMEZONE).expect(404);
    },
  );
});

test('at /jsonrpc.php it is all the same', async () => {
  const at = async (account: GivenAccount, body: string) => {
    const response = await api()
      .request.post('/jsonrpc.php')
      .auth(account.login, account.secret)
      .send(JSON.parse(body));
    return [response.status, response.text];
  };
  expect(await at(application, GET_TIMEZONE)).toEqual([200, UTC]);
  expect(await at(wrong, GET_TIMEZONE)).toEqual([401, UNAUTHORIZED]);
  expect(await at(member, call('getAllLinks'))).toEqual([403, FORBIDDEN]);
});

describe('a browser', () => {
  /** What a request with these headers is answered; a refused one has written nothing. */
  async function create(headers: Record<string, string>, at = api()) {
    const before = await countLabels();
    const body = call('createLink', `,"params":["${newLabel()}"],"id":1`);
    const response = await at.request
      .post(path())
      .auth(application.login, application.secret)
      .set({ 'Content-Type': 'application/json', ...headers })
      .send(body);
    expect(await countLabels()).toBe(before + (response.status === 200 ? 1 : 0));
    if (response.status === 403) expect(response.text).toBe(FORBIDDEN);
    return response.status;
  }

  test.each([
    { 'Sec-Fetch-Site': 'cross-site' },
    { Origin: 'https://evil.example' },
    { Origin: 'http://localhost' },
    { Origin: 'null' },
    { Origin: 'nonsense' },
    { Origin: 'http://127.0.0.1:1' },
    { Origin: 'file://' },
  ])('at another site is refused: %j', async (headers) => {
    expect(await create(headers as Record<string, string>)).toBe(403);
  });

  test('at this site may call', async () => {
    const { url } = api();
    for (const site of ['same-origin', 'same-site', 'none']) {
      expect(await create({ Origin: url, 'Sec-Fetch-Site': site })).toBe(200);
    }
    expect(await create({ Origin: 'https://links.example:8443', Host: 'links.example:8443' })).toBe(200);
  });

  test('at the public URL may call, whatever the Host', async () => {
    expect(await create({ Origin: 'https://links.example' }, published())).toBe(200);
    expect(await create({ Origin: published().url }, published())).toBe(200);
    expect(await create({ Origin: 'https://links.example.evil.example' }, published())).toBe(403);
  });

  test('is refused before anything is parsed or written, and its preflight gets no leave', async () => {
    const response = await api().request.options(path()).set({
      Origin: 'https://evil.example',
      'Access-Control-Request-Method': 'POST',
    });
    expect(response.status).toBe(403);
    expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

test('a Host that is none does no harm', async () => {
  for (const host of ['%', 'a b', '[', '']) {
    const headers = { Host: host, Origin: 'null' };
    expect((await exactly(GET_TIMEZONE, { headers })).status).toBe(403);
  }
});

describe('trouble', () => {
  test.each(['/jsonrpc.php', 'the organisation'])(
    'while the database is away, %s is 503 with Retry-After',
    async (at) => {
      await post(GET_TIMEZONE).expect(200);
      await proxy.cut();
      for (const body of [GET_TIMEZONE, `[${GET_TIMEZONE}]`, call('createLink', ',"params":["x"]')]) {
        const response = await api()
          .request.post(at === '/jsonrpc.php' ? at : path())
          .auth(application.login, application.secret)
          .set('Content-Type', 'application/json')
          .send(body);
        expect(response.status).toBe(503);
        expect(response.text).toBe('{"jsonrpc":"2.0","error":{"code":503,"message":"Service Unavailable"},"id":null}');
        expect(response.headers['content-type']).toBe('application/json');
        expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      }
      // What needs no database is answered all the same.
      expect(await answerTo('{')).toBe(PARSE_ERROR);
      await proxy.restore();
      expect(await answerTo(GET_TIMEZONE)).toBe(UTC);
    },
  );

  test('a failure that nobody foresaw is 500, and tells the caller the request id alone', async () => {
    const rename = (from: string, to: string) =>
      db().query({ name: '', text: `alter table ${from} rename to ${to}`, values: [] });
    await rename('labels', 'mislaid');
    const body = call('getLinkById', ',"params":[1],"id":1');
    const responses = [
      await post(body).set('X-Request-Id', 'id-of-mine'),
      await post(`[${GET_TIMEZONE},${body}]`).set('X-Request-Id', 'id-of-mine'),
    ];
    await rename('mislaid', 'labels');
    for (const response of responses) {
      expect(response.status).toBe(500);
      expect(response.text).toBe(error(-32603, 'Internal error', 'null', 'id-of-mine'));
      expect(response.headers['content-type']).toBe('application/json');
    }
    const lines = api()
      .log.splice(0)
      .filter((line) => line.includes('id-of-mine'));
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 50,
      err: { message: 'relation "labels" does not exist' },
    });
    // No caller should see it, so the contract does not name it.
    expect(api().takeProblems()).toEqual(Array(2).fill(expect.stringContaining('500 is not in the contract')));
  });
});

describe('whatever comes', () => {
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

  test('the answer is one of JSON-RPC’s, or empty, and never a 500', async () => {
    const fits = api().contract.validator('/components/schemas/JsonRpcResponse');
    await fc.assert(
      fc.asyncProperty(body, fc.boolean(), async (value, withCredentials) => {
        const response = await post(JSON.stringify(value), withCredentials ? application : nobody);
        expect([200, 401, 413]).toContain(response.status);
        if (response.text === '') return;
        const answer = JSON.parse(response.text);
        for (const one of Array.isArray(answer) ? answer : [answer]) {
          expect({ one, errors: fits(one) ? null : fits.errors }).toEqual({ one, errors: null });
        }
      }),
      { numRuns: 300 },
    );
  });
});
