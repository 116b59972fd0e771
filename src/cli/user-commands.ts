import { type Command, Option } from 'commander';
import type { OrganisationRole } from '../core/access/viewer.ts';
import { createUser } from '../core/users/users.service.ts';
import { parsePositiveInteger, print, readNewSecret, withDatabase } from './command.ts';

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

export function addUserCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  program
    .command('user')
    .description('manage users')
    .command('create')
    .description('create a user')
    .requiredOption('--org <org-id>', 'the organisation')
    .requiredOption('--login <login>', 'the login')
    .option('--display <name>', 'the name to show (default: the login)')
    .option('--email <address>', 'the e-mail address')
    .option('--uid <number>', 'the uid in Tracker (default: a generated one)', parsePositiveInteger)
    .option('--passport-uid <number>', 'the id of the personal account, passed on to clients', parsePositiveInteger)
    .option('--cloud-uid <id>', 'the id of the cloud account, passed on to clients')
    .addOption(
      new Option('--role <role>', 'what the user may do')
        .choices(['admin', 'manager', 'member', 'reader'])
        .default('member'),
    )
    .option('--password-stdin', 'read a password for the Kanboard API from standard input')
    .option('--json', 'print JSON')
    .action(async ({ org, passwordStdin, json, ...user }: UserOptions) => {
      const password = passwordStdin ? await readNewSecret('password') : undefined;
      const id = await withDatabase(environment, (db) => createUser(db, org, { ...user, password }));
      print({ ...(json && { json }) }, { id, ...user }, `Created the user ${user.login}.`);
    });
}
