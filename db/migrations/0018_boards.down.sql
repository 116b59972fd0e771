drop index issues_due_at_idx;
alter table columns drop column description, drop column task_limit;
