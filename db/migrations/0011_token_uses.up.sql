alter table tokens add column last_used_at timestamptz;
comment on column tokens.last_used_at is 'When a server last recorded a use: each does so at most once a minute. Null if the token was not used since this is recorded.';
