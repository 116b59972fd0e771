import type { Database, Transaction } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { IdempotencyKey, StoredResponse } from './idempotency-key.ts';
import { insertKey, selectResponse, tryLockKey, updateResponse } from './idempotency-keys.store.ts';

/** A request with an idempotency key. */
export interface IdempotentRequest {
  readonly key: IdempotencyKey;
  /** SHA-256 of all that makes it this request. */
  readonly hash: Buffer;
  /** Carries the request out in the transaction. */
  readonly respond: (db: Transaction) => Promise<StoredResponse>;
  /** The response to an error of `respond`. */
  readonly refuse: (db: Transaction, error: DomainError) => Promise<StoredResponse>;
  /** Whether the client may still see everything that a stored response shows. Throws `not_found` for a success. */
  readonly maySee: (db: Transaction, body: string) => Promise<boolean>;
}

interface Outcome {
  readonly response: StoredResponse;
  /** The response is that of an earlier request. */
  readonly isReplayed: boolean;
}

/**
 * Carries out a request once (decision 14). Its response is stored in the transaction of its effect, and later requests with
 * the same key get it again. Stored as well are the errors that depend on nothing but the data: `refused` and `conflict`.
 * Throws `conflict` while another request with the key is running, `refused` if the key belongs to another request, and
 * `not_found` if the client may no longer see the response.
 */
export async function respondOnce(db: Database, request: IdempotentRequest): Promise<Outcome> {
  const { key } = request;
  const outcome = await db.transaction(async (transaction) => {
    if (!(await tryLockKey(transaction, key))) throw new DomainError('conflict', texts.idempotencyKeyRunning);
    const stored = await takeKey(transaction, request);
    if (stored) return { response: stored, isReplayed: true };
    try {
      const response = await transaction.attempt(() => request.respond(transaction));
      await updateResponse(transaction, key, response);
      return { response, isReplayed: false };
    } catch (error) {
      if (!isStorable(error)) throw error;
      await updateResponse(transaction, key, await request.refuse(transaction, error));
      return error;
    }
  });
  if (outcome instanceof DomainError) throw outcome;
  return outcome;
}

/** The stored response; undefined if the request must be carried out, for which the key is then stored. */
async function takeKey(db: Transaction, { key, hash, maySee }: IdempotentRequest): Promise<StoredResponse | undefined> {
  if (await insertKey(db, key, hash)) return undefined;
  const stored = await selectResponse(db, key);
  if (stored === undefined) return undefined;
  const { request_hash, ...response } = stored;
  if (!request_hash.equals(hash)) throw new DomainError('refused', texts.idempotencyKeyUsed);
  if (await maySee(db, response.body)) return response;
  // A refusal had no effect, so it can be decided again.
  return undefined;
}

function isStorable(error: unknown): error is DomainError {
  return error instanceof DomainError && (error.code === 'refused' || error.code === 'conflict');
}
