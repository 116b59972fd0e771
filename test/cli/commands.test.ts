import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Command, CommanderError } from 'commander';
import { createProgram } from '../../src/cli/program.ts';
import { describeVariables } from '../../src/config.ts';
import { hasTerminal, inTerminal, runCommand } from '../support/command-line.ts';
import { type Environment, run } from '../support/server-process.ts';
import { contents, snapshot } from '../support/snapshot.ts';
import { createTestDatabase, useDatabase } from '../support/test-database.ts';

const database = useDatabase();
const db = () => database().db;

/** `issue-links` on this file's database. */
function issueLinks(args: string | readonly string[], input = '', environment: Environment = {}) {
  return runCommand(args, { DATABASE_URL: database().url, ...environment }, input);
}

async function json(args: string, input?: string) {
  const { code, stdout, stderr } = await issueLinks(`${args} --json`, input);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^\S.*\n$/);
  return JSON.parse(stdout);
}

async function rows(text: string, ...values: unknown[]): Promise<Record<string, unknown>[]> {
  return await db().query({ name: '', text, values });
}

test('org create stores all options', async () => {
  const outcome = await issueLinks('org create acme --name Acme --language en --profile kanboard --cloud-id bpf-acme');
  expect(outcome).toMatchObject({ code: 0, stdout: 'Created the organisation acme.\n', stderr: '' });
  expect(await rows('select * from organisations where org_id = $1', 'acme')).toMatchObject([
    { name: 'Acme', language: 'en', profile: 'kanboard', cloud_id: 'bpf-acme', one_link_per_pair: false },
  ]);
});

test('org create defaults to Russian, the profile tracker and the id as the name', async () => {
  expect(await json('org create 77')).toEqual({ orgId: '77', name: '77', language: 'ru', profile: 'tracker' });
  expect(await rows('select * from organisations where org_id = $1', '77')).toMatchObject([
    { name: '77', language: 'ru', profile: 'tracker', cloud_id: null, one_link_per_pair: true },
  ]);
});

test('user create and queue create add to the given organisation', async () => {
  await json('org create people');
  const user = await json('user create --org people --login anna --display Anna --uid 1120000000049225 --role manager');
  expect(user).toEqual({
    id: expect.any(Number),
    login: 'anna',
    display: 'Anna',
    uid: 1120000000049225,
    role: 'manager',
  });
  expect(await rows(`select * from users where org_id = 'people' and login = 'anna'`)).toMatchObject([
    { user_id: user.id, display: 'Anna', uid: 1120000000049225, role: 'manager', password_hash: null },
  ]);
  const queue = await json('queue create --org people --key TEST');
  expect(queue).toEqual({ id: expect.any(Number), key: 'TEST', name: 'TEST' });
  expect(await rows(`select * from queues where org_id = 'people'`)).toMatchObject([
    { queue_id: queue.id, key: 'TEST', name: 'TEST', access: 'organisation' },
  ]);
});

