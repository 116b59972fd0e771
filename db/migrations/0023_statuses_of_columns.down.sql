drop table deleted_statuses;
drop index issues_previous_status_id_idx;
alter table statuses drop column created_by;
