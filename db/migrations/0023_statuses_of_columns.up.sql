alter table statuses add column created_by bigint;
comment on column statuses.created_by is 'The user whose new column the status was created for, null for the initial statuses. Users are never deleted.';
-- How many statuses a user has created.
create index statuses_created_by_idx on statuses (org_id, created_by) where created_by is not null;

-- Whether an issue had a status before.
create index issues_previous_status_id_idx on issues (org_id, previous_status_id) where previous_status_id is not null;

create table deleted_statuses (
  org_id text collate "C" not null,
  status_id bigint not null,
  name text not null,
  constraint deleted_statuses_pkey primary key (org_id, status_id)
);
comment on table deleted_statuses is 'The names of statuses that were deleted with their last column, which changelogs still show.';
select distribute_table('deleted_statuses');
alter table deleted_statuses add constraint deleted_statuses_org_id_fkey foreign key (org_id) references organisations (org_id)
  on delete cascade;
