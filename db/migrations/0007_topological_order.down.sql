drop table topological_order;

drop index links_link_type_id_idx;
create index links_link_type_id_idx on links (org_id, link_type_id);
