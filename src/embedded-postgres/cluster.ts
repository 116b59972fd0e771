import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { StartError } from '../errors.ts';
import { type Account, findAccount, isRoot } from './account.ts';
import { findBinaries, POSTGRES_ENV, POSTGRES_MAJOR, programFile } from './binaries.ts';
import { codeOf } from './error-code.ts';

export const SUPERUSER = 'postgres';

/** What a crash of the machine may destroy: nothing, or the whole cluster. */
export type Durability = 'durable' | 'disposable';

/** PostgreSQL's files in a data folder. */
export interface Cluster {
  readonly dataDir: string;
  /** PostgreSQL's data directory. It also holds the socket and the password. */
  readonly folder: string;
  readonly logFile: string;
}

const PASSWORD_FILE = 'password';
const UNFINISHED = '.new-';
const ABANDONED_AFTER_MS = 10 * 60_000;

const execute = promisify(execFile);

/** `dataDir` is a real path. */
export function clusterIn(dataDir: string): Cluster {
  return { dataDir, folder: join(dataDir, 'postgres'), logFile: join(dataDir, 'postgres.log') };
}

/** Finds or creates the data folder. */
export async function openDataFolder(dataDir: string): Promise<Cluster> {
  const wanted = resolve(dataDir);
  try {
    await mkdir(wanted, { recursive: true });
    return clusterIn(await realpath(wanted));
  } catch (error) {
    throw dataFolderError(wanted, error);
  }
}

/** Finds the data folder of a cluster, and writes nothing. */
export async function findDataFolder(dataDir: string): Promise<Cluster> {
  try {
    const cluster = clusterIn(await realpath(dataDir));
    if (await hasCluster(cluster)) return cluster;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw dataFolderError(dataDir, error);
  }
  throw new StartError(
    `There is no database: DATABASE_URL is not set, and DATA_DIR (${dataDir}) holds no embedded PostgreSQL. ` +
      'Set one of them to the database of your server, or create a new database with "issue-links serve".',
  );
}

/** Creates the cluster unless it exists; true if this call created it. */
export async function ensureCluster(cluster: Cluster, durability: Durability): Promise<boolean> {
  try {
    await removeAbandoned(cluster.dataDir);
    return !(await hasCluster(cluster)) && (await createCluster(cluster, durability));
  } catch (error) {
    throw dataFolderError(cluster.dataDir, error);
  }
}

export async function readPassword(cluster: Cluster): Promise<string> {
  try {
    return (await readFile(passwordFile(cluster), 'utf8')).trim();
  } catch (cause) {
    throw new StartError(
      `${passwordFile(cluster)}, which holds the password of the embedded PostgreSQL, cannot be read (${codeOf(cause)}): bring it back or set DATA_DIR to a new folder.`,
      { cause },
    );
  }
}

function passwordFile(cluster: Cluster): string {
  return join(cluster.folder, PASSWORD_FILE);
}

/**
 * The data directory as an argument for PostgreSQL, which is started in it. As root we start PostgreSQL under an account
 * that may be unable to traverse the path (a clone in root's home, or a folder of `mktemp -d`). We change to the folder
 * before we change the account, no process of PostgreSQL leaves it, and this name needs no traversal.
 */
export function dataDirectoryArgument(folder: string, account: Account | undefined): string {
  return account && process.platform === 'linux' ? '/proc/self/cwd' : folder;
}

/** The owner of the cluster. Files that root copied here are given to an account that PostgreSQL can run as. */
export async function accountOf(cluster: Cluster): Promise<Account | undefined> {
  if (!isRoot()) return undefined;
  const { uid, gid } = await stat(cluster.folder);
  if (uid !== 0) return { uid, gid };
  const account = await findAccount();
  if (account) await changeOwner(cluster.folder, account);
  return account;
}

async function changeOwner(folder: string, account: Account): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    // Links are not followed, since they may lead out of the cluster.
    if (entry.isFile() || entry.isDirectory())
      await chown(join(entry.parentPath, entry.name), account.uid, account.gid);
  }
  await chown(folder, account.uid, account.gid);
  // PostgreSQL requires this mode, and copying loses it.
  await chmod(folder, 0o700);
}

