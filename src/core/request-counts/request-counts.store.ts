import type { Database } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

/** SQL: the time by the clock of PostgreSQL, so that the clocks of the servers do not matter. */
const NOW_MS = '(extract(epoch from now()) * 1000)::bigint';

export interface RequestCountRow {
  /** In the minute of the key, including those just added. */
  requests: number;
  elapsed_ms: number;
}

// Citus accepts only immutable functions after `values`, hence the arithmetic on numbers.
const ADD_REQUESTS = statement<'orgId' | 'keyHash' | 'requests' | 'windowMs', RequestCountRow>(
  'add_requests',
  `
  insert into request_counts as known (org_id, key_hash, requests, started_ms, counted_ms)
  values (:orgId, :keyHash, :requests, ${NOW_MS}, ${NOW_MS})
  on conflict (org_id, key_hash) do update set
    requests = excluded.requests
      + case when excluded.counted_ms < known.started_ms + :windowMs::bigint then known.requests else 0 end,
    started_ms = case when excluded.counted_ms < known.started_ms + :windowMs::bigint then known.started_ms
      else excluded.started_ms end,
    counted_ms = excluded.counted_ms
  returning requests, counted_ms - started_ms as elapsed_ms`,
);

/** Adds requests to the count of a key, whose minute starts with the first of them. */
export async function addRequests(
  db: Database,
  count: { readonly orgId: string; readonly keyHash: Buffer; readonly requests: number; readonly windowMs: number },
): Promise<RequestCountRow> {
  const [row] = await db.execute(ADD_REQUESTS(count));
  return row as RequestCountRow;
}

const DELETE_REQUEST_COUNTS = statement<'orgId' | 'windowMs'>(
  'delete_request_counts',
  `delete from request_counts where org_id = :orgId and started_ms < ${NOW_MS} - :windowMs::bigint`,
);

/** Deletes the counts whose minute is over. */
export async function deleteRequestCounts(db: Database, orgId: string, windowMs: number): Promise<void> {
  await db.execute(DELETE_REQUEST_COUNTS({ orgId, windowMs }));
}
