import type { Command } from 'commander';
import { APPLICATION_LOGIN } from '../core/organisations/organisations.service.ts';
import { replaceAccountToken } from '../core/tokens/tokens.service.ts';
import { getUserId } from '../core/users/users.service.ts';
import { print, readNewSecret, withDatabase } from './command.ts';

interface TokenOptions {
  readonly org: string;
  readonly user: string;
  readonly valueStdin?: true;
  readonly json?: true;
}

export function addKanboardCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  program
    .command('kanboard')
    .description('what clients of Kanboard sign in with')
    .command('token')
    .description('give an account its token in place of the one that it had, and print it; it cannot be read again')
    .requiredOption('--org <org-id>', 'the organisation')
    .option('--user <login>', 'whose personal token; without it, the application token', APPLICATION_LOGIN)
    .option('--value-stdin', 'take over an existing token from standard input')
    .option('--json', 'print JSON')
    .action(async (options: TokenOptions) => {
      const { org, user: login } = options;
      const kind = login === APPLICATION_LOGIN ? 'application' : 'personal';
      const value = options.valueStdin ? await readNewSecret('token') : undefined;
      const token = await withDatabase(environment, async (db) => {
        const userId = await getUserId(db, org, login);
        return await replaceAccountToken(db, org, userId, kind, { value });
      });
      print(options, { login, kind, token }, token);
    });
}
