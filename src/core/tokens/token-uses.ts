import type { Cache } from '../../database/cache.ts';
import type { Database, Queryable } from '../../database/database.ts';
import { updateTokensUsed } from './tokens.store.ts';

const WRITE_EVERY_MS = 60_000;

type Uses = Map<string, Set<number>>;

/** The token_ids used since the last write by organisation, for each pool: its cache identifies it. */
const usesByPool = new WeakMap<Cache, Uses>();

function usesOf({ cache }: Queryable): Uses {
  const known = usesByPool.get(cache);
  if (known) return known;
  const uses: Uses = new Map();
  usesByPool.set(cache, uses);
  return uses;
}

/** Remembers that a token was used. It is part of every request, so it only adds to a set. */
export function noteTokenUse(db: Queryable, orgId: string, tokenId: number): void {
  const uses = usesOf(db);
  const tokenIds = uses.get(orgId);
  if (tokenIds) tokenIds.add(tokenId);
  else uses.set(orgId, new Set([tokenId]));
}

/** Writes what was noted, with one statement per organisation. What cannot be written is kept for the next time. */
export async function writeTokenUses(db: Database): Promise<void> {
  const uses = usesOf(db);
  for (const [orgId, tokenIds] of [...uses]) {
    uses.delete(orgId);
    try {
      await updateTokensUsed(db, orgId, [...tokenIds]);
    } catch (error) {
      for (const tokenId of tokenIds) noteTokenUse(db, orgId, tokenId);
      throw error;
    }
  }
}

interface Log {
  warn(details: object, message: string): void;
}

/** Writes the uses of tokens every minute, and when it is stopped. */
export function recordTokenUses(db: Database, log: Log): { stop(): Promise<void> } {
  const write = () =>
    writeTokenUses(db).catch((error: unknown) => {
      log.warn({ err: error }, 'the uses of tokens could not be recorded');
    });
  let writing = Promise.resolve();
  const timer = setInterval(() => {
    writing = writing.then(write);
  }, WRITE_EVERY_MS).unref();
  return {
    async stop() {
      clearInterval(timer);
      await writing.then(write);
    },
  };
}
