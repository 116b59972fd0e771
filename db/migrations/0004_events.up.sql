-- The history of issues and their links.

create table events (
  org_id text collate "C" not null,
  event_id bigint generated always as identity,
  issue_id bigint not null,
  type text not null,
  user_id bigint not null,
  created_at timestamptz not null default now(),
  changes jsonb not null,
  transaction_id xid8 not null default pg_current_xact_id(),
  constraint events_pkey primary key (org_id, event_id),
  constraint events_org_id_fkey foreign key (org_id) references organisations (org_id) on delete cascade,
  constraint events_user_id_fkey foreign key (org_id, user_id) references users (org_id, user_id),
  constraint events_type_check check (type in
    ('IssueCreated', 'IssueUpdated', 'IssueWorkflow', 'IssueDeleted', 'IssueLinked', 'IssueUnlinked', 'IssueLinkChanged'))
);
comment on table events is 'The changelogs of issues. Append-only: a row for each issue that a change affects, written in the transaction of the change.';
comment on column events.issue_id is 'Not a foreign key, since the event outlives its issue.';
comment on column events.changes is 'What changed, as ids, keys and plain values; names are added when the event is read.';
comment on column events.transaction_id is 'Lets a reader follow the order of commits, since an event_id may be assigned early and committed late.';
-- The changelog of an issue, in order. The foreign key to users has no index: referenced users are not deleted.
create index events_issue_id_idx on events (org_id, issue_id, event_id);
