-- The changelog of an issue, in the order of its transactions: below the oldest transaction that still runs, this order
-- gains no entries. An event_id may be assigned early and committed late.
create index events_transaction_id_idx on events (org_id, issue_id, transaction_id, event_id);
drop index events_issue_id_idx;
