import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  type GivenUser,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';

// The links of an issue have a path of their own, which must give what the router gives. A query string, which the
// operation has no parameter for, leads to the router.

const RUNS = 20;
const TYPES = ['relates', 'depends', 'subtask', 'duplicates', 'cloners', 'odd'] as const;
const HEADERS = ['etag', 'content-type', 'content-length', 'cache-control', 'vary'] as const;

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let viewers: GivenUser[];
let queues: string[];
let users: GivenUser[];
let sharedReads = 0;

beforeAll(async () => {
  org = await givenOrganisation(db());
  const insider = await givenUser(db(), org.orgId, { display: 'In "the" circle \\ \u2028 Ёж' });
  const reader = await givenUser(db(), org.orgId, { role: 'reader', scopes: ['read'] });
  users = [org.admin, insider, await givenUser(db(), org.orgId, { display: '<b>Анна</b>' })];
  viewers = [org.admin, insider, reader];
  queues = [(await givenQueue(db(), org)).key, (await givenQueue(db(), org, [insider])).key];
  await db().query({
    name: '',
    text: `update users set passport_uid = 9007199254740991, cloud_uid = 'cloud"uid' where user_id = $1`,
    values: [insider.id],
  });
  await restAs(api(), org.admin)
    .post('/v3/linktypes', {
      id: 'odd',
      inward: { ru: 'Внутрь "</', en: 'Odd \\ in' },
      outward: { ru: 'Ы', en: 'Odd out' },
    })
    .expect(201);
  const { forClient } = db();
  db().forClient = (client) => {
    const clientDb = forClient(client);
    const { readShared } = clientDb;
    return {
      ...clientDb,
      readShared: (...args) => {
        sharedReads += 1;
        return readShared(...args);
      },
      get reader() {
        return this;
      },
    };
  };
});

const time = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-30T00:00:00Z'),
  noInvalidDate: true,
});
const data = fc.record({
  queue: fc.nat(1),
  links: fc.array(
    fc.record({
      type: fc.constantFrom(...TYPES),
      isInward: fc.boolean(),
      queue: fc.nat(1),
      summary: fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\0')),
      assignee: fc.option(fc.nat(2)),
      author: fc.nat(2),
      editor: fc.nat(2),
      createdAt: time,
      microseconds: fc.nat(999_999),
      editedAfterMs: fc.nat(100_000),
    }),
    { maxLength: 6 },
  ),
});

/** Mostly one of the usual values. */
function mostly<Value>(usual: readonly Value[], unusual: readonly Value[]) {
  return fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...unusual) },
  );
}

const request = fc.record({
  viewer: fc.nat(2),
  version: fc.constantFrom('v2', 'v3'),
  name: mostly(['key', 'lower', 'hexId', 'alias'], ['missing']),
  slash: fc.constantFrom('', '/'),
  language: fc.constantFrom(undefined, 'en', 'ru', 'de', 'en;q=0.1, ru', '*'),
  host: mostly([undefined, 'links.example', 'LINKS.example:8080', '[::1]:80'], ['ёж.example', 'a b', 'x/y']),
  organisation: mostly(['orgId', 'cloudId', 'none'], ['other']),
});

test('the path of its own gives the bytes and headers of the router', async () => {
  let withLinks = 0;
  await fc.assert(
    fc.asyncProperty(data, fc.array(request, { minLength: 8, maxLength: 8 }), async (given, requests) => {
      const issue = await givenIssueWithLinks(given);
      for (const { viewer, version, name, slash, language, host, organisation } of requests) {
        const path = `/${version}/issues/${nameOf(issue, name)}/links${slash}`;
        const headers = headersOf(viewers[viewer] as GivenUser, { language, host, organisation });
        const before = sharedReads;
        const fast = await api().request.get(path).set(headers);
        if (fast.status === 200) expect(sharedReads).toBe(before + 1);
        const router = await api().request.get(`${path}?oracle`).set(headers);
        expect(pick(fast)).toEqual(pick(router));
        if (fast.status !== 200) continue;
        if (fast.body.length > 0) withLinks += 1;

        const again = await api().request.get(path).set(headers).set('If-None-Match', `"x", ${fast.headers['etag']}`);
        expect([again.status, again.text, again.headers['etag']]).toEqual([304, '', fast.headers['etag']]);
      }
    }),
    { numRuns: RUNS },
  );
  expect(withLinks).toBeGreaterThan(0);
  // No operation declares the 400 for an invalid Host.
  const problems = api().takeProblems();
  expect(problems.filter((problem) => !problem.startsWith('listIssueLinks 400 is not in the contract'))).toEqual([]);
});

function pick({ status, text, headers }: { status: number; text: string; headers: Record<string, string> }) {
  const body = status === 200 ? text : (JSON.parse(text) as unknown);
  return { status, body, headers: HEADERS.map((name) => headers[name]) };
}

function headersOf(
  { token }: GivenUser,
  { language, host, organisation }: { language: string | undefined; host: string | undefined; organisation: string },
): Record<string, string> {
  const names: Record<string, Record<string, string>> = {
    orgId: { 'X-Org-ID': org.orgId },
    cloudId: { 'X-Cloud-Org-ID': org.cloudId, 'X-Org-ID': 'not provided' },
    none: {},
    other: { 'X-Org-ID': 'another' },
  };
  return {
    Authorization: `OAuth ${token}`,
    ...names[organisation],
    ...(language !== undefined && { 'Accept-Language': language }),
    ...(host !== undefined && { Host: Buffer.from(host).toString('latin1') }),
  };
}

function nameOf(issue: GivenIssue & { readonly alias: string }, name: string): string {
  const names: Record<string, string> = {
    key: issue.key,
    lower: issue.key.toLowerCase(),
    hexId: issue.hexId,
    alias: issue.alias,
  };
  return names[name] ?? 'NONE-1';
}

type GivenData = typeof data extends fc.Arbitrary<infer Value> ? Value : never;

async function givenIssueWithLinks({ queue, links }: GivenData): Promise<GivenIssue & { readonly alias: string }> {
  const issue = await givenIssue(db(), org, queues[queue] as string);
  const alias = `OLD${issue.id}-1`;
  await sql('insert into issue_aliases (org_id, issue_id, key) values ($1, $2, $3)', [org.orgId, issue.id, alias]);
  for (const link of links) {
    const assignee = link.assignee === null ? undefined : users[link.assignee];
    const far = await givenIssue(db(), org, queues[link.queue] as string, {
      summary: link.summary,
      ...(assignee && { assignee }),
    });
    const [inward, outward] = link.isInward ? [issue, far] : [far, issue];
    // An issue has one parent only.
    const type = link.type === 'subtask' && link.isInward ? 'depends' : link.type;
    const linkId = await givenLink(db(), org, type, inward, outward);
    await sql(
      `update links set created_by = $3, updated_by = $4,
        created_at = $5::timestamptz + $6::integer * interval '1 microsecond',
        updated_at = $5::timestamptz + $6::integer * interval '1 microsecond' + $7::integer * interval '1 millisecond'
      where org_id = $1 and link_id = $2`,
      [
        org.orgId,
        linkId,
        users[link.author]?.id,
        users[link.editor]?.id,
        link.createdAt.toISOString(),
        link.microseconds,
        link.editedAfterMs,
      ],
    );
  }
  return { ...issue, alias };
}

async function sql(text: string, values: unknown[]): Promise<void> {
  await db().query({ name: '', text, values });
}
