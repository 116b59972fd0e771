import { expect, test } from '@jest/globals';
import { insertEvents } from '../../src/core/events/events.store.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { type Rest, restAs } from '../support/rest.ts';

// A client that follows a changelog by its cursor sees each entry once, although ids are assigned before transactions end.

const WRITERS = 8;
const LINKS = 15;

const api = useApi();
const db = () => api().database.db;

interface Given {
  readonly org: GivenOrganisation;
  readonly queue: string;
  readonly issue: GivenIssue;
  readonly rest: Rest;
}

async function givenChangelog(): Promise<Given> {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  return { org, queue, issue: await givenIssue(db(), org, queue), rest: restAs(api(), org.admin) };
}

async function entryIds({ rest, issue }: Given, query = ''): Promise<string[]> {
  const { body } = await rest.get(`/v3/issues/${issue.key}/changelog${query}`).expect(200);
  return (body as { id: string }[]).map(({ id }) => id);
}

/** Reads until the page is as expected: transactions of other tests may still run. */
async function untilEntryIds(given: Given, query: string, expected: readonly string[]): Promise<void> {
  let ids = await entryIds(given, query);
  while (ids.length < expected.length) ids = await entryIds(given, query);
  expect(ids).toEqual(expected);
}

test('a reader that pages by the last id beside eight writers sees every entry once', async () => {
  const given = await givenChangelog();
  const { org, queue, issue, rest } = given;
  let writing = WRITERS;
  const writes = Array.from({ length: WRITERS }, async (_unused, writer) => {
    for (let count = 0; count < LINKS; count += 1) {
      const other = await givenIssue(db(), org, queue);
      const { body } = await rest.post(`/v3/issues/${other.key}/links`, { relationship: 'relates', issue: issue.key });
      if (count % 3 === 0) await rest.patch(`/v3/issues/${issue.key}`, { summary: `${writer} ${count}` }).expect(200);
      if (count % 3 === 1) await rest.delete(`/v3/issues/${issue.key}/links/${body.id}`).expect(204);
      if (count % 3 === 2) await rest.patch(`/v3/issues/${issue.key}`, { parent: other.key }).expect(422);
    }
    writing -= 1;
  });
  const seen: string[] = [];
  const follow = async () => {
    const last = seen.at(-1);
    const page = await entryIds(given, last === undefined ? '?perPage=7' : `?perPage=7&id=${last}`);
    seen.push(...page);
    return page.length > 0;
  };
  while (writing > 0) await follow();
  await Promise.all(writes);
  const stored = await db().query<{ event_id: number }>({
    name: '',
    text: 'select event_id from events where org_id = $1 and issue_id = $2 order by transaction_id, event_id',
    values: [org.orgId, issue.id],
  });
  while (seen.length < stored.length) await follow();

  expect(stored).toHaveLength((WRITERS * LINKS * 5) / 3);
  expect(seen).toEqual(stored.map(({ event_id }) => String(event_id)));
  await untilEntryIds(given, '?id=0&perPage=1000', seen);
});

test('an entry that one of a running transaction may precede is there at once without a cursor, and later with one', async () => {
  const given = await givenChangelog();
  const { org, issue, rest } = given;
  let own: string[] = [];
  await db().transaction(async (transaction) => {
    await insertEvents(transaction, org.orgId, org.admin.id, [
      { issueId: issue.id, type: 'IssueUpdated', changes: {} },
    ]);
    await rest.patch(`/v3/issues/${issue.key}`, { summary: 'Written meanwhile' }).expect(200);
    own = await entryIds(given);
    expect(own).toHaveLength(1);
    expect(await entryIds(given, '?id=0')).toEqual([]);
  });
  const all = await entryIds(given);
  expect(all.slice(1)).toEqual(own);
  expect(all).toHaveLength(2);
  await untilEntryIds(given, '?id=0', all);
  await untilEntryIds(given, '?id=0&perPage=1', all.slice(0, 1));
  await untilEntryIds(given, `?id=${all[0]}`, own);
  expect(await entryIds(given, `?id=${all[1]}`)).toEqual([]);
});

test('a reader without a cursor waits a moment for an entry that would come before its last one', async () => {
  const given = await givenChangelog();
  const { org, issue, rest } = given;
  let reading: Promise<string[]> | undefined;
  await db().transaction(async (transaction) => {
    await insertEvents(transaction, org.orgId, org.admin.id, [
      { issueId: issue.id, type: 'IssueUpdated', changes: {} },
    ]);
    await rest.patch(`/v3/issues/${issue.key}`, { summary: 'Written meanwhile' }).expect(200);
    reading = entryIds(given);
  });
  expect(await reading).toHaveLength(2);
});

test('a number that is no entry of the issue is a cursor as well: the page holds the entries with higher ids', async () => {
  const [given, other] = [await givenChangelog(), await givenChangelog()];
  await given.rest.patch(`/v3/issues/${given.issue.key}`, { summary: 'First' }).expect(200);
  await other.rest.patch(`/v3/issues/${other.issue.key}`, { summary: 'Elsewhere' }).expect(200);
  await given.rest.patch(`/v3/issues/${given.issue.key}`, { summary: 'Second' }).expect(200);
  const [first, second] = await entryIds(given);
  const [between] = await entryIds(other);

  await untilEntryIds(given, `?id=${between}`, [second ?? '']);
  await untilEntryIds(given, `?id=${first}`, [second ?? '']);
  expect(await entryIds(given, '?id=999999999999999')).toEqual([]);
});
