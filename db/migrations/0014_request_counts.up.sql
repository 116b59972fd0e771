-- Requests per minute, counted by all servers together. Unlogged: after a crash the counts start again, and no count waits
-- for a disk or a replica. Without a foreign key: counting must not wait for whoever changes the organisation.
create unlogged table request_counts (
  org_id text collate "C" not null,
  key_hash bytea not null,
  requests integer not null,
  started_ms bigint not null,
  counted_ms bigint not null,
  constraint request_counts_pkey primary key (org_id, key_hash),
  constraint request_counts_key_hash_check check (octet_length(key_hash) = 32)
);
comment on table request_counts is 'Requests of a client in its current minute, with RATE_LIMIT_STORE=database. A row whose minute is over counts for nothing and is deleted when another one starts.';
comment on column request_counts.key_hash is 'SHA-256 of an address or of a token.';
comment on column request_counts.started_ms is 'When the minute started, in milliseconds since 1970 by the clock of PostgreSQL.';
comment on column request_counts.counted_ms is 'When a server last added to the count.';
-- Finds the rows to delete.
create index request_counts_started_ms_idx on request_counts (org_id, started_ms);
