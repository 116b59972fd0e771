alter table issues drop column resolution_id, drop column resolved_by, drop column resolved_at;
drop table resolutions;
