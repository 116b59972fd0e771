-- What Kanboard's clients need besides links: labels of any length, and more fields of tasks, projects and users.

-- Links copy one more property of their type: that another type has one of its labels too.
alter table link_types add column shares_label boolean not null default false;
comment on column link_types.shares_label is 'Another type has one of the two labels as well. Writers then check for a link with the same label between the same issues, under a lock.';
alter table links add column shares_label boolean not null default false;
comment on column links.shares_label is 'Copy of the type''s property, maintained by the foreign key.';
alter table links drop constraint links_link_type_id_fkey;
alter table link_types drop constraint link_types_rules_key;
alter table link_types add constraint link_types_rules_key
  unique (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label);
alter table links add constraint links_link_type_id_fkey
  foreign key (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label)
  references link_types (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label)
  on update cascade on delete cascade;

-- Kanboard's labels have up to 1000 characters, which exceeds the maximum size of an index entry.
alter table labels drop constraint labels_label_key;
create unique index labels_label_key on labels (org_id, md5(label));
alter table labels add constraint labels_label_length_check check (length(label) <= 1000);

alter table issues
  add column reference text not null default '',
  add column moved_at timestamptz not null default now(),
  add column kanboard jsonb not null default '{}';
update issues set moved_at = created_at;
comment on column issues.reference is 'The name of the task in another system (Kanboard''s "reference"); empty if unset.';
comment on column issues.moved_at is 'When the issue last moved to its column or to its position there.';
comment on column issues.kanboard is 'Fields of a task that only Kanboard''s clients use, stored as sent and not acted upon: score, category_id, priority, recurrence_status and so on.';
-- A task by its reference.
create index issues_reference_idx on issues (org_id, queue_id, md5(reference)) where reference <> '';

alter table queues
  add column identifier text collate "C" not null default '',
  add column kanboard jsonb not null default '{}';
update queues set identifier = key;
comment on column queues.identifier is 'Kanboard''s identifier of the project, which is also the key if it is a valid one; empty if unset.';
comment on column queues.kanboard is 'Fields of a project that only Kanboard''s clients use, stored as sent and not acted upon: start_date, end_date, email, priority_default and so on.';
create unique index queues_identifier_key on queues (org_id, identifier) where identifier <> '';

alter table users add column removed_at timestamptz;
comment on column users.removed_at is 'When Kanboard''s removeUser removed the user. A removed user cannot log in, is not listed and has no roles, but remains the author of what they wrote.';
alter table users drop constraint users_login_key;
-- The login of a removed user can be reused.
create unique index users_login_key on users (org_id, login) where removed_at is null;