/** Throws a StartError if something else occupies the cluster's folder. */
export async function hasCluster({ dataDir, folder }: Cluster): Promise<boolean> {
  const files = await readdir(folder).catch(unlessAbsent);
  const isCluster = files?.includes('PG_VERSION');
  const major = await readFile(join(isCluster ? folder : dataDir, 'PG_VERSION'), 'utf8').catch(unlessAbsent);
  if (major !== undefined && major.trim() !== POSTGRES_MAJOR) {
    throw new StartError(
      `The data folder ${dataDir} is of PostgreSQL ${major.trim()}, but this version of the service brings PostgreSQL ${POSTGRES_MAJOR}: ` +
        `set DATA_DIR to a new folder and move the data with pg_dump and pg_restore, or set DATABASE_URL to a PostgreSQL that you run.`,
    );
  }
  if (isCluster) return true;
  if (major !== undefined) {
    throw new StartError(
      `The data folder ${dataDir} is a PostgreSQL cluster that this service did not create: set DATA_DIR to another folder.`,
    );
  }
  if (files?.length) {
    throw new StartError(
      `${folder} is in the way: it is not a PostgreSQL cluster; move it elsewhere, or set DATA_DIR to another folder.`,
    );
  }
  return false;
}

function unlessAbsent(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error;
}

/**
 * Creates it in a temporary folder and renames that: a crash leaves no partial cluster, and one of two concurrent starts
 * wins.
 */
async function createCluster(cluster: Cluster, durability: Durability): Promise<boolean> {
  const account = await findAccount();
  const bin = await findBinaries(cluster.dataDir, account);
  const temporaryFolder = await mkdtemp(join(cluster.dataDir, UNFINISHED));
  try {
    const fresh = join(temporaryFolder, 'postgres');
    const password = join(temporaryFolder, PASSWORD_FILE);
    await mkdir(fresh, { mode: 0o700 });
    await writeFile(password, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flush: true });
    if (account) for (const path of [temporaryFolder, fresh, password]) await chown(path, account.uid, account.gid);
    await initialize(fresh, bin, account, durability);
    await rename(password, join(fresh, PASSWORD_FILE));
    await syncFolder(fresh);
    return await moveIntoPlace(fresh, cluster);
  } finally {
    await rm(temporaryFolder, { recursive: true, force: true });
  }
}

async function initialize(
  folder: string,
  bin: string,
  account: Account | undefined,
  durability: Durability,
): Promise<void> {
  const settings = [
    // The service logs its own errors, and statements contain what users wrote.
    'log_min_messages=log',
    'log_checkpoints=off',
    'log_timezone=UTC',
    'timezone=UTC',
  ];
  const args = [
    `--pgdata=${dataDirectoryArgument(folder, account)}`,
    `--pwfile=${join('..', PASSWORD_FILE)}`,
    `--username=${SUPERUSER}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Sorts by code point and maps upper and lower case for all of Unicode, the same on every machine.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...(durability === 'disposable' ? ['--no-sync'] : []),
    ...settings.flatMap((setting) => ['-c', setting]),
  ];
  try {
    await execute(join(bin, programFile('initdb')), args, { ...account, cwd: folder, env: POSTGRES_ENV });
  } catch (cause) {
    const { message, stderr } = cause as Error & { stderr?: string };
    const reason = (stderr || message).trim().split('\n').slice(-3).join(' ');
    throw new StartError(
      `PostgreSQL could not create its files in ${folder} (${reason}): fix that, set DATA_DIR to another folder, or set DATABASE_URL.`,
      { cause },
    );
  }
}

async function moveIntoPlace(fresh: string, cluster: Cluster): Promise<boolean> {
  try {
    await rename(fresh, cluster.folder);
  } catch (error) {
    if (await hasCluster(cluster)) return false;
    throw error;
  }
  await syncFolder(cluster.dataDir);
  return true;
}

/** Makes renames survive a power failure; Windows has no equivalent. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Removes what a killed start left behind. A younger folder may belong to a start in progress. */
async function removeAbandoned(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (!name.startsWith(UNFINISHED)) continue;
    const path = join(dataDir, name);
    const modifiedMs = await lstat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
    if (Date.now() - modifiedMs > ABANDONED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}

function dataFolderError(dataDir: string, cause: unknown): unknown {
  switch (codeOf(cause)) {
    case 'EEXIST':
    case 'ENOTDIR':
      return new StartError(
        `The data folder ${dataDir} cannot be created because a file is in its place: set DATA_DIR to a folder.`,
        { cause },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StartError(
        `The data folder ${dataDir} may not be read and written by this account: run as the account that owns it, or set DATA_DIR to another folder.`,
        { cause },
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new StartError(
        `There is no space left for the data folder ${dataDir}: free some, or set DATA_DIR to a folder on another disk.`,
        { cause },
      );
    default:
      return cause;
  }
}
