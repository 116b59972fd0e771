import { expect, test } from '@jest/globals';
import { runCommand } from '../support/command-line.ts';
import { isOnCitus, useDatabase } from '../support/test-database.ts';

const database = useDatabase();

(isOnCitus ? test.skip : test).each(['distribute', 'distribute --dry-run'])('%s needs Citus', async (command) => {
  const outcome = await runCommand(command, { DATABASE_URL: database().url });
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toContain('The database has no extension "citus"');
});

(isOnCitus ? test : test.skip)('distribute can be repeated', async () => {
  const environment = { DATABASE_URL: database().url };
  expect(await runCommand('distribute', environment)).toMatchObject({
    code: 0,
    stdout: 'All tables are distributed.\n',
  });
  const { stdout } = await runCommand('distribute --dry-run --json', environment);
  expect(JSON.parse(stdout)).toEqual({ tables: [] });
});
