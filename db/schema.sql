-- The schema as it stands after all migrations. `npm run schema` writes this file and a test compares it; to change the
-- schema, add a migration.

create table organisation_directory (
  org_id text collate "C" not null,
  cloud_id text collate "C",
  constraint organisation_directory_pkey PRIMARY KEY (org_id),
  constraint organisation_directory_cloud_id_key UNIQUE (cloud_id)
);
comment on table organisation_directory is 'The ids of all organisations. In a distributed database, every node has a copy.';

create table organisations (
  org_id text collate "C" not null,
  cloud_id text collate "C",
  name text not null,
  language text not null default 'ru'::text,
  profile text not null,
  one_link_per_pair boolean not null,
  last_label_id integer not null default 0,
  created_at timestamp with time zone not null default now(),
  is_loading boolean not null default false,
  constraint organisations_pkey PRIMARY KEY (org_id),
  constraint organisations_one_link_per_pair_key UNIQUE (org_id, one_link_per_pair),
  constraint organisations_language_check CHECK ((language = ANY (ARRAY['ru'::text, 'en'::text]))),
  constraint organisations_org_id_check CHECK ((org_id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'::text)),
  constraint organisations_profile_check CHECK ((profile = ANY (ARRAY['tracker'::text, 'kanboard'::text])))
);
comment on table organisations is 'Tenants. The keys of all other tables start with org_id, so that organisations can be distributed across servers and no query crosses them by mistake.';
comment on column organisations.org_id is 'The value of X-Org-ID, chosen when the organisation is created.';
comment on column organisations.cloud_id is 'The value of X-Cloud-Org-ID, unique in organisation_directory; null if the organisation has none.';
comment on column organisations.profile is 'Whether the organisation started with the rules and labels of Tracker or of Kanboard.';
comment on column organisations.one_link_per_pair is 'Whether two issues may have at most one link, of any type.';
comment on column organisations.last_label_id is 'The last label_id assigned. Kanboard''s clients expect small numbers after the fixed ids 1 to 11.';
comment on column organisations.is_loading is 'Whether a load has begun and not ended. Only such an organisation may be loaded into.';

create table applications (
  org_id text collate "C" not null,
  application_id text collate "C" not null,
  type text not null,
  name_ru text not null,
  name_en text not null,
  position integer not null,
  constraint applications_pkey PRIMARY KEY (org_id, application_id),
  constraint applications_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations(org_id) ON DELETE CASCADE,
  constraint applications_application_id_check CHECK ((application_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'::text))
);
comment on table applications is 'The applications that contain the objects of remote links. The service never contacts them.';
comment on column applications.application_id is 'The origin of Tracker''s remote links, such as "com.github".';
comment on column applications.type is 'The kind of application. Kanboard''s types of external links are attachment, file and weblink; it shows all others as weblink.';

create table deleted_issues (
  org_id text collate "C" not null,
  issue_id bigint not null,
  hex_id text collate "C" not null,
  key text collate "C" not null,
  summary text not null,
  queue_id bigint not null,
  was_open boolean not null default false,
  reader_ids bigint[] not null default '{}'::bigint[],
  constraint deleted_issues_pkey PRIMARY KEY (org_id, issue_id),
  constraint deleted_issues_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations(org_id) ON DELETE CASCADE
);
comment on table deleted_issues is 'What changelogs show of issues that were deleted, by the queue that they were in.';
comment on column deleted_issues.queue_id is 'Not a foreign key, since the row outlives its queue.';
comment on column deleted_issues.was_open is 'Whether everyone could see the queue when it was removed.';
comment on column deleted_issues.reader_ids is 'The users with a role in the queue when it was removed.';
CREATE INDEX deleted_issues_queue_id_idx ON deleted_issues USING btree (org_id, queue_id);

create table deleted_link_types (
  org_id text collate "C" not null,
  link_type_id text collate "C" not null,
  inward_ru text not null,
  inward_en text not null,
  outward_ru text not null,
  outward_en text not null,
  constraint deleted_link_types_pkey PRIMARY KEY (org_id, link_type_id),
  constraint deleted_link_types_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations(org_id) ON DELETE CASCADE
);
comment on table deleted_link_types is 'The last labels of link types that were deleted, which changelogs still show. A type with the same id takes precedence.';

create table deleted_statuses (
  org_id text collate "C" not null,
  status_id bigint not null,
  name text not null,
  constraint deleted_statuses_pkey PRIMARY KEY (org_id, status_id),
  constraint deleted_statuses_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations(org_id) ON DELETE CASCADE
);
comment on table deleted_statuses is 'The names of statuses that were deleted with their last column, which changelogs still show.';

create table failed_logins (
  org_id text collate "C" not null,
  login_hash bytea not null,
  address text collate "C" not null,
  failures integer not null,
  expires_at timestamp with time zone not null,
  constraint failed_logins_pkey PRIMARY KEY (org_id, login_hash, address),
  constraint failed_logins_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations(org_id) ON DELETE CASCADE,
  constraint failed_logins_login_hash_check CHECK ((octet_length(login_hash) = 32))
);
comment on table failed_logins is 'Consecutive wrong passwords for a login from an address, also for a login that does not exist. A row that has expired counts for nothing and is deleted with a later failure of the organisation.';
comment on column failed_logins.login_hash is 'SHA-256 of the login: people mistype passwords into the field of the login.';
comment on column failed_logins.address is 'An IPv4 address, or the first 64 bits of an IPv6 address.';
CREATE INDEX failed_logins_expires_at_idx ON failed_logins USING btree (org_id, expires_at);

create table issue_types (
  org_id text collate "C" not null,
  issue_type_id bigint generated by default as identity (start with 1001),
  key text collate "C" not null,
  name_ru text not null,
  name_en text not null,
  position integer not null,
  version integer not null default 1,
  constraint issue_types_pkey PRIMARY KEY (org_id, issue_type_id),
  constraint issue_types_key_key UNIQUE (org_id, key),
  constraint issue_types_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations(org_id) ON DELETE CASCADE
);
comment on table issue_types is 'Types of issues, such as bug, task and epic.';

create table labels (
  org_id text collate "C" not null,
  label_id integer not null,
  label text collate "C" not null,
  name_ru text,
  name_en text,
  phrase text collate "C",
  opposite_id integer,
  constraint labels_pkey PRIMARY KEY (org_id, label_id),
  constraint labels_opposite_id_fkey FOREIGN KEY (org_id, opposite_id) REFERENCES labels(org_id, label_id),
  constraint labels_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations(org_id) ON DELETE CASCADE,
  constraint labels_label_check CHECK ((label <> ''::text)),
  constraint labels_label_length_check CHECK ((length(label) <= 1000))
);
comment on table labels is 'The name of one end of a link type.';
comment on column labels.label_id is 'Kanboard''s link id. 1 to 11 are the same in every organisation.';
comment on column labels.label is 'Kanboard''s label, always English.';
comment on column labels.name_ru is 'Tracker''s name in Russian; if null, the label is shown.';
comment on column labels.name_en is 'Tracker''s name in English; if null, the label is shown.';
comment on column labels.phrase is 'The relationship in Tracker''s requests that creates a link with the issue at this end; if null, the English name in lower case.';
comment on column labels.opposite_id is 'The label that Kanboard gives the other end of a new link; may be null, the label itself, or a label with another opposite.';
CREATE UNIQUE INDEX labels_label_key ON labels USING btree (org_id, md5(label));
CREATE INDEX labels_opposite_id_idx ON labels USING btree (org_id, opposite_id);

create table link_types (
  org_id text collate "C" not null,
  link_type_id text collate "C" not null,
  inward_label_id integer not null,
  outward_label_id integer not null,
  is_symmetric boolean not null,
  is_antisymmetric boolean not null default false,
  is_acyclic boolean not null default false,
  single_end text not null default 'none'::text,
  import_only boolean not null default false,
  version integer not null default 1,
  shares_label boolean not null default false,
  constraint link_types_pkey PRIMARY KEY (org_id, link_type_id),
  constraint link_types_rules_key UNIQUE (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label),
  constraint link_types_inward_label_id_fkey FOREIGN KEY (org_id, inward_label_id) REFERENCES labels(org_id, label_id) ON DELETE CASCADE,
  constraint link_types_outward_label_id_fkey FOREIGN KEY (org_id, outward_label_id) REFERENCES labels(org_id, label_id) ON DELETE CASCADE,
  constraint link_types_antisymmetric_check CHECK ((NOT (is_symmetric AND (is_antisymmetric OR is_acyclic OR (single_end <> 'none'::text))))),
  constraint link_types_single_check CHECK ((single_end = ANY (ARRAY['inward'::text, 'outward'::text, 'none'::text]))),
  constraint link_types_symmetric_check CHECK ((is_symmetric = (inward_label_id = outward_label_id)))
);
comment on table link_types is 'A pair of labels, and the rules for links with these labels.';
comment on column link_types.link_type_id is 'Tracker''s id of the type, such as "depends".';
comment on column link_types.is_symmetric is 'Both ends have the same label, and their order has no meaning.';
comment on column link_types.is_antisymmetric is 'Forbids links in both directions between two issues.';
comment on column link_types.is_acyclic is 'Forbids cycles of links of the type. No constraint can enforce this rule.';
comment on column link_types.single_end is 'The end at which an issue may have at most one link of the type: a subtask, at the inward end, has one parent.';
comment on column link_types.import_only is 'Only imports may create links of the type (Tracker''s "original" and "clone").';
comment on column link_types.shares_label is 'Another type has one of the two labels as well. Writers then check for a link with the same label between the same issues, under a lock.';
CREATE INDEX link_types_inward_label_id_idx ON link_types USING btree (org_id, inward_label_id);
CREATE UNIQUE INDEX link_types_labels_key ON link_types USING btree (org_id, LEAST(inward_label_id, outward_label_id), GREATEST(inward_label_id, outward_label_id));
CREATE INDEX link_types_outward_label_id_idx ON link_types USING btree (org_id, outward_label_id);

create table priorities (
  org_id text collate "C" not null,
  priority_id bigint generated by default as identity (start with 1001),
  key text collate "C" not null,
  name_ru text not null,
  name_en text not null,
  position integer not null,
  version integer not null default 1,
  constraint priorities_pkey PRIMARY KEY (org_id, priority_id),
  constraint priorities_key_key UNIQUE (org_id, key),
  constraint priorities_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations(org_id) ON DELETE CASCADE
);
comment on table priorities is 'Priorities of issues.';

create unlogged table request_counts (
  org_id text collate "C" not null,
  key_hash bytea not null,
  requests integer not null,
  started_ms bigint not null,
  counted_ms bigint not null,
  constraint request_counts_pkey PRIMARY KEY (org_id, key_hash),
  constraint request_counts_key_hash_check CHECK ((octet_length(key_hash) = 32))
);
comment on table request_counts is 'Requests of a client in its current minute, with RATE_LIMIT_STORE=database. A row whose minute is over counts for nothing and is deleted when another one starts.';
comment on column request_counts.key_hash is 'SHA-256 of an address or of a token.';
comment on column request_counts.started_ms is 'When the minute started, in milliseconds since 1970 by the clock of PostgreSQL.';
comment on column request_counts.counted_ms is 'When a server last added to the count.';
CREATE INDEX request_counts_started_ms_idx ON request_counts USING btree (org_id, started_ms);

create table resolutions (
  org_id text collate "C" not null,
  resolution_id bigint generated by default as identity (start with 1001),
  key text collate "C" not null,
  name_ru text not null,
  name_en text not null,
  position integer not null,
  version integer not null default 1,
  constraint resolutions_pkey PRIMARY KEY (org_id, resolution_id),
  constraint resolutions_key_key UNIQUE (org_id, key),
  constraint resolutions_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations(org_id) ON DELETE CASCADE
);
comment on table resolutions is 'Why issues are done.';

create table statuses (
  org_id text collate "C" not null,
  status_id bigint generated by default as identity (start with 1001),
  key text collate "C" not null,
  name_ru text not null,
  name_en text not null,
  type text not null,
  position integer not null,
  version integer not null default 1,
  created_by bigint,
  constraint statuses_pkey PRIMARY KEY (org_id, status_id),
  constraint statuses_key_key UNIQUE (org_id, key),
  constraint statuses_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations(org_id) ON DELETE CASCADE,
  constraint statuses_type_check CHECK ((type = ANY (ARRAY['new'::text, 'paused'::text, 'inProgress'::text, 'done'::text, 'cancelled'::text])))
);
comment on table statuses is 'Statuses of issues. The statuses of a new organisation have the ids 1 to 5.';
comment on column statuses.created_by is 'The user whose new column the status was created for, null for the initial statuses. The row of a removed user stays until the organisation is deleted.';
CREATE INDEX statuses_created_by_idx ON statuses USING btree (org_id, created_by) WHERE (created_by IS NOT NULL);

create table token_directory (
  token_hash bytea not null,
  kind text not null,
  org_id text collate "C" not null,
  constraint token_directory_pkey PRIMARY KEY (token_hash, kind, org_id)
);
comment on table token_directory is 'Which organisations have a token. In a distributed database, every node has a copy.';

create table users (
  org_id text collate "C" not null,
  user_id bigint generated always as identity,
  uid bigint not null,
  passport_uid bigint,
  cloud_uid text,
  login text collate "C" not null,
  display text,
  email text,
  role text not null default 'member'::text,
  password_hash text,
  is_active boolean not null default true,
  is_application boolean not null default false,
  loopback_only boolean not null default false,
  failed_logins integer not null default 0,
  locked_until timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  removed_at timestamp with time zone,
  constraint users_pkey PRIMARY KEY (org_id, user_id),
  constraint users_uid_key UNIQUE (org_id, uid),
  constraint users_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations(org_id) ON DELETE CASCADE,
  constraint users_login_check CHECK ((login <> ''::text)),
  constraint users_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'manager'::text, 'member'::text, 'reader'::text]))),
  constraint users_uid_check CHECK (((uid > 0) AND (uid < '9007199254740992'::bigint)))
);
comment on table users is 'People and service accounts of an organisation.';
comment on column users.user_id is 'Kanboard''s user id.';
comment on column users.uid is 'Tracker''s uid, and the id in its references to users. Below 2^53, since it is sent as a JSON number.';
comment on column users.passport_uid is 'Id of the user''s personal account in another system, returned to clients.';
comment on column users.cloud_uid is 'Id of the user''s cloud account in another system, returned to clients.';
comment on column users.display is 'Display name; if null, the login is shown.';
comment on column users.is_application is 'Kanboard''s application account (login jsonrpc): unrestricted, and not listed with people.';
comment on column users.loopback_only is 'A demo account: its password is accepted only from the loopback interface.';
comment on column users.failed_logins is 'Unused since the table failed_logins exists; previous versions write it.';
comment on column users.locked_until is 'Unused since the table failed_logins exists; previous versions write it.';
comment on column users.removed_at is 'When Kanboard''s removeUser removed the user. A removed user cannot log in, is not listed and has no roles, but remains the author of what they wrote.';
CREATE UNIQUE INDEX users_login_key ON users USING btree (org_id, login) WHERE (removed_at IS NULL);

