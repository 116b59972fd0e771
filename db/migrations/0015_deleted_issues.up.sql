-- A changelog says which issue a link led to, also once that is gone. Whether a user may see it still depends on its queue.
create table deleted_issues (
  org_id text collate "C" not null,
  issue_id bigint not null,
  hex_id text collate "C" not null,
  key text collate "C" not null,
  summary text not null,
  queue_id bigint not null,
  was_open boolean not null default false,
  reader_ids bigint[] not null default '{}',
  constraint deleted_issues_pkey primary key (org_id, issue_id),
  constraint deleted_issues_org_id_fkey foreign key (org_id) references organisations (org_id) on delete cascade
);
comment on table deleted_issues is 'What changelogs show of issues that were deleted, by the queue that they were in.';
comment on column deleted_issues.queue_id is 'Not a foreign key, since the row outlives its queue.';
comment on column deleted_issues.was_open is 'Whether everyone could see the queue when it was removed.';
comment on column deleted_issues.reader_ids is 'The users with a role in the queue when it was removed.';
-- Finds the rows of a queue that is removed.
create index deleted_issues_queue_id_idx on deleted_issues (org_id, queue_id);

create table deleted_link_types (
  org_id text collate "C" not null,
  link_type_id text collate "C" not null,
  inward_ru text not null,
  inward_en text not null,
  outward_ru text not null,
  outward_en text not null,
  constraint deleted_link_types_pkey primary key (org_id, link_type_id),
  constraint deleted_link_types_org_id_fkey foreign key (org_id) references organisations (org_id) on delete cascade
);
comment on table deleted_link_types is 'The last labels of link types that were deleted, which changelogs still show. A type with the same id takes precedence.';

alter table events drop constraint events_type_check;
alter table events add constraint events_type_check check (type in (
  'IssueCreated', 'IssueUpdated', 'IssueMoved', 'IssueCloned', 'IssueWorkflow', 'IssueDeleted', 'IssueLinked', 'IssueUnlinked',
  'IssueLinkChanged'
)) not valid;
alter table events validate constraint events_type_check;
