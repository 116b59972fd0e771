import { type Command, InvalidArgumentError } from 'commander';
import ms from 'ms';
import {
  createToken,
  listTokens,
  revokeToken,
  revokeTokenValue,
  revokeUserTokens,
  rotateToken,
  TOKEN_SCOPES,
  type TokenScope,
} from '../core/tokens/tokens.service.ts';
import { getUserId } from '../core/users/users.service.ts';
import { parsePositiveInteger, print, readNewSecret, readSecret, table, UsageError, withDatabase } from './command.ts';

interface CreateOptions {
  readonly org: string;
  readonly user: string;
  readonly scope: TokenScope[];
  readonly expires?: Date;
  readonly valueStdin?: true;
  readonly json?: true;
}

interface RotateOptions {
  readonly org: string;
  readonly id: number;
  readonly overlap?: Date;
  readonly json?: true;
}

interface RevokeOptions {
  readonly org: string;
  readonly id?: number;
  readonly user?: string;
  readonly valueStdin?: true;
  readonly json?: true;
}

export function addTokenCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  const token = program.command('token').description('OAuth tokens');

  token
    .command('create')
    .description('create a token for a user and print it, unless it was given; it cannot be shown again')
    .requiredOption('--org <org-id>', 'the organisation')
    .requiredOption('--user <login>', 'the user that the token acts for')
    .option('--scope <scopes>', `what it permits: any of ${TOKEN_SCOPES.join(',')}`, parseScopes, [...TOKEN_SCOPES])
    .option(
      '--expires <duration>',
      'how long it is valid, such as 90d or 12h (default: until it is revoked)',
      parseTimeFromNow,
    )
    .option('--value-stdin', 'use an existing token, read from standard input')
    .option('--json', 'print JSON')
    .action(async (options: CreateOptions) => {
      const value = options.valueStdin ? await readNewSecret('token') : undefined;
      const expiresAt = options.expires;
      const created = await withDatabase(environment, async (db) => {
        const userId = await getUserId(db, options.org, options.user);
        return await createToken(db, options.org, userId, { scopes: options.scope, expiresAt, value });
      });
      if (value === undefined) print(options, { ...created, expiresAt }, created.token);
      else print(options, { id: created.id, expiresAt }, 'Stored the token.');
    });

  token
    .command('list')
    .description('list the tokens of an organisation and when they were last used, without their values')
    .requiredOption('--org <org-id>', 'the organisation')
    .option('--json', 'print JSON')
    .action(async (options: { org: string; json?: true }) => {
      const tokens = await withDatabase(environment, (db) => listTokens(db, options.org));
      const lines = tokens.map(({ id, login, kind, scopes, state, lastUsedAt }) => [
        id,
        login,
        kind,
        scopes.join(','),
        state,
        lastUsedAt?.toISOString().replace(/:\d\d\.\d+/, '') ?? 'never',
      ]);
      print(options, tokens, table(['id', 'user', 'kind', 'scopes', 'state', 'last used'], lines));
    });

  token
    .command('rotate')
    .description('replace a token by a new one with the same user, scopes and lifetime, and print it')
    .requiredOption('--org <org-id>', 'the organisation')
    .requiredOption('--id <number>', 'the token with this id in "token list"', parsePositiveInteger)
    .option(
      '--overlap <duration>',
      'for how long the old one stays valid, such as 7d (default: not at all)',
      parseTimeFromNow,
      undefined,
    )
    .option('--json', 'print JSON')
    .action(async ({ org, id, overlap: expiresAt = new Date(), json }: RotateOptions) => {
      const created = await withDatabase(environment, (db) => rotateToken(db, org, id, { expiresAt }));
      print({ ...(json && { json }) }, created, created.token);
    });

  token
    .command('revoke')
    .description('revoke a token, or all tokens of a user, with immediate effect')
    .requiredOption('--org <org-id>', 'the organisation')
    .option('--id <number>', 'the token with this id in "token list"', parsePositiveInteger)
    .option('--user <login>', 'all tokens of this user')
    .option('--value-stdin', 'the token read from standard input')
    .option('--json', 'print JSON')
    .action(async (options: RevokeOptions) => {
      const ids = await revoke(environment, options);
      print(options, { ids }, ids.length === 0 ? 'There was no token to revoke.' : `Revoked: ${ids.join(', ')}`);
    });
}

/** Returns the ids of the revoked tokens. */
async function revoke(
  environment: NodeJS.ProcessEnv,
  { org, id, user, valueStdin }: RevokeOptions,
): Promise<readonly number[]> {
  if ([id, user, valueStdin].filter((choice) => choice !== undefined).length !== 1) {
    throw new UsageError('Specify exactly one of --id, --user and --value-stdin.');
  }
  const value = valueStdin ? await readSecret('token') : undefined;
  return await withDatabase(environment, async (db) => {
    if (value !== undefined) return await revokeTokenValue(db, org, value);
    if (user !== undefined) return await revokeUserTokens(db, org, await getUserId(db, org, user));
    if (id !== undefined) await revokeToken(db, org, id);
    return id === undefined ? [] : [id];
  });
}

function parseScopes(value: string): TokenScope[] {
  const scopes = value.split(',').map((scope) => scope.trim());
  if (!scopes.every(isScope))
    throw new InvalidArgumentError(`Scopes are ${TOKEN_SCOPES.join(', ')}, separated by commas.`);
  return [...new Set(scopes)];
}

function isScope(value: string): value is TokenScope {
  return TOKEN_SCOPES.some((scope) => scope === value);
}

function parseTimeFromNow(value: string): Date {
  const milliseconds = /^[\d.]+ ?[a-z]+$/i.test(value)
    ? (ms(value as ms.StringValue) as number | undefined)
    : undefined;
  const time = new Date(Date.now() + (milliseconds ?? 0));
  if (milliseconds === undefined || milliseconds <= 0 || Number.isNaN(time.getTime())) {
    throw new InvalidArgumentError('It must be a duration such as 90d, 12h or 30m.');
  }
  return time;
}
