delete from events where type in ('IssueCommentAdded', 'IssueCommentUpdated', 'IssueCommentRemoved');
alter table events drop constraint events_type_check;
alter table events add constraint events_type_check check (type in (
  'IssueCreated', 'IssueUpdated', 'IssueMoved', 'IssueCloned', 'IssueWorkflow', 'IssueDeleted', 'IssueLinked', 'IssueUnlinked',
  'IssueLinkChanged'
));
drop table comments;