test('org list, user list and queue list show what there is', async () => {
  await json('org create listed --name Listed --cloud-id cloud-listed --language en');
  await json('user create --org listed --login anna --display Anna --uid 77001 --role manager');
  await json('user create --org listed --login bob --uid 77002');
  await json('queue create --org listed --key TEST --name Test');
  const { stdout } = await issueLinks('org list');
  expect(stdout).toMatch(/^id\tname\tlanguage\tcloud id\n/);
  expect(stdout).toContain('\nlisted\tListed\ten\tcloud-listed\n');
  expect(await json('org list')).toContainEqual({
    ...{ orgId: 'listed', name: 'Listed', language: 'en', cloudId: 'cloud-listed' },
  });
  expect((await issueLinks('user list --org listed')).stdout).toBe(
    'login\tname\tuid\trole\tstate\nanna\tAnna\t77001\tmanager\tactive\nbob\tbob\t77002\tmember\tactive\n',
  );
  expect(await json('user list --org listed')).toMatchObject([{ login: 'anna', role: 'manager' }, { login: 'bob' }]);
  const [queue] = await json('queue list --org listed');
  expect(queue).toEqual({ id: expect.any(Number), key: 'TEST', name: 'Test', isActive: true, isOpen: true });
  expect((await issueLinks('queue list --org listed')).stdout).toBe(
    `id\tkey\tname\tseen by\tstate\n${queue.id}\tTEST\tTest\torganisation\tactive\n`,
  );
  expect(await issueLinks('queue close --org listed --key TEST')).toMatchObject({ stdout: 'Closed the queue TEST.\n' });
  expect(await json('queue list --org listed')).toMatchObject([{ isActive: false }]);
  expect(await json('queue reopen --org listed --key TEST')).toEqual({ key: 'TEST', isActive: true });
  expect(await json('queue list --org listed')).toMatchObject([{ isActive: true }]);
  expect(await issueLinks('queue rename --org listed --key TEST --name Renamed')).toMatchObject({
    ...{ code: 0, stdout: 'The queue TEST is now called Renamed.\n' },
  });
  expect(await json('queue list --org listed')).toEqual([{ ...queue, name: 'Renamed' }]);
});

test('link-type list shows rules, and link-type set-rules changes those of one type', async () => {
  await json('org create rules --language en');
  const list = await issueLinks('link-type list --org rules');
  expect(list.stdout).toContain('\nsubtask\tSub-issue\tParent issue\tantisymmetric, acyclic, single inward\n');
  expect(await json('link-type set-rules --org rules --id subtask --acyclic off --single none')).toEqual({
    id: 'subtask',
    inward: 'Sub-issue',
    outward: 'Parent issue',
    symmetric: false,
    antisymmetric: true,
    acyclic: false,
    single: 'none',
  });
  const refused = await issueLinks('link-type set-rules --org rules --id relates --acyclic on');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('symmetric') });
  expect(await rows(`select is_acyclic from link_types where org_id = 'rules' and link_type_id = 'relates'`)).toEqual([
    { is_acyclic: false },
  ]);
  expect(await issueLinks('link-type set-rules --org rules --id relates')).toMatchObject({ code: 2 });
});

test('user set-role, set-password, disable and enable change one user', async () => {
  await json('org create changed');
  await json('user create --org changed --login anna --role reader');
  await json('user create --org changed --login boss --role admin');
  const stored = async () => (await rows(`select * from users where org_id = 'changed' and login = 'anna'`))[0];
  expect(await issueLinks('user set-role --org changed --login anna --role member')).toMatchObject({
    code: 0,
    stdout: 'anna is now member.\n',
  });
  expect(await stored()).toMatchObject({ role: 'member', password_hash: null, is_active: true });
  const password = await issueLinks('user set-password --org changed --login anna', 'correct horse battery');
  expect(password).toMatchObject({ code: 0, stdout: 'Replaced the password of anna.\n', stderr: '' });
  expect((await stored())?.['password_hash']).toMatch(/^\$scrypt\$/);
  expect(await json('user disable --org changed --login anna')).toEqual({ login: 'anna', isActive: false });
  expect(await stored()).toMatchObject({ is_active: false });
  expect(await json('user enable --org changed --login anna')).toEqual({ login: 'anna', isActive: true });
  expect(await stored()).toMatchObject({ is_active: true });
});

test('a password is read from standard input, and only its hash is stored', async () => {
  await json('org create secrets');
  const { stdout, stderr, code } = await issueLinks(
    'user create --org secrets --login anna --password-stdin',
    'correct horse battery\n',
  );
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'Created the user anna.\n', stderr: '' });
  const [user] = await rows(`select * from users where org_id = 'secrets' and login = 'anna'`);
  expect(user?.['password_hash']).toMatch(/^\$scrypt\$/);
  expect(JSON.stringify(await contents(db()))).not.toContain('correct horse battery');
});

