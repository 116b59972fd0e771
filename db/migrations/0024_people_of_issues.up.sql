alter table issues
  add column author_id bigint,
  add column follower_ids bigint[] not null default '{}';
comment on column issues.author_id is 'The author, if it is another user than the creator.';
comment on column issues.follower_ids is 'The users who follow the issue, in the order in which they were added.';
alter table issues
  add constraint issues_author_id_fkey foreign key (org_id, author_id) references users (org_id, user_id);
