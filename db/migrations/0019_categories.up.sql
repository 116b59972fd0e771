create table categories (
  org_id text collate "C" not null,
  category_id bigint generated always as identity,
  queue_id bigint not null,
  name text collate "C" not null,
  color text,
  constraint categories_pkey primary key (org_id, category_id),
  constraint categories_name_key unique (org_id, queue_id, name),
  constraint categories_name_check check (name <> '')
);
comment on table categories is 'Kanboard''s categories of the tasks of a project. A task''s category is in issues.kanboard.';
select distribute_table('categories');
alter table categories
  add constraint categories_queue_id_fkey foreign key (org_id, queue_id) references queues (org_id, queue_id)
    on delete cascade;
comment on column issues.kanboard is 'Fields of a task that only Kanboard''s clients use: score, category_id, priority, recurrence_status and so on.';
