drop table tokens;
drop table users;
drop table organisations;