create table bulk_changes (
  org_id text collate "C" not null,
  bulk_change_id text collate "C" not null,
  user_id bigint not null,
  created_at timestamp with time zone not null,
  total integer not null,
  failures jsonb not null,
  constraint bulk_changes_pkey PRIMARY KEY (org_id, user_id, bulk_change_id),
  constraint bulk_changes_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES users(org_id, user_id) ON DELETE CASCADE
);
comment on table bulk_changes is 'Changes of several issues at once, and how they went. A row of more than 30 days is deleted with a later change of the user.';
comment on column bulk_changes.failures is 'The issues that could not be changed, by their names in the request, each with the body of the error response.';

create table events (
  org_id text collate "C" not null,
  event_id bigint generated always as identity,
  issue_id bigint not null,
  type text not null,
  user_id bigint not null,
  created_at timestamp with time zone not null default now(),
  changes jsonb not null,
  transaction_id xid8 not null default pg_current_xact_id(),
  constraint events_pkey PRIMARY KEY (org_id, event_id),
  constraint events_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES users(org_id, user_id),
  constraint events_type_check CHECK ((type = ANY (ARRAY['IssueCreated'::text, 'IssueUpdated'::text, 'IssueMoved'::text, 'IssueCloned'::text, 'IssueWorkflow'::text, 'IssueDeleted'::text, 'IssueLinked'::text, 'IssueUnlinked'::text, 'IssueLinkChanged'::text, 'IssueCommentAdded'::text, 'IssueCommentUpdated'::text, 'IssueCommentRemoved'::text])))
);
comment on table events is 'The changelogs of issues. Append-only: a row for each issue that a change affects, written in the transaction of the change.';
comment on column events.issue_id is 'Not a foreign key, since the event outlives its issue.';
comment on column events.changes is 'What changed, as ids, keys and plain values; names are added when the event is read.';
comment on column events.transaction_id is 'Lets a reader follow the order of commits, since an event_id may be assigned early and committed late.';
CREATE INDEX events_transaction_id_idx ON events USING btree (org_id, issue_id, transaction_id, event_id);

