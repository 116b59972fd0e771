import { beforeAll, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import type { GivenAccount } from '../support/builders.ts';
import { FORBIDDEN, GET_TIMEZONE, givenRawRpc, newLabel, type RawRpc, requestFor } from '../support/raw-rpc.ts';

/** JSON-RPC 2.0 as Kanboard speaks it (Kanboard contract, section 1). */

const api = useApi();
const published = useApi({ publicUrl: 'https://links.example/tracker' }, () =>
  Promise.resolve(api().database.connection),
);
let raw: RawRpc;
let application: GivenAccount;

beforeAll(async () => {
  raw = await givenRawRpc(api());
  ({ application } = raw);
});

describe('a browser', () => {
  /** What a request with these headers is answered; a refused one has written nothing. */
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
    const response = await api().request.options(raw.path).set({
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
    expect((await raw.send(GET_TIMEZONE, { headers })).status).toBe(403);
  }
});
