create index events_issue_id_idx on events (org_id, issue_id, event_id);
drop index events_transaction_id_idx;
