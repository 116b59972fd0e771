import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeVariables, readConfig } from '../../src/config.ts';
import { splitDatabaseUrl } from '../../src/database-url.ts';
import { StartError } from '../../src/errors.ts';

const DEFAULTS = {
  port: 8080,
  host: '127.0.0.1',
  workers: 1,
  connectionsMax: 4000,
  databaseUrl: undefined,
  databaseReadUrl: undefined,
  databaseWaitSeconds: 15,
  dataDir: resolve('data'),
  publicUrl: undefined,
  trustProxy: false,
  corsOrigins: new Set(),
  demo: 'auto',
  logLevel: 'info',
  kanboardAuthHeader: undefined,
  kanboardOrg: undefined,
  rateLimit: false,
  rateLimitStore: 'memory',
};

/** The message of the StartError for these variables. */
function problemOf(environment: Record<string, string>): string {
  try {
    readConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(StartError);
    return (error as StartError).message;
  }
  throw new Error(`${JSON.stringify(environment)} was accepted.`);
}

test('without variables the defaults apply', () => {
  expect(readConfig({})).toMatchObject(DEFAULTS);
});

test('an empty value counts as unset', () => {
  const names = describeVariables().map(({ name }) => name);
  expect(readConfig(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(readConfig({}));
});

test('every variable is described, here and in README.md, with the same default', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, table = ''] = /^## Configuration\n(.*?)^## /ms.exec(readme) ?? [];
  const documented = new Map(
    [...table.matchAll(/^\| (.*?) \| (.*?) \| .* \|$/gm)].flatMap(([, names = '', defaults = '']) => {
      const each = defaults.split(', ');
      return [...names.matchAll(/`([A-Z_]+)`/g)].map(
        ([, name = ''], index) => [name, each[index] ?? defaults] as const,
      );
    }),
  );
  const variables = describeVariables();
  expect([...documented.keys()].sort()).toEqual(variables.map(({ name }) => name).sort());
  for (const { name, meaning, defaultValue } of variables) {
    expect({ name, meaning }).toEqual({ name, meaning: expect.stringMatching(/^\S.{5,}[^.]$/) });
    const expected = defaultValue ?? expect.stringMatching(/^(none|unset: .*|from the request|the only organisation)$/);
    expect({ name, default: documented.get(name)?.replaceAll('`', '') }).toEqual({ name, default: expected });
  }
});

test('unknown variables are ignored', () => {
  expect(readConfig({ NODE_ENV: 'nonsense', PORTS: 'x', LOGLEVEL: 'x' })).toEqual(readConfig({}));
});

test('the configuration is frozen', () => {
  expect(Object.isFrozen(readConfig({}))).toBe(true);
});

test('all problems are reported at once', () => {
  const problem = problemOf({
    PORT: 'http',
    DATABASE_URL: 'mysql://localhost/links',
    DATABASE_WAIT_SECONDS: '1.5',
    MAX_CONNECTIONS: '0',
    PUBLIC_URL: 'links.example',
    TRUST_PROXY: 'true',
    CORS_ORIGINS: '*',
    DEMO: 'yes',
    LOG_LEVEL: 'loud',
    KANBOARD_AUTH_HEADER: 'X API Auth',
    KANBOARD_ORG: 'a/b',
    RATE_LIMIT: 'much',
    RATE_LIMIT_STORE: 'redis',
  });
  const [headline, ...lines] = problem.split('\n');
  expect(headline).toBe('The environment is invalid.');
  expect(lines.map((line) => line.split(':')[0]).sort()).toEqual(
    [
      ...[
        'CORS_ORIGINS',
        'DATABASE_URL',
        'DATABASE_WAIT_SECONDS',
        'DEMO',
        'MAX_CONNECTIONS',
        'LOG_LEVEL',
        'PORT',
        'PUBLIC_URL',
        'TRUST_PROXY',
      ],
      ...['KANBOARD_AUTH_HEADER', 'KANBOARD_ORG', 'RATE_LIMIT', 'RATE_LIMIT_STORE'],
    ].sort(),
  );
});

test.each([
  ['1', 1],
  ['2', 2],
  ['64', 64],
  ['auto', Math.min(availableParallelism(), 64)],
])('WORKERS=%s is valid', (WORKERS, workers) => {
  expect(readConfig({ WORKERS }).workers).toBe(workers);
});

test.each(['0', '65', '-1', '1.5', '02', 'all', '1e1'])('WORKERS=%s is invalid', (WORKERS) => {
  expect(problemOf({ WORKERS })).toContain('WORKERS: must be a number of processes, from 1 to 64, or auto');
});

test.each(['2', 'auto'])('WORKERS=%s is refused with TEST_MODE=on, and WORKERS=1 is not', (WORKERS) => {
  expect(problemOf({ WORKERS, TEST_MODE: 'on' })).toContain('WORKERS: cannot be combined with TEST_MODE=on');
  expect(readConfig({ WORKERS: '1', TEST_MODE: 'on' })).toMatchObject({ workers: 1, testMode: true });
});

