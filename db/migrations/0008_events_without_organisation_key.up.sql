-- A switch of an organisation's rule waited for every writer of events, whose foreign key locks the organisation. The
-- foreign key to the author already guarantees that the organisation exists.
alter table events drop constraint events_org_id_fkey;
