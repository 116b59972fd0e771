import { type Command, InvalidArgumentError, Option } from 'commander';
import { ORGANISATION_ROLES, type OrganisationRole } from '../core/access/viewer.ts';
import { isLogin } from '../core/users/login.ts';
import {
  createUser,
  disableUser,
  enableUser,
  getUserId,
  listPeople,
  setPassword,
  setRole,
} from '../core/users/users.service.ts';
import { texts } from '../texts.ts';
import { operatorOf, parsePositiveInteger, print, readNewSecret, table, withDatabase } from './command.ts';

interface UserOptions {
  readonly org: string;
  readonly login: string;
  readonly display?: string;
  readonly email?: string;
  readonly uid?: number;
  readonly passportUid?: number;
  readonly cloudUid?: string;
  readonly role: OrganisationRole;
  readonly passwordStdin?: true;
  readonly json?: true;
}

interface ChangeOptions {
  readonly org: string;
  readonly login: string;
  readonly json?: true;
}

export function addUserCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  const user = program.command('user').description('manage users');

  user
    .command('list')
    .description('list the users of an organisation')
    .requiredOption('--org <org-id>', 'the organisation')
    .option('--json', 'print JSON')
    .action(async (options: { org: string; json?: true }) => {
      const people = await withDatabase(environment, async (db) => listPeople(db, await operatorOf(db, options.org)));
      const users = people.map(({ id, uid, login, display, email, role, isActive }) => {
        return { id, uid, login, display, email, role, isActive };
      });
      const rows = users.map(({ uid, login, display, role, isActive }) => [
        login,
        display,
        uid,
        role,
        isActive ? 'active' : 'disabled',
      ]);
      print(options, users, table(['login', 'name', 'uid', 'role', 'state'], rows));
    });

  /** A command that changes the user with a login. */
  const change = (verb: string, description: string) =>
    user
      .command(verb)
      .description(description)
      .requiredOption('--org <org-id>', 'the organisation')
      .requiredOption('--login <login>', 'the login')
      .option('--json', 'print JSON');

  change('set-role', 'give a user another role')
    .addOption(new Option('--role <role>', 'what the user may do').choices(ORGANISATION_ROLES).makeOptionMandatory())
    .action(async (options: ChangeOptions & { role: OrganisationRole }) => {
      const { org, login, role } = options;
      await withDatabase(environment, async (db) => setRole(db, org, await getUserId(db, org, login), role));
      print(options, { login, role }, `${login} is now ${role}.`);
    });

  change('set-password', 'replace the password of a user for the Kanboard API, read from standard input').action(
    async (options: ChangeOptions) => {
      const { org, login } = options;
      const password = await readNewSecret('password');
      await withDatabase(environment, async (db) => setPassword(db, org, await getUserId(db, org, login), password));
      print(options, { login }, `Replaced the password of ${login}.`);
    },
  );

  change('disable', 'bar a user from both APIs, tokens included').action(async (options: ChangeOptions) => {
    const { org, login } = options;
    await withDatabase(environment, async (db) =>
      disableUser(db, await operatorOf(db, org), await getUserId(db, org, login)),
    );
    print(options, { login, isActive: false }, `Disabled ${login}.`);
  });

  change('enable', 'admit a disabled user again').action(async (options: ChangeOptions) => {
    const { org, login } = options;
    await withDatabase(environment, async (db) =>
      enableUser(db, await operatorOf(db, org), await getUserId(db, org, login)),
    );
    print(options, { login, isActive: true }, `Enabled ${login}.`);
  });

  user
    .command('create')
    .description('create a user')
    .requiredOption('--org <org-id>', 'the organisation')
    .requiredOption('--login <login>', 'the login', parseLogin)
    .option('--display <name>', 'the name to show (default: the login)')
    .option('--email <address>', 'the e-mail address')
    .option('--uid <number>', 'the uid in Tracker (default: a generated one)', parsePositiveInteger)
    .option('--passport-uid <number>', 'the id of the personal account, passed on to clients', parsePositiveInteger)
    .option('--cloud-uid <id>', 'the id of the cloud account, passed on to clients')
    .addOption(new Option('--role <role>', 'what the user may do').choices(ORGANISATION_ROLES).default('member'))
    .option('--password-stdin', 'read a password for the Kanboard API from standard input')
    .option('--json', 'print JSON')
    .action(async ({ org, passwordStdin, json, ...given }: UserOptions) => {
      const password = passwordStdin ? await readNewSecret('password') : undefined;
      const id = await withDatabase(environment, (db) => createUser(db, org, { ...given, password }));
      print({ ...(json && { json }) }, { id, ...given }, `Created the user ${given.login}.`);
    });
}

function parseLogin(login: string): string {
  if (!isLogin(login)) throw new InvalidArgumentError(texts.loginInvalid.en);
  return login;
}
