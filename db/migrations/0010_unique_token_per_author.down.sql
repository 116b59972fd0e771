-- Of several issues with the same key, the first keeps it.
update issues set unique_token = null
where exists (
  select from issues others
  where others.org_id = issues.org_id and others.unique_token = issues.unique_token and others.issue_id < issues.issue_id
);
alter table issues drop constraint issues_unique_token_key;
alter table issues add constraint issues_unique_token_key unique (org_id, unique_token);
comment on column issues.unique_token is 'The client''s idempotency key for the creation of the issue (Tracker''s "unique").';
