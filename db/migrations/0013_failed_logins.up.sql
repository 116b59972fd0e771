-- Wrong passwords, counted for each client address, so that guesses from one address lock out no other. The columns
-- failed_logins and locked_until of users counted them before.
create table failed_logins (
  org_id text collate "C" not null,
  login_hash bytea not null,
  address text collate "C" not null,
  failures integer not null,
  expires_at timestamptz not null,
  constraint failed_logins_pkey primary key (org_id, login_hash, address),
  constraint failed_logins_org_id_fkey foreign key (org_id) references organisations (org_id) on delete cascade,
  constraint failed_logins_login_hash_check check (octet_length(login_hash) = 32)
);
comment on table failed_logins is 'Consecutive wrong passwords for a login from an address, also for a login that does not exist. A row that has expired counts for nothing and is deleted with a later failure of the organisation.';
comment on column failed_logins.login_hash is 'SHA-256 of the login: people mistype passwords into the field of the login.';
comment on column failed_logins.address is 'An IPv4 address, or the first 64 bits of an IPv6 address.';
-- Finds the rows to delete.
create index failed_logins_expires_at_idx on failed_logins (org_id, expires_at);

comment on column users.failed_logins is 'Unused since the table failed_logins exists; previous versions write it.';
comment on column users.locked_until is 'Unused since the table failed_logins exists; previous versions write it.';
