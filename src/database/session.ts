import pg from 'pg';
import type { Address } from './connection.ts';
import { receiveDataRows } from './data-row.ts';
import { unavailable } from './database-error.ts';

/** The part of pg's Connection that its types omit. */
interface Parameters {
  on(event: 'parameterStatus', listener: (message: { parameterName: string; parameterValue: string }) => void): void;
}

/** A server that replays what another one writes: it refuses to write, and what it returns may be old. */
export class StandbyError extends Error {
  override readonly name = 'StandbyError';
  /** read_only_sql_transaction */
  readonly code = '25006';
}

const PLAN_ONCE = `
  select set_config('plan_cache_mode', 'force_generic_plan', false)
  where not exists (select from pg_extension where extname = 'citus')`;

/**
 * The plan of a statement is kept until its tables are analysed, a minute or more after they have grown. A plan for tables
 * with a few rows may choose an index that is hopeless for many. To plan all statements again costs a few milliseconds.
 */
const PLANS_MAX_AGE_MS = 5000;

/** A connection that knows what PostgreSQL reports about its server. */
export class Session extends pg.Client {
  /** Whether the server was a standby when it last reported that: at the start, and with the response to a statement. */
  isStandby = false;
  /** Whether the database can spread its tables over several nodes; known once the planner is prepared. */
  hasCitus = false;
  /** Whether a commit was acknowledged before the standbys that it waited for had it. */
  #isUnconfirmed = false;
  #plannedAt = performance.now();

  constructor(config: pg.ClientConfig) {
    super(config);
    receiveDataRows(this);
    (this.connection as unknown as Parameters).on('parameterStatus', ({ parameterName, parameterValue }) => {
      if (parameterName === 'in_hot_standby') this.isStandby = parameterValue === 'on';
    });
    // PostgreSQL reports a cancelled wait for synchronous standbys as a success with a warning.
    this.on('notice', ({ routine }) => {
      if (routine === 'SyncRepWaitForLSN') this.#isUnconfirmed = true;
    });
  }

  /**
   * Has each named statement planned once. By default, PostgreSQL plans the query for the links of an issue six times, for
   * 20 to 35 ms each. Citus must plan for the values, which say on which node the organisation is.
   */
  async preparePlanner(): Promise<void> {
    const { rowCount } = await this.query(PLAN_ONCE);
    this.hasCitus = rowCount === 0;
  }

  /** Whether the plans are too old. A caller that gets true must run `discard plans`: their age counts from now. */
  claimPlanDiscard(): boolean {
    const now = performance.now();
    if (now - this.#plannedAt < PLANS_MAX_AGE_MS) return false;
    this.#plannedAt = now;
    return true;
  }

  /** Throws `unavailable` if a failover could still lose the transaction that has just been committed. */
  requireConfirmed(): void {
    if (this.#isUnconfirmed) throw unavailable(new Error('The wait for synchronous standbys was cancelled.'));
  }

  requirePrimary(): void {
    if (this.isStandby) throw new StandbyError(`PostgreSQL on ${this.host}:${this.port} is a standby`);
  }
}

/** A session of a pool. */
export type PooledSession = Session & { release(isBroken?: boolean): void };

export interface SessionPool {
  /** The open connections, and those of them that are not in use. */
  readonly totalCount: number;
  readonly idleCount: number;
  connect(): Promise<PooledSession>;
  end(): Promise<void>;
}

interface Log {
  warn(details: object, message: string): void;
}

/** A pool whose sessions lead to the address that is right when they begin. `verify` may throw to refuse one. */
export function openPool(
  config: pg.PoolConfig,
  address: () => Address | undefined,
  verify: (session: Session) => void,
  log: Log,
): SessionPool {
  const pool = new pg.Pool({
    ...config,
    Client: class extends Session {
      constructor() {
        super({ ...config, ...address() });
      }
    },
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- The pool awaits it, which its types omit.
    onConnect: async (session) => {
      if (!(session instanceof Session)) return;
      await session.preparePlanner();
      verify(session);
    },
  });
  // Without a listener, an error of a connection in use would end the process. It is there from the start: one read may hold
  // both the end of a statement, upon which the pool hands the connection on, and a fatal error. The statement that runs, or
  // the next one, reports the error, and the pool drops the connection.
  pool.on('connect', (client) => client.on('error', () => undefined));
  // Without a listener, an idle connection that PostgreSQL closes would end the process. The pool replaces it on demand.
  pool.on('error', (error: NodeJS.ErrnoException) => {
    // Don't log the error itself: it contains the connection with its cancellation key.
    log.warn({ code: error.code, reason: error.message }, 'PostgreSQL closed an idle connection');
  });
  return pool as unknown as SessionPool;
}
