-- Links to objects in other applications: Tracker's remote links, which are Kanboard's external task links.

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
comment on table applications is 'The applications that contain the objects of remote links. The service never contacts them.';
comment on column applications.application_id is 'The origin of Tracker''s remote links, such as "com.github".';
comment on column applications.type is 'The kind of application. Kanboard''s types of external links are attachment, file and weblink; it shows all others as weblink.';

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
comment on table remote_links is 'One row is one link from an issue to an object in another application, with the same id in both APIs.';
comment on column remote_links.object_id is 'The first 32 hex digits of the SHA-256 of the key: a short, fixed-length name for URLs and indexes.';
comment on column remote_links.object_key is 'The key of the object in its application; for Kanboard''s types, the URL.';
comment on column remote_links.title is 'Kanboard''s title. Links from Tracker have none and show the key instead.';
comment on column remote_links.link_type_id is 'The relationship of the issue to the object. Null after the type is removed: unlike a link between issues, the link outlives its type.';
comment on column remote_links.direction is 'The end of the type that the issue is at.';
comment on column remote_links.dependency is 'The relationship in Kanboard''s terms, which are independent of its labels.';
comment on column remote_links.may_repeat is 'Whether the issue may link to the object twice. True for links from Kanboard; false for Tracker, whose clients repeat requests.';
-- Prevents duplicates, even from concurrent requests.
create unique index remote_links_object_key on remote_links (org_id, issue_id, application_id, object_id) where not may_repeat;
-- The remote links of an issue, in order; serves the cascade from issues.
create index remote_links_issue_id_idx on remote_links (org_id, issue_id, remote_link_id);
-- An object by its id; serves the removal of an application.
create index remote_links_object_id_idx on remote_links (org_id, application_id, object_id);
-- Serves the removal of a link type. The foreign keys to users have no index: referenced users are not deleted.
create index remote_links_link_type_id_idx on remote_links (org_id, link_type_id);
