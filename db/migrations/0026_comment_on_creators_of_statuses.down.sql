comment on column statuses.created_by is 'The user whose new column the status was created for, null for the initial statuses. Users are never deleted.';
