alter table organisations drop column is_loading;
