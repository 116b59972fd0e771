alter table events
  add constraint events_org_id_fkey foreign key (org_id) references organisations (org_id) on delete cascade;
