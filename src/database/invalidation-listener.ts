import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { ProcessCache } from './cache.ts';
import type { Primary } from './primary.ts';
import { destroy } from './row-query.ts';

/** The channel on which a committed transaction announces the scopes that it invalidates. */
export const CHANNEL = 'issue_links_invalidations';

/** How often the session notifies itself: a dead connection may look open. */
const HEARTBEAT_MS = 250;
const HEARTBEAT_TIMEOUT_MS = 1000;
const RETRY_MS = 250;

interface Log {
  warn(details: object, message: string): void;
  info(details: object, message: string): void;
}

/**
 * Applies the invalidations of other processes to the cache. It needs a session of its own, which a connection pooler
 * in transaction mode does not provide, and replaces it when it is lost. Only while the session hears its own
 * notifications does the cache trust values that are older than a second.
 */
export class InvalidationListener {
  readonly #config: pg.ClientConfig;
  readonly #primary: Primary;
  readonly #cache: ProcessCache;
  readonly #log: Log;
  readonly #onResponse: () => void;
  readonly #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  /** `onResponse` is called whenever PostgreSQL responds, at least every 250 ms while it does. */
  constructor(config: pg.ClientConfig, primary: Primary, cache: ProcessCache, log: Log, onResponse: () => void) {
    // A heartbeat is a commit, which need not wait for the disk or for standbys.
    const options = `${config.options ?? ''} -c synchronous_commit=off`;
    this.#config = { ...config, options, query_timeout: HEARTBEAT_TIMEOUT_MS };
    this.#primary = primary;
    this.#cache = cache;
    this.#log = log;
    this.#onResponse = onResponse;
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const isStopped = () => this.#stop.signal.aborted;
    let isLost = false;
    while (!isStopped()) {
      const client = new pg.Client({ ...this.#config, ...this.#primary.address });
      try {
        const isHeard = await this.#connect(client);
        while (!isStopped()) {
          if (!this.#primary.isAt(client)) throw new Error('Another server is the primary.');
          const sentAt = performance.now();
          if (!(await isHeard())) throw new Error('A notification of this session to itself did not arrive.');
          this.#cache.confirm(sentAt);
          if (isLost) this.#log.info({}, 'notifications of invalidated values arrive again');
          isLost = false;
          await this.#pause(HEARTBEAT_MS);
        }
      } catch (error) {
        if (error instanceof pg.DatabaseError) this.#onResponse();
        if (!isStopped() && !isLost) {
          const reason = error instanceof Error ? error.message : String(error);
          this.#log.warn({ reason }, 'notifications of invalidated values are lost: values are kept for 1 s at most');
          isLost = true;
        }
        if (!isStopped()) {
          // A server that does not respond would not respond to the end of the session either.
          destroy(client);
          await this.#primary.search().catch(() => undefined);
        }
      } finally {
        await client.end().catch(() => undefined);
      }
      await this.#pause(RETRY_MS).catch(() => undefined);
    }
  }

  /** Returns a function that sends a heartbeat and tells whether it arrived. */
  async #connect(client: pg.Client): Promise<() => Promise<boolean>> {
    const ownChannel = `issue_links_${randomBytes(8).toString('hex')}`;
    let heartbeats = 0;
    // The pending or next query reports the error.
    client.on('error', () => undefined);
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === ownChannel) heartbeats += 1;
      else this.#cache.invalidate(payload);
    });
    await client.connect();
    this.#onResponse();
    await client.query(`listen ${CHANNEL}`);
    await client.query(`listen ${ownChannel}`);
    // Notifications may have been missed.
    this.#cache.clear();
    return async () => {
      const before = heartbeats;
      // PostgreSQL delivers a session's own notification before it reports the end of the query.
      await client.query('select pg_notify($1, $2)', [ownChannel, '']);
      this.#onResponse();
      return heartbeats > before;
    };
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal, ref: false });
  }
}
