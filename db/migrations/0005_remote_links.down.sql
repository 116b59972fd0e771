drop table remote_links;
drop table applications;
