alter table organisations add column is_loading boolean not null default false;
comment on column organisations.is_loading is 'Whether a load has begun and not ended. Only such an organisation may be loaded into.';