create table idempotency_keys (
  org_id text collate "C" not null,
  user_id bigint not null,
  operation text collate "C" not null,
  key text collate "C" not null,
  request_hash bytea not null,
  created_at timestamp with time zone not null,
  status smallint,
  headers jsonb,
  body text,
  constraint idempotency_keys_pkey PRIMARY KEY (org_id, user_id, operation, key),
  constraint idempotency_keys_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES users(org_id, user_id) ON DELETE CASCADE,
  constraint idempotency_keys_request_hash_check CHECK ((octet_length(request_hash) = 32))
);
comment on table idempotency_keys is 'Requests with an Idempotency-Key, and their responses, which are written in the transaction of the effect. A row of more than 24 hours counts for nothing and is deleted with a later key of the organisation.';
comment on column idempotency_keys.operation is 'An operationId of openapi.yaml.';
comment on column idempotency_keys.request_hash is 'SHA-256 of the URL and the body: another request must not use the key again.';
comment on column idempotency_keys.status is 'The HTTP status of the response. It, the headers and the body are null only within the transaction.';
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys USING btree (org_id, created_at);

create table queues (
  org_id text collate "C" not null,
  queue_id bigint generated always as identity,
  key text collate "C" not null,
  name text not null,
  description text,
  access text not null default 'organisation'::text,
  lead_id bigint not null,
  default_issue_type_id bigint not null,
  default_priority_id bigint not null,
  last_issue_number bigint not null default 0,
  version integer not null default 1,
  is_active boolean not null default true,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  identifier text collate "C" not null default ''::text,
  kanboard jsonb not null default '{}'::jsonb,
  constraint queues_pkey PRIMARY KEY (org_id, queue_id),
  constraint queues_key_key UNIQUE (org_id, key),
  constraint queues_default_issue_type_id_fkey FOREIGN KEY (org_id, default_issue_type_id) REFERENCES issue_types(org_id, issue_type_id),
  constraint queues_default_priority_id_fkey FOREIGN KEY (org_id, default_priority_id) REFERENCES priorities(org_id, priority_id),
  constraint queues_lead_id_fkey FOREIGN KEY (org_id, lead_id) REFERENCES users(org_id, user_id),
  constraint queues_org_id_fkey FOREIGN KEY (org_id) REFERENCES organisations(org_id) ON DELETE CASCADE,
  constraint queues_access_check CHECK ((access = ANY (ARRAY['organisation'::text, 'members'::text]))),
  constraint queues_key_check CHECK ((key ~ '^[A-Z][A-Z0-9]{0,49}$'::text)),
  constraint queues_name_check CHECK ((name <> ''::text))
);
comment on table queues is 'Tracker''s queues, which are Kanboard''s projects.';
comment on column queues.queue_id is 'Kanboard''s project id.';
comment on column queues.access is 'Who may see its issues: all users of the organisation, or only the members of the queue.';
comment on column queues.last_issue_number is 'The last number used in an issue key, incremented in the transaction that creates the issue.';
comment on column queues.identifier is 'Kanboard''s identifier of the project, which is also the key if it is a valid one; empty if unset.';
comment on column queues.kanboard is 'Fields of a project that only Kanboard''s clients use, stored as sent and not acted upon: start_date, end_date, email, priority_default and so on.';
CREATE UNIQUE INDEX queues_identifier_key ON queues USING btree (org_id, identifier) WHERE (identifier <> ''::text);
CREATE INDEX queues_lead_id_idx ON queues USING btree (org_id, lead_id);

