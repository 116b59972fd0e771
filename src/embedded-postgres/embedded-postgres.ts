import type pg from 'pg';
import { Attachment, type Log } from './attachment.ts';
import { type Durability, ensureCluster, findDataFolder, openDataFolder, readPassword, SUPERUSER } from './cluster.ts';
import { codeOf } from './error-code.ts';

export interface EmbeddedPostgres {
  /** Passed to `pg` unchanged: socket folder or loopback host, port, user, password, database. */
  readonly connection: { host: string; port: number; user: string; password: string; database: string };
  /** True when this call created the cluster. */
  readonly created: boolean;
  /** True while the server is gone and starting it keeps failing. */
  isLost(): boolean;
  /** Detaches from the server; the last process to detach stops it. Safe to call twice. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  dataDir: string;
  /** Whether to create a cluster in an empty data folder; if not, the start is refused and nothing is written. */
  create: boolean;
  /** `disposable` is for test runs: a crash of the machine may destroy the data. */
  durability?: Durability;
  /** The connections that the server accepts, if this process starts it; if unset, PostgreSQL's default of 100. */
  connectionsMax?: number | undefined;
  log: Log;
}

const DATABASE = 'issue_links';
/** duplicate_database; unique_violation when another process creates it concurrently. */
const ALREADY_EXISTS = new Set(['42P04', '23505']);

/** Attaches to the PostgreSQL of a data folder, and starts its server unless it is running. */
export async function startEmbeddedPostgres({
  dataDir,
  create,
  durability = 'durable',
  connectionsMax,
  log,
}: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const cluster = create ? await openDataFolder(dataDir) : await findDataFolder(dataDir);
  const created = create && (await ensureCluster(cluster, durability));
  const password = await readPassword(cluster);
  const attachment = await Attachment.open({
    cluster,
    password,
    durability,
    connectionsMax,
    log,
    prepare: ensureDatabase,
  });
  const { address } = attachment;
  log.info({ dataDir: cluster.dataDir, created, ...address }, 'Attached to the embedded PostgreSQL');
  return {
    connection: { ...address, user: SUPERUSER, password, database: DATABASE },
    created,
    isLost: () => attachment.isLost,
    stop: () => attachment.leave(),
  };
}

async function ensureDatabase(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
  if (rowCount) return;
  await client.query(`create database ${DATABASE}`).catch((error: unknown) => {
    if (!ALREADY_EXISTS.has(codeOf(error) ?? '')) throw error;
  });
}
