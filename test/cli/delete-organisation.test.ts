import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listOrganisations } from '../../src/core/organisations/organisations.service.ts';
import { deleteOrganisation } from '../../src/core/removal/organisation-deletion.service.ts';
import { type AppInstance, startInstance } from '../support/app-instance.ts';
import {
  type GivenOrganisation,
  givenAccount,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { hasTerminal, inTerminal, runCommand } from '../support/command-line.ts';
import { snapshot } from '../support/snapshot.ts';
import { useDatabase } from '../support/test-database.ts';
import { createLinkTrigger } from '../support/triggers.ts';

const database = useDatabase();
const db = () => database().db;
let server: AppInstance;

beforeAll(async () => {
  server = await startInstance(database().connection);
});
afterAll(() => server.stop());

const issueLinks = (args: string) => runCommand(args, { DATABASE_URL: database().url });

/** A digest of the organisation's rows of each table that has some. */
async function rowsOf({ orgId }: GivenOrganisation): Promise<Record<string, string>> {
  const tables = await db().query<{ table: string }>({
    name: '',
    text: `
      select relname as table from pg_class join pg_attribute on attrelid = pg_class.oid and attname = 'org_id'
      where relkind = 'r' and relnamespace = 'public'::regnamespace`,
    values: [],
  });
  const digests = tables.map(
    ({ table }) => `select '${table}' as table, md5(string_agg(row::text, ' ' order by row::text)) as digest
      from ${table} as row where org_id = $1 having count(*) > 0`,
  );
  const rows = await db().query<{ table: string; digest: string }>({
    ...{ name: '', text: digests.join(' union all '), values: [orgId] },
  });
  return Object.fromEntries(rows.map(({ table, digest }) => [table, digest]));
}

/** An organisation with two linked issues, changed over the API so that there are events, too. */
async function givenLinkedIssues(): Promise<GivenOrganisation> {
  const org = await givenOrganisation(db());
  const { key } = await givenQueue(db(), org);
  const [one, two] = [await givenIssue(db(), org, key), await givenIssue(db(), org, key)];
  await givenLink(db(), org, 'depends', one, two);
  await givenAccount(db(), org);
  const headers = { ...org.admin.headers, 'content-type': 'application/json' };
  const body = JSON.stringify({ text: 'A comment' });
  const response = await fetch(`${server.url}/v2/issues/${one.key}/comments`, { method: 'POST', headers, body });
  expect(response.status).toBe(201);
  return org;
}

test('org delete deletes one organisation, which a running server stops serving at once', async () => {
  const deleted = await givenLinkedIssues();
  const kept = await givenLinkedIssues();
  const read = async ({ admin }: GivenOrganisation) => {
    return (await fetch(`${server.url}/v2/issues/_count`, { method: 'POST', headers: admin.headers })).status;
  };
  expect([await read(deleted), await read(kept)]).toEqual([200, 200]);
  const before = await rowsOf(kept);

  // An interruption: the credentials are gone already, the rest is still there.
  const drop = await createLinkTrigger(db(), {
    name: 'refuse',
    moment: 'before delete',
    body: `raise exception 'interrupted';`,
  });
  expect(await issueLinks(`org delete ${deleted.orgId} --yes`)).toMatchObject({ code: 1, stdout: '' });
  expect([await read(deleted), await read(kept)]).toEqual([401, 200]);
  expect(Object.keys(await rowsOf(deleted))).toEqual(
    expect.arrayContaining(['links', 'issues', 'users', 'organisations']),
  );
  expect((await issueLinks('org list')).stdout).toContain(`${deleted.orgId}\t`);
  await drop();

  const outcome = await issueLinks(`org delete ${deleted.orgId} --yes`);
  expect(outcome).toMatchObject({ code: 0, stdout: `Deleted the organisation ${deleted.orgId}.\n` });
  expect(outcome.stderr).toContain('links: 1\n');
  expect(await rowsOf(deleted)).toEqual({});
  expect((await issueLinks('org list')).stdout).not.toContain(deleted.orgId);
  expect([await read(deleted), await read(kept)]).toEqual([401, 200]);
  expect(await rowsOf(kept)).toEqual(before);
});

test('org delete refuses an unknown organisation, the last one, and one that is not confirmed, and deletes nothing', async () => {
  const [{ org_id: last } = { org_id: '' }] = await db().query<{ org_id: string }>({
    ...{ name: '', text: 'select org_id from organisations', values: [] },
  });
  const before = await snapshot(db());
  expect(await issueLinks('org delete none --yes')).toMatchObject({
    ...{ code: 1, stdout: '', stderr: 'There is no organisation none.\n' },
  });
  expect(await issueLinks(`org delete ${last} --yes`)).toMatchObject({
    ...{ code: 1, stdout: '', stderr: expect.stringMatching(/is the last organisation/) },
  });
  expect(await snapshot(db())).toEqual(before);
});

test('of organisations that are deleted at the same time, the last one is refused and kept whole', async () => {
  const organisations = [await givenOrganisation(db()), await givenOrganisation(db())];
  const others = (await listOrganisations(db())).filter(({ orgId }) =>
    organisations.every((org) => org.orgId !== orgId),
  );
  for (const { orgId } of others) await deleteOrganisation(db(), orgId);
  const before = await Promise.all(organisations.map(rowsOf));
  const outcomes = await Promise.allSettled(organisations.map(({ orgId }) => deleteOrganisation(db(), orgId)));
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const kept = outcomes.findIndex(({ status }) => status === 'rejected');
  expect(outcomes[kept]).toMatchObject({ reason: { code: 'refused' } });
  expect(await Promise.all(organisations.map(rowsOf))).toEqual(
    before.map((rows, index) => (index === kept ? rows : {})),
  );
});

const outcomesOf = (output: string) => [...output.matchAll(/"outcome":"(\w+)"/g)].map(([, outcome]) => outcome);

(hasTerminal ? test : test.skip)('org delete asks for the id of the organisation in a terminal', async () => {
  const { orgId } = await givenOrganisation(db());
  await givenOrganisation(db());
  const environment = { DATABASE_URL: database().url, AUDIT_LOG: '-' };
  const before = await snapshot(db());
  for (const typed of ['y\n', '\u0004']) {
    const outcome = await inTerminal(`org delete ${orgId}`, environment, typed);
    expect(outcome).toMatchObject({ code: 1, stdout: expect.stringContaining('Nothing was changed.') });
    expect(outcomesOf(outcome.stdout)).toEqual(['started', 'refused']);
  }
  expect(await snapshot(db())).toEqual(before);
  const confirmed = await inTerminal(`org delete ${orgId}`, environment, `${orgId}\n`);
  expect(confirmed).toMatchObject({ code: 0 });
  expect(outcomesOf(confirmed.stdout)).toEqual(['started', 'done']);
  expect((await issueLinks('org list')).stdout).not.toContain(orgId);
});
