import { type Command, InvalidArgumentError } from 'commander';
import ms from 'ms';
import { createToken, listTokens, revokeToken, type TokenScope } from '../features/tokens/tokens.service.ts';
import { getUserId } from '../features/users/users.service.ts';
import { print, readSecret, wholeNumber, withDatabase } from './command.ts';

const SCOPES: readonly TokenScope[] = ['read', 'write', 'admin'];

interface CreateOptions {
  readonly org: string;
  readonly user: string;
  readonly scope: TokenScope[];
  readonly expires?: number;
  readonly valueStdin?: true;
  readonly json?: true;
}

export function addTokenCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  const token = program.command('token').description('OAuth tokens');

  token
    .command('create')
    .description('give a user a token and print it; it cannot be read again')
    .requiredOption('--org <org-id>', 'the organisation')
    .requiredOption('--user <login>', 'whom the token acts for')
    .option('--scope <scopes>', `what it is good for: any of ${SCOPES.join(',')}`, parseScopes, ['read', 'write'])
    .option('--expires <time>', 'how long it is good, such as 90d or 12h (default: until it is revoked)', parseDuration)
    .option('--value-stdin', 'take over an existing token from standard input')
    .option('--json', 'print JSON')
    .action(async (options: CreateOptions) => {
      const value = options.valueStdin ? await readSecret('token') : undefined;
      const expiresAt = options.expires === undefined ? undefined : new Date(Date.now() + options.expires);
      const created = await withDatabase(environment, async (db) => {
        const userId = await getUserId(db, options.org, options.user);
        return await createToken(db, options.org, userId, { scopes: options.scope, expiresAt, value });
      });
      print(options, { ...created, expiresAt }, created.token);
    });

  token
    .command('list')
    .description('list the tokens of an organisation, without their values')
    .requiredOption('--org <org-id>', 'the organisation')
    .option('--json', 'print JSON')
    .action(async (options: { org: string; json?: true }) => {
      const tokens = await withDatabase(environment, (db) => listTokens(db, options.org));
      const lines = tokens.map(({ id, login, kind, scopes, state }) =>
        [id, login, kind, scopes.join(','), state].join('\t'),
      );
      print(options, tokens, ['id\tuser\tkind\tscopes\tstate', ...lines].join('\n'));
    });

  token
    .command('revoke')
    .description('end a token at once')
    .requiredOption('--org <org-id>', 'the organisation')
    .requiredOption('--id <number>', 'the number that "token list" shows', wholeNumber)
    .option('--json', 'print JSON')
    .action(async (options: { org: string; id: number; json?: true }) => {
      await withDatabase(environment, (db) => revokeToken(db, options.org, options.id));
      print(options, { id: options.id }, `Revoked the token ${options.id}.`);
    });
}

function parseScopes(value: string): TokenScope[] {
  const scopes = value.split(',').map((scope) => scope.trim());
  if (!scopes.every(isScope)) throw new InvalidArgumentError(`Scopes are ${SCOPES.join(', ')}, separated by commas.`);
  return [...new Set(scopes)];
}

function isScope(value: string): value is TokenScope {
  return SCOPES.some((scope) => scope === value);
}

function parseDuration(value: string): number {
  const milliseconds = /^[\d.]+ ?[a-z]+$/i.test(value)
    ? (ms(value as ms.StringValue) as number | undefined)
    : undefined;
  if (milliseconds === undefined || milliseconds <= 0) {
    throw new InvalidArgumentError('It must be a time such as 90d, 12h or 30m.');
  }
  return milliseconds;
}