test('a secret given on standard input is not printed, not even as JSON', async () => {
  await json('org create discreet');
  await json('user create --org discreet --login anna');
  const secret = 'correct-horse-battery-staple';
  for (const args of [
    'user create --org discreet --login bob --password-stdin',
    'user set-password --org discreet --login anna',
    'token create --org discreet --user anna --value-stdin',
    'kanboard token --org discreet --user anna --value-stdin',
  ]) {
    const { code, stdout, stderr } = await issueLinks(`${args} --json`, `${secret}\n`);
    expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
    expect(stdout).not.toContain(secret);
  }
});

test('a short password is accepted with a warning', async () => {
  await json('org create short');
  const outcome = await issueLinks('user create --org short --login admin --password-stdin', 'admin');
  expect(outcome).toMatchObject({ code: 0, stderr: 'Warning: this password is short and easy to guess.\n' });
});

test('a command that conflicts with the stored data exits with 1 and one message, and writes nothing', async () => {
  await json('org create taken --cloud-id cloud-taken');
  await json('user create --org taken --login boss --role admin');
  await json('user create --org taken --login anna --uid 5');
  await json('queue create --org taken --key TEST');
  const conflicts: [args: string, message: string][] = [
    ['org create taken', 'The organisation taken already exists.\n'],
    ['org create other --cloud-id cloud-taken', 'The cloud id cloud-taken is taken.\n'],
    [
      'org create a/b',
      '"a/b" is not a valid organisation id: use up to 64 Latin letters, digits, hyphens and underscores.\n',
    ],
    ['user create --org taken --login anna', 'The login anna is taken.\n'],
    ['user create --org taken --login boris --uid 5', 'The uid 5 is taken.\n'],
    ['user create --org none --login boris', 'There is no organisation none.\n'],
    ['queue create --org taken --key TEST', 'The queue key TEST is taken.\n'],
    [
      'queue create --org taken --key test',
      '"test" is not a valid queue key: use up to 50 capital Latin letters and digits, starting with a letter.\n',
    ],
    ['token create --org taken --user boris', 'There is no user boris in the organisation taken.\n'],
    ['token create --org none --user boris', 'There is no user boris in the organisation none.\n'],
    ['kanboard token --org nowhere', 'There is no user jsonrpc in the organisation nowhere.\n'],
    ['kanboard token --org taken --user boris', 'There is no user boris in the organisation taken.\n'],
    ['token revoke --org taken --id 999999', 'There is no token 999999.\n'],
    ['user set-role --org taken --login boris --role admin', 'There is no user boris in the organisation taken.\n'],
    ['user set-role --org taken --login boss --role member', 'This is the last administrator of the organisation.\n'],
    ['user disable --org taken --login boss', 'This is the last administrator of the organisation.\n'],
    ['user disable --org none --login boss', 'There is no organisation none.\n'],
    ['user list --org none', 'There is no organisation none.\n'],
    ['queue rename --org taken --key NONE --name x', 'The queue does not exist.\n'],
    [
      `queue rename --org taken --key TEST --name ${'x'.repeat(65_536)}`,
      'name: This value has the wrong type or format.\n',
    ],
    ['queue close --org taken --key NONE', 'The queue does not exist.\n'],
    ['token rotate --org taken --id 999999', 'There is no token 999999.\n'],
    ['token revoke --org taken --user boris', 'There is no user boris in the organisation taken.\n'],
  ];
  const before = await snapshot(db());
  for (const [[args, message], outcome] of await together(conflicts, ([args]) => issueLinks(args))) {
    expect({ args, ...outcome }).toMatchObject({ args, code: 1, stdout: '', stderr: message });
  }
  expect(await snapshot(db())).toEqual(before);
});

