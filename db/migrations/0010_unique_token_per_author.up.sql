-- The idempotency key of a new issue is its author's own: the key of an issue that others cannot see conflicts with none of
-- theirs, and so reveals nothing.
alter table issues drop constraint issues_unique_token_key;
alter table issues add constraint issues_unique_token_key unique (org_id, unique_token, created_by);
comment on column issues.unique_token is 'The author''s idempotency key for the creation of the issue (Tracker''s "unique").';
