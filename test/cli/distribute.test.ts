import { expect, test } from '@jest/globals';
import type { Database } from '../../src/database/database.ts';
import { migrate } from '../../src/database/migrations.ts';
import { givenIssue, givenLink, givenOrganisation, givenQueue } from '../support/builders.ts';
import { runCommand } from '../support/command-line.ts';
import { snapshot } from '../support/snapshot.ts';
import { createTestDatabase, isOnCitus, useDatabase } from '../support/test-database.ts';

const database = useDatabase();

(isOnCitus ? test.skip : test).each(['distribute', 'distribute --dry-run'])('%s needs Citus', async (command) => {
  const outcome = await runCommand(command, { DATABASE_URL: database().url });
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toContain('The database has no extension "citus"');
});

(isOnCitus ? test : test.skip)(
  'distribute spreads existing organisations over the nodes, and changes no row',
  async () => {
    const { db, connection, url, drop } = await createTestDatabase('template0');
    await migrate(connection);
    for (let number = 1; number <= 8; number += 1) {
      const org = await givenOrganisation(db);
      const { key: queue } = await givenQueue(db, org);
      await givenLink(db, org, 'relates', await givenIssue(db, org, queue), await givenIssue(db, org, queue));
    }
    const before = await snapshot(db);
    const environment = { DATABASE_URL: url };

    const dryRun = await runCommand('distribute --dry-run --json', environment);
    const { tables } = JSON.parse(dryRun.stdout) as { tables: string[] };
    expect(tables.slice(0, 3)).toEqual(['organisation_directory', 'token_directory', 'organisations']);
    expect(await listNodes(db)).toEqual([]);

    const distributed = await runCommand('distribute --json', environment);
    expect([distributed.code, JSON.parse(distributed.stdout)]).toEqual([0, { tables }]);
    expect(await listNodes(db)).toHaveLength(2);
    expect(await snapshot(db)).toEqual(before);
    await drop();
  },
);

(isOnCitus ? test : test.skip)('serve refuses TEST_MODE=on on Citus, and changes nothing', async () => {
  const before = await snapshot(database().db);
  const outcome = await runCommand('serve', { DATABASE_URL: database().url, DEMO: 'off', TEST_MODE: 'on' });
  expect(outcome).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('without the extension "citus"') as unknown,
  });
  expect(await snapshot(database().db)).toEqual(before);
});

/** The nodes that have organisations, without the coordinator. */
async function listNodes(db: Database): Promise<unknown[]> {
  return await db.query({
    name: '',
    text: `
      with placed as materialized (
        select get_shard_id_for_distribution_column('organisations', org_id) as shardid from organisation_directory
      )
      select distinct groupid from placed join pg_dist_placement using (shardid)`,
    values: [],
  });
}

(isOnCitus ? test : test.skip)('distribute can be repeated', async () => {
  const environment = { DATABASE_URL: database().url };
  expect(await runCommand('distribute', environment)).toMatchObject({
    code: 0,
    stdout: 'All tables are distributed.\n',
  });
  const { stdout } = await runCommand('distribute --dry-run --json', environment);
  expect(JSON.parse(stdout)).toEqual({ tables: [] });
});