const USAGE_ERRORS: readonly [args: string, message: RegExp][] = [
  ['', /Usage: issue-links/],
  ['nothing', /unknown command 'nothing'/],
  ['org create', /missing required argument 'org-id'/],
  ['org create a --colour red', /unknown option '--colour'/],
  ['user create --org a --login anna --uid 0', /must be a whole number, 1 or greater/],
  ['user create --org a --login anna --password-stdin', /Standard input contains no password/],
  ['org delete a', /Confirm with --yes, or run the command in a terminal/],
  ['token create --org a --user u --value-stdin', /Standard input contains no token/],
  ['token revoke --org a', /Specify exactly one of --id, --user and --value-stdin/],
  ['token revoke --org a --id 1 --user u', /Specify exactly one of --id, --user and --value-stdin/],
  ['token revoke --org a --id 1 --value-stdin', /Specify exactly one of --id, --user and --value-stdin/],
  ['token revoke --org a --value-stdin', /Standard input contains no token/],
  ['user set-password --org a --login b', /Standard input contains no password/],
  ['kanboard token --org a --value-stdin', /Standard input contains no token/],
  ['migrate --down', /Confirm with --yes, or run the command in a terminal/],
  ['migrate --down --json', /Confirm with --yes/],
  ['serve now', /too many arguments/],
  ['reset', /set TEST_MODE=on/],
];

test('a usage error exits with 2 and a message, and writes nothing', async () => {
  const before = await snapshot(db());
  for (const [[args, message], outcome] of await together(USAGE_ERRORS, ([args]) =>
    issueLinks(args.split(' ').filter(Boolean)),
  )) {
    expect({ args, ...outcome }).toMatchObject({ args, code: 2, stdout: '' });
    expect({ args, stderr: outcome.stderr }).toEqual({ args, stderr: expect.stringMatching(message) });
    expect(outcome.stderr).not.toMatch(/^\s+at /m);
  }
  expect(await snapshot(db())).toEqual(before);
});

/** More of those that parsing finds, before any command runs. */
const PARSING_ERRORS: readonly [args: string, message: RegExp][] = [
  ['org', /Usage: issue-links org/],
  ['org create a b', /too many arguments/],
  ['org create a --language de', /Allowed choices are ru, en/],
  ['org create a --profile jira', /Allowed choices are tracker, kanboard/],
  ['user create --login anna', /required option '--org <org-id>' not specified/],
  ['user create --org a', /required option '--login <login>' not specified/],
  ['user create --org a --login anna --role owner', /Allowed choices are admin, manager, member, reader/],
  ['user create --org a --login anna --uid 9007199254740993', /must be a whole number, 1 or greater/],
  ['user create --org a --login anna --uid abc', /must be a whole number, 1 or greater/],
  ['queue create --org a', /required option '--key <key>' not specified/],
  ['queue rename --org a --key TEST', /required option '--name <name>' not specified/],
  ['queue rename --org a --key TEST --new-key X --name y', /unknown option '--new-key'/],
  ['org delete', /missing required argument 'org-id'/],
  ['links', /missing required argument 'issue'/],
  ['links A-1 --depth 0', /must be a whole number, 1 or greater/],
  ['completion', /missing required argument 'shell'/],
  ['completion powershell', /Allowed choices are bash, zsh, fish/],
  ['token create --org a', /required option '--user <login>' not specified/],
  ['token create --org a --user u --scope read,delete', /Scopes are read, write, admin/],
  ['token create --org a --user u --scope', /argument missing/],
  ['token create --org a --user u --expires soon', /must be a duration such as 90d/],
  ['token create --org a --user u --expires 90', /must be a duration such as 90d/],
  ['token create --org a --user u --expires 0d', /must be a duration such as 90d/],
  ['token create --org a --user u --expires 999999999y', /must be a duration such as 90d/],
  ['token list', /required option '--org <org-id>' not specified/],
  ['token revoke --org a --id x', /must be a whole number, 1 or greater/],
  ['user create --org a --login a:b', /without a colon/],
  ['user set-role --org a --login b', /required option '--role <role>' not specified/],
  ['user set-role --org a --login b --role king', /Allowed choices are admin, manager, member, reader/],
  ['token rotate --org a --id 1 --overlap soon', /must be a duration/],
  ['kanboard', /Usage: issue-links kanboard/],
  ['kanboard token', /required option '--org <org-id>' not specified/],
  ['migrate up', /too many arguments/],
];

