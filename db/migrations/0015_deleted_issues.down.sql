update events set type = 'IssueUpdated' where type = 'IssueMoved';
alter table events drop constraint events_type_check;
alter table events add constraint events_type_check check (type in (
  'IssueCreated', 'IssueUpdated', 'IssueWorkflow', 'IssueDeleted', 'IssueLinked', 'IssueUnlinked', 'IssueLinkChanged'
));
drop table deleted_link_types;
drop table deleted_issues;
