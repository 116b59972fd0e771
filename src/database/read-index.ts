import type { Session } from './session.ts';
import { type NamedStatement, statement } from './statement.ts';

/** A position in the write-ahead log of a cluster, in bytes. Each promotion starts another timeline. */
export interface Position {
  readonly system: string;
  readonly database: string;
  readonly timeline: string;
  readonly lsn: number;
}

/**
 * A commit is acknowledged when its log has been flushed; with synchronous_commit=off, when it has been inserted. The
 * insert position would do for both, but a replica does not get there before someone flushes it.
 */
const SELECT_READ_INDEX = statement<never, Position>(
  'select_read_index',
  `
  select system_identifier::text as system, current_database() as database,
    left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline,
    (case current_setting('synchronous_commit') when 'off' then pg_current_wal_insert_lsn()
      else pg_current_wal_flush_lsn() end - '0/0')::bigint as lsn
  from pg_control_system()`,
);

/**
 * The position that a replica must have replayed to return everything that was acknowledged before. Reads that wait at the
 * same moment share one query; those that come after it was sent share the next.
 */
export class ReadIndex {
  readonly #queryPrimary: (statement: NamedStatement<Position>) => Promise<Position[]>;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<Position> | undefined;

  constructor(queryPrimary: (statement: NamedStatement<Position>) => Promise<Position[]>) {
    this.#queryPrimary = queryPrimary;
  }

  get(): Promise<Position> {
    if (this.#next) return this.#next;
    const next = this.#running.then(async () => {
      this.#next = undefined;
      const [position] = await this.#queryPrimary(SELECT_READ_INDEX({}));
      return position as Position;
    });
    this.#running = next.catch(() => undefined);
    this.#next = next;
    return next;
  }
}

/** Why a replica is left out of reading. */
export class ReplicaError extends Error {
  override readonly name = 'ReplicaError';
}

interface Replayed {
  readonly system: string;
  readonly database: string;
  readonly isStandby: boolean;
  readonly isPaused: boolean;
  readonly lsn: number;
}

const REPLAYED = `
  select system_identifier::text as system, current_database() as database, pg_is_in_recovery() as "isStandby",
    case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end as "isPaused",
    (coalesce(pg_last_wal_replay_lsn(), '0/0') - '0/0')::bigint as lsn
  from pg_control_system()`;

/** How long a read waits for a replica that is behind. */
const CATCH_UP_MS = 100;
const PAUSE_MS = 2;

/** The position that each session's server is known to have replayed, on a timeline of the primary. */
const known = new WeakMap<Session, Position>();

/**
 * Waits until the server of a session has replayed what was acknowledged before the call. It asks on that session, since a
 * proxy may lead the next one to another server. Throws a ReplicaError if the server is too far behind, or is not a standby of
 * the primary; and the error of the primary, if that cannot be asked.
 */
export async function catchUp(session: Session, readIndex: ReadIndex): Promise<void> {
  const index = await readIndex.get();
  let position = known.get(session);
  if (position === undefined || !isSameHistory(position, index)) {
    position = await verify(session, readIndex);
    known.set(session, position);
  }
  const deadline = performance.now() + CATCH_UP_MS;
  while (position.lsn < index.lsn) {
    const { lsn, isStandby, isPaused } = await replayed(session);
    if (!isStandby) throw new ReplicaError('it is not a standby');
    position = { ...position, lsn };
    known.set(session, position);
    if (lsn >= index.lsn) return;
    if (isPaused) throw new ReplicaError('its replay is paused');
    if (performance.now() > deadline) throw new ReplicaError('it is behind the primary');
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/**
 * A server with other data, or whose history has diverged from that of the primary, may be at a higher position. A standby
 * is never ahead of its primary.
 */
async function verify(session: Session, readIndex: ReadIndex): Promise<Position> {
  const { system, database, isStandby, lsn } = await replayed(session);
  const later = await readIndex.get();
  if (!isStandby) throw new ReplicaError('it is not a standby');
  if (system !== later.system || database !== later.database) throw new ReplicaError('it has another database');
  if (lsn > later.lsn) throw new ReplicaError('it has not followed the promotion of the primary');
  return { ...later, lsn };
}

function isSameHistory(one: Position, other: Position): boolean {
  return one.timeline === other.timeline && one.system === other.system;
}

async function replayed(session: Session): Promise<Replayed> {
  const { rows } = await session.query<Replayed>({ name: 'replayed', text: REPLAYED });
  return rows[0] as Replayed;
}
