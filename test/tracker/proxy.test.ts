import { expect, test } from '@jest/globals';
import { type Api, useApi } from '../support/api.ts';
import { givenIssue, givenLink, givenOrganisation, givenQueue } from '../support/builders.ts';
import { sendRaw } from '../support/raw-request.ts';

const withoutProxy = useApi();
const behindProxy = useApi({ trustProxy: 1 });
const behindSubnet = useApi({ trustProxy: ['10.0.0.0/8'] });
const behindLoopback = useApi({ trustProxy: ['loopback'] });
const withPublicUrl = useApi({ publicUrl: 'https://links.example/tracker', trustProxy: 1 });

const FORWARDED = {
  'X-Forwarded-For': '203.0.113.7',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'outside.example',
};

/** An issue with one link; `self` returns the base of the URL in its `self`. */
async function givenLinkedIssue(api: Api) {
  const { db } = api.database;
  const org = await givenOrganisation(db);
  const { key: queue } = await givenQueue(db, org);
  const [issue, other] = [await givenIssue(db, org, queue), await givenIssue(db, org, queue)];
  const id = await givenLink(db, org, 'relates', issue, other);
  const { headers } = org.admin;
  return {
    path: `/v2/issues/${issue.key}/links`,
    headers,
    async self(extra: Record<string, string>) {
      const { body } = await api.request
        .get(`/v2/issues/${issue.key}/links`)
        .set({ ...headers, ...extra })
        .expect(200);
      return String(body[0].self).replace(`/issues/${issue.key}/links/${id}`, '');
    },
  };
}

test('without a proxy every self starts with the Host header and ignores forwarded headers', async () => {
  const { self } = await givenLinkedIssue(withoutProxy());
  expect(await self({})).toBe(`${withoutProxy().url}/v2`);
  expect(await self({ Host: 'links.example:8443' })).toBe('http://links.example:8443/v2');
  expect(await self({ Host: 'links.example', ...FORWARDED })).toBe('http://links.example/v2');
});

test('behind one trusted proxy every self starts with the forwarded protocol and host', async () => {
  const { self } = await givenLinkedIssue(behindProxy());
  expect(await self(FORWARDED)).toBe('https://outside.example/v2');
  expect(await self({})).toBe(`${behindProxy().url}/v2`);
});

test('forwarded headers from outside the trusted subnets are ignored', async () => {
  const { self } = await givenLinkedIssue(behindSubnet());
  expect(await self(FORWARDED)).toBe(`${behindSubnet().url}/v2`);
});

test('forwarded headers from a trusted loopback address are used', async () => {
  const { self } = await givenLinkedIssue(behindLoopback());
  expect(await self(FORWARDED)).toBe('https://outside.example/v2');
});

test('PUBLIC_URL is the base of every self', async () => {
  const { self } = await givenLinkedIssue(withPublicUrl());
  expect(await self({})).toBe('https://links.example/tracker/v2');
  expect(await self(FORWARDED)).toBe('https://links.example/tracker/v2');
  expect(await self({ Host: 'elsewhere.example' })).toBe('https://links.example/tracker/v2');
});

test('every self works for an HTTP/1.0 request without Host', async () => {
  const { path, headers } = await givenLinkedIssue(withoutProxy());
  const bytes = `GET ${path} HTTP/1.0\r\nAuthorization: ${headers.Authorization}\r\n\r\n`;
  const [link] = JSON.parse((await sendRaw(withoutProxy().url, bytes)).body);
  await withoutProxy().request.get(new URL(link.self).pathname).set(headers).expect(200);
  expect(new URL(link.self).origin).toBe(withoutProxy().url);
});
