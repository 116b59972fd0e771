import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { load } from 'js-yaml';
import { readConfig } from '../../src/config.ts';
import { openDatabaseProxy } from '../support/database-proxy.ts';
import { PROGRAM, run, startServer } from '../support/server-process.ts';
import { createTestDatabase } from '../support/test-database.ts';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const dockerfile = read('Dockerfile').replaceAll('\\\n', '').split('\n');
const compose = load(read('docker-compose.yml')) as {
  readonly services: Readonly<
    Record<
      'server' | 'server2' | 'proxy' | 'database' | 'replica',
      {
        readonly environment: Readonly<Record<string, string>>;
        readonly ports: readonly string[];
        readonly profiles?: readonly string[];
        readonly depends_on: object;
        readonly healthcheck?: object;
        readonly volumes: readonly string[];
      }
    >
  >;
  readonly volumes: object;
};

/** The arguments of every instruction with this name. */
function instructions(name: string): string[] {
  return dockerfile
    .filter((line) => line.trim().startsWith(`${name} `))
    .map((line) => line.trim().slice(name.length + 1));
}

/** Replaces `${NAME:-default}` by its default, as Compose does for unset variables. */
function withDefaults(environment: Record<string, string>): Record<string, string> {
  const filled = Object.entries(environment).map(([name, value]) => [
    name,
    value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1'),
  ]);
  return Object.fromEntries(filled);
}

test('docker-compose.yml matches the schema of Compose', () => {
  const validate = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, strictTuples: false }).compile(
    JSON.parse(read('test/docker/compose.schema.json')),
  );
  validate(compose);
  expect(validate.errors).toBeNull();
});

test('the dependencies and volumes of the services are declared, and their files exist', () => {
  const { server, database } = compose.services;
  expect(Object.keys(server.depends_on)).toEqual(['database']);
  expect(database.healthcheck).toBeDefined();
  for (const { depends_on: dependencies = {}, volumes = [] } of Object.values(compose.services)) {
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(Object.keys(dependencies)));
    for (const [source = ''] of volumes.map((volume) => volume.split(':'))) {
      if (source.startsWith('./')) expect(read(source)).not.toBe('');
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
  }
});

test('without a profile, Compose starts one server and its database', () => {
  const { services } = compose;
  expect(Object.keys(services).filter((name) => services[name as 'server'].profiles === undefined)).toEqual([
    'server',
    'database',
  ]);
});

test('the environment of the server is valid and refers to the database service', () => {
  const { server, database } = compose.services;
  const config = readConfig(withDefaults(server.environment));
  const url = new URL(config.databaseUrl ?? '');
  const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = withDefaults(database.environment);
  expect([url.hostname, url.username, url.password, url.pathname]).toEqual([
    'database',
    POSTGRES_USER,
    POSTGRES_PASSWORD,
    `/${POSTGRES_DB}`,
  ]);
  expect(server.ports).toEqual([`127.0.0.1:8080:${config.port}`]);
  expect(instructions('EXPOSE')).toEqual([String(config.port)]);
});

test('every file that the image copies exists and is allowed by .dockerignore', () => {
  const copied = instructions('COPY')
    .filter((line) => !line.startsWith('--from='))
    .flatMap((line) => line.split(' ').slice(0, -1));
  expect(copied.length).toBeGreaterThan(8);
  const [ignored, ...allowed] = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(ignored).toBe('*');
  expect(allowed.map((line) => line.slice(1)).sort()).toEqual([...new Set(copied)].sort());
  for (const file of copied)
    expect({ file, exists: existsSync(new URL(`../../${file}`, import.meta.url)) }).toEqual({ file, exists: true });
});

test('of the build, the image copies what the package contains', () => {
  const copied = instructions('COPY')
    .filter((line) => line.startsWith('--from=build '))
    .sort();
  const { files } = JSON.parse(read('package.json')) as { files: string[] };
  const packed = files.filter((file) => file.startsWith('dist/')).sort();
  expect(copied).toEqual(packed.map((file) => `--from=build /app/${file} ./${file.replace(/\*.*/, '')}`));
});

test('the image uses a supported Node and does not run as root', () => {
  for (const image of instructions('FROM')) expect(image).toMatch(/^node:22-bookworm-slim( AS \w+)?$/);
  expect(JSON.parse(read('package.json')).engines.node).toBe('>=20.19');
  expect(instructions('USER')).toEqual(['node']);
});

test('the health check of the image succeeds while the server is ready, and fails otherwise', async () => {
  const [line = ''] = instructions('HEALTHCHECK');
  const [, ...check]: string[] = JSON.parse(line.slice(line.indexOf('[')));
  const database = await createTestDatabase('template_issue_links');
  const proxy = await openDatabaseProxy(database.connection);
  const { host, port } = proxy.connection;
  const DATABASE_URL = database.url.replace(/@.*/, `@${host}:${port}/${database.connection.database}`);
  const server = await startServer([...PROGRAM, 'serve'], { DATABASE_URL });
  const runHealthCheck = async () => {
    const { code, stderr } = await run([process.execPath, ...check], { PORT: new URL(server.url).port });
    return { code, stderr };
  };

  expect(await runHealthCheck()).toEqual({ code: 0, stderr: '' });
  await proxy.cut();
  expect(await runHealthCheck()).toEqual({ code: 1, stderr: '' });
  await proxy.restore();
  expect(await runHealthCheck()).toEqual({ code: 0, stderr: '' });
  await server.stop();
  expect(await runHealthCheck()).toEqual({ code: 1, stderr: '' });
  await proxy.cut();
  await database.drop();
});
