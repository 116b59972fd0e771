import { beforeAll, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import type { GivenAccount } from '../support/builders.ts';
import { FORBIDDEN, GET_TIMEZONE, givenRawRpc, newLabel, type RawRpc, requestFor } from '../support/raw-rpc.ts';

/** Which pages may call the Kanboard API from a browser (Kanboard contract, section 1). */

const api = useApi();
const published = useApi({ publicUrl: 'https://links.example/tracker' }, () =>
  Promise.resolve(api().database.connection),
);
const shared = useApi({ corsOrigins: new Set(['https://board.example']) }, () =>
  Promise.resolve(api().database.connection),
);
let raw: RawRpc;
let application: GivenAccount;

beforeAll(async () => {
  raw = await givenRawRpc(api());
  ({ application } = raw);
});

describe('a request of a browser', () => {
  /** Returns the status of a createLink with these headers, and checks that a rejected one writes nothing. */
  async function create(headers: Record<string, string>, at = api()) {
    const before = await raw.countLabels();
    const body = requestFor('createLink', `,"params":["${newLabel()}"],"id":1`);
    const response = await at.request
      .post(raw.path)
      .auth(application.login, application.secret)
      .set({ 'Content-Type': 'application/json', ...headers })
      .send(body);
    expect(await raw.countLabels()).toBe(before + (response.status === 200 ? 1 : 0));
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
  ])('from another site returns 403: %j', async (headers) => {
    expect(await create(headers as Record<string, string>)).toBe(403);
  });

  test('from this site is accepted', async () => {
    const { url } = api();
    for (const site of ['same-origin', 'same-site', 'none']) {
      expect(await create({ Origin: url, 'Sec-Fetch-Site': site })).toBe(200);
    }
    expect(await create({ Origin: 'https://links.example:8443', Host: 'links.example:8443' })).toBe(200);
  });

  test('from the public URL is accepted, whatever the Host', async () => {
    expect(await create({ Origin: 'https://links.example' }, published())).toBe(200);
    expect(await create({ Origin: published().url }, published())).toBe(200);
    expect(await create({ Origin: 'https://links.example.evil.example' }, published())).toBe(403);
  });

  test('from an origin in CORS_ORIGINS is accepted, and from no other', async () => {
    const board = { Origin: 'https://board.example', 'Sec-Fetch-Site': 'cross-site' };
    expect(await create(board, shared())).toBe(200);
    expect(await create(board)).toBe(403);
    for (const origin of ['https://evil.example', 'http://board.example', 'https://board.example:444', 'null']) {
      expect(await create({ Origin: origin }, shared())).toBe(403);
    }
    expect(await create({ 'Sec-Fetch-Site': 'cross-site' }, shared())).toBe(403);
  });

  test('cannot pass for one of this site by the headers of a proxy that is not trusted', async () => {
    for (const name of ['X-Forwarded-Host', 'Forwarded', 'X-Real-IP']) {
      expect(await create({ Origin: 'https://evil.example', [name]: 'evil.example' })).toBe(403);
    }
  });

  test('that is a preflight from another site returns 403 without CORS headers', async () => {
    const response = await api().request.options(raw.path).set({
      Origin: 'https://evil.example',
      'Access-Control-Request-Method': 'POST',
    });
    expect(response.status).toBe(403);
    expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

test('an invalid Host header does not break the check of the origin', async () => {
  for (const host of ['%', 'a b', '[', '']) {
    const headers = { Host: host, Origin: 'null' };
    expect((await raw.send(GET_TIMEZONE, { headers })).status).toBe(403);
  }
});
