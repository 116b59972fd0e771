comment on column issues.kanboard is 'Fields of a task that only Kanboard''s clients use, stored as sent and not acted upon: score, category_id, priority, recurrence_status and so on.';
drop table categories;
