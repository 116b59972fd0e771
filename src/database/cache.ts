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

/** Beyond this number, the values that were not used for longest are dropped. */
const VALUES_MAX = 100_000;
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
}

/** For a transaction that has changed cached values, and must read its own changes. */
export const NO_CACHE: Cache = {
  get: () => undefined,
  startLoad: () => ({ startedAt: 0, invalidations: 0 }),
  set: () => undefined,
};

/**
 * The cache of a process. A transaction that changes cached values invalidates their scope (`Transaction.invalidate`):
 * here as soon as it has committed, and in other processes through a notification (decision 9).
 */
export class ProcessCache implements Cache {
  readonly #entries = new LRUCache<string, Entry>({
    max: VALUES_MAX,
    dispose: ({ scopes }, key) => {
      for (const scope of scopes) this.#forget(scope, key);
    },
  });
  readonly #keysOf = new Map<string, Set<string>>();
  #invalidations = 0;
  #coherentUntil = 0;

  get<Value>(key: CacheKey<Value>): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const now = performance.now();
    const isFresh = now < this.#coherentUntil || now < entry.loadedAt + AGE_MAX_MS;
    return isFresh ? (entry.value as Value) : undefined;
  }

  startLoad(): Load {
    return { startedAt: performance.now(), invalidations: this.#invalidations };
  }

  set<Value extends object>(load: Load, key: CacheKey<Value>, scopes: readonly string[], value: Value): void {
    // The value may be older than an invalidation that arrived during the load.
    if (load.invalidations !== this.#invalidations) return;
    this.#entries.set(key, { value, scopes, loadedAt: load.startedAt });
    for (const scope of scopes) {
      const keys = this.#keysOf.get(scope);
      if (keys) keys.add(key);
      else this.#keysOf.set(scope, new Set([key]));
    }
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

  #forget(scope: string, key: string): void {
    const keys = this.#keysOf.get(scope);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(scope);
  }
}

/**
 * The cached map with that key, which is loaded if it is missing or lacks one of the `ids`: another process may have added
 * a row, and its notification may not have arrived yet.
 */
export async function cachedMap<Id, Row>(
  cache: Cache,
  key: CacheKey<ReadonlyMap<Id, Row>>,
  scopes: readonly string[],
  ids: Iterable<Id>,
  load: () => Promise<ReadonlyMap<Id, Row>>,
): Promise<ReadonlyMap<Id, Row>> {
  const known = cache.get(key);
  if (known && hasAll(known, ids)) return known;
  const started = cache.startLoad();
  const loaded = await load();
  cache.set(started, key, scopes, loaded);
  return loaded;
}

function hasAll<Id>(map: ReadonlyMap<Id, unknown>, ids: Iterable<Id>): boolean {
  for (const id of ids) if (!map.has(id)) return false;
  return true;
}