create table categories (
  org_id text collate "C" not null,
  category_id bigint generated always as identity,
  queue_id bigint not null,
  name text collate "C" not null,
  color text,
  constraint categories_pkey PRIMARY KEY (org_id, category_id),
  constraint categories_name_key UNIQUE (org_id, queue_id, name),
  constraint categories_queue_id_fkey FOREIGN KEY (org_id, queue_id) REFERENCES queues(org_id, queue_id) ON DELETE CASCADE,
  constraint categories_name_check CHECK ((name <> ''::text))
);
comment on table categories is 'Kanboard''s categories of the tasks of a project. A task''s category is in issues.kanboard.';

create table columns (
  org_id text collate "C" not null,
  column_id bigint generated always as identity,
  queue_id bigint not null,
  status_id bigint not null,
  title text not null,
  position integer not null,
  task_limit integer not null default 0,
  description text not null default ''::text,
  constraint columns_pkey PRIMARY KEY (org_id, column_id),
  constraint columns_status_id_key UNIQUE (org_id, queue_id, status_id),
  constraint columns_queue_id_fkey FOREIGN KEY (org_id, queue_id) REFERENCES queues(org_id, queue_id) ON DELETE CASCADE,
  constraint columns_status_id_fkey FOREIGN KEY (org_id, status_id) REFERENCES statuses(org_id, status_id)
);
comment on table columns is 'The board of a queue: one column for each status that its issues can have. The queue and the status of an issue determine its column.';
comment on column columns.task_limit is 'How many open tasks the column should have at most, for clients to show; 0 for no limit.';
CREATE INDEX columns_status_id_idx ON columns USING btree (org_id, status_id);

