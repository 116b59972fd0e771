import { expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { givenApplication, givenOrganisation } from '../support/builders.ts';
import { rpcAs } from '../support/rpc.ts';
import { untilWaiting } from '../support/statements.ts';
import { isOnCitus } from '../support/test-database.ts';

/** A method that writes with a single statement can run into a deadlock too; its transaction is then retried. */

const api = useApi();
const db = () => api().database.db;

const insertUser = `insert into users (org_id, login, role, uid) values ($1, 'taken-soon', 'member', 1)`;
const insertLabel = `insert into labels (org_id, label_id, label) values ($1, 1000, 'taken-soon')`;
const lockOrganisation = 'select from organisations where org_id = $1 for update';

test.each([
  // createUser inserts the user and waits for the organisation, which the other transaction has locked before it waits for
  // the login.
  ['createUser', ['taken-soon', 'a password'], [lockOrganisation, insertUser]],
  // createLink takes the organisation's next label id and waits for the label, which the other transaction has inserted
  // before it waits for the organisation.
  ['createLink', ['taken-soon'], [insertLabel, lockOrganisation]],
] as const)('%s succeeds after a deadlock', async (method, params, [first, second]) => {
  const org = await givenOrganisation(db());
  const rpc = rpcAs(api(), await givenApplication(db(), org));
  let call: Promise<unknown> | undefined;
  const other = db().transaction(async (transaction) => {
    const run = (text: string) => transaction.query({ name: '', text, values: [org.orgId] });
    if (isOnCitus) {
      // The node that has the organisation finds the deadlock.
      await transaction.query({ name: '', text: `set local citus.propagate_set_commands = 'local'`, values: [] });
    }
    // Makes PostgreSQL abort the transaction of the method, not this one.
    await transaction.query({ name: '', text: `set local deadlock_timeout = '10s'`, values: [] });
    await run(first);
    call = rpc.call(method, ...params);
    await untilWaiting(db(), 1);
    await run(second);
    throw new Error('rolled back');
  });
  await expect(other).rejects.toThrow('rolled back');
  expect(await call).toEqual(expect.any(Number));
});
