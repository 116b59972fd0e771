import { beforeAll, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type GivenAccount, type GivenOrganisation, givenApplication, givenOrganisation } from '../support/builders.ts';

/** JSON-RPC 2.0 as Kanboard speaks it (contract of the Kanboard face, section 1). */

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let application: GivenAccount;

beforeAll(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
  application = await givenApplication(db(), org);
});

const PARSE_ERROR = '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}';

const GET_TIMEZONE = '{"jsonrpc":"2.0","method":"getTimezone","id":1}';
const UTC = '{"jsonrpc":"2.0","result":"UTC","id":1}';

function post(body: string | Buffer, account: GivenAccount | undefined = application) {
  const request = api().request.post(`/kanboard/${org.orgId}/jsonrpc.php`).set('Content-Type', 'application/json');
  return (account.secret === '' ? request : request.auth(account.login, account.secret)).send(body);
}

const nobody = { orgId: '', login: '', secret: '' };

test('an answer is compact JSON, with the content type and no charset', async () => {
  const response = await post(GET_TIMEZONE);
  expect(response.status).toBe(200);
  expect(response.text).toBe(UTC);
  expect(response.headers['content-type']).toBe('application/json');
});

test.each([
  '',
  '{"jsonrpc":',
  `${GET_TIMEZONE} xx`,
  `\uFEFF${GET_TIMEZONE}`,
  'null',
  '42',
  '"x"',
  'true',
  '[',
  '"\\ud800"',
])('%j is a parse error, with credentials and without', async (body) => {
  expect((await post(body)).text).toBe(PARSE_ERROR);
  expect((await post(body, nobody)).text).toBe(PARSE_ERROR);
});