create table issues (
  org_id text collate "C" not null,
  issue_id bigint generated always as identity,
  hex_id text collate "C" not null default (lpad(to_hex((EXTRACT(epoch FROM clock_timestamp()))::bigint), 8, '0'::text) || "left"(replace((gen_random_uuid())::text, '-'::text, ''::text), 16)),
  key text collate "C" not null,
  queue_id bigint not null,
  version integer not null default 1,
  summary text not null,
  description text,
  issue_type_id bigint not null,
  priority_id bigint not null,
  status_id bigint not null,
  previous_status_id bigint,
  is_open boolean not null default true,
  assignee_id bigint,
  tags text[] not null default '{}'::text[],
  unique_token text collate "C",
  created_by bigint not null,
  updated_by bigint not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  closed_at timestamp with time zone,
  started_at timestamp with time zone,
  due_at timestamp with time zone,
  time_spent double precision,
  time_estimated double precision,
  color text not null default 'yellow'::text,
  position integer not null default 1,
  reference text not null default ''::text,
  moved_at timestamp with time zone not null default now(),
  kanboard jsonb not null default '{}'::jsonb,
  resolution_id bigint,
  resolved_by bigint,
  resolved_at timestamp with time zone,
  author_id bigint,
  follower_ids bigint[] not null default '{}'::bigint[],
  constraint issues_pkey PRIMARY KEY (org_id, issue_id),
  constraint issues_hex_id_key UNIQUE (org_id, hex_id),
  constraint issues_key_key UNIQUE (org_id, key),
  constraint issues_unique_token_key UNIQUE (org_id, unique_token, created_by),
  constraint issues_assignee_id_fkey FOREIGN KEY (org_id, assignee_id) REFERENCES users(org_id, user_id),
  constraint issues_author_id_fkey FOREIGN KEY (org_id, author_id) REFERENCES users(org_id, user_id),
  constraint issues_created_by_fkey FOREIGN KEY (org_id, created_by) REFERENCES users(org_id, user_id),
  constraint issues_issue_type_id_fkey FOREIGN KEY (org_id, issue_type_id) REFERENCES issue_types(org_id, issue_type_id),
  constraint issues_previous_status_id_fkey FOREIGN KEY (org_id, previous_status_id) REFERENCES statuses(org_id, status_id),
  constraint issues_priority_id_fkey FOREIGN KEY (org_id, priority_id) REFERENCES priorities(org_id, priority_id),
  constraint issues_queue_id_fkey FOREIGN KEY (org_id, queue_id) REFERENCES queues(org_id, queue_id) ON DELETE CASCADE,
  constraint issues_resolution_id_fkey FOREIGN KEY (org_id, resolution_id) REFERENCES resolutions(org_id, resolution_id),
  constraint issues_resolved_by_fkey FOREIGN KEY (org_id, resolved_by) REFERENCES users(org_id, user_id),
  constraint issues_status_id_fkey FOREIGN KEY (org_id, queue_id, status_id) REFERENCES columns(org_id, queue_id, status_id),
  constraint issues_updated_by_fkey FOREIGN KEY (org_id, updated_by) REFERENCES users(org_id, user_id),
  constraint issues_hex_id_check CHECK ((hex_id ~ '^[0-9a-f]{24}$'::text)),
  constraint issues_key_check CHECK ((key ~ '^[A-Z][A-Z0-9]{0,49}-[1-9][0-9]*$'::text)),
  constraint issues_summary_check CHECK ((summary <> ''::text))
);
comment on table issues is 'Tracker''s issues, which are Kanboard''s tasks.';
comment on column issues.issue_id is 'Kanboard''s task id.';
comment on column issues.hex_id is 'Tracker''s id: 24 hex digits. The first eight are the creation time in seconds, so that new ids are adjacent in the index.';
comment on column issues.key is 'QUEUE-n. The keys of an issue before its moves are in issue_aliases.';
comment on column issues.is_open is 'Independent of the status: Kanboard closes a task without moving it to another column.';
comment on column issues.unique_token is 'The author''s idempotency key for the creation of the issue (Tracker''s "unique").';
comment on column issues.closed_at is 'When the issue was last closed; kept when it is reopened.';
comment on column issues.time_spent is 'Hours.';
comment on column issues.time_estimated is 'Hours.';
comment on column issues.position is 'Position in its column, starting at 1.';
comment on column issues.reference is 'The name of the task in another system (Kanboard''s "reference"); empty if unset.';
comment on column issues.moved_at is 'When the issue last moved to its column or to its position there.';
comment on column issues.kanboard is 'Fields of a task that only Kanboard''s clients use: score, category_id, priority, recurrence_status and so on.';
comment on column issues.resolved_at is 'When the present resolution was set; null without one, as resolved_by.';
comment on column issues.author_id is 'The author, if it is another user than the creator.';
comment on column issues.follower_ids is 'The users who follow the issue, in the order in which they were added.';
CREATE INDEX issues_assignee_id_idx ON issues USING btree (org_id, assignee_id) WHERE (assignee_id IS NOT NULL);
CREATE INDEX issues_due_at_idx ON issues USING btree (org_id, due_at) WHERE ((due_at IS NOT NULL) AND is_open);
CREATE INDEX issues_previous_status_id_idx ON issues USING btree (org_id, previous_status_id) WHERE (previous_status_id IS NOT NULL);
CREATE INDEX issues_queue_id_idx ON issues USING btree (org_id, queue_id, status_id, "position");
CREATE INDEX issues_reference_idx ON issues USING btree (org_id, queue_id, md5(reference)) WHERE (reference <> ''::text);

