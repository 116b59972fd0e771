drop table issue_aliases;
drop table issues;
drop table columns;
drop table queue_members;
drop table queues;
drop table priorities;
drop table issue_types;
drop table statuses;
