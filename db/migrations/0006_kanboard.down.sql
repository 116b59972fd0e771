drop index users_login_key;
-- The logins of removed users may have been reused; make them unique again.
update users set login = login || ' (' || user_id || ')' where removed_at is not null;
alter table users drop column removed_at;
alter table users add constraint users_login_key unique (org_id, login);

drop index queues_identifier_key;
alter table queues drop column identifier, drop column kanboard;

drop index issues_reference_idx;
alter table issues drop column reference, drop column moved_at, drop column kanboard;

alter table labels drop constraint labels_label_length_check;
drop index labels_label_key;
-- Longer labels do not fit into an index entry.
update labels set label = left(label, 600) || ' (' || label_id || ')' where octet_length(label) > 2600;
alter table labels add constraint labels_label_key unique (org_id, label);

alter table links drop constraint links_link_type_id_fkey;
alter table link_types drop constraint link_types_rules_key;
alter table links drop column shares_label;
alter table link_types drop column shares_label;
alter table link_types add constraint link_types_rules_key
  unique (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end);
alter table links add constraint links_link_type_id_fkey
  foreign key (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end)
  references link_types (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end)
  on update cascade on delete cascade;