create table comments (
  org_id text collate "C" not null,
  comment_id bigint generated always as identity,
  hex_id text collate "C" not null default (lpad(to_hex((EXTRACT(epoch FROM clock_timestamp()))::bigint), 8, '0'::text) || "left"(replace((gen_random_uuid())::text, '-'::text, ''::text), 16)),
  issue_id bigint not null,
  text text not null,
  visibility text not null default 'app-user'::text,
  reference text not null default ''::text,
  summonee_ids bigint[] not null default '{}'::bigint[],
  version integer not null default 1,
  created_by bigint not null,
  updated_by bigint not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint comments_pkey PRIMARY KEY (org_id, comment_id),
  constraint comments_created_by_fkey FOREIGN KEY (org_id, created_by) REFERENCES users(org_id, user_id),
  constraint comments_issue_id_fkey FOREIGN KEY (org_id, issue_id) REFERENCES issues(org_id, issue_id) ON DELETE CASCADE,
  constraint comments_updated_by_fkey FOREIGN KEY (org_id, updated_by) REFERENCES users(org_id, user_id),
  constraint comments_text_check CHECK ((text <> ''::text)),
  constraint comments_updated_at_check CHECK ((updated_at >= created_at)),
  constraint comments_visibility_check CHECK ((visibility = ANY (ARRAY['app-user'::text, 'app-manager'::text, 'app-admin'::text])))
);
comment on table comments is 'Comments on issues, with the same id in both APIs.';
comment on column comments.hex_id is 'Tracker''s longId: 24 hex digits, as in issues.hex_id.';
comment on column comments.visibility is 'The lowest role in the organisation that sees the comment, in Kanboard''s words. Its author always does. Tracker''s clients write app-user.';
comment on column comments.reference is 'The name of the comment in another system (Kanboard''s "reference"); empty if unset.';
comment on column comments.summonee_ids is 'The users whose attention the comment calls for.';
CREATE INDEX comments_issue_id_idx ON comments USING btree (org_id, issue_id, comment_id);

create table issue_aliases (
  org_id text collate "C" not null,
  key text collate "C" not null,
  issue_id bigint not null,
  constraint issue_aliases_pkey PRIMARY KEY (org_id, key),
  constraint issue_aliases_issue_id_fkey FOREIGN KEY (org_id, issue_id) REFERENCES issues(org_id, issue_id) ON DELETE CASCADE
);
comment on table issue_aliases is 'Keys of issues before their moves. Issue numbers only rise, so no other issue can get such a key.';
CREATE INDEX issue_aliases_issue_id_idx ON issue_aliases USING btree (org_id, issue_id);

