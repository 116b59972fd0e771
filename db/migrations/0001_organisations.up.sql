-- Organisations, which own all data, and the users and tokens that act in them.

create table organisations (
  org_id text collate "C" not null,
  cloud_id text collate "C",
  name text not null,
  language text not null default 'ru',
  profile text not null,
  one_link_per_pair boolean not null,
  last_label_id integer not null default 0,
  created_at timestamptz not null default now(),
  constraint organisations_pkey primary key (org_id),
  -- Does not start with org_id, since it is used to find the organisation.
  constraint organisations_cloud_id_key unique (cloud_id),
  -- Foreign keys copy the rule into links, so that partial unique indexes can use it.
  constraint organisations_one_link_per_pair_key unique (org_id, one_link_per_pair),
  constraint organisations_org_id_check check (org_id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
  constraint organisations_language_check check (language in ('ru', 'en')),
  constraint organisations_profile_check check (profile in ('tracker', 'kanboard'))
);
comment on table organisations is 'Tenants. The keys of all other tables start with org_id, so that organisations can be distributed across servers and no query crosses them by mistake.';
comment on column organisations.org_id is 'The value of X-Org-ID, chosen when the organisation is created.';
comment on column organisations.cloud_id is 'The value of X-Cloud-Org-ID; null if the organisation has none.';
comment on column organisations.profile is 'Whether the organisation started with the rules and labels of Tracker or of Kanboard.';
comment on column organisations.one_link_per_pair is 'Whether two issues may have at most one link, of any type.';
comment on column organisations.last_label_id is 'The last label_id assigned. Kanboard''s clients expect small numbers after the fixed ids 1 to 11.';

create table users (
  org_id text collate "C" not null,
  user_id bigint generated always as identity,
  uid bigint not null,
  passport_uid bigint,
  cloud_uid text,
  login text collate "C" not null,
  display text,
  email text,
  role text not null default 'member',
  password_hash text,
  is_active boolean not null default true,
  is_application boolean not null default false,
  loopback_only boolean not null default false,
  failed_logins integer not null default 0,
  locked_until timestamptz,
  created_at timestamptz not null default now(),
  constraint users_pkey primary key (org_id, user_id),
  constraint users_uid_key unique (org_id, uid),
  constraint users_login_key unique (org_id, login),
  constraint users_org_id_fkey foreign key (org_id) references organisations (org_id) on delete cascade,
  constraint users_uid_check check (uid > 0 and uid < 9007199254740992),
  constraint users_login_check check (login <> ''),
  constraint users_role_check check (role in ('admin', 'manager', 'member', 'reader'))
);
comment on table users is 'People and service accounts of an organisation.';
comment on column users.user_id is 'Kanboard''s user id.';
comment on column users.uid is 'Tracker''s uid, and the id in its references to users. Below 2^53, since it is sent as a JSON number.';
comment on column users.passport_uid is 'Id of the user''s personal account in another system, returned to clients.';
comment on column users.cloud_uid is 'Id of the user''s cloud account in another system, returned to clients.';
comment on column users.display is 'Display name; if null, the login is shown.';
comment on column users.is_application is 'Kanboard''s application account (login jsonrpc): unrestricted, and not listed with people.';
comment on column users.loopback_only is 'A demo account: its password is accepted only from the loopback interface.';
comment on column users.failed_logins is 'Consecutive wrong passwords.';

create table tokens (
  org_id text collate "C" not null,
  token_id bigint generated always as identity,
  user_id bigint not null,
  kind text not null,
  token_hash bytea not null,
  scopes text[] not null,
  loopback_only boolean not null default false,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  constraint tokens_pkey primary key (org_id, token_id),
  constraint tokens_token_hash_key unique (org_id, kind, token_hash),
  constraint tokens_user_id_fkey foreign key (org_id, user_id) references users (org_id, user_id) on delete cascade,
  constraint tokens_kind_check check (kind in ('oauth', 'application', 'personal')),
  constraint tokens_token_hash_check check (octet_length(token_hash) = 32),
  constraint tokens_scopes_check check (scopes <@ array['read', 'write', 'admin'] and cardinality(scopes) > 0)
);
comment on table tokens is 'Credentials. Only the SHA-256 of a token is stored, so a copy of this table grants no access.';
comment on column tokens.kind is 'oauth: for the Tracker API. application, personal: passwords for the Kanboard API.';
comment on column tokens.loopback_only is 'A demo token: accepted only from the loopback interface.';
-- Looks up a token before its organisation is known, so it cannot start with org_id.
create index tokens_token_hash_idx on tokens (token_hash);
-- The tokens of a user; serves the cascade from users.
create index tokens_user_id_idx on tokens (org_id, user_id);
