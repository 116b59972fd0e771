-- Links to objects of other applications: Tracker's remote links, which are Kanboard's external task links.

create table applications (
  org_id text collate "C" not null,
  application_id text collate "C" not null,
  type text not null,
  name_ru text not null,
  name_en text not null,
  position integer not null,
  constraint applications_pkey primary key (org_id, application_id),
  constraint applications_org_id_fkey foreign key (org_id) references organisations (org_id) on delete cascade,
  constraint applications_application_id_check check (application_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$')
);
comment on table applications is 'Where the objects of remote links live. Nothing is asked of them, ever.';
comment on column applications.application_id is 'Tracker''s origin of a remote link, such as "com.github".';
comment on column applications.type is 'What kind of application it is. Kanboard''s link types are the types attachment, file and weblink; it shows every other one as weblink.';

create table remote_links (
  org_id text collate "C" not null,
  remote_link_id bigint generated always as identity,
  issue_id bigint not null,
  application_id text collate "C" not null,
  object_id text collate "C" not null,
  object_key text not null,
  title text,
  link_type_id text collate "C",
  direction text not null default 'outward',
  dependency text not null default 'related',
  may_repeat boolean not null default false,
  created_by bigint not null,
  updated_by bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint remote_links_pkey primary key (org_id, remote_link_id),
  constraint remote_links_issue_id_fkey foreign key (org_id, issue_id) references issues (org_id, issue_id) on delete cascade,
  constraint remote_links_application_id_fkey foreign key (org_id, application_id) references applications (org_id, application_id),
  constraint remote_links_link_type_id_fkey foreign key (org_id, link_type_id) references link_types (org_id, link_type_id)
    on delete set null (link_type_id),
  constraint remote_links_created_by_fkey foreign key (org_id, created_by) references users (org_id, user_id),
  constraint remote_links_updated_by_fkey foreign key (org_id, updated_by) references users (org_id, user_id),
  constraint remote_links_object_id_check check (object_id ~ '^[0-9a-f]{32}$'),
  constraint remote_links_object_key_check check (object_key <> ''),
  constraint remote_links_direction_check check (direction in ('inward', 'outward')),
  constraint remote_links_updated_at_check check (updated_at >= created_at)
);
comment on table remote_links is 'One row is one link from an issue to an object elsewhere, in both faces under the same number.';
comment on column remote_links.object_id is 'The first 32 hex digits of the SHA-256 of the key: names the object in a URL, and in an index, however long its key is.';
comment on column remote_links.object_key is 'What the application calls the object; for Kanboard''s types, the URL.';
comment on column remote_links.title is 'Kanboard''s title; Tracker knows none, and the key stands in for it.';
comment on column remote_links.link_type_id is 'What the issue is to the object. Null once the type has been removed: the link outlives it, unlike a link between issues.';
comment on column remote_links.direction is 'The end of the type at which the issue stands.';
comment on column remote_links.dependency is 'The same in Kanboard''s words, which do not depend on its labels.';
comment on column remote_links.may_repeat is 'Made where an issue may hold the same object twice, as in Kanboard. Tracker''s clients repeat requests, so theirs may not.';
-- No duplicate, also when two requests come at once.
create unique index remote_links_object_key on remote_links (org_id, issue_id, application_id, object_id) where not may_repeat;
-- The remote links of an issue, in order; carries the cascade from issues.
create index remote_links_issue_id_idx on remote_links (org_id, issue_id, remote_link_id);
-- An object by its id; carries removal of an application.
create index remote_links_object_id_idx on remote_links (org_id, application_id, object_id);
-- Carries removal of a link type. The foreign keys to users have no index: users of links are not deleted.
create index remote_links_link_type_id_idx on remote_links (org_id, link_type_id);
