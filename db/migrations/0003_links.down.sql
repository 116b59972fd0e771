drop table links;
drop table link_types;
drop table labels;
