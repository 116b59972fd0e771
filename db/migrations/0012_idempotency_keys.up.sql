-- The first response to each request that a client sent with an Idempotency-Key, so that repeating it has no second effect.
create table idempotency_keys (
  org_id text collate "C" not null,
  user_id bigint not null,
  operation text collate "C" not null,
  key text collate "C" not null,
  request_hash bytea not null,
  created_at timestamptz not null,
  status smallint,
  headers jsonb,
  body text,
  constraint idempotency_keys_pkey primary key (org_id, user_id, operation, key),
  constraint idempotency_keys_user_id_fkey foreign key (org_id, user_id) references users (org_id, user_id) on delete cascade,
  constraint idempotency_keys_request_hash_check check (octet_length(request_hash) = 32)
);
comment on table idempotency_keys is 'Requests with an Idempotency-Key, and their responses, which are written in the transaction of the effect. A row of more than 24 hours counts for nothing and is deleted with a later key of the organisation.';
comment on column idempotency_keys.operation is 'An operationId of openapi.yaml.';
comment on column idempotency_keys.request_hash is 'SHA-256 of the URL and the body: another request must not use the key again.';
comment on column idempotency_keys.status is 'The HTTP status of the response. It, the headers and the body are null only within the transaction.';
-- Finds the rows to delete.
create index idempotency_keys_created_at_idx on idempotency_keys (org_id, created_at);
