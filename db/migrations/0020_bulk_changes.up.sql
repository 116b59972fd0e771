create table bulk_changes (
  org_id text collate "C" not null,
  bulk_change_id text collate "C" not null,
  user_id bigint not null,
  created_at timestamptz not null,
  total integer not null,
  failures jsonb not null,
  constraint bulk_changes_pkey primary key (org_id, user_id, bulk_change_id)
);
comment on table bulk_changes is 'Changes of several issues at once, and how they went. A row of more than 30 days is deleted with a later change of the user.';
comment on column bulk_changes.failures is 'The issues that could not be changed, by their names in the request, each with the body of the error response.';
select distribute_table('bulk_changes');
alter table bulk_changes
  add constraint bulk_changes_user_id_fkey foreign key (org_id, user_id) references users (org_id, user_id)
    on delete cascade;
