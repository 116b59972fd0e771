import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { IdempotencyKey, StoredResponse } from './idempotency-key.ts';

type KeyParameter = keyof IdempotencyKey;

const KEY_ROW = 'org_id = :orgId and user_id = :userId and operation = :operation and key = :key';
const EXPIRED = `created_at < now() - interval '24 hours'`;

const TRY_LOCK_KEY = statement<KeyParameter, { is_locked: boolean }>(
  'try_lock_key',
  `
  select pg_try_advisory_xact_lock(hashtextextended(
    format('idempotency %s %s %s %s', :orgId::text, :userId::bigint, :operation::text, :key::text), 0)) as is_locked`,
);

/** Locks the key until the transaction ends. Returns false at once if another transaction, on any server, has it. */
export async function tryLockKey(db: Transaction, key: IdempotencyKey): Promise<boolean> {
  const [row] = await db.query(TRY_LOCK_KEY({ ...key }));
  return row?.is_locked ?? false;
}

const INSERT_KEY = statement<KeyParameter | 'requestHash'>(
  'insert_key',
  `
  insert into idempotency_keys (org_id, user_id, operation, key, request_hash, created_at)
  values (:orgId, :userId, :operation, :key, :requestHash, now())
  on conflict (org_id, user_id, operation, key) do update
  set request_hash = excluded.request_hash, created_at = excluded.created_at, status = null, headers = null, body = null
  where excluded.created_at - idempotency_keys.created_at > interval '24 hours'
  returning key`,
);

/**
 * Inserts a locked key, or takes over an expired one. Returns whether it did. Call it before the writes of the operation:
 * its foreign key locks the user, which comes before everything that operations lock (decision 8).
 */
export async function insertKey(db: Transaction, key: IdempotencyKey, requestHash: Buffer): Promise<boolean> {
  return (await db.query(INSERT_KEY({ ...key, requestHash }))).length > 0;
}

const SELECT_RESPONSE = statement<KeyParameter, StoredResponse & { request_hash: Buffer }>(
  'select_response',
  `select request_hash, status, headers, body from idempotency_keys where ${KEY_ROW}`,
);

export async function selectResponse(
  db: Queryable,
  key: IdempotencyKey,
): Promise<(StoredResponse & { request_hash: Buffer }) | undefined> {
  const [row] = await db.query(SELECT_RESPONSE({ ...key }));
  return row;
}

const UPDATE_RESPONSE = statement<KeyParameter | keyof StoredResponse>(
  'update_response',
  `
  with expired as (
    delete from idempotency_keys
    where org_id = :orgId and (user_id, operation, key) in (
      select user_id, operation, key from idempotency_keys
      where org_id = :orgId and ${EXPIRED}
      order by created_at
      limit 20
      for update skip locked)
  )
  update idempotency_keys set status = :status, headers = :headers, body = :body
  where ${KEY_ROW}`,
);

/** Stores the response to the request with a key, and deletes some of the organisation's expired keys. */
export async function updateResponse(db: Transaction, key: IdempotencyKey, response: StoredResponse): Promise<void> {
  await db.query(UPDATE_RESPONSE({ ...key, ...response }));
}
