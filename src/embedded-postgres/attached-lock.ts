/**
 * Every process that uses the cluster holds this lock shared, on a connection to the database `postgres`. A process that
 * gets it exclusively is alone and may stop the server. It is released with its connection, however a process ends.
 */
export const ATTACHED_LOCK = 7_303_982_654;

/** The server reports its own process id, so a stale lock file cannot mislead us. */
export const ALONE_QUERY = `select pg_try_advisory_lock(${ATTACHED_LOCK}) as alone,
  split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int as pid`;

export interface AloneRow {
  readonly alone: boolean;
  readonly pid: number;
}