test('several workers count requests in the database, unless RATE_LIMIT_STORE says otherwise', () => {
  expect(readConfig({ WORKERS: '2' }).rateLimitStore).toBe('database');
  expect(readConfig({ WORKERS: '2', RATE_LIMIT_STORE: 'memory' }).rateLimitStore).toBe('memory');
  expect(readConfig({ WORKERS: '1' }).rateLimitStore).toBe('memory');
});

test('the message about an invalid value does not contain its password', () => {
  expect(problemOf({ DATABASE_URL: 'mysql://me:hunter2@localhost/links' })).not.toContain('hunter2');
});

test.each([
  ['0', 0],
  ['1', 1],
  ['8080', 8080],
  ['65535', 65_535],
])('PORT=%s is valid', (PORT, port) => {
  expect(readConfig({ PORT }).port).toBe(port);
});

test.each(['-1', '65536', '80.5', '0x50', ' 80', '1e3', '٨٠', 'http', '123456'])('PORT=%s is invalid', (PORT) => {
  expect(problemOf({ PORT })).toContain('PORT: must be a port, from 0 to 65535');
});

test.each([
  'postgres://localhost',
  'postgresql://me:hunter2@db.example:5433/links?sslmode=require',
  'postgres:///links?host=/var/run/postgresql',
  'postgres://me:hunter2@/links?host=%2Frun%2Fpostgresql&port=5433',
  'postgresql://me:hunter2@one:5432,two:5433/links?target_session_attrs=read-write',
  'postgres://me:hun@ter2@one,[::1]:5433/links?options=-c%20search_path%3Dlinks&application_name=links',
  'postgres://me@/links?host=one,two&port=5433',
])('DATABASE_URL=%s is valid', (url) => {
  expect(readConfig({ DATABASE_URL: url }).databaseUrl).toBe(url);
});

test.each(['localhost', 'http://localhost/links', 'postgres:links', 'postgres://me@:x/links'])(
  'DATABASE_URL=%s is invalid',
  (url) => {
    expect(problemOf({ DATABASE_URL: url })).toContain('DATABASE_URL: must be a postgres:// URL');
  },
);

test.each([
  ['postgres://me:hunter2@one/links?connect_timeout=3', 'has the parameter connect_timeout, which is not supported'],
  [
    'postgres://one,two/links?target_session_attrs=any',
    'must have target_session_attrs=read-write or primary, or none',
  ],
  ['postgres://me:hunter2@/links?host=one,two&port=1,2,3', 'must list one port, or one for each host'],
  ['postgres://me:hunter2@one:x,two/links', 'must be a postgres:// URL'],
])('DATABASE_URL=%s is refused by name, without its password', (url, reason) => {
  const problem = problemOf({ DATABASE_URL: url });
  expect(problem).toContain(`DATABASE_URL: ${reason}`);
  expect(problem).not.toContain('hunter2');
});

test.each([
  [
    'postgres://me:a%20b@one,two:5433/links?sslmode=require&target_session_attrs=primary',
    ['postgres://me:a%20b@one/links?sslmode=require', 'postgres://me:a%20b@two:5433/links?sslmode=require'],
  ],
  [
    'postgres://me@/links?host=/run/a,/run/b&port=1,2&options=-c%20x%3Dy',
    [
      'postgres://me@/links?host=%2Frun%2Fa&port=1&options=-c%20x%3Dy',
      'postgres://me@/links?host=%2Frun%2Fb&port=2&options=-c%20x%3Dy',
    ],
  ],
])('%s is split by host', (url, urls) => {
  expect(splitDatabaseUrl(url, 'primary')).toEqual(urls);
});

test('DATABASE_READ_URL names replicas, and needs a DATABASE_URL', () => {
  const DATABASE_READ_URL = 'postgres://me@two,three/links?target_session_attrs=standby';
  const environment = { DATABASE_URL: 'postgres://me@one/links', DATABASE_READ_URL };
  expect(readConfig(environment).databaseReadUrl).toBe(DATABASE_READ_URL);
  expect(problemOf({ DATABASE_READ_URL })).toContain('DATABASE_READ_URL: needs the DATABASE_URL of the primary');
  expect(
    problemOf({ ...environment, DATABASE_READ_URL: 'postgres://two/links?target_session_attrs=read-write' }),
  ).toContain(
    'DATABASE_READ_URL: must have target_session_attrs=any or standby or prefer-standby or read-only, or none',
  );
});

test('DATA_DIR is resolved against the working directory', () => {
  expect(readConfig({ DATA_DIR: 'elsewhere' }).dataDir).toBe(resolve('elsewhere'));
  expect(readConfig({ DATA_DIR: '/srv/links' }).dataDir).toBe(resolve('/srv/links'));
});

