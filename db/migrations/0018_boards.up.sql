alter table columns add column task_limit integer not null default 0;
alter table columns add column description text not null default '';
comment on column columns.task_limit is 'How many open tasks the column should have at most, for clients to show; 0 for no limit.';

-- Overdue tasks of an organisation.
create index issues_due_at_idx on issues (org_id, due_at) where due_at is not null and is_open;
