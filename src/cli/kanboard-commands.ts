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
    .description('credentials of Kanboard clients')
    .command('token')
    .description('replace the token of an account and print the new one, unless it was given; it cannot be shown again')
    .requiredOption('--org <org-id>', 'the organisation')
    .option(
      '--user <login>',
      'the user whose personal token to replace; without it, the application token',
      APPLICATION_LOGIN,
    )
    .option('--value-stdin', 'use an existing token, read from standard input')
    .option('--json', 'print JSON')
    .action(async (options: TokenOptions) => {
      const { org, user: login } = options;
      const kind = login === APPLICATION_LOGIN ? 'application' : 'personal';
      const value = options.valueStdin ? await readNewSecret('token') : undefined;
      const token = await withDatabase(environment, async (db) => {
        const userId = await getUserId(db, org, login);
        return await replaceAccountToken(db, org, userId, kind, { value });
      });
      if (value === undefined) print(options, { login, kind, token }, token);
      else print(options, { login, kind }, 'Stored the token.');
    });
}