const NOWHERE = { DATABASE_URL: 'postgres://127.0.0.1:1/none' };

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** A command as it is typed. */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}`.trim() : '';
}

/** Parses a command line in this process, with an environment that lets no command run. */
async function parse(args: string) {
  const printed = { stdout: '', stderr: '' };
  const program = createProgram(NOWHERE);
  for (const command of allCommands(program)) {
    command.configureOutput({
      writeOut: (text) => {
        printed.stdout += text;
      },
      writeErr: (text) => {
        printed.stderr += text;
      },
    });
  }
  const error: unknown = await program
    .parseAsync(args.split(' ').filter(Boolean), { from: 'user' })
    .catch((cause: unknown) => cause);
  return { error, ...printed };
}

test('parsing ends with a message for every kind of wrong argument of every command', async () => {
  for (const [args, message] of PARSING_ERRORS) {
    const { error, stdout, stderr } = await parse(args);
    // Which exits with 2.
    expect({ args, error }).toEqual({ args, error: expect.any(CommanderError) });
    expect({ args, exitCode: (error as CommanderError).exitCode, stdout }).toEqual({ args, exitCode: 1, stdout: '' });
    expect({ args, stderr }).toEqual({ args, stderr: expect.stringMatching(message) });
  }
});

/** One command line for each command that needs a database. */
const COMMANDS_WITH_DATABASE = [
  'migrate',
  'migrate --down --yes',
  'distribute',
  'org create 1',
  'user create --org 1 --login anna',
  'token create --org 1 --user anna --value-stdin',
  'org list',
  'user list --org 1',
  'user set-role --org 1 --login anna --role admin',
  'user set-password --org 1 --login anna',
  'user disable --org 1 --login anna',
  'user enable --org 1 --login anna',
  'queue list --org 1',
  'queue close --org 1 --key TEST',
  'queue rename --org 1 --key TEST --name Test',
  'org delete 1 --yes',
  'links TEST-1',
  'queue reopen --org 1 --key TEST',
  'token rotate --org 1 --id 1',
  'token list --org 1 --json',
  'token revoke --org 1 --id 1',
  'queue create --org 1 --key TEST',
  'kanboard token --org 1',
];

test('every command prints its help without a database', async () => {
  const commands = allCommands(createProgram({})).map(pathOf);
  const some = ['', 'serve', 'org', 'org create', 'kanboard token'];
  expect(commands).toEqual(expect.arrayContaining(some));
  for (const command of commands) {
    const { error, stdout, stderr } = await parse(`${command} --help`);
    expect({ command, error, stderr }).toEqual({
      command,
      error: expect.objectContaining({ exitCode: 0 }),
      stderr: '',
    });
    expect(stdout).toContain(`Usage: issue-links ${command}`.trimEnd());
  }
  const outcomes = await together(some, (command) => issueLinks(`${command} --help`.trim(), '', NOWHERE));
  for (const [command, outcome] of outcomes) {
    expect({ command, ...outcome }).toMatchObject({ command, code: 0, stderr: '' });
    expect(outcome.stdout).toContain(`Usage: issue-links ${command}`.trimEnd());
    for (const { name } of command === 'serve' ? describeVariables() : []) {
      expect(outcome.stdout).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
    }
  }
});

test.each([
  [
    'postgres://127.0.0.1:1/none',
    /^The database cannot be used \(connect ECONNREFUSED 127\.0\.0\.1:1\): check DATABASE_URL\.\n$/,
  ],
  ['mysql://127.0.0.1/none', /^The environment is invalid\.\nDATABASE_URL: must be a postgres:\/\/ URL\n$/],
])('with DATABASE_URL=%s a command exits with 1 and the reason', async (url, message) => {
  const outcome = await issueLinks('org create unreachable', '', { DATABASE_URL: url, DATABASE_WAIT_SECONDS: '0' });
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toMatch(message);
});

test('every command prints its database to standard error, without the password', async () => {
  const { connection, url } = database();
  const named = await together(['org create named --json', 'migrate', 'token list --org named'], (args) =>
    issueLinks(args),
  );
  for (const [args, outcome] of named) {
    expect({ args, ...outcome }).toMatchObject({
      args,
      code: 0,
      stderr: '',
      database: `${connection.database} on ${connection.host}:${connection.port}`,
    });
  }
  const longhand = `${url}&password=${encodeURIComponent(connection.password)}&application_name=x`;
  const outcome = await issueLinks('token list --org named', '', { DATABASE_URL: longhand.replace(/:[^:@/]+@/, '@') });
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect(outcome.database).toBe(named[0]?.[1].database);
});

test('without a database a command exits with 1, names DATABASE_URL and DATA_DIR, and creates nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'issue-links-nowhere-'));
  await writeFile(join(folder, 'diary.txt'), 'mine');
  const commands = COMMANDS_WITH_DATABASE.flatMap((args) =>
    [folder, join(folder, 'missing', 'data')].map((DATA_DIR) => ({ args, DATA_DIR })),
  );
  for (const [{ args, DATA_DIR }, outcome] of await together(commands, ({ args, DATA_DIR }) =>
    runCommand(args, { DATA_DIR }, 'a-secret-of-some-length'),
  )) {
    expect({ args, ...outcome }).toMatchObject({ args, code: 1, stdout: '', database: undefined });
    expect({ args, stderr: outcome.stderr }).toEqual({
      args,
      stderr:
        `There is no database: DATABASE_URL is not set, and DATA_DIR (${DATA_DIR}) holds no embedded PostgreSQL. ` +
        'Set one of them to the database of your server, or create a new database with "issue-links serve".\n',
    });
    expect(await readdir(folder, { recursive: true })).toEqual(['diary.txt']);
  }
  await rm(folder, { recursive: true });
});

test('migrate --down prints the migration that it undid, or that there is none', async () => {
  const empty = await createTestDatabase('template0');
  const environment = { DATABASE_URL: empty.url };
  const nothing = await issueLinks('migrate --down --yes', '', environment);
  expect(nothing).toMatchObject({ code: 0, stdout: 'There is no migration to undo.\n', stderr: '' });
  const { stdout } = await issueLinks('migrate', '', environment);
  const last = /(\w+)\n$/.exec(stdout)?.[1];
  expect(last).toMatch(/^\d{4}_\w+$/);
  const undone = await issueLinks('migrate --down --yes', '', environment);
  expect(undone).toMatchObject({ code: 0, stdout: `Undone: ${last}\n`, stderr: '' });
  expect((await issueLinks('migrate', '', environment)).stdout).toBe(`Migrated: ${last}\n`);
  expect((await issueLinks('migrate', '', environment)).stdout).toBe('The schema is up to date.\n');
  await empty.drop();
});

(hasTerminal ? test : test.skip)(
  'migrate --down asks for confirmation in a terminal, and changes nothing unless the answer is yes',
  async () => {
    const steps = () => rows('select name from schema_migrations order by id');
    const before = await snapshot(db());
    const stepsBefore = await steps();
    const last = stepsBefore.at(-1)?.['name'];
    for (const answer of ['n\n', '\n', 'yesterday\n', '\u0004']) {
      const outcome = await inTerminal('migrate --down', { DATABASE_URL: database().url }, answer);
      expect(outcome.stdout).toContain(`Undo ${String(last)}? The data it added will be lost. [y/N]`);
      expect(outcome.stdout).toContain('Nothing was changed.');
      expect(outcome.code).toBe(1);
      expect(await steps()).toEqual(stepsBefore);
    }
    expect(await snapshot(db())).toEqual(before);

    const outcome = await inTerminal('migrate --down', { DATABASE_URL: database().url }, 'y\n');
    expect(outcome.stdout).toContain(`Undone: ${String(last)}`);
    expect(outcome.code).toBe(0);
    expect(await steps()).toEqual(stepsBefore.slice(0, -1));
    await issueLinks('migrate');
    expect(await steps()).toHaveLength(stepsBefore.length);
  },
);

test('a command creates a missing schema, and migrate goes down and up', async () => {
  const empty = await createTestDatabase('template0');
  const environment = { DATABASE_URL: empty.url };
  expect(await issueLinks('org create first', '', environment)).toMatchObject({ code: 0, stderr: '' });
  const migrated = async (args: string) => JSON.parse((await issueLinks(`${args} --json`, '', environment)).stdout);
  expect(await migrated('migrate')).toEqual({ steps: [] });
  const { steps } = await migrated('migrate --down --yes');
  expect(steps).toHaveLength(1);
  expect(await migrated('migrate')).toEqual({ steps });
  await empty.drop();
});

test('a database without the permission to create tables exits with 1 and the reason', async () => {
  const empty = await createTestDatabase('template0');
  const role = `guest_${empty.connection.database}`;
  await empty.db.query({ name: '', text: `create role ${role} login password 'guest'`, values: [] });
  const url = empty.url.replace(/^postgres:\/\/[^@]*@/, `postgres://${role}:guest@`);

  const outcome = await issueLinks('org create first', '', { DATABASE_URL: url });

  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toBe(
    'The schema of the database cannot be changed (permission denied for schema public): fix that and try again.\n',
  );
  await empty.drop();
});