create table links (
  org_id text collate "C" not null,
  link_id bigint generated by default as identity,
  link_type_id text collate "C" not null,
  inward_issue_id bigint not null,
  outward_issue_id bigint not null,
  first_end text not null,
  version integer not null default 1,
  is_symmetric boolean not null,
  is_antisymmetric boolean not null,
  is_acyclic boolean not null,
  single_end text not null,
  one_link_per_pair boolean not null,
  created_by bigint not null,
  updated_by bigint not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  shares_label boolean not null default false,
  constraint links_pkey PRIMARY KEY (org_id, link_id),
  constraint links_created_by_fkey FOREIGN KEY (org_id, created_by) REFERENCES users(org_id, user_id),
  constraint links_inward_issue_id_fkey FOREIGN KEY (org_id, inward_issue_id) REFERENCES issues(org_id, issue_id) ON DELETE CASCADE,
  constraint links_link_type_id_fkey FOREIGN KEY (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label) REFERENCES link_types(org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label) ON DELETE CASCADE,
  constraint links_one_link_per_pair_fkey FOREIGN KEY (org_id, one_link_per_pair) REFERENCES organisations(org_id, one_link_per_pair) ON DELETE CASCADE,
  constraint links_outward_issue_id_fkey FOREIGN KEY (org_id, outward_issue_id) REFERENCES issues(org_id, issue_id) ON DELETE CASCADE,
  constraint links_updated_by_fkey FOREIGN KEY (org_id, updated_by) REFERENCES users(org_id, user_id),
  constraint links_first_end_check CHECK ((first_end = ANY (ARRAY['inward'::text, 'outward'::text]))),
  constraint links_self_check CHECK ((inward_issue_id <> outward_issue_id)),
  constraint links_updated_at_check CHECK ((updated_at >= created_at))
);
comment on table links is 'One row is one link, visible from both of its ends.';
comment on column links.link_id is 'n is Tracker''s id at both ends; Kanboard''s ids are 2n-1 at the first end and 2n at the other.';
comment on column links.inward_issue_id is 'The issue whose direction is inward and whose label is the type''s inward label: the subtask, the blocker, the duplicate, the epic.';
comment on column links.outward_issue_id is 'The issue whose direction is outward: the parent task, the blocked issue, the duplicated issue, the issue in the epic.';
comment on column links.first_end is 'The end of the issue that the link was created from; follows that issue when an update reverses the link.';
comment on column links.version is 'Incremented by each change of the link, for If-Match.';
comment on column links.is_symmetric is 'Copy of the type''s rule, held by the foreign key, as are is_antisymmetric, is_acyclic and single_end.';
comment on column links.one_link_per_pair is 'Copy of the organisation''s rule, held by the foreign key.';
comment on column links.shares_label is 'Copy of the type''s property, held by the foreign key.';
CREATE UNIQUE INDEX links_ends_key ON links USING btree (org_id, inward_issue_id, outward_issue_id, link_type_id);
CREATE INDEX links_link_type_id_idx ON links USING btree (org_id, link_type_id, inward_issue_id);
CREATE INDEX links_outward_issue_id_idx ON links USING btree (org_id, outward_issue_id, link_type_id);
CREATE UNIQUE INDEX links_pair_key ON links USING btree (org_id, LEAST(inward_issue_id, outward_issue_id), GREATEST(inward_issue_id, outward_issue_id)) WHERE one_link_per_pair;
CREATE UNIQUE INDEX links_single_inward_key ON links USING btree (org_id, inward_issue_id, link_type_id) WHERE (single_end = 'inward'::text);
CREATE UNIQUE INDEX links_single_outward_key ON links USING btree (org_id, outward_issue_id, link_type_id) WHERE (single_end = 'outward'::text);
CREATE UNIQUE INDEX links_unordered_ends_key ON links USING btree (org_id, LEAST(inward_issue_id, outward_issue_id), GREATEST(inward_issue_id, outward_issue_id), link_type_id) WHERE (is_symmetric OR is_antisymmetric);

create table queue_members (
  org_id text collate "C" not null,
  queue_id bigint not null,
  user_id bigint not null,
  role text not null default 'member'::text,
  constraint queue_members_pkey PRIMARY KEY (org_id, queue_id, user_id),
  constraint queue_members_queue_id_fkey FOREIGN KEY (org_id, queue_id) REFERENCES queues(org_id, queue_id) ON DELETE CASCADE,
  constraint queue_members_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES users(org_id, user_id) ON DELETE CASCADE,
  constraint queue_members_role_check CHECK ((role = ANY (ARRAY['manager'::text, 'member'::text, 'viewer'::text])))
);
comment on table queue_members is 'The roles of users in queues: a queue whose access is "members" is open only to them.';
CREATE INDEX queue_members_user_id_idx ON queue_members USING btree (org_id, user_id);

