comment on column users.locked_until is null;
comment on column users.failed_logins is 'Consecutive wrong passwords.';

drop table failed_logins;
