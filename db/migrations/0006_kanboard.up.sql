-- What Kanboard's clients write and read beside the links themselves.

-- A link's row copies one more fact of its type: that another type has one of its labels too.
alter table link_types add column shares_label boolean not null default false;
comment on column link_types.shares_label is 'Another type has one of the two labels as well: writers then look for the same label between the same issues, under a lock.';
alter table links add column shares_label boolean not null default false;
comment on column links.shares_label is 'Copy of the type''s, kept equal by the foreign key.';
alter table links drop constraint links_link_type_id_fkey;
alter table link_types drop constraint link_types_rules_key;
alter table link_types add constraint link_types_rules_key
  unique (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label);
alter table links add constraint links_link_type_id_fkey
  foreign key (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label)
  references link_types (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label)
  on update cascade on delete cascade;

-- Kanboard's labels have up to 1000 characters, more than an entry of an index may.
alter table labels drop constraint labels_label_key;
create unique index labels_label_key on labels (org_id, md5(label));
alter table labels add constraint labels_label_length_check check (length(label) <= 1000);

alter table issues
  add column reference text not null default '',
  add column moved_at timestamptz not null default now(),
  add column kanboard jsonb not null default '{}';
update issues set moved_at = created_at;
comment on column issues.reference is 'The task''s name in another system (Kanboard''s "reference"); empty for none.';
comment on column issues.moved_at is 'When it came to its column or its place there last.';
comment on column issues.kanboard is 'Fields of a task that only Kanboard''s clients know and nothing here acts upon, as they gave them: score, category_id, priority, recurrence_status and so on.';
-- A task by its reference.
create index issues_reference_idx on issues (org_id, queue_id, md5(reference)) where reference <> '';

alter table queues
  add column identifier text collate "C" not null default '',
  add column kanboard jsonb not null default '{}';
update queues set identifier = key;
comment on column queues.identifier is 'Kanboard''s own name of the project, which is the key too where it can be one; empty for none.';
comment on column queues.kanboard is 'Fields of a project that only Kanboard''s clients know and nothing here acts upon, as they gave them: start_date, end_date, email, priority_default and so on.';
create unique index queues_identifier_key on queues (org_id, identifier) where identifier <> '';

alter table users add column removed_at timestamptz;
comment on column users.removed_at is 'When Kanboard''s removeUser took the user away: no login, no list and no role has them any more, but what they wrote keeps its author.';
alter table users drop constraint users_login_key;
-- The login of a removed user is free again.
create unique index users_login_key on users (org_id, login) where removed_at is null;