create table remote_links (
  org_id text collate "C" not null,
  remote_link_id bigint generated always as identity,
  issue_id bigint not null,
  application_id text collate "C" not null,
  object_id text collate "C" not null,
  object_key text not null,
  title text,
  link_type_id text collate "C",
  direction text not null default 'outward'::text,
  dependency text not null default 'related'::text,
  may_repeat boolean not null default false,
  created_by bigint not null,
  updated_by bigint not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint remote_links_pkey PRIMARY KEY (org_id, remote_link_id),
  constraint remote_links_application_id_fkey FOREIGN KEY (org_id, application_id) REFERENCES applications(org_id, application_id),
  constraint remote_links_created_by_fkey FOREIGN KEY (org_id, created_by) REFERENCES users(org_id, user_id),
  constraint remote_links_issue_id_fkey FOREIGN KEY (org_id, issue_id) REFERENCES issues(org_id, issue_id) ON DELETE CASCADE,
  constraint remote_links_link_type_id_fkey FOREIGN KEY (org_id, link_type_id) REFERENCES link_types(org_id, link_type_id),
  constraint remote_links_updated_by_fkey FOREIGN KEY (org_id, updated_by) REFERENCES users(org_id, user_id),
  constraint remote_links_direction_check CHECK ((direction = ANY (ARRAY['inward'::text, 'outward'::text]))),
  constraint remote_links_object_id_check CHECK ((object_id ~ '^[0-9a-f]{32}$'::text)),
  constraint remote_links_object_key_check CHECK ((object_key <> ''::text)),
  constraint remote_links_updated_at_check CHECK ((updated_at >= created_at))
);
comment on table remote_links is 'One row is one link from an issue to an object in another application, with the same id in both APIs.';
comment on column remote_links.object_id is 'The first 32 hex digits of the SHA-256 of the key: a short, fixed-length name for URLs and indexes.';
comment on column remote_links.object_key is 'The key of the object in its application; for Kanboard''s types, the URL.';
comment on column remote_links.title is 'Kanboard''s title. Links from Tracker have none and show the key instead.';
comment on column remote_links.link_type_id is 'The relationship of the issue to the object. Null after the type is removed: unlike a link between issues, the link outlives its type.';
comment on column remote_links.direction is 'The end of the type that the issue is at.';
comment on column remote_links.dependency is 'The relationship in Kanboard''s terms, which are independent of its labels.';
comment on column remote_links.may_repeat is 'Whether the issue may link to the object twice. True for links from Kanboard; false for Tracker, whose clients repeat requests.';
CREATE INDEX remote_links_issue_id_idx ON remote_links USING btree (org_id, issue_id, remote_link_id);
CREATE INDEX remote_links_link_type_id_idx ON remote_links USING btree (org_id, link_type_id);
CREATE INDEX remote_links_object_id_idx ON remote_links USING btree (org_id, application_id, object_id);
CREATE UNIQUE INDEX remote_links_object_key ON remote_links USING btree (org_id, issue_id, application_id, object_id) WHERE (NOT may_repeat);

create table tags (
  org_id text collate "C" not null,
  tag_id bigint generated always as identity,
  queue_id bigint not null,
  name text collate "C" not null,
  color text,
  constraint tags_pkey PRIMARY KEY (org_id, tag_id),
  constraint tags_name_key UNIQUE (org_id, queue_id, name),
  constraint tags_queue_id_fkey FOREIGN KEY (org_id, queue_id) REFERENCES queues(org_id, queue_id) ON DELETE CASCADE,
  constraint tags_name_check CHECK ((name <> ''::text))
);
comment on table tags is 'The tags of each queue, with the ids and colours that Kanboard''s clients know. issues.tags says which issues have them.';

create table tokens (
  org_id text collate "C" not null,
  token_id bigint generated always as identity,
  user_id bigint not null,
  kind text not null,
  token_hash bytea not null,
  scopes text[] not null,
  loopback_only boolean not null default false,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  last_used_at timestamp with time zone,
  constraint tokens_pkey PRIMARY KEY (org_id, token_id),
  constraint tokens_token_hash_key UNIQUE (org_id, kind, token_hash),
  constraint tokens_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES users(org_id, user_id) ON DELETE CASCADE,
  constraint tokens_kind_check CHECK ((kind = ANY (ARRAY['oauth'::text, 'application'::text, 'personal'::text]))),
  constraint tokens_scopes_check CHECK (((scopes <@ ARRAY['read'::text, 'write'::text, 'admin'::text]) AND (cardinality(scopes) > 0))),
  constraint tokens_token_hash_check CHECK ((octet_length(token_hash) = 32))
);
comment on table tokens is 'Credentials. Only the SHA-256 of a token is stored, so a copy of this table grants no access.';
comment on column tokens.kind is 'oauth: for the Tracker API. application, personal: passwords for the Kanboard API.';
comment on column tokens.loopback_only is 'A demo token: accepted only from the loopback interface.';
comment on column tokens.last_used_at is 'When a server last recorded a use: each does so at most once a minute. Null if the token was not used since this is recorded.';
CREATE INDEX tokens_user_id_idx ON tokens USING btree (org_id, user_id);

create table topological_order (
  org_id text collate "C" not null,
  link_type_id text collate "C" not null,
  issue_id bigint not null,
  position bigint generated by default as identity,
  constraint topological_order_pkey PRIMARY KEY (org_id, link_type_id, issue_id),
  constraint topological_order_issue_id_fkey FOREIGN KEY (org_id, issue_id) REFERENCES issues(org_id, issue_id) ON DELETE CASCADE,
  constraint topological_order_link_type_id_fkey FOREIGN KEY (org_id, link_type_id) REFERENCES link_types(org_id, link_type_id) ON DELETE CASCADE
);
comment on table topological_order is 'The issues that are or were at an end of a link of an acyclic type. For each such link, position(inward_issue_id) < position(outward_issue_id).';
comment on column topological_order.position is 'A new position is beyond all others: before them for an inward end, after them for an outward end. It is a multiple of 2^20 from one sequence, so that issues can move in between.';
CREATE INDEX topological_order_issue_id_idx ON topological_order USING btree (org_id, issue_id);

CREATE OR REPLACE FUNCTION distribute_table(tenant_table text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  is_distributed boolean := false;
begin
  if to_regclass('pg_dist_partition') is not null then
    execute 'select exists (select from pg_dist_partition where logicalrelid = ''organisations''::regclass)'
      into is_distributed;
  end if;
  if is_distributed then
    execute format('select create_distributed_table(%L, ''org_id'', colocate_with => ''organisations'')', tenant_table);
  end if;
end
$function$;
comment on function distribute_table is 'Distributes a new table of tenants, if the database is distributed.';
