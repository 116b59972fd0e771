create table tags (
  org_id text collate "C" not null,
  tag_id bigint generated always as identity,
  queue_id bigint not null,
  name text collate "C" not null,
  color text,
  constraint tags_pkey primary key (org_id, tag_id),
  constraint tags_name_key unique (org_id, queue_id, name),
  constraint tags_name_check check (name <> '')
);
comment on table tags is 'The tags of each queue, with the ids and colours that Kanboard''s clients know. issues.tags says which issues have them.';
select distribute_table('tags');
alter table tags add constraint tags_queue_id_fkey foreign key (org_id, queue_id) references queues (org_id, queue_id)
  on delete cascade;

insert into tags (org_id, queue_id, name)
select distinct issues.org_id, issues.queue_id, tagged.name
from issues
cross join unnest(issues.tags) as tagged (name)
where tagged.name <> '';
