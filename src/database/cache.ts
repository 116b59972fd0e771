import { LRUCache } from 'lru-cache';

declare const cached: unique symbol;

/** The name of a cached value of one type. */
export type CacheKey<Value> = string & { readonly [cached]: Value };

/** Marks the state of the database from which a value is loaded. */
export interface Load {
  readonly startedAt: number;
  readonly invalidations: number;
}

interface Entry {
  readonly value: object;
  readonly scopes: readonly string[];
  readonly loadedAt: number;
}

/** Beyond this number of rows in all, the values that were not used for longest are dropped. */
const ROWS_MAX = 100_000;
/** While notifications may be missing, values are reloaded at this age. */
const AGE_MAX_MS = 1000;

export function cacheKey<Value extends object>(kind: string, ...ids: readonly (string | number)[]): CacheKey<Value> {
  return `${kind} ${ids.join(' ')}` as CacheKey<Value>;
}

/** Values that change rarely, such as link types and the names of users. */
export interface Cache {
  /** The value, unless it is missing or may be stale. */
  get<Value>(key: CacheKey<Value>): Value | undefined;
  /** Call it before the statement that loads a value. */
  startLoad(): Load;
  /** Keeps the value until one of its scopes is invalidated. */
  set<Value extends object>(load: Load, key: CacheKey<Value>, scopes: readonly string[], value: Value): void;
  /** Adds rows to the map with that key, unless it has been invalidated meanwhile. */
  addRows<Id, Row>(load: Load, key: CacheKey<Map<Id, Row>>, rows: ReadonlyMap<Id, Row>): void;
}

/** For a transaction that has changed cached values, and must read its own changes. */
export const NO_CACHE: Cache = {
  get: () => undefined,
  startLoad: () => ({ startedAt: 0, invalidations: 0 }),
  set: () => undefined,
  addRows: () => undefined,
};

/**
 * The cache of a process. A transaction that changes cached values invalidates their scope (`Transaction.invalidate`):
 * here as soon as it has committed, and in other processes through a notification (decision 9).
 */
export class ProcessCache implements Cache {
  readonly #entries = new LRUCache<string, Entry>({
    maxSize: ROWS_MAX,
    sizeCalculation: ({ value }) => (value instanceof Map ? Math.max(value.size, 1) : 1),
    dispose: ({ scopes }, key) => {
      for (const scope of scopes) this.#forget(scope, key);
    },
  });
  readonly #keysOf = new Map<string, Set<string>>();
  #invalidations = 0;
  #hits = 0;
  #misses = 0;
  #coherentUntil = 0;

  get<Value>(key: CacheKey<Value>): Value | undefined {
    const entry = this.#entries.get(key);
    const now = performance.now();
    if (entry === undefined || (now >= this.#coherentUntil && now >= entry.loadedAt + AGE_MAX_MS)) {
      this.#misses += 1;
      return undefined;
    }
    this.#hits += 1;
    return entry.value as Value;
  }

  /** Since the start of the process. */
  statistics(): { readonly entries: number; readonly hits: number; readonly misses: number } {
    return { entries: this.#entries.size, hits: this.#hits, misses: this.#misses };
  }

  startLoad(): Load {
    return { startedAt: performance.now(), invalidations: this.#invalidations };
  }

  set<Value extends object>(load: Load, key: CacheKey<Value>, scopes: readonly string[], value: Value): void {
    // The value may be older than an invalidation that arrived during the load.
    if (load.invalidations === this.#invalidations) this.#keep(key, { value, scopes, loadedAt: load.startedAt });
  }

  addRows<Id, Row>(load: Load, key: CacheKey<Map<Id, Row>>, rows: ReadonlyMap<Id, Row>): void {
    const entry = this.#entries.peek(key);
    if (entry === undefined || load.invalidations !== this.#invalidations) return;
    const map = entry.value as Map<Id, Row>;
    for (const [id, row] of rows) map.set(id, row);
    // The map has the age of its oldest rows.
    this.#keep(key, entry);
  }

  invalidate(scope: string): void {
    this.#invalidations += 1;
    for (const key of this.#keysOf.get(scope) ?? []) this.#entries.delete(key);
  }

  clear(): void {
    this.#invalidations += 1;
    this.#entries.clear();
  }

  /** Reports that notifications still arrived at that moment, in ms of `performance.now()`. */
  confirm(moment: number): void {
    this.#coherentUntil = moment + AGE_MAX_MS;
  }

  #keep(key: string, entry: Entry): void {
    // As a copy, since the LRU cache would not measure the same object again.
    this.#entries.set(key, { ...entry });
    for (const scope of entry.scopes) {
      const keys = this.#keysOf.get(scope);
      if (keys) keys.add(key);
      else this.#keysOf.set(scope, new Set([key]));
    }
  }

  #forget(scope: string, key: string): void {
    const keys = this.#keysOf.get(scope);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(scope);
  }
}

/**
 * The cached map with that key. It is loaded if it is missing, and so are the `ids` that it lacks, since another process
 * may have added a row whose notification has not arrived yet. `load` may return other rows as well.
 */
export async function cachedMap<Id, Row>(
  cache: Cache,
  key: CacheKey<Map<Id, Row>>,
  scopes: readonly string[],
  ids: readonly Id[],
  load: (ids: readonly Id[]) => Promise<Map<Id, Row>>,
): Promise<ReadonlyMap<Id, Row>> {
  const known = cache.get(key);
  const missing = known ? ids.filter((id) => !known.has(id)) : ids;
  if (known && missing.length === 0) return known;
  const started = cache.startLoad();
  const rows = await load(missing);
  if (known === undefined) {
    cache.set(started, key, scopes, rows);
    return rows;
  }
  cache.addRows(started, key, rows);
  return new Map([...known, ...rows]);
}
