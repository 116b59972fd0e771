drop function distribute_table(text);

create index tokens_token_hash_idx on tokens (token_hash);
drop table token_directory;

comment on column organisations.cloud_id is 'The value of X-Cloud-Org-ID; null if the organisation has none.';
alter table organisations add constraint organisations_cloud_id_key unique (cloud_id);
drop table organisation_directory;

alter table remote_links
  drop constraint remote_links_link_type_id_fkey,
  add constraint remote_links_link_type_id_fkey foreign key (org_id, link_type_id)
    references link_types (org_id, link_type_id) on delete set null (link_type_id);
alter table labels
  drop constraint labels_opposite_id_fkey,
  add constraint labels_opposite_id_fkey foreign key (org_id, opposite_id) references labels (org_id, label_id)
    on delete set null (opposite_id);

comment on column links.shares_label is 'Copy of the type''s property, maintained by the foreign key.';
comment on column links.one_link_per_pair is 'Copy of the organisation''s rule, maintained by the foreign key.';
comment on column links.is_symmetric is 'Copy of the type''s rule, maintained by the foreign key, as are is_antisymmetric, is_acyclic and single_end.';
alter table links
  drop constraint links_link_type_id_fkey,
  drop constraint links_one_link_per_pair_fkey,
  add constraint links_link_type_id_fkey
    foreign key (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label)
    references link_types (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label)
    on update cascade on delete cascade,
  add constraint links_one_link_per_pair_fkey foreign key (org_id, one_link_per_pair)
    references organisations (org_id, one_link_per_pair) on update cascade on delete cascade;
