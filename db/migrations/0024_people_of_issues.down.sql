alter table issues drop column author_id, drop column follower_ids;