/** Runs `work` on each item, two at a time, and returns the items with the results. */
async function together<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<[Item, Result][]> {
  const results: [Item, Result][] = [];
  for (let index = 0; index < items.length; index += 2) {
    const pair = items.slice(index, index + 2);
    results.push(...(await Promise.all(pair.map(async (item): Promise<[Item, Result]> => [item, await work(item)]))));
  }
  return results;
}

/** Prints what each shell completes. The functions of zsh's completion system are replaced by ones that print. */
const COMPLETE = {
  bash: `COMP_WORDS=("\${words[@]}"); COMP_CWORD=$((\${#words[@]} - 1)); _issue_links; printf '%s\\n' "\${COMPREPLY[@]}"`,
  zsh: `CURRENT=$#words; _files() { print files }; _describe() { print -rl -- "\${(@P)2%%:*}" }; _issue_links`,
};

test.each(['bash', 'zsh', 'fish'] as const)(
  'completion completes commands, options and values in %s',
  async (shell) => {
    const { code, stdout: script, stderr } = await issueLinks(`completion ${shell}`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    if (spawnSync(shell, ['-c', ':']).error) return;
    const lines: [line: string, completed: string[]][] = [
      ['', ['serve', 'org', 'links', 'completion']],
      ['org ', ['list', 'create', 'delete']],
      ['org create 1 --language ', ['ru', 'en']],
      ['user set-role --org 1 --', ['--login', '--role', '--json']],
      ['completion ', ['bash', 'zsh', 'fish']],
    ];
    for (const [line, completed] of lines) {
      const words = `words=(issue-links ${line.split(' ').slice(0, -1).join(' ')} "")`;
      const commands =
        shell === 'fish'
          ? `${script}\ncomplete -C 'issue-links ${line}'`
          : `compdef() { :; }\n${script}\n${words}\n${COMPLETE[shell]}`;
      const { stdout, stderr } = await run([shell, '-c', commands], {});
      const found = stdout.split('\n').map((candidate) => candidate.split('\t')[0]);
      expect({ line, stderr, found }).toEqual({ line, stderr: '', found: expect.arrayContaining(completed) });
    }
  },
);
