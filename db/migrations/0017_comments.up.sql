create table comments (
  org_id text collate "C" not null,
  comment_id bigint generated always as identity,
  hex_id text collate "C" not null
    default lpad(to_hex(extract(epoch from clock_timestamp())::bigint), 8, '0')
      || left(replace(gen_random_uuid()::text, '-', ''), 16),
  issue_id bigint not null,
  text text not null,
  visibility text not null default 'app-user',
  reference text not null default '',
  summonee_ids bigint[] not null default '{}',
  version integer not null default 1,
  created_by bigint not null,
  updated_by bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint comments_pkey primary key (org_id, comment_id),
  constraint comments_text_check check (text <> ''),
  constraint comments_visibility_check check (visibility in ('app-user', 'app-manager', 'app-admin')),
  constraint comments_updated_at_check check (updated_at >= created_at)
);
comment on table comments is 'Comments on issues, with the same id in both APIs.';
comment on column comments.hex_id is 'Tracker''s longId: 24 hex digits, as in issues.hex_id.';
comment on column comments.visibility is 'The lowest role in the organisation that sees the comment, in Kanboard''s words. Its author always does. Tracker''s clients write app-user.';
comment on column comments.reference is 'The name of the comment in another system (Kanboard''s "reference"); empty if unset.';
comment on column comments.summonee_ids is 'The users whose attention the comment calls for.';
select distribute_table('comments');
alter table comments add constraint comments_issue_id_fkey foreign key (org_id, issue_id)
  references issues (org_id, issue_id) on delete cascade;
alter table comments add constraint comments_created_by_fkey foreign key (org_id, created_by)
  references users (org_id, user_id);
alter table comments add constraint comments_updated_by_fkey foreign key (org_id, updated_by)
  references users (org_id, user_id);
-- The comments of an issue in order.
create index comments_issue_id_idx on comments (org_id, issue_id, comment_id);

alter table events drop constraint events_type_check;
alter table events add constraint events_type_check check (type in (
  'IssueCreated', 'IssueUpdated', 'IssueMoved', 'IssueCloned', 'IssueWorkflow', 'IssueDeleted', 'IssueLinked', 'IssueUnlinked',
  'IssueLinkChanged', 'IssueCommentAdded', 'IssueCommentUpdated', 'IssueCommentRemoved'
)) not valid;
alter table events validate constraint events_type_check;