test.each([
  ['https://links.example', 'https://links.example'],
  ['https://links.example/', 'https://links.example'],
  ['http://10.0.0.1:8080/tracker//', 'http://10.0.0.1:8080/tracker'],
])('PUBLIC_URL=%s is valid', (url, base) => {
  expect(readConfig({ PUBLIC_URL: url }).publicUrl).toBe(base);
});

test.each([
  'links.example',
  '//links.example',
  'ftp://links.example',
  'https://',
  'https://a.example?x=1',
  'https://a.example#x',
])('PUBLIC_URL=%s is invalid', (url) => {
  expect(problemOf({ PUBLIC_URL: url })).toContain('PUBLIC_URL: must be');
});

test.each([
  ['off', false],
  ['0', false],
  ['1', 1],
  ['12', 12],
  ['loopback', ['loopback']],
  ['10.0.0.0/8', ['10.0.0.0/8']],
  ['127.0.0.1, ::1', ['127.0.0.1', '::1']],
  ['fd00::/8,uniquelocal, linklocal', ['fd00::/8', 'uniquelocal', 'linklocal']],
])('TRUST_PROXY=%s is valid', (TRUST_PROXY, trustProxy) => {
  expect(readConfig({ TRUST_PROXY }).trustProxy).toEqual(trustProxy);
});

test.each([
  'true',
  'false',
  'yes',
  'on',
  '*',
  '100',
  '-1',
  '1.5',
  'proxy.example',
  '10.0.0.0/33',
  '10.0.0.0/0',
  '::1/129',
  '10.0.0.0/8/8',
  '10.0.0.0/',
  ',',
])('TRUST_PROXY=%s is invalid', (TRUST_PROXY) => {
  expect(problemOf({ TRUST_PROXY })).toContain('TRUST_PROXY: must be a number of hops');
});

test.each([
  ['DEMO', ['auto', 'on', 'off'], ['ON', 'true', '1']],
  ['LOG_LEVEL', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], ['INFO', 'verbose', '30']],
] as const)('%s accepts only its own values', (name, valid, invalid) => {
  for (const value of valid) expect(Object.values(readConfig({ [name]: value }))).toContain(value);
  for (const value of invalid) expect(problemOf({ [name]: value })).toContain(`${name}: `);
});

test.each(['X-API-Auth', 'x-api-auth', 'X_Auth', 'a'])('KANBOARD_AUTH_HEADER=%s is valid', (name) => {
  expect(readConfig({ KANBOARD_AUTH_HEADER: name }).kanboardAuthHeader).toBe(name);
});

test.each(['X API', 'X-API-Auth:', 'Заголовок', 'a\nb', '"x"', ' X'])('KANBOARD_AUTH_HEADER=%j is invalid', (name) => {
  expect(problemOf({ KANBOARD_AUTH_HEADER: name })).toContain('KANBOARD_AUTH_HEADER: must be the name of a header');
});

test.each(['1', '123', 'our-company', 'A_b', 'x'.repeat(64)])('KANBOARD_ORG=%s is valid', (id) => {
  expect(readConfig({ KANBOARD_ORG: id }).kanboardOrg).toBe(id);
});

test.each(['a/b', ' 1', '-a', '_a', 'Компания', 'x'.repeat(65), '..'])('KANBOARD_ORG=%j is invalid', (id) => {
  expect(problemOf({ KANBOARD_ORG: id })).toContain('KANBOARD_ORG: must be the id of an organisation');
});

test.each([
  ['1', 1],
  ['600', 600],
  ['off', false],
])('RATE_LIMIT=%s is valid', (value, limit) => {
  expect(readConfig({ RATE_LIMIT: value }).rateLimit).toBe(limit);
});

test.each(['0', '-1', '1.5', '10/s', 'on', '1000000000'])('RATE_LIMIT=%j is invalid', (value) => {
  expect(problemOf({ RATE_LIMIT: value })).toContain('RATE_LIMIT: must be a number of requests per minute, or off');
});

test('RATE_LIMIT_STORE is memory or database', () => {
  expect(readConfig({ RATE_LIMIT_STORE: 'database' }).rateLimitStore).toBe('database');
  expect(problemOf({ RATE_LIMIT_STORE: 'Database' })).toContain('RATE_LIMIT_STORE: ');
});

test.each([
  ['https://board.example', ['https://board.example']],
  ['https://a.example, http://localhost:3000', ['https://a.example', 'http://localhost:3000']],
])('CORS_ORIGINS=%s is valid', (CORS_ORIGINS, origins) => {
  expect([...readConfig({ CORS_ORIGINS }).corsOrigins]).toEqual(origins);
});

test.each(['*', 'null', 'board.example', 'https://board.example/', 'https://a.example/x', 'https://*.example/', ','])(
  'CORS_ORIGINS=%s is invalid',
  (CORS_ORIGINS) => {
    expect(problemOf({ CORS_ORIGINS })).toContain('CORS_ORIGINS: must be origins');
  },
);
