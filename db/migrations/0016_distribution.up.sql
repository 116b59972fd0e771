-- Nothing that Citus refuses for tables distributed by org_id, and directories that find the organisation of a token and
-- of a cloud id on any node.

-- Rules: one statement updates the rule and its copies, since these foreign keys are checked at its end. A server of the
-- previous version cannot switch rules, or remove labels that are opposites, on this schema; its attempts change nothing.
alter table links
  drop constraint links_link_type_id_fkey,
  drop constraint links_one_link_per_pair_fkey,
  add constraint links_link_type_id_fkey
    foreign key (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label)
    references link_types (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label)
    on delete cascade,
  add constraint links_one_link_per_pair_fkey foreign key (org_id, one_link_per_pair)
    references organisations (org_id, one_link_per_pair) on delete cascade;
comment on column links.is_symmetric is 'Copy of the type''s rule, held by the foreign key, as are is_antisymmetric, is_acyclic and single_end.';
comment on column links.one_link_per_pair is 'Copy of the organisation''s rule, held by the foreign key.';
comment on column links.shares_label is 'Copy of the type''s property, held by the foreign key.';

alter table labels
  drop constraint labels_opposite_id_fkey,
  add constraint labels_opposite_id_fkey foreign key (org_id, opposite_id) references labels (org_id, label_id);
alter table remote_links
  drop constraint remote_links_link_type_id_fkey,
  add constraint remote_links_link_type_id_fkey foreign key (org_id, link_type_id)
    references link_types (org_id, link_type_id);

create table organisation_directory (
  org_id text collate "C" not null,
  cloud_id text collate "C",
  constraint organisation_directory_pkey primary key (org_id),
  constraint organisation_directory_cloud_id_key unique (cloud_id)
);
comment on table organisation_directory is 'The ids of all organisations. In a distributed database, every node has a copy.';
insert into organisation_directory (org_id, cloud_id) select org_id, cloud_id from organisations;
alter table organisations drop constraint organisations_cloud_id_key;
comment on column organisations.cloud_id is 'The value of X-Cloud-Org-ID, unique in organisation_directory; null if the organisation has none.';

create table token_directory (
  token_hash bytea not null,
  kind text not null,
  org_id text collate "C" not null,
  constraint token_directory_pkey primary key (token_hash, kind, org_id)
);
comment on table token_directory is 'Which organisations have a token. In a distributed database, every node has a copy.';
insert into token_directory (token_hash, kind, org_id) select token_hash, kind, org_id from tokens;
drop index tokens_token_hash_idx;

-- Migrations call it for a table that they create, before they add its foreign keys.
create function distribute_table(tenant_table text) returns void language plpgsql as $$
declare
  is_distributed boolean := false;
begin
  if to_regclass('pg_dist_partition') is not null then
    execute 'select exists (select from pg_dist_partition where logicalrelid = ''organisations''::regclass)'
      into is_distributed;
  end if;
  if is_distributed then
    execute format('select create_distributed_table(%L, ''org_id'', colocate_with => ''organisations'')', tenant_table);
  end if;
end
$$;
comment on function distribute_table is 'Distributes a new table of tenants, if the database is distributed.';
