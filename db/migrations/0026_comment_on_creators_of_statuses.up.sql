comment on column statuses.created_by is 'The user whose new column the status was created for, null for the initial statuses. The row of a removed user stays until the organisation is deleted.';
