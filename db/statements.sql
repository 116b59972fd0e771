-- Every named statement as it is sent to PostgreSQL. `npm run statements` writes this file and a test compares it. To tune
-- one, load the file into psql and `explain (analyze, buffers) execute` the statement, with the settings that
-- src/database/open-database.ts gives each connection.

-- $1 orgId, $2 keyHash, $3 requests, $4 windowMs
prepare add_requests as
insert into request_counts as known (org_id, key_hash, requests, started_ms, counted_ms)
values ($1, $2, $3, (extract(epoch from now()) * 1000)::bigint, (extract(epoch from now()) * 1000)::bigint)
on conflict (org_id, key_hash) do update set
  requests = excluded.requests
    + case when excluded.counted_ms < known.started_ms + $4::bigint then known.requests else 0 end,
  started_ms = case when excluded.counted_ms < known.started_ms + $4::bigint then known.started_ms
    else excluded.started_ms end,
  counted_ms = excluded.counted_ms
returning requests, counted_ms - started_ms as elapsed_ms;

-- $1 orgId
prepare check_copies as
select links.link_type_id, jsonb_build_array(links.link_id) as link_ids,
  jsonb_build_array(links.inward_issue_id, links.outward_issue_id) as issue_ids, null as detail
from links
join link_types on link_types.org_id = $1 and link_types.link_type_id = links.link_type_id
join organisations on organisations.org_id = $1
where links.org_id = $1
  and (links.is_symmetric, links.is_antisymmetric, links.is_acyclic, links.single_end, links.shares_label,
    links.one_link_per_pair)
  is distinct from (link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic,
    link_types.single_end, link_types.shares_label, organisations.one_link_per_pair);

-- $1 orgId
prepare check_counters as
select null as link_type_id, '[]'::jsonb as link_ids, '[]'::jsonb as issue_ids,
  format('queue %s is at %s, its issues at %s', queues.key, queues.last_issue_number, numbers.last) as detail
from queues
join
(
  select split_part(used.key, '-', 1) as queue_key, max(split_part(used.key, '-', 2)::bigint) as last
  from (
    select key from issues where org_id = $1
    union all
    select key from issue_aliases where org_id = $1
  ) used
  group by split_part(used.key, '-', 1)
) numbers on numbers.queue_key = queues.key
where queues.org_id = $1 and queues.last_issue_number < numbers.last
union all
select null, '[]', '[]', format('last_label_id is %s, the last label has %s', last_label_id, (select coalesce(max(label_id), 0) from labels where org_id = $1))
from organisations
where org_id = $1 and last_label_id < (select coalesce(max(label_id), 0) from labels where org_id = $1)
union all
select null, '[]', '[]', format('the sequence of %s is behind %s', lagging.place, lagging.used)
from
(
  with sequences as materialized (
    select named.place, named.name, coalesce(pg_sequence_last_value(seqrelid) + 1, seqstart) as next
    from (values ('categories.category_id', pg_get_serial_sequence('categories', 'category_id')), ('columns.column_id', pg_get_serial_sequence('columns', 'column_id')), ('comments.comment_id', pg_get_serial_sequence('comments', 'comment_id')), ('events.event_id', pg_get_serial_sequence('events', 'event_id')), ('issue_types.issue_type_id', pg_get_serial_sequence('issue_types', 'issue_type_id')), ('issues.issue_id', pg_get_serial_sequence('issues', 'issue_id')), ('links.link_id', pg_get_serial_sequence('links', 'link_id')), ('priorities.priority_id', pg_get_serial_sequence('priorities', 'priority_id')), ('queues.queue_id', pg_get_serial_sequence('queues', 'queue_id')), ('remote_links.remote_link_id', pg_get_serial_sequence('remote_links', 'remote_link_id')), ('resolutions.resolution_id', pg_get_serial_sequence('resolutions', 'resolution_id')), ('statuses.status_id', pg_get_serial_sequence('statuses', 'status_id')), ('tags.tag_id', pg_get_serial_sequence('tags', 'tag_id')), ('tokens.token_id', pg_get_serial_sequence('tokens', 'token_id')), ('users.user_id', pg_get_serial_sequence('users', 'user_id')), ('topological_order.position', pg_get_serial_sequence('topological_order', 'position'))
    ) as named (place, name)
    join pg_sequence on seqrelid = named.name::regclass
  )
  select sequences.name, used.used, used.place
  from (
    select 'categories.category_id' as place, max(category_id) as used from categories where org_id = $1
    union all select 'columns.column_id' as place, max(column_id) as used from columns where org_id = $1
    union all select 'comments.comment_id' as place, max(comment_id) as used from comments where org_id = $1
    union all select 'events.event_id' as place, max(event_id) as used from events where org_id = $1
    union all select 'issue_types.issue_type_id' as place, max(issue_type_id) as used from issue_types where org_id = $1
    union all select 'issues.issue_id' as place, max(issue_id) as used from issues where org_id = $1
    union all select 'links.link_id' as place, max(link_id) as used from links where org_id = $1
    union all select 'priorities.priority_id' as place, max(priority_id) as used from priorities where org_id = $1
    union all select 'queues.queue_id' as place, max(queue_id) as used from queues where org_id = $1
    union all select 'remote_links.remote_link_id' as place, max(remote_link_id) as used from remote_links where org_id = $1
    union all select 'resolutions.resolution_id' as place, max(resolution_id) as used from resolutions where org_id = $1
    union all select 'statuses.status_id' as place, max(status_id) as used from statuses where org_id = $1
    union all select 'tags.tag_id' as place, max(tag_id) as used from tags where org_id = $1
    union all select 'tokens.token_id' as place, max(token_id) as used from tokens where org_id = $1
    union all select 'users.user_id' as place, max(user_id) as used from users where org_id = $1
    union all select 'topological_order.position' as place, max(abs(position)) / 1048576 as used from topological_order where org_id = $1
  ) used
  join sequences on sequences.place = used.place
  where used.used >= sequences.next
) lagging;

-- $1 orgId
prepare check_directory as
select null as link_type_id, '[]'::jsonb as link_ids, '[]'::jsonb as issue_ids,
  format('%s token %s', tokens.kind, tokens.token_id) as detail
from tokens
left join token_directory entries on entries.token_hash = tokens.token_hash and entries.kind = tokens.kind
  and entries.org_id = $1
where tokens.org_id = $1 and entries.org_id is null;

-- $1 orgId
prepare check_duplicates as
select links.link_type_id, jsonb_agg(links.link_id order by links.link_id) as link_ids,
  jsonb_build_array(min(least(links.inward_issue_id, links.outward_issue_id)),
    min(greatest(links.inward_issue_id, links.outward_issue_id))) as issue_ids, null as detail
from links
join link_types on link_types.org_id = $1 and link_types.link_type_id = links.link_type_id
where links.org_id = $1
group by links.link_type_id,
  case when (link_types.is_symmetric or link_types.is_antisymmetric) then least(links.inward_issue_id, links.outward_issue_id) else links.inward_issue_id end,
  case when (link_types.is_symmetric or link_types.is_antisymmetric) then greatest(links.inward_issue_id, links.outward_issue_id) else links.outward_issue_id end
having count(*) > 1;

-- $1 orgId
prepare check_missing_events as
with told as (
  select distinct on (events.issue_id, mentioned.link_id) events.issue_id, mentioned.link_id,
    nullif(change.state -> 'to', 'null') as state
  from events
  cross join lateral jsonb_array_elements(events.changes -> 'links') as change (state)
  cross join lateral (
    select coalesce(change.state #>> '{to,link_id}', change.state #>> '{from,link_id}')::bigint as link_id
  ) mentioned
  where events.org_id = $1 and events.type in ('IssueLinked', 'IssueUnlinked', 'IssueLinkChanged')
  order by events.issue_id, mentioned.link_id, events.event_id desc
), stored as (
  select ends.issue_id, links.link_id, jsonb_build_object('link_id', links.link_id,
    'link_type_id', links.link_type_id, 'direction', ends.direction, 'object_id', ends.object_id) as state
  from links
  cross join lateral (values (links.inward_issue_id, 'inward', links.outward_issue_id),
    (links.outward_issue_id, 'outward', links.inward_issue_id)) as ends (issue_id, direction, object_id)
  where links.org_id = $1
)
select coalesce(stored.state, told.state) ->> 'link_type_id' as link_type_id,
  jsonb_build_array(coalesce(stored.link_id, told.link_id)) as link_ids,
  jsonb_build_array(issues.issue_id) as issue_ids, null as detail
from stored
full join told on told.issue_id = stored.issue_id and told.link_id = stored.link_id
join issues on issues.org_id = $1 and issues.issue_id = coalesce(stored.issue_id, told.issue_id)
where stored.state is distinct from told.state and stored.state is not null;

-- $1 orgId
prepare check_order as
select links.link_type_id, jsonb_build_array(links.link_id) as link_ids,
  jsonb_build_array(links.inward_issue_id, links.outward_issue_id) as issue_ids, null as detail
from links
join link_types on link_types.org_id = $1 and link_types.link_type_id = links.link_type_id and link_types.is_acyclic
left join topological_order inward on inward.org_id = $1 and inward.link_type_id = links.link_type_id
  and inward.issue_id = links.inward_issue_id
left join topological_order outward on outward.org_id = $1 and outward.link_type_id = links.link_type_id
  and outward.issue_id = links.outward_issue_id
where links.org_id = $1 and not coalesce(inward.position < outward.position, false)
order by links.link_id;

-- $1 orgId
prepare check_orphans as
select links.link_type_id, jsonb_build_array(links.link_id) as link_ids,
  jsonb_build_array(links.inward_issue_id, links.outward_issue_id) as issue_ids, case when link_types.link_type_id is null then 'its type does not exist' end as detail
from links
left join issues inward on inward.org_id = $1 and inward.issue_id = links.inward_issue_id
left join issues outward on outward.org_id = $1 and outward.issue_id = links.outward_issue_id
left join link_types on link_types.org_id = $1 and link_types.link_type_id = links.link_type_id
where links.org_id = $1
  and (inward.issue_id is null or outward.issue_id is null or link_types.link_type_id is null)
union all
select null, '[]', jsonb_build_array(remote_links.issue_id), 'remote link #' || remote_links.remote_link_id
from remote_links
left join issues on issues.org_id = $1 and issues.issue_id = remote_links.issue_id
where remote_links.org_id = $1 and issues.issue_id is null;

-- $1 orgId
prepare check_pairs as
select null as link_type_id, jsonb_agg(links.link_id order by links.link_id) as link_ids,
  jsonb_build_array(min(least(links.inward_issue_id, links.outward_issue_id)),
    min(greatest(links.inward_issue_id, links.outward_issue_id))) as issue_ids, null as detail
from links
join organisations on organisations.org_id = $1 and organisations.one_link_per_pair
where links.org_id = $1
group by least(links.inward_issue_id, links.outward_issue_id), greatest(links.inward_issue_id, links.outward_issue_id)
having count(*) > 1;

-- $1 orgId
prepare check_positions as
select topological_order.link_type_id, '[]'::jsonb as link_ids,
  jsonb_build_array(topological_order.issue_id) as issue_ids, null as detail
from topological_order
left join link_types on link_types.org_id = $1 and link_types.link_type_id = topological_order.link_type_id
left join issues on issues.org_id = $1 and issues.issue_id = topological_order.issue_id
where topological_order.org_id = $1 and (link_types.is_acyclic is not true or issues.issue_id is null);

-- $1 orgId
prepare check_same_labels as
select links.link_type_id, jsonb_build_array(links.link_id, others.link_id) as link_ids,
  jsonb_build_array(links.inward_issue_id, links.outward_issue_id) as issue_ids,
  'also of type ' || others.link_type_id as detail
from links
join link_types on link_types.org_id = $1 and link_types.link_type_id = links.link_type_id
join links others on others.org_id = $1 and others.link_id > links.link_id
  and others.link_type_id <> links.link_type_id
  and least(others.inward_issue_id, others.outward_issue_id) = least(links.inward_issue_id, links.outward_issue_id)
  and greatest(others.inward_issue_id, others.outward_issue_id)
    = greatest(links.inward_issue_id, links.outward_issue_id)
join link_types other on other.org_id = $1 and other.link_type_id = others.link_type_id
where links.org_id = $1
  and case when links.inward_issue_id = others.inward_issue_id
    then link_types.inward_label_id = other.inward_label_id or link_types.outward_label_id = other.outward_label_id
    else link_types.inward_label_id = other.outward_label_id or link_types.outward_label_id = other.inward_label_id end;

-- $1 orgId
prepare check_shared_labels as
select link_types.link_type_id, '[]'::jsonb as link_ids, '[]'::jsonb as issue_ids, null as detail
from link_types
where link_types.org_id = $1 and not link_types.shares_label and exists (
  select from link_types others
  where others.org_id = $1 and others.link_type_id <> link_types.link_type_id
    and (others.inward_label_id in (link_types.inward_label_id, link_types.outward_label_id)
      or others.outward_label_id in (link_types.inward_label_id, link_types.outward_label_id)));

-- $1 orgId
prepare check_singles as
select links.link_type_id, jsonb_agg(links.link_id order by links.link_id) as link_ids,
  jsonb_build_array(case link_types.single_end when 'inward' then links.inward_issue_id else links.outward_issue_id end) as issue_ids, null as detail
from links
join link_types on link_types.org_id = $1 and link_types.link_type_id = links.link_type_id and link_types.single_end <> 'none'
where links.org_id = $1
group by links.link_type_id, case link_types.single_end when 'inward' then links.inward_issue_id else links.outward_issue_id end
having count(*) > 1;

-- $1 orgId
prepare check_surplus_events as
with told as (
  select distinct on (events.issue_id, mentioned.link_id) events.issue_id, mentioned.link_id,
    nullif(change.state -> 'to', 'null') as state
  from events
  cross join lateral jsonb_array_elements(events.changes -> 'links') as change (state)
  cross join lateral (
    select coalesce(change.state #>> '{to,link_id}', change.state #>> '{from,link_id}')::bigint as link_id
  ) mentioned
  where events.org_id = $1 and events.type in ('IssueLinked', 'IssueUnlinked', 'IssueLinkChanged')
  order by events.issue_id, mentioned.link_id, events.event_id desc
), stored as (
  select ends.issue_id, links.link_id, jsonb_build_object('link_id', links.link_id,
    'link_type_id', links.link_type_id, 'direction', ends.direction, 'object_id', ends.object_id) as state
  from links
  cross join lateral (values (links.inward_issue_id, 'inward', links.outward_issue_id),
    (links.outward_issue_id, 'outward', links.inward_issue_id)) as ends (issue_id, direction, object_id)
  where links.org_id = $1
)
select coalesce(stored.state, told.state) ->> 'link_type_id' as link_type_id,
  jsonb_build_array(coalesce(stored.link_id, told.link_id)) as link_ids,
  jsonb_build_array(issues.issue_id) as issue_ids, null as detail
from stored
full join told on told.issue_id = stored.issue_id and told.link_id = stored.link_id
join issues on issues.org_id = $1 and issues.issue_id = coalesce(stored.issue_id, told.issue_id)
where stored.state is distinct from told.state and stored.state is null;

-- $1 orgId, $2 nextTransaction
prepare check_transactions as
select null as link_type_id, '[]'::jsonb as link_ids, '[]'::jsonb as issue_ids, 'up to event ' || last.event_id as detail
from (select (
  select max(event_id) from events
  where org_id = $1 and transaction_id >= $2::text::xid8) as event_id) last
where last.event_id is not null;

prepare check_version as
select current_setting('server_version_num')::integer / 10000 as version;

-- $1 number, $2 orgId, $3 queueId
prepare claim_issue_key as
update queues set last_issue_number = greatest(last_issue_number, $1)
where org_id = $2 and queue_id = $3
returning key;

-- $1 orgId, $2 queueId, $3 categoryId
prepare clear_category as
with found as materialized (
  select issue_id from issues
  where org_id = $1 and queue_id = $2 and (kanboard ->> 'category_id')::bigint = $3
  order by issue_id
  for no key update
)
update issues set kanboard = kanboard - 'category_id'
from found
where issues.org_id = $1 and issues.issue_id = found.issue_id;

-- $1 toId, $2 orgId, $3 fromId
prepare copy_remote_links as
insert into remote_links
  (org_id, issue_id, application_id, object_id, object_key, link_type_id, direction, created_by, updated_by,
  title, dependency, may_repeat)
select org_id, $1, application_id, object_id, object_key, link_type_id, direction, created_by, created_by, title,
  dependency, may_repeat
from remote_links
where org_id = $2 and issue_id = $3
order by remote_link_id;

-- $1 orgId, $2 countMax, $3 linkTypeIds
prepare count_links_of_types as
select types.id as "linkTypeId", (
  select count(*)
  from (select from links where org_id = $1 and link_type_id = types.id limit $2) as counted
) as count
from unnest($3::text[]) as types (id);

-- $1 orgId, $2 loginHash, $3 address
prepare count_login_failure as
insert into failed_logins as known (org_id, login_hash, address, failures, expires_at)
values ($1, $2, $3, 1, now() + interval '15 minutes')
on conflict (org_id, login_hash, address) do update
set failures = case when excluded.expires_at - known.expires_at < interval '15 minutes' then known.failures + 1 else 1 end, expires_at = excluded.expires_at
where not (excluded.expires_at - known.expires_at < interval '15 minutes') or known.failures < 7;

-- $1 orgId
prepare count_statuses as
select count(*) from statuses where org_id = $1;

-- $1 orgId, $2 userId
prepare count_statuses_of as
select count(*) from statuses where org_id = $1 and created_by = $2;

-- $1 orgId, $2 projectIds, $3 isApplication, $4 userId
prepare count_visible_projects as
select count(*) from queues
where queues.org_id = $1 and queues.queue_id = any($2::bigint[]) and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)));

-- $1 orgId
prepare delete_all_token_entries as
delete from token_directory where org_id = $1;

-- $1 orgId
prepare delete_all_tokens as
delete from tokens where org_id = $1;

-- $1 orgId, $2 categoryId
prepare delete_category as
delete from categories where org_id = $1 and category_id = $2;

-- $1 orgId, $2 columnId
prepare delete_column as
delete from columns where org_id = $1 and column_id = $2;

-- $1 orgId, $2 commentId
prepare delete_comment as
delete from comments where org_id = $1 and comment_id = $2;

-- $1 orgId
prepare delete_expired_failures as
delete from failed_logins
where org_id = $1 and (login_hash, address) in (
  select login_hash, address from failed_logins
  where org_id = $1 and expires_at <= now()
  order by expires_at
  limit 100
  for update skip locked);

-- $1 orgId, $2 issueIds
prepare delete_issue_rows as
with deleted as (
  delete from issues where org_id = $1 and issue_id = any($2::bigint[])
  returning issue_id, hex_id, key, summary, queue_id
), kept as (
  insert into deleted_issues (org_id, issue_id, hex_id, key, summary, queue_id)
  select $1, issue_id, hex_id, key, summary, queue_id from deleted
)
select issue_id, key, summary from deleted;

-- $1 orgId, $2 labelId
prepare delete_label as
with former_opposites as (
  update labels set opposite_id = null where org_id = $1 and opposite_id = $2 and label_id <> $2
), remote as (
  update remote_links set link_type_id = null
  where org_id = $1 and link_type_id in (
    select link_type_id from link_types
    where org_id = $1 and (inward_label_id = $2 or outward_label_id = $2))
)
delete from labels where org_id = $1 and label_id = $2;

-- $1 linkId, $2 userId, $3 events, $4 orgId, $5 seenVersion, $6 seenLinkTypeId, $7 seenInwardIssueId, $8 seenOutwardIssueId, $9 seenFirstEnd
prepare delete_link as
with given as (
  select $1::bigint as link_id, $2::bigint as user_id, $3::jsonb as events
), gate as materialized (
  select pg_advisory_xact_lock_shared(hashtextextended(organisations.org_id, 0))::text from organisations where organisations.org_id = $4
), written as (
  delete from links using gate where
links.org_id = $4 and links.link_id = $1 and links.version = $5
and links.link_type_id = $6 and links.inward_issue_id = $7
and links.outward_issue_id = $8 and links.first_end = $9
  returning links.link_id, links.version, links.created_at, links.updated_at
),
recorded as (
  insert into events (org_id, user_id, issue_id, type, changes)
  select $4, given.user_id, (event.value ->> 'issueId')::bigint, event.value ->> 'type', event.value -> 'changes'
  from written
  join given on given.link_id = written.link_id
  cross join jsonb_array_elements(given.events) with ordinality as event (value, place)
  order by written.link_id, event.place
)
select * from written;

-- $1 orgId, $2 linkTypeId
prepare delete_link_type_and_labels as
with type as (
  delete from link_types where org_id = $1 and link_type_id = $2 returning inward_label_id, outward_label_id
), unused as (
  select labels.label_id
  from type
  join labels on labels.org_id = $1 and labels.label_id in (type.inward_label_id, type.outward_label_id)
  where not exists (
    select from link_types others
    where others.org_id = $1 and others.link_type_id <> $2
      and labels.label_id in (others.inward_label_id, others.outward_label_id))
), remote as (
  update remote_links set link_type_id = null where org_id = $1 and link_type_id = $2
), former_opposites as (
  update labels set opposite_id = null
  where org_id = $1 and opposite_id in (select label_id from unused) and label_id not in (select label_id from unused)
)
delete from labels where org_id = $1 and label_id in (select label_id from unused);

-- $1 orgId, $2 issueIds
prepare delete_links_of as
delete from links
where org_id = $1 and (inward_issue_id = any($2::bigint[]) or outward_issue_id = any($2::bigint[]))
returning link_id, link_type_id, inward_issue_id, outward_issue_id, first_end;

-- $1 orgId, $2 labelId
prepare delete_links_of_label as
delete from links
using link_types
where links.org_id = $1 and link_types.org_id = $1 and link_types.link_type_id = links.link_type_id
  and (link_types.inward_label_id = $2 or link_types.outward_label_id = $2)
returning links.link_id, links.link_type_id, links.inward_issue_id, links.outward_issue_id, links.first_end;

-- $1 orgId, $2 linkId, $3 seenVersion
prepare delete_locked_link as
delete from links where org_id = $1 and link_id = $2 and version = $3
returning link_id, version, created_at, updated_at;

-- $1 orgId, $2 loginHash, $3 address
prepare delete_login_failures as
delete from failed_logins where org_id = $1 and login_hash = $2 and address = $3;

-- $1 orgId, $2 queueId, $3 userId
prepare delete_member as
delete from queue_members where org_id = $1 and queue_id = $2 and user_id = $3 returning user_id;

-- $1 orgId, $2 userId
prepare delete_memberships_of as
delete from queue_members where org_id = $1 and user_id = $2;

-- $1 orgId, $2 userId
prepare delete_old_bulk_changes as
delete from bulk_changes
where org_id = $1 and user_id = $2 and created_at < now() - interval '30 days';

-- $1 orgId, $2 linkTypeId
prepare delete_order as
delete from topological_order where org_id = $1 and link_type_id = $2;

-- $1 orgId
prepare delete_organisation as
delete from organisations where org_id = $1;

-- $1 orgId
prepare delete_organisation_entry as
delete from organisation_directory where org_id = $1;

-- $1 orgId
prepare delete_orphaned_links as
delete from links
using (select links.link_id
from links
left join issues inward on inward.org_id = $1 and inward.issue_id = links.inward_issue_id
left join issues outward on outward.org_id = $1 and outward.issue_id = links.outward_issue_id
left join link_types on link_types.org_id = $1 and link_types.link_type_id = links.link_type_id
where links.org_id = $1
  and (inward.issue_id is null or outward.issue_id is null or link_types.link_type_id is null) limit 1000) orphaned
where links.org_id = $1 and links.link_id = orphaned.link_id
returning links.link_id, links.link_type_id, links.inward_issue_id, links.outward_issue_id, links.first_end;

-- $1 orgId
prepare delete_orphaned_remote_links as
delete from remote_links
using (select remote_links.remote_link_id
from remote_links
left join issues on issues.org_id = $1 and issues.issue_id = remote_links.issue_id
where remote_links.org_id = $1 and issues.issue_id is null) orphaned
where remote_links.org_id = $1 and remote_links.remote_link_id = orphaned.remote_link_id;

-- $1 orgId, $2 queueId
prepare delete_queue_row as
delete from queues where org_id = $1 and queue_id = $2;

-- $1 orgId, $2 issueId, $3 remoteLinkId
prepare delete_remote_link_of as
delete from remote_links where org_id = $1 and issue_id = $2 and remote_link_id = $3
returning remote_link_id;

-- $1 orgId, $2 windowMs
prepare delete_request_counts as
delete from request_counts where org_id = $1 and started_ms < (extract(epoch from now()) * 1000)::bigint - $2::bigint;

-- $1 orgId
prepare delete_surplus_positions as
delete from topological_order
using (select topological_order.link_type_id, topological_order.issue_id
from topological_order
left join link_types on link_types.org_id = $1 and link_types.link_type_id = topological_order.link_type_id
left join issues on issues.org_id = $1 and issues.issue_id = topological_order.issue_id
where topological_order.org_id = $1 and (link_types.is_acyclic is not true or issues.issue_id is null)) surplus
where topological_order.org_id = $1 and topological_order.link_type_id = surplus.link_type_id
  and topological_order.issue_id = surplus.issue_id;

-- $1 orgId, $2 tagId
prepare delete_tag as
delete from tags where org_id = $1 and tag_id = $2;

-- $1 tokenHashes, $2 kinds, $3 orgId
prepare delete_token_entries as
delete from token_directory
using unnest($1::bytea[], $2::text[]) as deleted (token_hash, kind)
where token_directory.org_id = $3 and token_directory.token_hash = deleted.token_hash
  and token_directory.kind = deleted.kind;

-- $1 orgId, $2 userId, $3 kind
prepare delete_tokens as
delete from tokens where org_id = $1 and user_id = $2 and kind = coalesce($3, kind)
returning token_hash, kind;

-- $1 orgId, $2 statusIds
prepare delete_unused_statuses as
with deleted as (
  delete from statuses
  where org_id = $1 and status_id = any($2::bigint[]) and created_by is not null
    and not exists (
      select from columns where columns.org_id = $1 and columns.status_id = statuses.status_id)
    and not exists (
      select from issues where issues.org_id = $1 and issues.previous_status_id = statuses.status_id)
  returning status_id, name_en
), kept as (
  insert into deleted_statuses (org_id, status_id, name)
  select $1, status_id, name_en from deleted
)
select status_id from deleted;

-- $1 orgId
prepare disable_users as
update users set is_active = false, password_hash = null where org_id = $1;

-- $1 orgId, $2 linkTypeId
prepare exists_link_of_type as
select from links where org_id = $1 and link_type_id = $2 limit 1;

-- $1 orgId
prepare exists_loopback_credential as
select from tokens where org_id = $1 and loopback_only
union all
select from users where org_id = $1 and loopback_only
limit 1;

-- $1 orgId, $2 key
prepare exists_queue_key as
select from queues where org_id = $1 and key = $2;

-- $1 orgId, $2 inwardIssueId, $3 outwardIssueId, $4 linkTypeId
prepare find_duplicate as
select link_id
from links
where org_id = $1
  and ((inward_issue_id = $2 and outward_issue_id = $3)
    or (inward_issue_id = $3 and outward_issue_id = $2))
  and (one_link_per_pair
    or (link_type_id = $4 and (is_symmetric or is_antisymmetric or inward_issue_id = $2)))
limit 1;

-- $1 isApplication, $2 role, $3 orgId, $4 userId, $5 issueIds
prepare find_issues as
select issues.issue_id as id, issues.key, ($1::boolean or ((queues.access = 'organisation' and $2::text <> 'reader')
or exists (
select from queue_members
where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and queue_members.role in ('manager', 'member')))) as "mayWrite"
from lateral (select * from issues where issues.org_id = $3 and issues.issue_id = any($5::bigint[]) offset 0) issues
join queues on queues.org_id = $3 and queues.queue_id = issues.queue_id
where ($1::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true)));

-- $1 orgId, $2 names, $3 userIds, $4 roles, $5 applications
prepare find_issues_named as
select viewer.place, issues.issue_id, issues.key, (viewer.is_application or ((queues.access = 'organisation' and viewer.role <> 'reader')
  or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = viewer.user_id
    and queue_members.role in ('manager', 'member')))), issues.hex_id, issues.summary,
  issues.status_id, issues.assignee_id
from unnest($2::text[], $3::bigint[], $4::text[], $5::boolean[]) with ordinality
  as viewer (issue_name, user_id, role, is_application, place)
join issues on issues.org_id = $1 and issues.issue_id = (
  select issue_id from issues where org_id = $1 and key = viewer.issue_name
  union all
  select issue_id from issues where org_id = $1 and hex_id = viewer.issue_name
  union all
  select issue_id from issue_aliases where org_id = $1 and key = viewer.issue_name
  limit 1)
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
where (viewer.is_application or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = viewer.user_id
    and true)));

-- $1 orgId, $2 linkId, $3 inwardIssueId, $4 outwardIssueId, $5 linkTypeId
prepare find_same_label as
select links.link_id
from link_types own
join links on links.org_id = $1 and links.link_id is distinct from $2
  and ((links.inward_issue_id = $3 and links.outward_issue_id = $4)
    or (links.inward_issue_id = $4 and links.outward_issue_id = $3))
join link_types other on other.org_id = $1 and other.link_type_id = links.link_type_id
where own.org_id = $1 and own.link_type_id = $5
  and case when links.inward_issue_id = $3
    then own.inward_label_id = other.inward_label_id or own.outward_label_id = other.outward_label_id
    else own.inward_label_id = other.outward_label_id or own.outward_label_id = other.inward_label_id end
limit 1;

-- $1 orgId, $2 queueId, $3 statusId
prepare has_column as
select from columns where org_id = $1 and queue_id = $2 and status_id = $3;

-- $1 orgId, $2 issueId
prepare insert_alias as
insert into issue_aliases (org_id, key, issue_id)
select org_id, key, issue_id from issues where org_id = $1 and issue_id = $2;

-- $1 orgId, $2 applicationId, $3 type, $4 name, $5 position
prepare insert_application as
insert into applications (org_id, application_id, type, name_ru, name_en, position)
values ($1, $2, $3, $4, $4, $5);

-- $1 orgId, $2 rows
prepare insert_applications as
insert into applications (org_id, application_id, type, name_ru, name_en, position)
select $1, application_id, type, name_ru, name_en, position
from jsonb_populate_recordset(null::applications, $2);

-- $1 orgId, $2 userId, $3 id, $4 createdAt, $5 total, $6 failures
prepare insert_bulk_change as
insert into bulk_changes (org_id, user_id, bulk_change_id, created_at, total, failures)
values ($1, $2, $3, $4, $5, $6);

-- $1 orgId, $2 queueId, $3 name, $4 color
prepare insert_category as
insert into categories (org_id, queue_id, name, color) values ($1, $2, $3, $4)
returning category_id;

-- $1 orgId, $2 columnId, $3 queueId, $4 statusId, $5 title, $6 taskLimit, $7 description
prepare insert_column as
insert into columns (org_id, column_id, queue_id, status_id, title, task_limit, description, position)
overriding system value
select $1, $2, $3, $4, $5, $6, $7,
  (select coalesce(max(position), 0) + 1 from columns where org_id = $1 and queue_id = $3);

-- $1 orgId, $2 columnIds, $3 queueId, $4 columns
prepare insert_columns as
insert into columns (org_id, column_id, queue_id, status_id, title, position)
overriding system value
select $1, ($2::bigint[])[given.place], $3, (
  select status_id from statuses
  where org_id = $1 and (name_en = given.item ->> 'name_en' or key = given.item ->> 'key')
  order by name_en = given.item ->> 'name_en' desc, status_id
  limit 1
), given.item ->> 'name_en', given.place
from jsonb_array_elements($4) with ordinality as given (item, place);

-- $1 orgId, $2 columnIds, $3 queueId
prepare insert_columns_for_statuses as
insert into columns (org_id, column_id, queue_id, status_id, title, position)
overriding system value
select $1, ($2::bigint[])[place], $3, status_id, name_en, place
from (
  select status_id, name_en, row_number() over (order by position, status_id) as place
  from statuses
  where org_id = $1
) as ordered
where place <= cardinality($2::bigint[]);

-- $1 orgId, $2 issueId, $3 text, $4 visibility, $5 reference, $6 summoneeIds, $7 createdBy, $8 updatedBy, $9 createdAt, $10 updatedAt
prepare insert_comment as
insert into comments
  (org_id, issue_id, text, visibility, reference, summonee_ids, created_by, updated_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8,
  coalesce($9::timestamptz, now()), coalesce($10::timestamptz, now()))
returning comment_id;

-- $1 issues, $2 orgId, $3 issueIds
prepare insert_demo_issues as
with resolved as materialized (
  select coalesce(given.issue ->> 'hexId', left(md5(given.issue ->> 'key'), 24)) as hex_id,
    given.issue ->> 'key' as key, queues.queue_id, given.issue ->> 'summary' as summary, issue_types.issue_type_id,
    priorities.priority_id, statuses.status_id, statuses.type <> 'done' as is_open, assignee.user_id as assignee_id,
    author.user_id as author_id, (given.issue ->> 'at')::timestamptz as at, given.place
  from jsonb_array_elements($1) with ordinality as given (issue, place)
  join queues on queues.org_id = $2 and queues.key = split_part(given.issue ->> 'key', '-', 1)
  join issue_types on issue_types.org_id = $2 and issue_types.key = given.issue ->> 'issueType'
  join priorities on priorities.org_id = $2 and priorities.key = given.issue ->> 'priority'
  join statuses on statuses.org_id = $2 and statuses.key = given.issue ->> 'status'
  join users author on author.org_id = $2 and author.login = given.issue ->> 'author'
  left join users assignee on assignee.org_id = $2 and assignee.login = given.issue ->> 'assignee'
)
insert into issues (org_id, issue_id, hex_id, key, queue_id, summary, issue_type_id, priority_id, status_id, is_open,
  assignee_id, created_by, updated_by, created_at, updated_at, moved_at, closed_at, position)
overriding system value
select $2, ($3::bigint[])[place], hex_id, key, queue_id, summary, issue_type_id, priority_id, status_id, is_open,
  assignee_id, author_id, author_id, at, at, at, case when not is_open then at end,
  row_number() over (partition by queue_id, status_id order by place)
from resolved
order by place;

-- $1 orgId, $2 firstLinkId, $3 links
prepare insert_demo_links as
with written as (
  insert into links (org_id, link_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric,
    is_antisymmetric, is_acyclic, single_end, shares_label, one_link_per_pair, created_by, updated_by, created_at, updated_at)
  select $1, $2 + given.place - 1, link_types.link_type_id, inward.issue_id, outward.issue_id, given.link ->> 'firstEnd',
    link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic, link_types.single_end,
    link_types.shares_label, organisations.one_link_per_pair,
    author.user_id, author.user_id, (given.link ->> 'createdAt')::timestamptz, (given.link ->> 'createdAt')::timestamptz
  from jsonb_array_elements($3) with ordinality as given (link, place)
  join organisations on organisations.org_id = $1
  join link_types on link_types.org_id = $1 and link_types.link_type_id = given.link ->> 'type'
  join issues inward on inward.org_id = $1 and inward.key = given.link ->> 'inward'
  join issues outward on outward.org_id = $1 and outward.key = given.link ->> 'outward'
  join users author on author.org_id = $1 and author.login = given.link ->> 'author'
  returning link_id, link_type_id, inward_issue_id, outward_issue_id, created_by, created_at
)
insert into events (org_id, user_id, issue_id, type, created_at, changes)
select $1, written.created_by, ends.issue_id, 'IssueLinked', written.created_at,
  jsonb_build_object('links', jsonb_build_array(jsonb_build_object('from', null, 'to', jsonb_build_object(
    'link_id', written.link_id, 'link_type_id', written.link_type_id, 'direction', ends.direction,
    'object_id', ends.object_id))))
from written
cross join lateral (values (written.inward_issue_id, 'inward', written.outward_issue_id),
  (written.outward_issue_id, 'outward', written.inward_issue_id)) as ends (issue_id, direction, object_id)
order by written.link_id, ends.issue_id;

-- $1 orgId, $2 userId, $3 events
prepare insert_events as
insert into events (org_id, user_id, issue_id, type, changes)
select $1, $2, (given.event ->> 'issueId')::bigint, given.event ->> 'type', given.event -> 'changes'
from jsonb_array_elements($3) with ordinality as given (event, place)
order by given.place;

-- $1 orgId, $2 issueId, $3 key, $4 queueId, $5 isOpen, $6 resolvedAt, $7 unique, $8 createdBy, $9 updatedBy, $10 statusId, $11 summary, $12 description, $13 issueTypeId, $14 priorityId, $15 assigneeId, $16 authorId, $17 followerIds, $18 tags, $19 resolutionId, $20 resolvedBy, $21 reference, $22 color, $23 dueAt, $24 startedAt, $25 timeSpent, $26 timeEstimated, $27 kanboard, $28 createdAt, $29 updatedAt
prepare insert_issue as
insert into issues (org_id, issue_id, key, queue_id, is_open, closed_at, unique_token, created_by, updated_by, created_at,
  updated_at, moved_at, position, summary, description, issue_type_id, priority_id, assignee_id, author_id, follower_ids, tags, status_id, resolution_id,
  resolved_at, resolved_by, reference, color, due_at, started_at, time_spent, time_estimated, kanboard)
overriding system value
select $1, $2, $3, $4, $5, case when not $5 then coalesce($6::timestamptz, times.updated_at) end,
  $7, $8, coalesce($9::bigint, $8::bigint), times.created_at, times.updated_at,
  times.updated_at, (
  select coalesce(max(placed.position), 0) + 1 from issues placed
  where placed.org_id = $1 and placed.queue_id = $4 and placed.status_id = $10), $11, $12, $13, $14, $15, nullif($16::bigint, $8::bigint),
  $17::bigint[], $18, $10, $19,
  case when $19::bigint is not null then coalesce($6::timestamptz, times.updated_at) end,
  case when $19::bigint is not null then coalesce($20::bigint, $9::bigint, $8::bigint) end,
  $21, $22, $23, $24, $25, $26, $27
from (
  select coalesce($28::timestamptz, now()) as created_at,
    coalesce($29::timestamptz, $28::timestamptz, now()) as updated_at
) times;

-- $1 orgId, $2 rows
prepare insert_issue_types as
insert into issue_types (org_id, issue_type_id, key, name_ru, name_en, position)
select $1, issue_type_id, key, name_ru, name_en, position
from jsonb_populate_recordset(null::issue_types, $2);

-- $1 orgId, $2 userId, $3 operation, $4 key, $5 requestHash
prepare insert_key as
insert into idempotency_keys (org_id, user_id, operation, key, request_hash, created_at)
values ($1, $2, $3, $4, $5, now())
on conflict (org_id, user_id, operation, key) do update
set request_hash = excluded.request_hash, created_at = excluded.created_at, status = null, headers = null, body = null
where excluded.created_at - idempotency_keys.created_at > interval '24 hours'
returning key;

-- $1 orgId, $2 en, $3 ru
prepare insert_label as
with organisation as (
  update organisations set last_label_id = last_label_id + 1 where org_id = $1 returning last_label_id
)
insert into labels (org_id, label_id, label, name_ru, name_en)
select $1, last_label_id, $2, $3, $2 from organisation
returning label_id;

-- $1 labels, $2 orgId
prepare insert_label_pair as
with organisation as (
  update organisations set last_label_id = last_label_id + cardinality($1::text[])
  where org_id = $2
  returning last_label_id - cardinality($1::text[]) as before
)
insert into labels (org_id, label_id, label, opposite_id)
select $2, before + place, given.label, case when cardinality($1::text[]) = 2 then before + 3 - place end
from organisation cross join unnest($1::text[]) with ordinality as given (label, place)
order by place
returning label_id;

-- $1 orgId, $2 rows
prepare insert_labels as
insert into labels (org_id, label_id, label, name_ru, name_en, phrase, opposite_id)
select $1, label_id, label, name_ru, name_en, phrase, opposite_id
from jsonb_populate_recordset(null::labels, $2);

-- $1 orgId, $2 columnId, $3 queueId, $4 statusId
prepare insert_last_column as
insert into columns (org_id, column_id, queue_id, status_id, title, position)
overriding system value
select $1, $2, $3, status_id, name_en,
  (select coalesce(max(position), 0) + 1 from columns where org_id = $1 and queue_id = $3)
from statuses
where org_id = $1 and status_id = $4
on conflict on constraint columns_status_id_key do nothing;

-- $1 orgId, $2 linkTypeId, $3 inwardLabelId, $4 outwardLabelId, $5 isAntisymmetric, $6 isAcyclic, $7 singleEnd, $8 sharesLabel
prepare insert_link_type as
insert into link_types
  (org_id, link_type_id, inward_label_id, outward_label_id, is_symmetric, is_antisymmetric, is_acyclic, single_end,
  shares_label)
values ($1, $2, $3, $4, $3::integer = $4::integer, $5, $6, $7, $8);

-- $1 orgId, $2 rows
prepare insert_link_types as
insert into link_types (org_id, link_type_id, inward_label_id, outward_label_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, import_only)
select $1, link_type_id, inward_label_id, outward_label_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, import_only
from jsonb_populate_recordset(null::link_types, $2);

-- $1 links, $2 orgId
prepare insert_links as
with given as materialized (
  select nextval('links_link_id_seq') as link_id, link.*
  from (select set_config('lock_timeout', '200', true)) as patience
  cross join jsonb_to_recordset($1::jsonb) as link (
    place integer, link_type_id text, inward_issue_id bigint, outward_issue_id bigint, first_end text,
    created_by bigint, updated_by bigint, created_at timestamptz, updated_at timestamptz, user_id bigint, events jsonb)
),
gate as materialized (
  select pg_try_advisory_xact_lock_shared(hashtextextended(organisations.org_id, 0)) as is_passed
  from organisations
  where organisations.org_id = $2
), organisation as materialized (
  select organisations.one_link_per_pair
  from gate
  cross join organisations
  where gate.is_passed and organisations.org_id = $2
  for key share of organisations skip locked
), types as materialized (
  select link_types.link_type_id, link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic,
    link_types.single_end, link_types.shares_label, organisation.one_link_per_pair
  from organisation
  cross join link_types
  where link_types.org_id = $2 and link_types.link_type_id = any(array(select link_type_id from given))
  order by link_types.link_type_id
  for key share of link_types skip locked
), ends as materialized (
  select issues.issue_id
  from (select count(*) from types) as locked
  cross join issues
  where issues.org_id = $2 and issues.issue_id = any(array(
    select inward_issue_id from given union all select outward_issue_id from given))
  order by issues.issue_id
  for key share of issues skip locked
), ruled as materialized (
  select given.link_id, given.link_type_id, given.inward_issue_id, given.outward_issue_id, types.is_symmetric,
    types.is_antisymmetric, types.is_acyclic, types.single_end, types.shares_label, types.one_link_per_pair
  from given
  join types on types.link_type_id = given.link_type_id
  where given.inward_issue_id in (select issue_id from ends) and given.outward_issue_id in (select issue_id from ends)
    and given.inward_issue_id <> given.outward_issue_id and not types.shares_label
    and not (
    types.single_end = 'inward' and exists (
      select from links others
      where others.org_id = $2 and others.inward_issue_id = given.inward_issue_id
        and others.link_type_id = given.link_type_id and others.link_id <> given.link_id))
    and not (
    types.single_end = 'outward' and exists (
      select from links others
      where others.org_id = $2 and others.outward_issue_id = given.outward_issue_id
        and others.link_type_id = given.link_type_id and others.link_id <> given.link_id))
    and not (
    types.is_acyclic and exists (
      select from links others
      where others.org_id = $2 and others.inward_issue_id = given.inward_issue_id
        and others.outward_issue_id = given.outward_issue_id and others.link_id <> given.link_id
        and (others.link_type_id = given.link_type_id or types.one_link_per_pair)))
    and not (
    types.is_acyclic and exists (
      select from links others
      where others.org_id = $2 and others.inward_issue_id = given.outward_issue_id
        and others.outward_issue_id = given.inward_issue_id and others.link_id <> given.link_id
        and (others.link_type_id = given.link_type_id or types.one_link_per_pair)))
), nodes as materialized (
  select ruled.link_type_id, node.issue_id, min(node.side) as side
  from ruled
  cross join lateral (values (ruled.inward_issue_id, -1), (ruled.outward_issue_id, 1)) as node (issue_id, side)
  where ruled.is_acyclic
  group by ruled.link_type_id, node.issue_id
), positions as materialized (
  select topological_order.link_type_id, topological_order.issue_id, topological_order.position
  from topological_order
  where topological_order.org_id = $2
    and topological_order.link_type_id = any(array(select link_type_id from nodes))
    and topological_order.issue_id = any(array(select issue_id from nodes))
  order by topological_order.issue_id, topological_order.link_type_id
  for share of topological_order skip locked
), placed as (
  insert into topological_order (org_id, link_type_id, issue_id, position)
  select $2, nodes.link_type_id, nodes.issue_id, nextval('topological_order_position_seq') * 1048576 * nodes.side
  from nodes
  where not exists (
    select from positions where positions.link_type_id = nodes.link_type_id and positions.issue_id = nodes.issue_id)
  order by nodes.issue_id, nodes.link_type_id
  on conflict do nothing
  returning link_type_id, issue_id, position
), ordered as (
  select * from positions union all select * from placed
), allowed as materialized (
  select ruled.*
  from ruled
  cross join (select count(*) from ordered) as ready
  where not ruled.is_acyclic or (
    select ordered.position from ordered
    where ordered.link_type_id = ruled.link_type_id and ordered.issue_id = ruled.inward_issue_id) < (
    select ordered.position from ordered
    where ordered.link_type_id = ruled.link_type_id and ordered.issue_id = ruled.outward_issue_id)
), written as (
  insert into links (org_id, link_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end,
    shares_label, one_link_per_pair, inward_issue_id, outward_issue_id, first_end, created_by, updated_by, created_at,
    updated_at)
  select $2, allowed.link_id, allowed.link_type_id, allowed.is_symmetric, allowed.is_antisymmetric,
    allowed.is_acyclic, allowed.single_end, allowed.shares_label, allowed.one_link_per_pair, allowed.inward_issue_id,
    allowed.outward_issue_id, given.first_end, given.created_by, given.updated_by, coalesce(given.created_at, now()),
    coalesce(given.updated_at, given.created_at, now())
  from allowed
  join given on given.link_id = allowed.link_id
  order by least(allowed.inward_issue_id, allowed.outward_issue_id),
    greatest(allowed.inward_issue_id, allowed.outward_issue_id), allowed.link_id
  on conflict do nothing
  returning link_id, version, created_at, updated_at
),
recorded as (
  insert into events (org_id, user_id, issue_id, type, changes)
  select $2, given.user_id, (event.value ->> 'issueId')::bigint, event.value ->> 'type', jsonb_set(event.value -> 'changes', '{links,0,to,link_id}', to_jsonb(written.link_id))
  from written
  join given on given.link_id = written.link_id
  cross join jsonb_array_elements(given.events) with ordinality as event (value, place)
  order by written.link_id, event.place
)
select given.place, written.link_id, written.version, extract(epoch from written.created_at) * 1000,
  extract(epoch from written.updated_at) * 1000
from written
join given on given.link_id = written.link_id;

-- $1 orgId, $2 linkTypeId, $3 isSymmetric, $4 isAntisymmetric, $5 isAcyclic, $6 singleEnd, $7 sharesLabel, $8 oneLinkPerPair, $9 inwardIssueId, $10 outwardIssueId, $11 firstEnd, $12 createdBy, $13 updatedBy, $14 createdAt, $15 updatedAt
prepare insert_locked_link as
insert into links (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label,
  one_link_per_pair, inward_issue_id, outward_issue_id, first_end, created_by, updated_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7,
  $8, $9, $10, $11, $12, $13,
  coalesce($14, now()), coalesce($15, $14, now()))
returning link_id, version, created_at, updated_at;

-- $1 orgId, $2 queueId, $3 role, $4 userIds
prepare insert_members as
insert into queue_members (org_id, queue_id, user_id, role)
select $1, $2, found.user_id, $3
from (
  select user_id from users
  where org_id = $1 and user_id = any($4::bigint[]) and (not users.is_application and users.removed_at is null)
  order by user_id
  for share
) as found
returning user_id;

-- $1 orgId, $2 statusIds, $3 statuses
prepare insert_missing_statuses as
insert into statuses (org_id, status_id, key, name_ru, name_en, type, position)
select $1, ($2::bigint[])[given.place], given.item ->> 'key', given.item ->> 'name_ru', given.item ->> 'name_en', given.item ->> 'type',
  last.position + given.place
from (select coalesce(max(position), 0) as position, array_agg(name_en) as names from statuses where org_id = $1) as last
cross join jsonb_array_elements($3) with ordinality as given (item, place)
where given.item ->> 'name_en' <> all (last.names)
order by given.place
on conflict on constraint statuses_key_key do nothing;

-- $1 orgId, $2 linkTypeId, $3 issueIds
prepare insert_order as
insert into topological_order (org_id, link_type_id, issue_id, position)
select $1, $2, given.issue_id, nextval('topological_order_position_seq') * 1048576
from unnest($3::bigint[]) with ordinality as given (issue_id, place)
order by given.place;

-- $1 orgId, $2 cloudId, $3 name, $4 language, $5 profile, $6 oneLinkPerPair, $7 lastLabelId
prepare insert_organisation as
insert into organisations (org_id, cloud_id, name, language, profile, one_link_per_pair, last_label_id)
values ($1, $2, $3, $4, $5, $6, $7);

-- $1 orgId, $2 cloudId
prepare insert_organisation_entry as
insert into organisation_directory (org_id, cloud_id) values ($1, $2);

-- $1 orgId, $2 linkTypeId, $3 inwardIssueId, $4 outwardIssueId
prepare insert_positions as
insert into topological_order (org_id, link_type_id, issue_id, position)
values ($1, $2, $3, -nextval('topological_order_position_seq') * 1048576), ($1, $2, $4, nextval('topological_order_position_seq') * 1048576)
on conflict on constraint topological_order_pkey do nothing;

-- $1 orgId, $2 rows
prepare insert_priorities as
insert into priorities (org_id, priority_id, key, name_ru, name_en, position)
select $1, priority_id, key, name_ru, name_en, position
from jsonb_populate_recordset(null::priorities, $2);

-- $1 orgId, $2 queueId, $3 identifier, $4 name, $5 description, $6 access, $7 leadId, $8 issueTypeId, $9 priorityId, $10 kanboard, $11 key
prepare insert_queue as
insert into queues (org_id, queue_id, key, identifier, name, description, access, lead_id, default_issue_type_id,
  default_priority_id, kanboard, last_issue_number)
overriding system value
select $1, $2::bigint, chosen.key, $3, $4, $5, $6, $7, $8, $9,
  $10, coalesce((
    select max(split_part(issue_aliases.key, '-', 2)::bigint) from issue_aliases
    where issue_aliases.org_id = $1 and issue_aliases.key > chosen.key || '-' and issue_aliases.key < chosen.key || '.'
  ), 0)
from (select coalesce($11, 'P' || $2::bigint || case
  when exists (select from queues where org_id = $1 and key = 'P' || $2::bigint)
  then 'X' || upper(left(replace(gen_random_uuid()::text, '-', ''), 12)) else '' end) as key) as chosen;

-- $1 orgId, $2 issueId, $3 applicationId, $4 objectId, $5 objectKey, $6 linkTypeId, $7 direction, $8 createdBy, $9 title, $10 dependency, $11 mayRepeat
prepare insert_remote_link as
insert into remote_links
  (org_id, issue_id, application_id, object_id, object_key, link_type_id, direction, created_by, updated_by,
  title, dependency, may_repeat)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, coalesce($10, 'related'), coalesce($11, false))
returning remote_link_id;

-- $1 orgId, $2 rows
prepare insert_resolutions as
insert into resolutions (org_id, resolution_id, key, name_ru, name_en, position)
select $1, resolution_id, key, name_ru, name_en, position
from jsonb_populate_recordset(null::resolutions, $2);

-- $1 orgId, $2 statusId, $3 key, $4 name_ru, $5 name_en, $6 type, $7 userId
prepare insert_status as
insert into statuses (org_id, status_id, key, name_ru, name_en, type, position, created_by)
select $1, $2, $3, $4, $5, $6,
  (select coalesce(max(position), 0) + 1 from statuses where org_id = $1), $7
on conflict on constraint statuses_key_key do nothing
returning status_id;

-- $1 orgId, $2 rows
prepare insert_statuses as
insert into statuses (org_id, status_id, key, name_ru, name_en, type, position)
select $1, status_id, key, name_ru, name_en, type, position
from jsonb_populate_recordset(null::statuses, $2);

-- $1 orgId, $2 queueId, $3 name, $4 color
prepare insert_tag as
insert into tags (org_id, queue_id, name, color) values ($1, $2, $3, $4)
returning tag_id;

-- $1 orgId, $2 queueId, $3 names
prepare insert_tags as
insert into tags (org_id, queue_id, name)
select $1, $2, wanted.name
from unnest($3::text[]) as wanted (name)
order by wanted.name collate "C"
on conflict on constraint tags_name_key do nothing;

-- $1 orgId, $2 userId, $3 kind, $4 tokenHash, $5 scopes, $6 expiresAt, $7 loopbackOnly
prepare insert_token as
insert into tokens (org_id, user_id, kind, token_hash, scopes, expires_at, loopback_only)
values ($1, $2, $3, $4, $5, $6, $7)
returning token_id;

-- $1 tokenHash, $2 kind, $3 orgId
prepare insert_token_entry as
insert into token_directory (token_hash, kind, org_id) values ($1, $2, $3)
on conflict on constraint token_directory_pkey do nothing;

-- $1 orgId, $2 uid, $3 login, $4 role, $5 display, $6 email, $7 passportUid, $8 cloudUid, $9 passwordHash, $10 isApplication, $11 loopbackOnly
prepare insert_user as
insert into users (org_id, user_id, uid, login, role, display, email, passport_uid, cloud_uid, password_hash,
  is_application, loopback_only)
overriding system value
select $1, next.user_id, coalesce($2, 8000000000000000 + next.user_id), $3, $4, $5, $6, $7, $8, $9, $10, $11
from nextval(pg_get_serial_sequence('users', 'user_id')) as next (user_id)
returning user_id;

-- $1 orgId, $2 key
prepare is_key_used as
select 1 from issues where org_id = $1 and key = $2
union all
select 1 from issue_aliases where org_id = $1 and key = $2
union all
select 1 from deleted_issues where org_id = $1 and key = $2;

-- $1 orgId, $2 linkTypeId, $3 labelId
prepare keep_labels as
insert into deleted_link_types (org_id, link_type_id, inward_ru, inward_en, outward_ru, outward_en)
select $1, link_types.link_type_id, coalesce(inward.name_ru, inward.label), coalesce(inward.name_en, inward.label),
  coalesce(outward.name_ru, outward.label), coalesce(outward.name_en, outward.label)
from link_types
join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
where link_types.org_id = $1 and (
  link_types.link_type_id = $2 or $3::bigint in (link_types.inward_label_id, link_types.outward_label_id))
on conflict (org_id, link_type_id) do update
set inward_ru = excluded.inward_ru, inward_en = excluded.inward_en,
  outward_ru = excluded.outward_ru, outward_en = excluded.outward_en;

-- $1 orgId, $2 queueId
prepare keep_readers as
update deleted_issues
set was_open = queues.access = 'organisation',
  reader_ids = array(
    select queue_members.user_id from queue_members
    where queue_members.org_id = $1 and queue_members.queue_id = $2
    order by queue_members.user_id)
from queues
where deleted_issues.org_id = $1 and deleted_issues.queue_id = $2
  and queues.org_id = $1 and queues.queue_id = $2;

-- $1 orgId, $2 tokenId, $3 expiresAt
prepare limit_token as
with valid as (
  select token_id, expires_at, extract(epoch from expires_at - created_at)::float8 as lifetime
  from tokens
  where org_id = $1 and token_id = $2 and kind = 'oauth' and revoked_at is null
    and coalesce(expires_at > now(), true)
  for no key update
)
update tokens set expires_at = least(tokens.expires_at, $3)
from valid
where tokens.org_id = $1 and tokens.token_id = valid.token_id
returning tokens.user_id, tokens.scopes, tokens.loopback_only, tokens.expires_at,
  valid.expires_at as previous_expires_at, valid.lifetime;

prepare list_applied_migrations as
select name from schema_migrations order by id;

-- $1 orgId
prepare lock_administrators as
select user_id from users
where org_id = $1 and role = 'admin' and is_active and (not users.is_application and users.removed_at is null)
order by user_id
for no key update;

-- $1 orgId, $2 queueId, $3 userId
prepare lock_assignee as
select
from users
join queues on queues.org_id = $1 and queues.queue_id = $2
where users.org_id = $1 and users.user_id = $3
  and users.is_active and (not users.is_application and users.removed_at is null)
  and ((queues.access = 'organisation' and users.role <> 'reader')
  or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = users.user_id
    and queue_members.role in ('manager', 'member')))
for share of users;

-- $1 orgId, $2 linkTypeIds, $3 issueIds
prepare lock_for_links as
with
gate as materialized (
  select pg_advisory_xact_lock_shared(hashtextextended(organisations.org_id, 0))::text from organisations where organisations.org_id = $1
), organisation as materialized (
  select organisations.one_link_per_pair
  from gate
  cross join organisations
  where organisations.org_id = $1
  for key share of organisations
), types as materialized (
  select link_types.link_type_id, link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic,
    link_types.single_end, link_types.shares_label, organisation.one_link_per_pair
  from organisation
  cross join link_types
  where link_types.org_id = $1 and link_types.link_type_id = any($2::text[])
  order by link_types.link_type_id
  for key share of link_types
), ends as materialized (
  select issues.issue_id
  from (select count(*) from types) as locked
  cross join issues
  where issues.org_id = $1 and issues.issue_id = any($3::bigint[])
  order by issues.issue_id
  for key share of issues
)
select types.* from (select count(*) from ends) as locked left join types on true
where types.link_type_id is not null;

-- $1 orgId, $2 issueName, $3 isApplication, $4 userId
prepare lock_issue_by_id_change as
select issues.issue_id
from issues
where issues.org_id = $1
  and issues.issue_id = (
select issues.issue_id
from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = $2::bigint offset 0) issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
where ($3::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true)))) for no key update of issues;

-- $1 orgId, $2 issueName, $3 isApplication, $4 userId
prepare lock_issue_by_id_key as
select issues.issue_id
from issues
where issues.org_id = $1
  and issues.issue_id = (
select issues.issue_id
from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = $2::bigint offset 0) issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
where ($3::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true)))) for update of issues;

-- $1 orgId, $2 issueName, $3 isApplication, $4 userId
prepare lock_issue_change as
select issues.issue_id
from issues
where issues.org_id = $1
  and issues.issue_id = (
select issues.issue_id
from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = (
select issue_id from issues where org_id = $1 and key = $2
union all
select issue_id from issues where org_id = $1 and hex_id = $2
union all
select issue_id from issue_aliases where org_id = $1 and key = $2
limit 1) offset 0) issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
where ($3::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true)))) for no key update of issues;

-- $1 orgId, $2 issueName, $3 isApplication, $4 userId
prepare lock_issue_key as
select issues.issue_id
from issues
where issues.org_id = $1
  and issues.issue_id = (
select issues.issue_id
from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = (
select issue_id from issues where org_id = $1 and key = $2
union all
select issue_id from issues where org_id = $1 and hex_id = $2
union all
select issue_id from issue_aliases where org_id = $1 and key = $2
limit 1) offset 0) issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
where ($3::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true)))) for update of issues;

-- $1 orgId, $2 queueId
prepare lock_issues_of_queue as
select issue_id from issues where org_id = $1 and queue_id = $2 order by issue_id for update;

-- $1 orgId, $2 labelId
prepare lock_label as
select labels.label,
  labels.phrase is not null and (select profile from organisations where org_id = $1) = 'tracker' as is_fixed
from labels where labels.org_id = $1 and labels.label_id = $2::bigint
for update;

-- $1 orgId, $2 linkId
prepare lock_link as
with gate as materialized (
  select pg_advisory_xact_lock_shared(hashtextextended(organisations.org_id, 0))::text from organisations where organisations.org_id = $1
)
select
from gate
cross join links
where links.org_id = $1 and links.link_id = $2
for update of links;

-- $1 orgId, $2 linkTypeId
prepare lock_link_type_row as
select from link_types where org_id = $1 and link_type_id = $2 for update;

-- $1 orgId, $2 linkTypeId
prepare lock_order as
select pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0));

-- $1 orgId, $2 linkTypeId, $3 issueIds
prepare lock_order_of as
select from topological_order
where org_id = $1 and link_type_id = $2 and issue_id = any($3::bigint[])
order by issue_id
for no key update;

-- $1 orgId
prepare lock_organisation_labels as
select from organisations where org_id = $1 for no key update;

-- $1 orgId
prepare lock_organisation_links as
with
gate as materialized (
  select pg_advisory_xact_lock_shared(hashtextextended(organisations.org_id, 0))::text from organisations where organisations.org_id = $1
), organisation as materialized (
  select organisations.one_link_per_pair
  from gate
  cross join organisations
  where organisations.org_id = $1
  for key share of organisations
) select from organisation;

-- $1 orgId
prepare lock_organisation_rules as
with gate as materialized (
  select pg_advisory_xact_lock(hashtextextended(organisations.org_id, 0))::text from organisations where organisations.org_id = $1
)
select from gate cross join organisations where organisations.org_id = $1 for no key update of organisations;

-- $1 orgId, $2 lower, $3 higher
prepare lock_pair as
select pg_advisory_xact_lock(hashtextextended(format('%s %s-%s', $1::text, $2::text, $3::text), 0));

-- $1 orgId, $2 queueId, $3 issueId, $4 statusId
prepare lock_positions as
select from issues
where org_id = $1 and queue_id = $2 and (issue_id = $3 or (is_open and status_id in (
  $4, (select moved.status_id from issues moved where moved.org_id = $1 and moved.issue_id = $3))))
order by issue_id
for no key update;

-- $1 orgId, $2 queueId
prepare lock_queue as
select from queues where org_id = $1 and queue_id = $2 for no key update;

-- $1 orgId, $2 linkTypeId, $3 issueId
prepare lock_single_link_inward as
select link_id, link_type_id, inward_issue_id, outward_issue_id, first_end, version
from links where org_id = $1 and link_type_id = $2 and inward_issue_id = $3
order by link_id
limit 1
for update;

-- $1 orgId, $2 linkTypeId, $3 issueId
prepare lock_single_link_outward as
select link_id, link_type_id, inward_issue_id, outward_issue_id, first_end, version
from links where org_id = $1 and link_type_id = $2 and outward_issue_id = $3
order by link_id
limit 1
for update;

-- $1 orgId, $2 queueId, $3 names
prepare lock_tags as
select name from tags
where org_id = $1 and queue_id = $2 and name = any($3::text[])
order by name
for key share;

-- $1 orgId, $2 tokenId
prepare lock_token as
select scopes, loopback_only, expires_at
from tokens
where org_id = $1 and token_id = $2 and revoked_at is null and coalesce(expires_at > now(), true)
for no key update;

-- $1 orgId, $2 labelIds
prepare lock_types_of_labels as
select from link_types
where org_id = $1
  and (inward_label_id = any($2::integer[]) or outward_label_id = any($2::integer[]))
order by link_type_id
for update;

prepare max_connections as
select current_setting('max_connections')::integer as connections;

-- $1 issueIds, $2 orgId, $3 linkTypeId, $4 position, $5 isWhole
prepare move_issues_inward as
with nearest as materialized (
  select max(next.position) as position
  from unnest($1::bigint[]) as given (issue_id)
  cross join lateral (
    select links.inward_issue_id as issue_id
    from links
    where links.org_id = $2 and links.outward_issue_id = given.issue_id and links.link_type_id = $3
    offset 0
  ) link
  cross join lateral (
    select topological_order.position
    from topological_order
    where topological_order.org_id = $2 and topological_order.link_type_id = $3
      and topological_order.issue_id = link.issue_id and topological_order.position < $4
    offset 0
  ) next
  where not $5::boolean
), room as materialized (
  select (nearest.position - $4::bigint) / (cardinality($1::bigint[]) + 1) as step from nearest
), fresh as materialized (
  select given.issue_id, given.place, -1 * nextval('topological_order_position_seq') * 1048576 as position
  from unnest($1::bigint[]) with ordinality as given (issue_id, place)
  order by given.place
)
update topological_order
set position = coalesce($4::bigint + room.step * fresh.place, fresh.position)
from room
cross join fresh
where topological_order.org_id = $2 and topological_order.link_type_id = $3
  and topological_order.issue_id = fresh.issue_id and room.step is distinct from 0
returning topological_order.issue_id;

-- $1 issueIds, $2 orgId, $3 linkTypeId, $4 position, $5 isWhole
prepare move_issues_outward as
with nearest as materialized (
  select min(next.position) as position
  from unnest($1::bigint[]) as given (issue_id)
  cross join lateral (
    select links.outward_issue_id as issue_id
    from links
    where links.org_id = $2 and links.inward_issue_id = given.issue_id and links.link_type_id = $3
    offset 0
  ) link
  cross join lateral (
    select topological_order.position
    from topological_order
    where topological_order.org_id = $2 and topological_order.link_type_id = $3
      and topological_order.issue_id = link.issue_id and topological_order.position > $4
    offset 0
  ) next
  where not $5::boolean
), room as materialized (
  select (nearest.position - $4::bigint) / (cardinality($1::bigint[]) + 1) as step from nearest
), fresh as materialized (
  select given.issue_id, given.place, 1 * nextval('topological_order_position_seq') * 1048576 as position
  from unnest($1::bigint[]) with ordinality as given (issue_id, place)
  order by given.place
)
update topological_order
set position = coalesce($4::bigint + room.step * fresh.place, fresh.position)
from room
cross join fresh
where topological_order.org_id = $2 and topological_order.link_type_id = $3
  and topological_order.issue_id = fresh.issue_id and room.step is distinct from 0
returning topological_order.issue_id;

-- $1 table, $2 column, $3 count
prepare next_ids as
select nextval(pg_get_serial_sequence($1, $2)) as id from generate_series(1, $3::integer);

-- $1 orgId
prepare raise_issue_numbers as
update queues set last_issue_number = numbers.last
from
(
  select split_part(used.key, '-', 1) as queue_key, max(split_part(used.key, '-', 2)::bigint) as last
  from (
    select key from issues where org_id = $1
    union all
    select key from issue_aliases where org_id = $1
  ) used
  group by split_part(used.key, '-', 1)
) numbers
where queues.org_id = $1 and queues.key = numbers.queue_key and queues.last_issue_number < numbers.last;

-- $1 orgId
prepare raise_label_id as
update organisations set last_label_id = greatest(last_label_id, (select coalesce(max(label_id), 0) from labels where org_id = $1)) where org_id = $1;

-- $1 linkId
prepare raise_link_sequence as
select setval(sequence.name, greatest($1::bigint, coalesce(pg_sequence_last_value(sequence.name), 0)))
from (select pg_get_serial_sequence('links', 'link_id')::regclass as name) sequence;

-- $1 orgId
prepare raise_sequences as
select setval(lagging.name::regclass, greatest(lagging.used, coalesce(pg_sequence_last_value(lagging.name::regclass), 0)))
from
(
  with sequences as materialized (
    select named.place, named.name, coalesce(pg_sequence_last_value(seqrelid) + 1, seqstart) as next
    from (values ('categories.category_id', pg_get_serial_sequence('categories', 'category_id')), ('columns.column_id', pg_get_serial_sequence('columns', 'column_id')), ('comments.comment_id', pg_get_serial_sequence('comments', 'comment_id')), ('events.event_id', pg_get_serial_sequence('events', 'event_id')), ('issue_types.issue_type_id', pg_get_serial_sequence('issue_types', 'issue_type_id')), ('issues.issue_id', pg_get_serial_sequence('issues', 'issue_id')), ('links.link_id', pg_get_serial_sequence('links', 'link_id')), ('priorities.priority_id', pg_get_serial_sequence('priorities', 'priority_id')), ('queues.queue_id', pg_get_serial_sequence('queues', 'queue_id')), ('remote_links.remote_link_id', pg_get_serial_sequence('remote_links', 'remote_link_id')), ('resolutions.resolution_id', pg_get_serial_sequence('resolutions', 'resolution_id')), ('statuses.status_id', pg_get_serial_sequence('statuses', 'status_id')), ('tags.tag_id', pg_get_serial_sequence('tags', 'tag_id')), ('tokens.token_id', pg_get_serial_sequence('tokens', 'token_id')), ('users.user_id', pg_get_serial_sequence('users', 'user_id')), ('topological_order.position', pg_get_serial_sequence('topological_order', 'position'))
    ) as named (place, name)
    join pg_sequence on seqrelid = named.name::regclass
  )
  select sequences.name, used.used, used.place
  from (
    select 'categories.category_id' as place, max(category_id) as used from categories where org_id = $1
    union all select 'columns.column_id' as place, max(column_id) as used from columns where org_id = $1
    union all select 'comments.comment_id' as place, max(comment_id) as used from comments where org_id = $1
    union all select 'events.event_id' as place, max(event_id) as used from events where org_id = $1
    union all select 'issue_types.issue_type_id' as place, max(issue_type_id) as used from issue_types where org_id = $1
    union all select 'issues.issue_id' as place, max(issue_id) as used from issues where org_id = $1
    union all select 'links.link_id' as place, max(link_id) as used from links where org_id = $1
    union all select 'priorities.priority_id' as place, max(priority_id) as used from priorities where org_id = $1
    union all select 'queues.queue_id' as place, max(queue_id) as used from queues where org_id = $1
    union all select 'remote_links.remote_link_id' as place, max(remote_link_id) as used from remote_links where org_id = $1
    union all select 'resolutions.resolution_id' as place, max(resolution_id) as used from resolutions where org_id = $1
    union all select 'statuses.status_id' as place, max(status_id) as used from statuses where org_id = $1
    union all select 'tags.tag_id' as place, max(tag_id) as used from tags where org_id = $1
    union all select 'tokens.token_id' as place, max(token_id) as used from tokens where org_id = $1
    union all select 'users.user_id' as place, max(user_id) as used from users where org_id = $1
    union all select 'topological_order.position' as place, max(abs(position)) / 1048576 as used from topological_order where org_id = $1
  ) used
  join sequences on sequences.place = used.place
  where used.used >= sequences.next
) lagging;

-- $1 orgId, $2 queueKey, $3 queueId, $4 isApplication, $5 userId, $6 issueNames, $7 direction, $8 linkTypeIds, $9 directions, $10 statusId
prepare receive_links as
with far_queue as materialized (
  select queue_id from queues
  where org_id = $1 and (key = $2 or queue_id = $3) and ($4::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $5
    and true)))
)
select wanted.place, exists (select from far_queue), issue.hex_id, issue.key, issue.summary,
  link.link_id, link.link_type_id, link.direction, link.created_by, link.updated_by, link.status_id,
  link.assignee_id, issue.key, link.created_at, link.updated_at, link.hex_id, link.key, link.summary
from unnest($6::text[]) with ordinality as wanted (issue_name, place)
left join lateral (
  select issues.*
  from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = (
  select issue_id from issues where org_id = $1 and key = wanted.issue_name
  union all
  select issue_id from issues where org_id = $1 and hex_id = wanted.issue_name
  union all
  select issue_id from issue_aliases where org_id = $1 and key = wanted.issue_name
  limit 1) offset 0) issues
  cross join lateral (select * from queues where queues.org_id = $1 and queues.queue_id = issues.queue_id and ($4::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $5
    and true))) offset 0) queue
) issue on true
left join lateral (
  select
    ends.link_id, ends.link_type_id, ends.direction, ends.created_by, nullif(ends.updated_by, ends.created_by) as updated_by,
    object.status_id, object.assignee_id, ends.created_at, nullif(ends.updated_at, ends.created_at) as updated_at,
    object.hex_id, object.key, object.summary
  from (
    select 'inward' as direction, outward_issue_id as object_id, links.*
    from links where links.org_id = $1 and links.inward_issue_id = issue.issue_id
    union all
    select 'outward', inward_issue_id, links.*
    from links where links.org_id = $1 and links.outward_issue_id = issue.issue_id
  ) ends
  cross join lateral (select * from issues where issues.org_id = $1 and issues.issue_id = ends.object_id offset 0) object
  cross join lateral (select * from queues where queues.org_id = $1 and queues.queue_id = object.queue_id and ($4::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $5
    and true))) offset 0) queue
  where ($7::text is null or ends.direction = $7)
    and ($8::text[] is null
      or (ends.link_type_id, ends.direction) in (select * from unnest($8::text[], $9::text[])))
    and ($10::bigint is null or object.status_id = $10)
    and (($2::text is null and $3::bigint is null) or object.queue_id = (select queue_id from far_queue))
) link on true
order by wanted.place, link.link_id;

-- $1 orgId, $2 nextTransaction
prepare renumber_transactions as
update events set transaction_id = '0' where org_id = $1 and event_id <= (
select max(event_id) from events
where org_id = $1 and transaction_id >= $2::text::xid8);

-- $1 orgId, $2 queueId, $3 name, $4 newName, $5 userId
prepare replace_tag as
with found as materialized (
  select issue_id, tags as before from issues
  where org_id = $1 and queue_id = $2 and tags @> array[$3::text]
  order by issue_id
  for no key update
)
update issues
set tags = case
    when $4::text is null or $4 = any(tags) then array_remove(tags, $3::text)
    else array_replace(tags, $3::text, $4::text) end,
  version = version + 1, updated_by = $5, updated_at = greatest(now(), updated_at)
from found
where issues.org_id = $1 and issues.issue_id = found.issue_id
returning issues.issue_id, found.before, issues.tags as after;

-- $1 orgId, $2 isApplication, $3 userId, $4 projectIds, $5 role, $6 limit
prepare select_activity as
with recent as materialized (
  select events.event_id, events.issue_id, events.type, events.user_id, events.created_at, events.changes
  from events
  cross join lateral (select * from issues where issues.org_id = $1 and issues.issue_id = events.issue_id offset 0) issues
  join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
  where events.org_id = $1
    and events.event_id > (
      select max(newest.event_id) - 2000 from events newest where newest.org_id = $1)
    and ($2::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $3
    and true)))
    and case when $4::bigint[] is null then queues.is_active else queues.queue_id = any($4) end
    and events.type not in ('IssueCloned', 'IssueDeleted') and not ((events.changes -> 'links' is not null and events.changes -> 'fields' is null and not exists (
      select from jsonb_array_elements(events.changes -> 'links') as link (change)
      cross join lateral (values (link.change -> 'from'), (link.change -> 'to')) as state (value)
      left join issues object on object.org_id = $1 and object.issue_id = (state.value ->> 'object_id')::bigint
      left join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
      left join deleted_issues deleted
        on deleted.org_id = $1 and deleted.issue_id = (state.value ->> 'object_id')::bigint
      left join queues deleted_queue on deleted_queue.org_id = $1 and deleted_queue.queue_id = deleted.queue_id
      where jsonb_typeof(state.value) = 'object' and (
        (object.issue_id is not null and ($2::boolean or (object_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $3
    and true))))
        or (deleted.issue_id is not null and (case when deleted_queue.queue_id is null
  then $2::boolean or deleted.was_open or $3 = any(deleted.reader_ids)
  else ($2::boolean or (deleted_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = deleted_queue.queue_id and queue_members.user_id = $3
    and true))) end))
        or (object.issue_id is null and deleted.issue_id is null and $5 = 'admin')))) or (events.changes -> 'comments' is not null
      and not (events.changes -> 'comments' -> 0 ->> 'visibility' = 'app-user' or events.user_id = $3 or $2::boolean
    or $5::text = 'admin' or (events.changes -> 'comments' -> 0 ->> 'visibility' = 'app-manager' and $5::text = 'manager'))))
  order by events.event_id desc
  limit $6
),
changed as materialized (
  select issues.issue_id
  from queues
  join issues on issues.org_id = $1 and issues.queue_id = queues.queue_id
  cross join lateral (
    select events.event_id, events.issue_id, events.type, events.user_id, events.created_at, events.changes
    from events
    where events.org_id = $1 and events.issue_id = issues.issue_id and events.type not in ('IssueCloned', 'IssueDeleted') and not ((events.changes -> 'links' is not null and events.changes -> 'fields' is null and not exists (
      select from jsonb_array_elements(events.changes -> 'links') as link (change)
      cross join lateral (values (link.change -> 'from'), (link.change -> 'to')) as state (value)
      left join issues object on object.org_id = $1 and object.issue_id = (state.value ->> 'object_id')::bigint
      left join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
      left join deleted_issues deleted
        on deleted.org_id = $1 and deleted.issue_id = (state.value ->> 'object_id')::bigint
      left join queues deleted_queue on deleted_queue.org_id = $1 and deleted_queue.queue_id = deleted.queue_id
      where jsonb_typeof(state.value) = 'object' and (
        (object.issue_id is not null and ($2::boolean or (object_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $3
    and true))))
        or (deleted.issue_id is not null and (case when deleted_queue.queue_id is null
  then $2::boolean or deleted.was_open or $3 = any(deleted.reader_ids)
  else ($2::boolean or (deleted_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = deleted_queue.queue_id and queue_members.user_id = $3
    and true))) end))
        or (object.issue_id is null and deleted.issue_id is null and $5 = 'admin')))) or (events.changes -> 'comments' is not null
      and not (events.changes -> 'comments' -> 0 ->> 'visibility' = 'app-user' or events.user_id = $3 or $2::boolean
    or $5::text = 'admin' or (events.changes -> 'comments' -> 0 ->> 'visibility' = 'app-manager' and $5::text = 'manager'))))
    order by events.transaction_id desc, events.event_id desc
    limit 1
  ) entry
  where (select count(*) from recent) < $6 and queues.org_id = $1
    and ($2::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $3
    and true)))
    and case when $4::bigint[] is null then queues.is_active else queues.queue_id = any($4) end
  order by entry.event_id desc
  limit $6
),
latest as materialized (
  select * from recent where (select count(*) from recent) = $6
  union all (
    select entry.*
    from changed issues
    cross join lateral (
    select events.event_id, events.issue_id, events.type, events.user_id, events.created_at, events.changes
    from events
    where events.org_id = $1 and events.issue_id = issues.issue_id and events.type not in ('IssueCloned', 'IssueDeleted') and not ((events.changes -> 'links' is not null and events.changes -> 'fields' is null and not exists (
      select from jsonb_array_elements(events.changes -> 'links') as link (change)
      cross join lateral (values (link.change -> 'from'), (link.change -> 'to')) as state (value)
      left join issues object on object.org_id = $1 and object.issue_id = (state.value ->> 'object_id')::bigint
      left join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
      left join deleted_issues deleted
        on deleted.org_id = $1 and deleted.issue_id = (state.value ->> 'object_id')::bigint
      left join queues deleted_queue on deleted_queue.org_id = $1 and deleted_queue.queue_id = deleted.queue_id
      where jsonb_typeof(state.value) = 'object' and (
        (object.issue_id is not null and ($2::boolean or (object_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $3
    and true))))
        or (deleted.issue_id is not null and (case when deleted_queue.queue_id is null
  then $2::boolean or deleted.was_open or $3 = any(deleted.reader_ids)
  else ($2::boolean or (deleted_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = deleted_queue.queue_id and queue_members.user_id = $3
    and true))) end))
        or (object.issue_id is null and deleted.issue_id is null and $5 = 'admin')))) or (events.changes -> 'comments' is not null
      and not (events.changes -> 'comments' -> 0 ->> 'visibility' = 'app-user' or events.user_id = $3 or $2::boolean
    or $5::text = 'admin' or (events.changes -> 'comments' -> 0 ->> 'visibility' = 'app-manager' and $5::text = 'manager'))))
    order by events.transaction_id desc, events.event_id desc
    limit $6
  ) entry
    order by entry.event_id desc
    limit $6
  )
)
select latest.event_id, latest.type as event_type, latest.created_at as event_at, latest.changes,
  case when not author.is_application then author.user_id end as author_id, author.login as author_login,
  author.display as author_name, author.email as author_email,
issues.issue_id as id, issues.key, issues.summary as title, issues.description, issues.created_at, issues.updated_at,
issues.moved_at, issues.closed_at, issues.due_at, issues.started_at, issues.color, issues.queue_id as project_id,
columns.column_id, coalesce(assignee.user_id, 0) as owner_id, coalesce(creator.user_id, 0) as creator_id,
issues.position, issues.is_open, issues.reference, issues.time_spent, issues.time_estimated, issues.kanboard,
  assignee.login as assignee_login, assignee.display as assignee_name,
  creator.login as creator_login, creator.display as creator_name,
  categories.name as category_name, columns.title as column_title, columns.position as column_position,
  queues.name as project_name,
  case when comments.comment_id is not null then jsonb_build_object(
    'id', comments.comment_id, 'text', comments.text, 'visibility', comments.visibility, 'reference', comments.reference,
    'created_at', floor(extract(epoch from comments.created_at))::bigint,
    'updated_at', floor(extract(epoch from comments.updated_at))::bigint,
    'user_id', commenter.user_id, 'login', commenter.login, 'name', commenter.display, 'email', commenter.email
  ) end as comment
from latest
join users author on author.org_id = $1 and author.user_id = latest.user_id
join issues on issues.org_id = $1 and issues.issue_id = latest.issue_id
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
join columns on columns.org_id = $1 and columns.queue_id = issues.queue_id and columns.status_id = issues.status_id
left join users assignee on assignee.org_id = $1 and assignee.user_id = issues.assignee_id
  and not assignee.is_application
left join users creator on creator.org_id = $1 and creator.user_id = issues.created_by and not creator.is_application
left join categories on categories.org_id = $1 and categories.queue_id = issues.queue_id
  and categories.category_id = coalesce((issues.kanboard ->> 'category_id')::bigint, 0)
left join comments on comments.org_id = $1 and comments.issue_id = issues.issue_id
  and comments.comment_id = (latest.changes -> 'comments' -> 0 ->> 'comment_id')::bigint
  and (comments.visibility = 'app-user' or comments.created_by = $3 or $2::boolean
    or $5::text = 'admin' or (comments.visibility = 'app-manager' and $5::text = 'manager'))
left join users commenter on commenter.org_id = $1 and commenter.user_id = comments.created_by
  and not commenter.is_application
order by latest.event_id desc;

-- $1 orgId, $2 applicationId
prepare select_application as
select applications.application_id, applications.type as application_type,
applications.name_ru as application_ru, applications.name_en as application_en from applications where org_id = $1 and application_id = $2;

-- $1 orgId, $2 tokenHash
prepare select_application_accounts as
select users.org_id, users.user_id, users.role, users.is_active, users.is_application, tokens.token_id, tokens.loopback_only, true as has_token, tokens.expires_at
from tokens
join users on users.org_id = $1 and users.user_id = tokens.user_id and users.is_application
where tokens.org_id = $1 and tokens.token_hash = $2 and tokens.kind = 'application'
  and tokens.revoked_at is null;

-- $1 orgId
prepare select_applications as
select applications.application_id, applications.type as application_type,
applications.name_ru as application_ru, applications.name_en as application_en from applications where org_id = $1 order by position, application_id;

-- $1 orgId, $2 queueId, $3 isApplication, $4 userId
prepare select_assignable_users as
select users.user_id, coalesce(users.display, users.login) as name
from queues
left join users on users.org_id = $1 and users.is_active and (not users.is_application and users.removed_at is null) and ((queues.access = 'organisation' and users.role <> 'reader')
  or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = users.user_id
    and queue_members.role in ('manager', 'member')))
where queues.org_id = $1 and queues.queue_id = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))
order by name collate "C", users.user_id;

-- $1 orgId, $2 userId, $3 id
prepare select_bulk_change as
select bulk_change_id, created_at, total, failures
from bulk_changes
where org_id = $1 and user_id = $2 and bulk_change_id = $3;

-- $1 orgId, $2 queueId
prepare select_categories as
select category_id, name, queue_id, color from categories
where org_id = $1 and queue_id = $2
order by name, category_id;

-- $1 orgId, $2 categoryId, $3 isApplication, $4 userId
prepare select_category as
select categories.category_id, categories.name, categories.queue_id, categories.color
from categories
join queues on queues.org_id = $1 and queues.queue_id = categories.queue_id
where categories.org_id = $1 and categories.category_id = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)));

-- $1 orgId, $2 columnId, $3 isApplication, $4 userId
prepare select_column as
select columns.column_id, queues.queue_id, columns.status_id, columns.title, columns.position, columns.task_limit,
  columns.description
from columns
join queues on queues.org_id = $1 and queues.queue_id = columns.queue_id
where columns.org_id = $1 and columns.column_id = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)));

-- $1 orgId, $2 queueId, $3 isApplication, $4 userId
prepare select_columns as
select columns.column_id, queues.queue_id, columns.status_id, columns.title, columns.position, columns.task_limit,
  columns.description
from queues
left join columns on columns.org_id = $1 and columns.queue_id = queues.queue_id
where queues.org_id = $1 and queues.queue_id = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))
order by columns.position, columns.column_id;

-- $1 isApplication, $2 role, $3 orgId, $4 userId, $5 commentId
prepare select_comment as
with issue as materialized (
select issues.issue_id, issues.key as issue_key, ($1::boolean or ((queues.access = 'organisation' and $2::text = 'admin')
or exists (
select from queue_members
where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and queue_members.role = 'manager'))) as may_manage
from lateral (select * from issues where issues.org_id = $3 and issues.issue_id = (select issue_id from comments where org_id = $3 and comments.comment_id = $5) offset 0) issues
join queues on queues.org_id = $3 and queues.queue_id = issues.queue_id
where ($1::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true))))
select issue.*, (select count(*) from comments where comments.org_id = $3 and comments.issue_id = issue.issue_id
    and (comments.visibility = 'app-user' or comments.created_by = $4 or $1::boolean
  or $2::text = 'admin' or (comments.visibility = 'app-manager' and $2::text = 'manager'))) as total, comment.*
from issue
left join lateral (
  select comments.comment_id, comments.hex_id, comments.text, comments.visibility, comments.reference,
    comments.summonee_ids, comments.version, comments.created_at, comments.updated_at,
    array(
      select jsonb_build_object('uid', named.uid, 'display', coalesce(named.display, named.login),
        'passportUid', named.passport_uid, 'cloudUid', named.cloud_uid)
      from unnest(comments.summonee_ids) with ordinality as listed (user_id, place)
      join users named on named.org_id = $3 and named.user_id = listed.user_id
      order by listed.place
    ) as summonees,
    created_by.user_id as author_id, created_by.login as author_login, created_by.display as author_name,
    created_by.email as author_email,
    created_by.uid as created_by_uid, coalesce(created_by.display, created_by.login) as created_by_display,
created_by.passport_uid as created_by_passport_uid, created_by.cloud_uid as created_by_cloud_uid,
    updated_by.uid as updated_by_uid, coalesce(updated_by.display, updated_by.login) as updated_by_display,
updated_by.passport_uid as updated_by_passport_uid, updated_by.cloud_uid as updated_by_cloud_uid
  from comments
  join users created_by on created_by.org_id = $3 and created_by.user_id = comments.created_by
  join users updated_by on updated_by.org_id = $3 and updated_by.user_id = comments.updated_by
  where comments.org_id = $3 and comments.issue_id = issue.issue_id
    and (comments.visibility = 'app-user' or comments.created_by = $4 or $1::boolean
  or $2::text = 'admin' or (comments.visibility = 'app-manager' and $2::text = 'manager')) and comments.comment_id = $5
) comment on true
order by comment.comment_id;

-- $1 isApplication, $2 role, $3 orgId, $4 userId, $5 issueName, $6 commentId
prepare select_comment_of as
with issue as materialized (
select issues.issue_id, issues.key as issue_key, ($1::boolean or ((queues.access = 'organisation' and $2::text = 'admin')
or exists (
select from queue_members
where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and queue_members.role = 'manager'))) as may_manage
from lateral (select * from issues where issues.org_id = $3 and issues.issue_id = (
select issue_id from issues where org_id = $3 and key = $5
union all
select issue_id from issues where org_id = $3 and hex_id = $5
union all
select issue_id from issue_aliases where org_id = $3 and key = $5
limit 1) offset 0) issues
join queues on queues.org_id = $3 and queues.queue_id = issues.queue_id
where ($1::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true))))
select issue.*, (select count(*) from comments where comments.org_id = $3 and comments.issue_id = issue.issue_id
    and (comments.visibility = 'app-user' or comments.created_by = $4 or $1::boolean
  or $2::text = 'admin' or (comments.visibility = 'app-manager' and $2::text = 'manager'))) as total, comment.*
from issue
left join lateral (
  select comments.comment_id, comments.hex_id, comments.text, comments.visibility, comments.reference,
    comments.summonee_ids, comments.version, comments.created_at, comments.updated_at,
    array(
      select jsonb_build_object('uid', named.uid, 'display', coalesce(named.display, named.login),
        'passportUid', named.passport_uid, 'cloudUid', named.cloud_uid)
      from unnest(comments.summonee_ids) with ordinality as listed (user_id, place)
      join users named on named.org_id = $3 and named.user_id = listed.user_id
      order by listed.place
    ) as summonees,
    created_by.user_id as author_id, created_by.login as author_login, created_by.display as author_name,
    created_by.email as author_email,
    created_by.uid as created_by_uid, coalesce(created_by.display, created_by.login) as created_by_display,
created_by.passport_uid as created_by_passport_uid, created_by.cloud_uid as created_by_cloud_uid,
    updated_by.uid as updated_by_uid, coalesce(updated_by.display, updated_by.login) as updated_by_display,
updated_by.passport_uid as updated_by_passport_uid, updated_by.cloud_uid as updated_by_cloud_uid
  from comments
  join users created_by on created_by.org_id = $3 and created_by.user_id = comments.created_by
  join users updated_by on updated_by.org_id = $3 and updated_by.user_id = comments.updated_by
  where comments.org_id = $3 and comments.issue_id = issue.issue_id
    and (comments.visibility = 'app-user' or comments.created_by = $4 or $1::boolean
  or $2::text = 'admin' or (comments.visibility = 'app-manager' and $2::text = 'manager')) and comments.comment_id = $6
) comment on true
order by comment.comment_id;

-- $1 isApplication, $2 role, $3 orgId, $4 userId, $5 issueName, $6 after, $7 limit, $8 offset
prepare select_comments as
with issue as materialized (
select issues.issue_id, issues.key as issue_key, ($1::boolean or ((queues.access = 'organisation' and $2::text = 'admin')
or exists (
select from queue_members
where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and queue_members.role = 'manager'))) as may_manage
from lateral (select * from issues where issues.org_id = $3 and issues.issue_id = (
select issue_id from issues where org_id = $3 and key = $5
union all
select issue_id from issues where org_id = $3 and hex_id = $5
union all
select issue_id from issue_aliases where org_id = $3 and key = $5
limit 1) offset 0) issues
join queues on queues.org_id = $3 and queues.queue_id = issues.queue_id
where ($1::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true))))
select issue.*, (select count(*) from comments where comments.org_id = $3 and comments.issue_id = issue.issue_id
    and (comments.visibility = 'app-user' or comments.created_by = $4 or $1::boolean
  or $2::text = 'admin' or (comments.visibility = 'app-manager' and $2::text = 'manager'))) as total, comment.*
from issue
left join lateral (
  select comments.comment_id, comments.hex_id, comments.text, comments.visibility, comments.reference,
    comments.summonee_ids, comments.version, comments.created_at, comments.updated_at,
    array(
      select jsonb_build_object('uid', named.uid, 'display', coalesce(named.display, named.login),
        'passportUid', named.passport_uid, 'cloudUid', named.cloud_uid)
      from unnest(comments.summonee_ids) with ordinality as listed (user_id, place)
      join users named on named.org_id = $3 and named.user_id = listed.user_id
      order by listed.place
    ) as summonees,
    created_by.user_id as author_id, created_by.login as author_login, created_by.display as author_name,
    created_by.email as author_email,
    created_by.uid as created_by_uid, coalesce(created_by.display, created_by.login) as created_by_display,
created_by.passport_uid as created_by_passport_uid, created_by.cloud_uid as created_by_cloud_uid,
    updated_by.uid as updated_by_uid, coalesce(updated_by.display, updated_by.login) as updated_by_display,
updated_by.passport_uid as updated_by_passport_uid, updated_by.cloud_uid as updated_by_cloud_uid
  from comments
  join users created_by on created_by.org_id = $3 and created_by.user_id = comments.created_by
  join users updated_by on updated_by.org_id = $3 and updated_by.user_id = comments.updated_by
  where comments.org_id = $3 and comments.issue_id = issue.issue_id
    and (comments.visibility = 'app-user' or comments.created_by = $4 or $1::boolean
  or $2::text = 'admin' or (comments.visibility = 'app-manager' and $2::text = 'manager')) and comments.comment_id > $6
  order by comments.comment_id
  limit $7 offset $8
) comment on true
order by comment.comment_id;

-- $1 isApplication, $2 role, $3 orgId, $4 userId, $5 issueName, $6 after, $7 limit, $8 offset
prepare select_comments_by_id as
with issue as materialized (
select issues.issue_id, issues.key as issue_key, ($1::boolean or ((queues.access = 'organisation' and $2::text = 'admin')
or exists (
select from queue_members
where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and queue_members.role = 'manager'))) as may_manage
from lateral (select * from issues where issues.org_id = $3 and issues.issue_id = $5::bigint offset 0) issues
join queues on queues.org_id = $3 and queues.queue_id = issues.queue_id
where ($1::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true))))
select issue.*, (select count(*) from comments where comments.org_id = $3 and comments.issue_id = issue.issue_id
    and (comments.visibility = 'app-user' or comments.created_by = $4 or $1::boolean
  or $2::text = 'admin' or (comments.visibility = 'app-manager' and $2::text = 'manager'))) as total, comment.*
from issue
left join lateral (
  select comments.comment_id, comments.hex_id, comments.text, comments.visibility, comments.reference,
    comments.summonee_ids, comments.version, comments.created_at, comments.updated_at,
    array(
      select jsonb_build_object('uid', named.uid, 'display', coalesce(named.display, named.login),
        'passportUid', named.passport_uid, 'cloudUid', named.cloud_uid)
      from unnest(comments.summonee_ids) with ordinality as listed (user_id, place)
      join users named on named.org_id = $3 and named.user_id = listed.user_id
      order by listed.place
    ) as summonees,
    created_by.user_id as author_id, created_by.login as author_login, created_by.display as author_name,
    created_by.email as author_email,
    created_by.uid as created_by_uid, coalesce(created_by.display, created_by.login) as created_by_display,
created_by.passport_uid as created_by_passport_uid, created_by.cloud_uid as created_by_cloud_uid,
    updated_by.uid as updated_by_uid, coalesce(updated_by.display, updated_by.login) as updated_by_display,
updated_by.passport_uid as updated_by_passport_uid, updated_by.cloud_uid as updated_by_cloud_uid
  from comments
  join users created_by on created_by.org_id = $3 and created_by.user_id = comments.created_by
  join users updated_by on updated_by.org_id = $3 and updated_by.user_id = comments.updated_by
  where comments.org_id = $3 and comments.issue_id = issue.issue_id
    and (comments.visibility = 'app-user' or comments.created_by = $4 or $1::boolean
  or $2::text = 'admin' or (comments.visibility = 'app-manager' and $2::text = 'manager')) and comments.comment_id > $6
  order by comments.comment_id
  limit $7 offset $8
) comment on true
order by comment.comment_id;

-- $1 orgId, $2 issueId, $3 isApplication, $4 userId, $5 linkTypeId, $6 linkId, $7 objectId, $8 direction
prepare select_conflict as
select issue.hex_id as issue_hex_id, issue.key as issue_key, link.*
from (
  select issues.issue_id, issues.hex_id, issues.key
  from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = $2 offset 0) issues
  join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
  where ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))) issue
left join lateral (
  select ends.link_id, ends.link_type_id, ends.direction, object.hex_id as object_hex_id, object.key as object_key
  from (
    select 'inward' as direction, outward_issue_id as object_id, links.*
    from links where links.org_id = $1 and links.inward_issue_id = issue.issue_id
    union all
    select 'outward', inward_issue_id, links.*
    from links where links.org_id = $1 and links.outward_issue_id = issue.issue_id
  ) ends
  cross join lateral (select * from issues where issues.org_id = $1 and issues.issue_id = ends.object_id offset 0) object
  join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
  where ($3::boolean or (object_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $4
    and true))) and $5::text is not null
    and ($6::bigint is null or ends.link_id = $6)
    and ($7::bigint is null or ends.object_id = $7)
    and ($8::text is null or (ends.direction = $8 and ends.link_type_id = $5))
  order by ends.link_type_id = $5 desc, ends.link_id
  limit 1
) link on true;

-- $1 orgId, $2 linkTypeId, $3 outwardIssueId, $4 inwardIssueId, $5 isWhole, $6 limit
prepare select_displaced as
with recursive ends as materialized (
  select outward.position as lower, inward.position as upper
  from topological_order inward
  join topological_order outward on outward.org_id = $1 and outward.link_type_id = $2
    and outward.issue_id = $3
  where inward.org_id = $1 and inward.link_type_id = $2 and inward.issue_id = $4
    and inward.position >= outward.position
), outward_side (issue_id, position) as (
  select $3::bigint, lower from ends
  union
  select next.issue_id, next.position
  from outward_side
  cross join ends
  cross join lateral (
    select links.outward_issue_id as issue_id
    from links
    where links.org_id = $1 and links.inward_issue_id = outward_side.issue_id
      and links.link_type_id = $2
    offset 0
  ) link
  cross join lateral (
    select topological_order.issue_id, topological_order.position
    from topological_order
    where topological_order.org_id = $1 and topological_order.link_type_id = $2
      and topological_order.issue_id = link.issue_id
    offset 0
  ) next
  where outward_side.issue_id <> $4
    and ($5::boolean or next.position between ends.lower and ends.upper)
), inward_side (issue_id, position) as (
  select $4::bigint, upper from ends
  union
  select next.issue_id, next.position
  from inward_side
  cross join ends
  cross join lateral (
    select links.inward_issue_id as issue_id
    from links
    where links.org_id = $1 and links.outward_issue_id = inward_side.issue_id
      and links.link_type_id = $2
    offset 0
  ) link
  cross join lateral (
    select topological_order.issue_id, topological_order.position
    from topological_order
    where topological_order.org_id = $1 and topological_order.link_type_id = $2
      and topological_order.issue_id = link.issue_id
    offset 0
  ) next
  where inward_side.issue_id <> $3
    and ($5::boolean or next.position between ends.lower and ends.upper)
)
(select 'outward' as side, issue_id, position from outward_side limit $6)
union all
(select 'inward', issue_id, position from inward_side limit $6);

-- $1 orgId, $2 issueName, $3 isApplication, $4 userId, $5 oldest, $6 role, $7 after, $8 until, $9 types, $10 fields, $11 limit
prepare select_entries as
with issue as materialized (
select issues.issue_id, issues.hex_id as issue_hex_id, issues.key as issue_key, issues.summary as issue_summary
from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = (
select issue_id from issues where org_id = $1 and key = $2
union all
select issue_id from issues where org_id = $1 and hex_id = $2
union all
select issue_id from issue_aliases where org_id = $1 and key = $2
limit 1) offset 0) issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
where ($3::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true))))
select issue.*, entry.*
from issue
left join lateral (
  select events.event_id, events.transaction_id, events.type, events.created_at, events.changes,
    events.transaction_id < $5::text::xid8 as is_settled, author.uid as author_uid, coalesce(author.display, author.login) as author_display,
author.passport_uid as author_passport_uid, author.cloud_uid as author_cloud_uid
  from events
  join users author on author.org_id = $1 and author.user_id = events.user_id
  where events.org_id = $1 and events.issue_id = issue.issue_id and not ((events.changes -> 'links' is not null and events.changes -> 'fields' is null and not exists (
    select from jsonb_array_elements(events.changes -> 'links') as link (change)
    cross join lateral (values (link.change -> 'from'), (link.change -> 'to')) as state (value)
    left join issues object on object.org_id = $1 and object.issue_id = (state.value ->> 'object_id')::bigint
    left join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
    left join deleted_issues deleted
      on deleted.org_id = $1 and deleted.issue_id = (state.value ->> 'object_id')::bigint
    left join queues deleted_queue on deleted_queue.org_id = $1 and deleted_queue.queue_id = deleted.queue_id
    where jsonb_typeof(state.value) = 'object' and (
      (object.issue_id is not null and ($3::boolean or (object_queue.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $4
  and true))))
      or (deleted.issue_id is not null and (case when deleted_queue.queue_id is null
then $3::boolean or deleted.was_open or $4 = any(deleted.reader_ids)
else ($3::boolean or (deleted_queue.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = deleted_queue.queue_id and queue_members.user_id = $4
  and true))) end))
      or (object.issue_id is null and deleted.issue_id is null and $6 = 'admin')))) or (events.changes -> 'comments' is not null
    and not (events.changes -> 'comments' -> 0 ->> 'visibility' = 'app-user' or events.user_id = $4 or $3::boolean
  or $6::text = 'admin' or (events.changes -> 'comments' -> 0 ->> 'visibility' = 'app-manager' and $6::text = 'manager'))))
    and (events.transaction_id, events.event_id) > (coalesce((
    select seen.transaction_id from events seen
    where seen.org_id = $1 and seen.event_id = $7 and seen.issue_id = issue.issue_id), '0'), $7)
  and (events.event_id > $7 or (
    select seen.transaction_id from events seen
    where seen.org_id = $1 and seen.event_id = $7 and seen.issue_id = issue.issue_id) is not null)
  and ($8::text is null or events.transaction_id <= $8::text::xid8)
  and ($9::text[] is null or events.type = any($9))
  and ($10::text[] is null or ('links' = any($10) and events.changes -> 'links' is not null)
    or exists (
      select from jsonb_array_elements(events.changes -> 'fields') as change (field)
      where change.field ->> 'field' = any($10)))
  order by events.transaction_id, events.event_id
  limit $11
) entry on true
order by entry.transaction_id, entry.event_id;

-- $1 orgId
prepare select_entries_of_issue_types as
select issue_type_id as id, key, version, name_ru, name_en, position from issue_types where org_id = $1 order by position, id;

-- $1 orgId
prepare select_entries_of_priorities as
select priority_id as id, key, version, name_ru, name_en, position from priorities where org_id = $1 order by position, id;

-- $1 orgId
prepare select_entries_of_resolutions as
select resolution_id as id, key, version, name_ru, name_en, position from resolutions where org_id = $1 order by position, id;

-- $1 orgId
prepare select_entries_of_statuses as
select status_id as id, key, version, name_ru, name_en, position, type from statuses where org_id = $1 order by position, id;

-- $1 orgId, $2 issueName, $3 isApplication, $4 userId, $5 oldest, $6 role, $7 entryId
prepare select_entry as
with issue as materialized (
select issues.issue_id, issues.hex_id as issue_hex_id, issues.key as issue_key, issues.summary as issue_summary
from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = (
select issue_id from issues where org_id = $1 and key = $2
union all
select issue_id from issues where org_id = $1 and hex_id = $2
union all
select issue_id from issue_aliases where org_id = $1 and key = $2
limit 1) offset 0) issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
where ($3::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true))))
select issue.*, entry.*
from issue
left join lateral (
  select events.event_id, events.transaction_id, events.type, events.created_at, events.changes,
    events.transaction_id < $5::text::xid8 as is_settled, author.uid as author_uid, coalesce(author.display, author.login) as author_display,
author.passport_uid as author_passport_uid, author.cloud_uid as author_cloud_uid
  from events
  join users author on author.org_id = $1 and author.user_id = events.user_id
  where events.org_id = $1 and events.issue_id = issue.issue_id and not ((events.changes -> 'links' is not null and events.changes -> 'fields' is null and not exists (
    select from jsonb_array_elements(events.changes -> 'links') as link (change)
    cross join lateral (values (link.change -> 'from'), (link.change -> 'to')) as state (value)
    left join issues object on object.org_id = $1 and object.issue_id = (state.value ->> 'object_id')::bigint
    left join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
    left join deleted_issues deleted
      on deleted.org_id = $1 and deleted.issue_id = (state.value ->> 'object_id')::bigint
    left join queues deleted_queue on deleted_queue.org_id = $1 and deleted_queue.queue_id = deleted.queue_id
    where jsonb_typeof(state.value) = 'object' and (
      (object.issue_id is not null and ($3::boolean or (object_queue.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $4
  and true))))
      or (deleted.issue_id is not null and (case when deleted_queue.queue_id is null
then $3::boolean or deleted.was_open or $4 = any(deleted.reader_ids)
else ($3::boolean or (deleted_queue.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = deleted_queue.queue_id and queue_members.user_id = $4
  and true))) end))
      or (object.issue_id is null and deleted.issue_id is null and $6 = 'admin')))) or (events.changes -> 'comments' is not null
    and not (events.changes -> 'comments' -> 0 ->> 'visibility' = 'app-user' or events.user_id = $4 or $3::boolean
  or $6::text = 'admin' or (events.changes -> 'comments' -> 0 ->> 'visibility' = 'app-manager' and $6::text = 'manager'))))
    and events.event_id = $7
) entry on true
order by entry.transaction_id, entry.event_id;

-- $1 orgId, $2 id, $3 key
prepare select_entry_of_issue_types as
select issue_type_id as id, key, version, name_ru, name_en, position
from issue_types
where org_id = $1 and issue_type_id = coalesce(
  (select issue_type_id from issue_types where org_id = $1 and issue_type_id = $2),
  (select issue_type_id from issue_types where org_id = $1 and key = $3));

-- $1 orgId, $2 id, $3 key
prepare select_entry_of_priorities as
select priority_id as id, key, version, name_ru, name_en, position
from priorities
where org_id = $1 and priority_id = coalesce(
  (select priority_id from priorities where org_id = $1 and priority_id = $2),
  (select priority_id from priorities where org_id = $1 and key = $3));

-- $1 orgId, $2 id, $3 key
prepare select_entry_of_resolutions as
select resolution_id as id, key, version, name_ru, name_en, position
from resolutions
where org_id = $1 and resolution_id = coalesce(
  (select resolution_id from resolutions where org_id = $1 and resolution_id = $2),
  (select resolution_id from resolutions where org_id = $1 and key = $3));

-- $1 orgId, $2 id, $3 key
prepare select_entry_of_statuses as
select status_id as id, key, version, name_ru, name_en, position, type
from statuses
where org_id = $1 and status_id = coalesce(
  (select status_id from statuses where org_id = $1 and status_id = $2),
  (select status_id from statuses where org_id = $1 and key = $3));

-- $1 orgId, $2 issueId, $3 isApplication, $4 userId, $5 linkId
prepare select_external_link as
with issue as materialized (
select issues.issue_id
from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = $2::bigint offset 0) issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
where ($3::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true))))
select issue.issue_id, link.*
from issue
left join lateral (
  select
    remote_links.remote_link_id, applications.type as application_type, remote_links.dependency,
    coalesce(remote_links.title, remote_links.object_key) as title, remote_links.object_key as url,
    remote_links.created_at, remote_links.updated_at,
    creator.user_id as creator_id, creator.display as creator_name, creator.login as creator_login
  from remote_links
  join applications on applications.org_id = $1 and applications.application_id = remote_links.application_id
  left join users creator on creator.org_id = $1 and creator.user_id = remote_links.created_by
    and not creator.is_application
  where remote_links.org_id = $1 and remote_links.issue_id = issue.issue_id and remote_links.remote_link_id = $5
) link on true
order by link.title collate "C", link.remote_link_id;

-- $1 orgId, $2 issueId, $3 isApplication, $4 userId
prepare select_external_links as
with issue as materialized (
select issues.issue_id
from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = $2::bigint offset 0) issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
where ($3::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true))))
select issue.issue_id, link.*
from issue
left join lateral (
  select
    remote_links.remote_link_id, applications.type as application_type, remote_links.dependency,
    coalesce(remote_links.title, remote_links.object_key) as title, remote_links.object_key as url,
    remote_links.created_at, remote_links.updated_at,
    creator.user_id as creator_id, creator.display as creator_name, creator.login as creator_login
  from remote_links
  join applications on applications.org_id = $1 and applications.application_id = remote_links.application_id
  left join users creator on creator.org_id = $1 and creator.user_id = remote_links.created_by
    and not creator.is_application
  where remote_links.org_id = $1 and remote_links.issue_id = issue.issue_id and true
) link on true
order by link.title collate "C", link.remote_link_id;

-- $1 orgId, $2 queueId, $3 categoryId, $4 fromQueueId, $5 priority
prepare select_fields_in_queue as
select
  coalesce((
    select categories.category_id
    from categories wanted
    join categories on categories.org_id = $1 and categories.queue_id = $2 and categories.name = wanted.name
    where wanted.org_id = $1 and wanted.category_id = $3::bigint
      and wanted.queue_id in ($4::bigint, $2::bigint)
  ), 0) as category_id,
  case when $5::bigint between coalesce((kanboard ->> 'priority_start')::bigint, 0)
      and coalesce((kanboard ->> 'priority_end')::bigint, 3)
    then $5 else coalesce((kanboard ->> 'priority_default')::bigint, 0) end as priority
from queues
where queues.org_id = $1 and queues.queue_id = $2;

-- $1 orgId, $2 queueId
prepare select_first_status as
select statuses.status_id as id, statuses.type
from statuses
left join columns on columns.org_id = $1 and columns.queue_id = $2 and columns.status_id = statuses.status_id
where statuses.org_id = $1
order by columns.position, columns.column_id, statuses.position, statuses.status_id
limit 1;

-- $1 orgId
prepare select_has_active_users as
select exists (select from users where org_id = $1 and is_active) as has_active_users;

-- $1 orgId, $2 issueName, $3 isApplication, $4 userId
prepare select_issue as
select issues.issue_id, issues.hex_id, issues.key, issues.version, issues.summary, issues.description, issues.tags,
  issues.created_at, issues.updated_at, issues.due_at, issues.kanboard -> 'score' as story_points,
  array(
      select jsonb_build_object('uid', named.uid, 'display', coalesce(named.display, named.login),
        'passportUid', named.passport_uid, 'cloudUid', named.cloud_uid)
      from unnest(issues.follower_ids) with ordinality as listed (user_id, place)
      join users named on named.org_id = $1 and named.user_id = listed.user_id
      order by listed.place
    ) as followers,
  array(
    select issue_aliases.key from issue_aliases
    where issue_aliases.org_id = $1 and issue_aliases.issue_id = issues.issue_id
    order by issue_aliases.key
  ) as aliases,
  queues.queue_id, queues.key as queue_key, queues.name as queue_name,
  types.issue_type_id as type_id, types.key as type_key, types.name_ru as type_ru, types.name_en as type_en,
  priorities.priority_id, priorities.key as priority_key, priorities.name_ru as priority_ru,
  priorities.name_en as priority_en,
  statuses.status_id, statuses.key as status_key, statuses.name_ru as status_ru, statuses.name_en as status_en,
  statuses.type as status_type,
  previous.status_id as previous_id, previous.key as previous_key, previous.name_ru as previous_ru,
  previous.name_en as previous_en,
  resolutions.resolution_id, resolutions.key as resolution_key, resolutions.name_ru as resolution_ru,
  resolutions.name_en as resolution_en, issues.resolved_at,
  parent.hex_id as parent_hex_id, parent.key as parent_key, parent.summary as parent_summary,
  epic.hex_id as epic_hex_id, epic.key as epic_key, epic.summary as epic_summary,
  created_by.uid as created_by_uid, coalesce(created_by.display, created_by.login) as created_by_display,
created_by.passport_uid as created_by_passport_uid, created_by.cloud_uid as created_by_cloud_uid,
  updated_by.uid as updated_by_uid, coalesce(updated_by.display, updated_by.login) as updated_by_display,
updated_by.passport_uid as updated_by_passport_uid, updated_by.cloud_uid as updated_by_cloud_uid,
  author.uid as author_uid, coalesce(author.display, author.login) as author_display,
author.passport_uid as author_passport_uid, author.cloud_uid as author_cloud_uid,
  assignee.uid as assignee_uid, coalesce(assignee.display, assignee.login) as assignee_display,
assignee.passport_uid as assignee_passport_uid, assignee.cloud_uid as assignee_cloud_uid,
  resolved_by.uid as resolved_by_uid, coalesce(resolved_by.display, resolved_by.login) as resolved_by_display,
resolved_by.passport_uid as resolved_by_passport_uid, resolved_by.cloud_uid as resolved_by_cloud_uid
from (select (
select issue_id from issues where org_id = $1 and key = $2
union all
select issue_id from issues where org_id = $1 and hex_id = $2
union all
select issue_id from issue_aliases where org_id = $1 and key = $2
limit 1) as issue_id, 1 as place) found
join issues on issues.org_id = $1 and issues.issue_id = found.issue_id
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id and ($3::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true)))
join issue_types types on types.org_id = $1 and types.issue_type_id = issues.issue_type_id
join priorities on priorities.org_id = $1 and priorities.priority_id = issues.priority_id
join statuses on statuses.org_id = $1 and statuses.status_id = issues.status_id
join users created_by on created_by.org_id = $1 and created_by.user_id = issues.created_by
join users updated_by on updated_by.org_id = $1 and updated_by.user_id = issues.updated_by
left join users author on author.org_id = $1 and author.user_id = issues.author_id
left join users assignee on assignee.org_id = $1 and assignee.user_id = issues.assignee_id
left join statuses previous on previous.org_id = $1 and previous.status_id = issues.previous_status_id
left join resolutions on resolutions.org_id = $1 and resolutions.resolution_id = issues.resolution_id
left join users resolved_by on resolved_by.org_id = $1 and resolved_by.user_id = issues.resolved_by
left join lateral (
  select object.hex_id, object.key, object.summary
  from lateral (select * from links where links.org_id = $1 and links.inward_issue_id = issues.issue_id offset 0) links
  cross join lateral (select * from issues where issues.org_id = $1 and issues.issue_id = links.outward_issue_id offset 0) object
  join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
  where links.link_type_id = 'subtask' and ($3::boolean or (object_queue.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $4
  and true)))
  order by links.link_id
  limit 1) parent on true
left join lateral (
  select object.hex_id, object.key, object.summary
  from lateral (select * from links where links.org_id = $1 and links.outward_issue_id = issues.issue_id offset 0) links
  cross join lateral (select * from issues where issues.org_id = $1 and issues.issue_id = links.inward_issue_id offset 0) object
  join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
  where links.link_type_id = 'epic' and ($3::boolean or (object_queue.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $4
  and true)))
  order by links.link_id
  limit 1) epic on true
order by found.place;

-- $1 orgId, $2 userId, $3 unique, $4 isApplication
prepare select_issue_by_unique as
select issues.issue_id, issues.hex_id, issues.key, issues.version, issues.summary, issues.description, issues.tags,
  issues.created_at, issues.updated_at, issues.due_at, issues.kanboard -> 'score' as story_points,
  array(
      select jsonb_build_object('uid', named.uid, 'display', coalesce(named.display, named.login),
        'passportUid', named.passport_uid, 'cloudUid', named.cloud_uid)
      from unnest(issues.follower_ids) with ordinality as listed (user_id, place)
      join users named on named.org_id = $1 and named.user_id = listed.user_id
      order by listed.place
    ) as followers,
  array(
    select issue_aliases.key from issue_aliases
    where issue_aliases.org_id = $1 and issue_aliases.issue_id = issues.issue_id
    order by issue_aliases.key
  ) as aliases,
  queues.queue_id, queues.key as queue_key, queues.name as queue_name,
  types.issue_type_id as type_id, types.key as type_key, types.name_ru as type_ru, types.name_en as type_en,
  priorities.priority_id, priorities.key as priority_key, priorities.name_ru as priority_ru,
  priorities.name_en as priority_en,
  statuses.status_id, statuses.key as status_key, statuses.name_ru as status_ru, statuses.name_en as status_en,
  statuses.type as status_type,
  previous.status_id as previous_id, previous.key as previous_key, previous.name_ru as previous_ru,
  previous.name_en as previous_en,
  resolutions.resolution_id, resolutions.key as resolution_key, resolutions.name_ru as resolution_ru,
  resolutions.name_en as resolution_en, issues.resolved_at,
  parent.hex_id as parent_hex_id, parent.key as parent_key, parent.summary as parent_summary,
  epic.hex_id as epic_hex_id, epic.key as epic_key, epic.summary as epic_summary,
  created_by.uid as created_by_uid, coalesce(created_by.display, created_by.login) as created_by_display,
created_by.passport_uid as created_by_passport_uid, created_by.cloud_uid as created_by_cloud_uid,
  updated_by.uid as updated_by_uid, coalesce(updated_by.display, updated_by.login) as updated_by_display,
updated_by.passport_uid as updated_by_passport_uid, updated_by.cloud_uid as updated_by_cloud_uid,
  author.uid as author_uid, coalesce(author.display, author.login) as author_display,
author.passport_uid as author_passport_uid, author.cloud_uid as author_cloud_uid,
  assignee.uid as assignee_uid, coalesce(assignee.display, assignee.login) as assignee_display,
assignee.passport_uid as assignee_passport_uid, assignee.cloud_uid as assignee_cloud_uid,
  resolved_by.uid as resolved_by_uid, coalesce(resolved_by.display, resolved_by.login) as resolved_by_display,
resolved_by.passport_uid as resolved_by_passport_uid, resolved_by.cloud_uid as resolved_by_cloud_uid
from
  (
    select issue_id, row_number() over (order by created_by <> $2, issue_id) as place
    from issues
    where org_id = $1 and unique_token = $3
  ) found
join issues on issues.org_id = $1 and issues.issue_id = found.issue_id
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id and ($4::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $2
  and true)))
join issue_types types on types.org_id = $1 and types.issue_type_id = issues.issue_type_id
join priorities on priorities.org_id = $1 and priorities.priority_id = issues.priority_id
join statuses on statuses.org_id = $1 and statuses.status_id = issues.status_id
join users created_by on created_by.org_id = $1 and created_by.user_id = issues.created_by
join users updated_by on updated_by.org_id = $1 and updated_by.user_id = issues.updated_by
left join users author on author.org_id = $1 and author.user_id = issues.author_id
left join users assignee on assignee.org_id = $1 and assignee.user_id = issues.assignee_id
left join statuses previous on previous.org_id = $1 and previous.status_id = issues.previous_status_id
left join resolutions on resolutions.org_id = $1 and resolutions.resolution_id = issues.resolution_id
left join users resolved_by on resolved_by.org_id = $1 and resolved_by.user_id = issues.resolved_by
left join lateral (
  select object.hex_id, object.key, object.summary
  from lateral (select * from links where links.org_id = $1 and links.inward_issue_id = issues.issue_id offset 0) links
  cross join lateral (select * from issues where issues.org_id = $1 and issues.issue_id = links.outward_issue_id offset 0) object
  join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
  where links.link_type_id = 'subtask' and ($4::boolean or (object_queue.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $2
  and true)))
  order by links.link_id
  limit 1) parent on true
left join lateral (
  select object.hex_id, object.key, object.summary
  from lateral (select * from links where links.org_id = $1 and links.outward_issue_id = issues.issue_id offset 0) links
  cross join lateral (select * from issues where issues.org_id = $1 and issues.issue_id = links.inward_issue_id offset 0) object
  join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
  where links.link_type_id = 'epic' and ($4::boolean or (object_queue.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $2
  and true)))
  order by links.link_id
  limit 1) epic on true
order by found.place;

-- $1 orgId, $2 issueIds
prepare select_issue_keys as
select issue_id, key from issues where org_id = $1 and issue_id = any($2::bigint[]);

-- $1 orgId, $2 issueName, $3 isApplication, $4 userId, $5 linkId
prepare select_issue_link as
with issue as materialized (
  select issues.issue_id, issues.key as issue_key
  from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = (
  select issue_id from issues where org_id = $1 and key = $2
  union all
  select issue_id from issues where org_id = $1 and hex_id = $2
  union all
  select issue_id from issue_aliases where org_id = $1 and key = $2
  limit 1) offset 0) issues
  join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
  where ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true))))
select issue.*, link.*
from issue
cross join lateral (
  select
    ends.link_id, ends.version, ends.link_type_id, ends.direction, ends.created_at, ends.updated_at,
  coalesce(inward.name_ru, inward.label) as inward_ru, coalesce(inward.name_en, inward.label) as inward_en,
  coalesce(outward.name_ru, outward.label) as outward_ru, coalesce(outward.name_en, outward.label) as outward_en,
  inward.phrase as inward_phrase, outward.phrase as outward_phrase,
    object.hex_id as object_hex_id, object.key as object_key, object.summary as object_summary,
    statuses.status_id, statuses.key as status_key, statuses.name_ru as status_ru, statuses.name_en as status_en,
    created_by.uid as created_by_uid, coalesce(created_by.display, created_by.login) as created_by_display,
  created_by.passport_uid as created_by_passport_uid, created_by.cloud_uid as created_by_cloud_uid,
    updated_by.uid as updated_by_uid, coalesce(updated_by.display, updated_by.login) as updated_by_display,
  updated_by.passport_uid as updated_by_passport_uid, updated_by.cloud_uid as updated_by_cloud_uid,
    assignee.uid as assignee_uid, coalesce(assignee.display, assignee.login) as assignee_display,
  assignee.passport_uid as assignee_passport_uid, assignee.cloud_uid as assignee_cloud_uid
  from (
    select 'inward' as direction, outward_issue_id as object_id, links.*
    from links where links.org_id = $1 and links.inward_issue_id = issue.issue_id
    union all
    select 'outward', inward_issue_id, links.*
    from links where links.org_id = $1 and links.outward_issue_id = issue.issue_id
  ) ends
  join link_types on link_types.org_id = $1 and link_types.link_type_id = ends.link_type_id
  join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
  join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
  cross join lateral (select * from issues where issues.org_id = $1 and issues.issue_id = ends.object_id offset 0) object
  join queues on queues.org_id = $1 and queues.queue_id = object.queue_id
  join statuses on statuses.org_id = $1 and statuses.status_id = object.status_id
  join users created_by on created_by.org_id = $1 and created_by.user_id = ends.created_by
  join users updated_by on updated_by.org_id = $1 and updated_by.user_id = ends.updated_by
  left join users assignee on assignee.org_id = $1 and assignee.user_id = object.assignee_id
  where ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true))) and ends.link_id = $5) link;

-- $1 orgId, $2 issueName, $3 isApplication, $4 userId
prepare select_issue_links as
with issue as materialized (
  select issues.issue_id, issues.key as issue_key
  from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = (
  select issue_id from issues where org_id = $1 and key = $2
  union all
  select issue_id from issues where org_id = $1 and hex_id = $2
  union all
  select issue_id from issue_aliases where org_id = $1 and key = $2
  limit 1) offset 0) issues
  join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
  where ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true))))
select issue.*, link.*
from issue
left join lateral (
  select
    ends.link_id, ends.version, ends.link_type_id, ends.direction, ends.created_at, ends.updated_at,
  coalesce(inward.name_ru, inward.label) as inward_ru, coalesce(inward.name_en, inward.label) as inward_en,
  coalesce(outward.name_ru, outward.label) as outward_ru, coalesce(outward.name_en, outward.label) as outward_en,
  inward.phrase as inward_phrase, outward.phrase as outward_phrase,
    object.hex_id as object_hex_id, object.key as object_key, object.summary as object_summary,
    statuses.status_id, statuses.key as status_key, statuses.name_ru as status_ru, statuses.name_en as status_en,
    created_by.uid as created_by_uid, coalesce(created_by.display, created_by.login) as created_by_display,
  created_by.passport_uid as created_by_passport_uid, created_by.cloud_uid as created_by_cloud_uid,
    updated_by.uid as updated_by_uid, coalesce(updated_by.display, updated_by.login) as updated_by_display,
  updated_by.passport_uid as updated_by_passport_uid, updated_by.cloud_uid as updated_by_cloud_uid,
    assignee.uid as assignee_uid, coalesce(assignee.display, assignee.login) as assignee_display,
  assignee.passport_uid as assignee_passport_uid, assignee.cloud_uid as assignee_cloud_uid
  from (
    select 'inward' as direction, outward_issue_id as object_id, links.*
    from links where links.org_id = $1 and links.inward_issue_id = issue.issue_id
    union all
    select 'outward', inward_issue_id, links.*
    from links where links.org_id = $1 and links.outward_issue_id = issue.issue_id
  ) ends
  join link_types on link_types.org_id = $1 and link_types.link_type_id = ends.link_type_id
  join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
  join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
  cross join lateral (select * from issues where issues.org_id = $1 and issues.issue_id = ends.object_id offset 0) object
  join queues on queues.org_id = $1 and queues.queue_id = object.queue_id
  join statuses on statuses.org_id = $1 and statuses.status_id = object.status_id
  join users created_by on created_by.org_id = $1 and created_by.user_id = ends.created_by
  join users updated_by on updated_by.org_id = $1 and updated_by.user_id = ends.updated_by
  left join users assignee on assignee.org_id = $1 and assignee.user_id = object.assignee_id
  where ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true))) and true) link on true
order by link.link_id;

-- $1 orgId, $2 issueName, $3 isApplication, $4 userId, $5 linkTypeIds, $6 directions, $7 limit, $8 offset
prepare select_issue_links_page as
with issue as materialized (
  select issues.issue_id, issues.key as issue_key
  from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = (
  select issue_id from issues where org_id = $1 and key = $2
  union all
  select issue_id from issues where org_id = $1 and hex_id = $2
  union all
  select issue_id from issue_aliases where org_id = $1 and key = $2
  limit 1) offset 0) issues
  join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
  where ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))),
found as materialized (
  select issue.*, link.*
  from issue
  cross join lateral (
  select
    ends.link_id, ends.version, ends.link_type_id, ends.direction, ends.created_at, ends.updated_at,
  coalesce(inward.name_ru, inward.label) as inward_ru, coalesce(inward.name_en, inward.label) as inward_en,
  coalesce(outward.name_ru, outward.label) as outward_ru, coalesce(outward.name_en, outward.label) as outward_en,
  inward.phrase as inward_phrase, outward.phrase as outward_phrase,
    object.hex_id as object_hex_id, object.key as object_key, object.summary as object_summary,
    statuses.status_id, statuses.key as status_key, statuses.name_ru as status_ru, statuses.name_en as status_en,
    created_by.uid as created_by_uid, coalesce(created_by.display, created_by.login) as created_by_display,
  created_by.passport_uid as created_by_passport_uid, created_by.cloud_uid as created_by_cloud_uid,
    updated_by.uid as updated_by_uid, coalesce(updated_by.display, updated_by.login) as updated_by_display,
  updated_by.passport_uid as updated_by_passport_uid, updated_by.cloud_uid as updated_by_cloud_uid,
    assignee.uid as assignee_uid, coalesce(assignee.display, assignee.login) as assignee_display,
  assignee.passport_uid as assignee_passport_uid, assignee.cloud_uid as assignee_cloud_uid
  from (
    select 'inward' as direction, outward_issue_id as object_id, links.*
    from links where links.org_id = $1 and links.inward_issue_id = issue.issue_id
    union all
    select 'outward', inward_issue_id, links.*
    from links where links.org_id = $1 and links.outward_issue_id = issue.issue_id
  ) ends
  join link_types on link_types.org_id = $1 and link_types.link_type_id = ends.link_type_id
  join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
  join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
  cross join lateral (select * from issues where issues.org_id = $1 and issues.issue_id = ends.object_id offset 0) object
  join queues on queues.org_id = $1 and queues.queue_id = object.queue_id
  join statuses on statuses.org_id = $1 and statuses.status_id = object.status_id
  join users created_by on created_by.org_id = $1 and created_by.user_id = ends.created_by
  join users updated_by on updated_by.org_id = $1 and updated_by.user_id = ends.updated_by
  left join users assignee on assignee.org_id = $1 and assignee.user_id = object.assignee_id
  where ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true))) and ($5::text[] is null
      or (ends.link_type_id, ends.direction) in (select * from unnest($5::text[], $6::text[])))) link
)
select (select count(*) from found) as total, page.*
from issue
left join (select * from found order by link_id limit $7 offset $8) page on true
order by page.link_id;

-- $1 isApplication, $2 role, $3 orgId, $4 userId, $5 issueId
prepare select_issue_state as
select issues.issue_id, issues.key, issues.version, issues.queue_id, queues.key as queue_key, issues.summary,
  issues.description, issues.tags, issues.issue_type_id, issues.priority_id, issues.status_id,
  issues.resolution_id, issues.assignee_id, coalesce(issues.author_id, issues.created_by) as author_id,
  to_jsonb(issues.follower_ids) as follower_ids, issues.created_by, issues.is_open, issues.position, issues.reference,
  issues.color, issues.due_at, issues.started_at, issues.time_spent, issues.time_estimated, issues.kanboard,
  ($1::boolean or ((queues.access = 'organisation' and $2::text <> 'reader')
or exists (
select from queue_members
where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and queue_members.role in ('manager', 'member')))) as may_write
from lateral (select * from issues where issues.org_id = $3 and issues.issue_id = $5 offset 0) issues
join queues on queues.org_id = $3 and queues.queue_id = issues.queue_id
where ($1::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true)));

-- $1 orgId, $2 labelId
prepare select_label as
select labels.label_id as id, labels.label, coalesce(labels.opposite_id, 0) as opposite_id from labels where labels.org_id = $1 and labels.label_id = $2::bigint;

-- $1 orgId, $2 label
prepare select_label_by_text as
select labels.label_id as id, labels.label, coalesce(labels.opposite_id, 0) as opposite_id from labels
where labels.org_id = $1 and md5(labels.label) = md5($2) and labels.label = $2;

-- $1 orgId
prepare select_labels as
select labels.label_id as id, labels.label, coalesce(labels.opposite_id, 0) as opposite_id from labels where labels.org_id = $1 order by labels.label_id;

-- $1 orgId, $2 queueId
prepare select_last_status as
select status_id from columns
where org_id = $1 and queue_id = $2
order by position desc, column_id desc
limit 1;

-- $1 orgId, $2 tokenIdMax, $3 limit
prepare select_latest_tokens as
select tokens.token_id, users.login, tokens.kind, tokens.scopes, tokens.created_at, tokens.expires_at,
  tokens.revoked_at, tokens.last_used_at, users.uid as users_uid, coalesce(users.display, users.login) as users_display,
  users.passport_uid as users_passport_uid, users.cloud_uid as users_cloud_uid
from tokens
join users on users.org_id = tokens.org_id and users.user_id = tokens.user_id
where tokens.org_id = $1 and tokens.token_id <= $2
order by tokens.token_id desc
limit $3;

-- $1 orgId, $2 userId, $3 tokenIdMax, $4 limit
prepare select_latest_tokens_of_user as
select tokens.token_id, users.login, tokens.kind, tokens.scopes, tokens.created_at, tokens.expires_at,
  tokens.revoked_at, tokens.last_used_at, users.uid as users_uid, coalesce(users.display, users.login) as users_display,
  users.passport_uid as users_passport_uid, users.cloud_uid as users_cloud_uid
from tokens
join users on users.org_id = tokens.org_id and users.user_id = tokens.user_id
where tokens.org_id = $1 and tokens.user_id = $2 and tokens.token_id <= $3
order by tokens.token_id desc
limit $4;

-- $1 isApplication, $2 role, $3 orgId, $4 userId, $5 linkId, $6 issueName
prepare select_link_at_issue as
select links.link_id, links.link_type_id, links.inward_issue_id, links.outward_issue_id, links.first_end,
  links.version, links.created_at, links.updated_at, links.created_by as "createdBy",
  links.updated_by as "updatedBy", own.issue_id as "ownId", own.key as "ownKey",
  ($1::boolean or ((own_queue.access = 'organisation' and $2::text <> 'reader')
  or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = own_queue.queue_id and queue_members.user_id = $4
    and queue_members.role in ('manager', 'member')))) as "mayWriteOwn", issues.issue_id as id, issues.key, ($1::boolean or ((queues.access = 'organisation' and $2::text <> 'reader')
  or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and queue_members.role in ('manager', 'member')))) as "mayWrite", issues.hex_id as "hexId", issues.summary,
  issues.status_id as "statusId", issues.assignee_id as "assigneeId"
from issues own
join queues own_queue on own_queue.org_id = $3 and own_queue.queue_id = own.queue_id
join links on links.org_id = $3 and links.link_id = $5
  and own.issue_id in (links.inward_issue_id, links.outward_issue_id)
join issues on issues.org_id = $3
  and issues.issue_id = links.inward_issue_id + links.outward_issue_id - own.issue_id
join queues on queues.org_id = $3 and queues.queue_id = issues.queue_id
where own.org_id = $3 and own.issue_id = (
  select issue_id from issues where org_id = $3 and key = $6
  union all
  select issue_id from issues where org_id = $3 and hex_id = $6
  union all
  select issue_id from issue_aliases where org_id = $3 and key = $6
  limit 1) and ($1::boolean or (own_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = own_queue.queue_id and queue_members.user_id = $4
    and true)))
  and ($1::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)));

-- $1 issueNames, $2 orgId, $3 isApplication, $4 userId, $5 direction, $6 linkTypeIds, $7 directions, $8 issuesMax, $9 depth, $10 linksMax
prepare select_link_graph as
with recursive levels (depth, issue_ids, seen) as (
  select 0, first.issue_ids, first.issue_ids
  from (
    select array(
      select distinct issue.issue_id
      from unnest($1::text[]) as wanted (issue_name)
    cross join lateral (select * from issues where issues.org_id = $2 and issues.issue_id = (
  select issue_id from issues where org_id = $2 and key = wanted.issue_name
  union all
  select issue_id from issues where org_id = $2 and hex_id = wanted.issue_name
  union all
  select issue_id from issue_aliases where org_id = $2 and key = wanted.issue_name
  limit 1) offset 0) issue
    cross join lateral (select * from queues where queues.org_id = $2 and queues.queue_id = issue.queue_id and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $2 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true))) offset 0) queue
      order by issue.issue_id
    ) as issue_ids
    offset 0
  ) first
  union all
  select levels.depth + 1, next.issue_ids, levels.seen || next.issue_ids
  from levels
  cross join lateral (
    select array(
      select issue.issue_id
      from (
        select ends.object_id
        from unnest(levels.issue_ids) as near (issue_id)
        cross join lateral (
    select 'inward' as direction, outward_issue_id as object_id, links.*
    from links where links.org_id = $2 and links.inward_issue_id = near.issue_id
    union all
    select 'outward', inward_issue_id, links.*
    from links where links.org_id = $2 and links.outward_issue_id = near.issue_id
  ) ends
        where ($5::text is null or ends.direction = $5) and ($6::text[] is null
      or (ends.link_type_id, ends.direction) in (select * from unnest($6::text[], $7::text[])))
        except
        select unnest(levels.seen)
      ) far
    cross join lateral (select * from issues where issues.org_id = $2 and issues.issue_id = far.object_id offset 0) issue
    cross join lateral (select * from queues where queues.org_id = $2 and queues.queue_id = issue.queue_id and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $2 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true))) offset 0) queue
      order by issue.issue_id
      limit $8::integer + 1 - cardinality(levels.seen)
    ) as issue_ids
    offset 0
  ) next
  where levels.depth < $9::integer
    and cardinality(levels.seen) <= $8::integer
    and cardinality(next.issue_ids) > 0
),
found as materialized (
  select levels.depth, found.issue_id
  from levels
  cross join lateral unnest(levels.issue_ids) as found (issue_id)
),
found_links as materialized (
  select distinct ends.link_id, ends.link_type_id, ends.inward_issue_id, ends.outward_issue_id
  from found
  cross join lateral (
    select 'inward' as direction, outward_issue_id as object_id, links.*
    from links where links.org_id = $2 and links.inward_issue_id = found.issue_id
    union all
    select 'outward', inward_issue_id, links.*
    from links where links.org_id = $2 and links.outward_issue_id = found.issue_id
  ) ends
  join found object on object.issue_id = ends.object_id
  where ($5::text is null or ends.direction = $5) and ($6::text[] is null
      or (ends.link_type_id, ends.direction) in (select * from unnest($6::text[], $7::text[])))
  order by ends.link_id
  limit $10::integer + 1
)
select found.depth, found.issue_id, issue.hex_id, issue.key, issue.summary,
  statuses.status_id, statuses.key as status_key, statuses.name_ru as status_ru, statuses.name_en as status_en,
  null::bigint as link_id, null::text as link_type_id,
  null::bigint as inward_issue_id, null::bigint as outward_issue_id
from found
cross join lateral (select * from issues where issues.org_id = $2 and issues.issue_id = found.issue_id offset 0) issue
join statuses on statuses.org_id = $2 and statuses.status_id = issue.status_id
union all
select null, null, null, null, null, null, null, null, null,
  found_links.link_id, found_links.link_type_id, found_links.inward_issue_id, found_links.outward_issue_id
from found_links
order by depth, issue_id, link_id;

-- $1 isApplication, $2 role, $3 orgId, $4 userId, $5 viewId
prepare select_link_of_view as
select link.link_id, link.link_type_id, link.inward_issue_id, link.outward_issue_id, link.first_end, link.version,
  (select to_jsonb(found) from (
  select issues.issue_id as id, issues.key, ($1::boolean or ((queues.access = 'organisation' and $2::text <> 'reader')
  or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and queue_members.role in ('manager', 'member')))) as "mayWrite"
  from lateral (select * from issues where issues.org_id = $3 and issues.issue_id = link.task_id offset 0) issues
  join queues on queues.org_id = $3 and queues.queue_id = issues.queue_id
  where ($1::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))) found) as task
from (
  select links.*, case ($5::bigint % 2 = 1) = (first_end = 'inward')
    when true then inward_issue_id else outward_issue_id end as task_id
  from links
  where org_id = $3 and link_id = ($5 + 1) / 2
  offset 0
) link;

-- $1 isApplication, $2 role, $3 orgId, $4 userId, $5 taskId, $6 oppositeTaskId, $7 labelId, $8 viewId
prepare select_link_parameters as
select (select to_jsonb(found) from (
  select issues.issue_id as id, issues.key, ($1::boolean or ((queues.access = 'organisation' and $2::text <> 'reader')
  or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and queue_members.role in ('manager', 'member')))) as "mayWrite"
  from lateral (select * from issues where issues.org_id = $3 and issues.issue_id = $5 offset 0) issues
  join queues on queues.org_id = $3 and queues.queue_id = issues.queue_id
  where ($1::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))) found) as task,
  (select to_jsonb(found) from (
  select issues.issue_id as id, issues.key, ($1::boolean or ((queues.access = 'organisation' and $2::text <> 'reader')
  or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and queue_members.role in ('manager', 'member')))) as "mayWrite"
  from lateral (select * from issues where issues.org_id = $3 and issues.issue_id = $6 offset 0) issues
  join queues on queues.org_id = $3 and queues.queue_id = issues.queue_id
  where ($1::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))) found) as "oppositeTask",
  (select to_jsonb(found) from (
select wanted.label_id, coalesce(wanted.opposite_id, wanted.label_id) as opposite_label_id, types.link_type_id,
  types.inward_label_id, types.import_only
from labels wanted
left join link_types types on types.org_id = $3
  and least(types.inward_label_id, types.outward_label_id)
    = least(wanted.label_id, coalesce(wanted.opposite_id, wanted.label_id))
  and greatest(types.inward_label_id, types.outward_label_id)
    = greatest(wanted.label_id, coalesce(wanted.opposite_id, wanted.label_id))
where wanted.org_id = $3 and wanted.label_id = $7::bigint) found) as label, view.*
from (select) as call
left join lateral (
select 2 * ends.link_id - (ends.direction = ends.first_end)::integer as view_id, ends.object_id as opposite_task_id, ends.issue_id as task_id, labels.label_id,
  ends.link_id, ends.link_type_id, ends.inward_issue_id, ends.outward_issue_id, ends.first_end, ends.version,
  ends.created_at, ends.updated_at
from (
  select 'inward' as direction, inward_issue_id as issue_id, outward_issue_id as object_id, links.*
  from links where links.org_id = $3 and links.link_id = ($8::bigint + 1) / 2
  union all
  select 'outward', outward_issue_id, inward_issue_id, links.*
  from links where links.org_id = $3 and links.link_id = ($8::bigint + 1) / 2
) ends
join link_types on link_types.org_id = $3 and link_types.link_type_id = ends.link_type_id
join labels on labels.org_id = $3 and labels.label_id = case ends.direction when 'inward' then link_types.inward_label_id else link_types.outward_label_id end
join issues task on task.org_id = $3 and task.issue_id = ends.issue_id
join queues task_queue on task_queue.org_id = $3 and task_queue.queue_id = task.queue_id
join issues object on object.org_id = $3 and object.issue_id = ends.object_id
join queues object_queue on object_queue.org_id = $3 and object_queue.queue_id = object.queue_id
where 2 * ends.link_id - (ends.direction = ends.first_end)::integer = $8 and ($1::boolean or (task_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = task_queue.queue_id and queue_members.user_id = $4
    and true))) and ($1::boolean or (object_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $4
    and true)))) view on true;

-- $1 orgId
prepare select_link_types as
select link_types.link_type_id, link_types.inward_label_id, link_types.outward_label_id,
  coalesce(inward.name_ru, inward.label) as inward_ru, coalesce(inward.name_en, inward.label) as inward_en,
  coalesce(outward.name_ru, outward.label) as outward_ru, coalesce(outward.name_en, outward.label) as outward_en,
  inward.phrase as inward_phrase, outward.phrase as outward_phrase, inward.label as inward_label, outward.label as outward_label,
  link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic, link_types.single_end,
  link_types.import_only, link_types.shares_label, link_types.version
from link_types
join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
where link_types.org_id = $1
order by link_types.inward_label_id, link_types.outward_label_id;

-- $1 orgId, $2 linkTypeId, $3 issueIds
prepare select_links_among as
select inward_issue_id, outward_issue_id
from links
where org_id = $1 and link_type_id = $2
  and inward_issue_id = any($3::bigint[]) and outward_issue_id = any($3::bigint[])
order by link_id;

-- $1 issueNames, $2 userIds, $3 applications, $4 orgId
prepare select_links_for_viewers as
select viewer.place, link.link_id, link.link_type_id, link.direction, link.created_by, link.updated_by, link.status_id,
  link.assignee_id, issues.key, link.created_at, link.updated_at, link.hex_id, link.key, link.summary
from unnest($1::text[], $2::bigint[], $3::boolean[]) with ordinality
  as viewer (issue_name, user_id, is_application, place)
cross join lateral (select * from issues where issues.org_id = $4 and issues.issue_id = (
  select issue_id from issues where org_id = $4 and key = viewer.issue_name
  union all
  select issue_id from issues where org_id = $4 and hex_id = viewer.issue_name
  union all
  select issue_id from issue_aliases where org_id = $4 and key = viewer.issue_name
  limit 1) offset 0) issues
join queues on queues.org_id = $4 and queues.queue_id = issues.queue_id and (viewer.is_application or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $4 and queue_members.queue_id = queues.queue_id and queue_members.user_id = viewer.user_id
    and true)))
left join lateral (
  select
    ends.link_id, ends.link_type_id, ends.direction, ends.created_by, nullif(ends.updated_by, ends.created_by) as updated_by,
    object.status_id, object.assignee_id, ends.created_at, nullif(ends.updated_at, ends.created_at) as updated_at,
    object.hex_id, object.key, object.summary
  from (
    select 'inward' as direction, outward_issue_id as object_id, links.*
    from links where links.org_id = $4 and links.inward_issue_id = issues.issue_id
    union all
    select 'outward', inward_issue_id, links.*
    from links where links.org_id = $4 and links.outward_issue_id = issues.issue_id
  ) ends
  cross join lateral (select * from issues where issues.org_id = $4 and issues.issue_id = ends.object_id offset 0) object
  join queues object_queue on object_queue.org_id = $4 and object_queue.queue_id = object.queue_id
  where (viewer.is_application or (object_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $4 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = viewer.user_id
    and true)))
) link on true;

-- $1 orgId, $2 linkTypeId
prepare select_links_of_type as
select link_id, inward_issue_id, outward_issue_id from links
where org_id = $1 and link_type_id = $2
order by link_id;

-- $1 orgId, $2 loginHash, $3 address
prepare select_login_failures as
select failures from failed_logins
where org_id = $1 and login_hash = $2 and address = $3 and expires_at > now();

-- $1 orgId, $2 queueId, $3 isApplication, $4 userId
prepare select_members as
select users.user_id, coalesce(users.display, users.login) as name
from queues
left join queue_members on queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id
left join users on users.org_id = $1 and users.user_id = queue_members.user_id
where queues.org_id = $1 and queues.queue_id = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))
order by name collate "C", users.user_id;

-- $1 orgId, $2 issues, $3 isApplication, $4 userId, $5 linkTypes, $6 queues, $7 comments, $8 role, $9 users, $10 statuses, $11 types, $12 priorities, $13 resolutions
prepare select_named as
  select 'issues' as kind, issues.issue_id::text as id, issues.key, issues.summary as text, null as ru, null as en,
    issues.hex_id,
    null as inward_ru, null as inward_en, null::bigint as uid, null::bigint as passport_uid, null as cloud_uid
  from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = any($2::bigint[]) offset 0) issues
  join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
  where ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))
union all
select 'deletedIssues', deleted.issue_id::text, deleted.key, deleted.summary, null, null, deleted.hex_id, null, null,
  null, null, null
from deleted_issues deleted
left join queues on queues.org_id = $1 and queues.queue_id = deleted.queue_id
where deleted.org_id = $1 and deleted.issue_id = any($2::bigint[]) and (case when queues.queue_id is null
  then $3::boolean or deleted.was_open or $4 = any(deleted.reader_ids)
  else ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true))) end)
union all
select 'linkTypes', link_types.link_type_id, null, null, coalesce(outward.name_ru, outward.label),
  coalesce(outward.name_en, outward.label), null, coalesce(inward.name_ru, inward.label),
  coalesce(inward.name_en, inward.label), null, null, null
from link_types
join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
where link_types.org_id = $1 and link_types.link_type_id = any($5::text[])
union all
select 'deletedLinkTypes', link_type_id, null, null, outward_ru, outward_en, null, inward_ru, inward_en, null, null, null
from deleted_link_types where org_id = $1 and link_type_id = any($5::text[])
union all
select 'queues', queues.queue_id::text, queues.key, queues.name, null, null, null, null, null, null, null, null
from queues where queues.org_id = $1 and queues.queue_id = any($6::bigint[]) and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))
union all
select 'comments', comments.comment_id::text, null, left(comments.text, 255), null, null, null, null, null, null, null,
  null
from comments
where comments.org_id = $1 and comments.comment_id = any($7::bigint[])
  and (comments.visibility = 'app-user' or comments.created_by = $4 or $3::boolean
    or $8::text = 'admin' or (comments.visibility = 'app-manager' and $8::text = 'manager'))
union all
select 'users', users.user_id::text, null, coalesce(users.display, users.login), null, null, null, null, null, users.uid,
  users.passport_uid, users.cloud_uid
from users where users.org_id = $1 and users.user_id = any($9::bigint[])
union all
select 'statuses', statuses.status_id::text, statuses.key, null, statuses.name_ru, statuses.name_en, null, null, null,
  null, null, null
from statuses where statuses.org_id = $1 and statuses.status_id = any($10::bigint[])
union all
select 'deletedStatuses', status_id::text, null, name, null, null, null, null, null, null, null, null
from deleted_statuses where org_id = $1 and status_id = any($10::bigint[])
union all
select 'types', issue_types.issue_type_id::text, issue_types.key, null, issue_types.name_ru, issue_types.name_en, null, null, null,
  null, null, null
from issue_types where issue_types.org_id = $1 and issue_types.issue_type_id = any($11::bigint[])
union all
select 'priorities', priorities.priority_id::text, priorities.key, null, priorities.name_ru, priorities.name_en, null, null, null,
  null, null, null
from priorities where priorities.org_id = $1 and priorities.priority_id = any($12::bigint[])
union all
select 'resolutions', resolutions.resolution_id::text, resolutions.key, null, resolutions.name_ru, resolutions.name_en, null, null, null,
  null, null, null
from resolutions where resolutions.org_id = $1 and resolutions.resolution_id = any($13::bigint[]);

prepare select_only_organisation as
select min(org_id) as org_id
from (select org_id from organisation_directory limit 2) few
having count(*) = 1;

-- $1 orgId, $2 linkTypeId
prepare select_opposite_links as
select links.link_id, links.inward_issue_id, links.outward_issue_id
from links
where links.org_id = $1 and links.link_type_id = $2 and exists (
  select from links others
  where others.org_id = $1 and others.link_type_id = $2
    and others.inward_issue_id = links.outward_issue_id and others.outward_issue_id = links.inward_issue_id)
order by links.link_id
limit 20;

-- $1 orgId
prepare select_organisation as
select org_id, cloud_id, name, language, profile, one_link_per_pair from organisations where org_id = $1;

prepare select_organisation_ids as
select org_id from organisation_directory order by org_id;

-- $1 tokenHash, $2 kind
prepare select_organisations_of_token as
select org_id from token_directory where token_hash = $1 and kind = $2 order by org_id;

-- $1 orgId, $2 isApplication, $3 userId, $4 projectId, $5 ownerId
prepare select_overdue_tasks as
select issues.issue_id as id, issues.summary as title, issues.due_at, issues.queue_id as project_id,
  coalesce(creator.user_id, 0) as creator_id, coalesce(assignee.user_id, 0) as owner_id, queues.name as project_name,
  assignee.login as assignee_login, assignee.display as assignee_name
from issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id and queues.is_active
  and ($2::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $3
    and true)))
left join users assignee on assignee.org_id = $1 and assignee.user_id = issues.assignee_id
  and not assignee.is_application
left join users creator on creator.org_id = $1 and creator.user_id = issues.created_by and not creator.is_application
where issues.org_id = $1 and issues.is_open and issues.due_at <= now()
  and ($4::bigint is null or issues.queue_id = $4)
  and ($5::bigint is null or issues.assignee_id = $5)
order by issues.issue_id;

-- $1 orgId
prepare select_people as
select users.user_id, users.uid, users.login, users.display, users.email, users.passport_uid, users.cloud_uid,
users.role, users.is_active, users.created_at, users.removed_at,
(select coalesce(max(failures), 0) from failed_logins failed where failed.org_id = $1 and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
  and failed.expires_at > now()) as failed_logins,
(select max(expires_at) from failed_logins failed
  where failed.org_id = $1 and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
  and failed.expires_at > now() and failures >= 7) as locked_until from users where users.org_id = $1 and (not users.is_application and users.removed_at is null) order by users.login;

-- $1 orgId, $2 from, $3 limit
prepare select_people_from as
select users.user_id, users.uid, users.login, users.display, users.email, users.passport_uid, users.cloud_uid,
users.role, users.is_active, users.created_at, users.removed_at,
(select coalesce(max(failures), 0) from failed_logins failed where failed.org_id = $1 and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
  and failed.expires_at > now()) as failed_logins,
(select max(expires_at) from failed_logins failed
  where failed.org_id = $1 and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
  and failed.expires_at > now() and failures >= 7) as locked_until from users
where users.org_id = $1 and (not users.is_application and users.removed_at is null) and users.login >= $2
order by users.login
limit $3;

-- $1 orgId, $2 userId, $3 login
prepare select_person as
select users.user_id, users.uid, users.login, users.display, users.email, users.passport_uid, users.cloud_uid,
users.role, users.is_active, users.created_at, users.removed_at,
(select coalesce(max(failures), 0) from failed_logins failed where failed.org_id = $1 and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
  and failed.expires_at > now()) as failed_logins,
(select max(expires_at) from failed_logins failed
  where failed.org_id = $1 and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
  and failed.expires_at > now() and failures >= 7) as locked_until from users
where users.org_id = $1 and (users.user_id = $2 or users.login = $3) and (not users.is_application and users.removed_at is null);

-- $1 orgId, $2 queueId, $3 isApplication, $4 userId
prepare select_project as
select queues.queue_id, queues.key, queues.name, queues.description, queues.identifier, queues.access, queues.is_active,
  queues.updated_at, queues.kanboard,
  case when (not lead.is_application and lead.removed_at is null) then lead.user_id end as lead_id
from queues
join users lead on lead.org_id = $1 and lead.user_id = queues.lead_id where queues.org_id = $1 and queues.queue_id = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)));

-- $1 orgId, $2 name, $3 isApplication, $4 userId
prepare select_project_named as
select queues.queue_id, queues.key, queues.name, queues.description, queues.identifier, queues.access, queues.is_active,
  queues.updated_at, queues.kanboard,
  case when (not lead.is_application and lead.removed_at is null) then lead.user_id end as lead_id
from queues
join users lead on lead.org_id = $1 and lead.user_id = queues.lead_id
where queues.org_id = $1 and queues.name = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))
order by queues.queue_id
limit 1;

-- $1 orgId, $2 identifier, $3 isApplication, $4 userId
prepare select_project_of_identifier as
select queues.queue_id, queues.key, queues.name, queues.description, queues.identifier, queues.access, queues.is_active,
  queues.updated_at, queues.kanboard,
  case when (not lead.is_application and lead.removed_at is null) then lead.user_id end as lead_id
from queues
join users lead on lead.org_id = $1 and lead.user_id = queues.lead_id
where queues.org_id = $1 and queues.identifier = $2 and queues.identifier <> ''
  and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)));

-- $1 orgId
prepare select_projects as
select queues.queue_id, queues.key, queues.name, queues.description, queues.identifier, queues.access, queues.is_active,
  queues.updated_at, queues.kanboard,
  case when (not lead.is_application and lead.removed_at is null) then lead.user_id end as lead_id
from queues
join users lead on lead.org_id = $1 and lead.user_id = queues.lead_id where queues.org_id = $1 order by queues.name collate "C", queues.queue_id;

-- $1 orgId, $2 isApplication, $3 userId, $4 id, $5 key
prepare select_queue as
select queues.queue_id, queues.key, queues.version, queues.name, queues.description, lead.uid as lead_uid, coalesce(lead.display, lead.login) as lead_display,
  lead.passport_uid as lead_passport_uid, lead.cloud_uid as lead_cloud_uid,
  issue_types.issue_type_id, issue_types.key as issue_type_key, issue_types.name_ru as issue_type_ru,
  issue_types.name_en as issue_type_en,
  priorities.priority_id, priorities.key as priority_key, priorities.name_ru as priority_ru,
  priorities.name_en as priority_en
from queues
join users lead on lead.org_id = $1 and lead.user_id = queues.lead_id
join issue_types on issue_types.org_id = $1 and issue_types.issue_type_id = queues.default_issue_type_id
join priorities on priorities.org_id = $1 and priorities.priority_id = queues.default_priority_id
where queues.org_id = $1 and ($2::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $3
    and true)))
  and queues.queue_id = coalesce($4, (select queue_id from queues where org_id = $1 and key = $5));

-- $1 isApplication, $2 orgId, $3 userId, $4 role, $5 queueId
prepare select_queue_access as
select ($1::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $2 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $3
    and true))) as is_visible, ($1::boolean or ((queues.access = 'organisation' and $4::text = 'admin')
  or exists (
  select from queue_members
  where queue_members.org_id = $2 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $3
    and queue_members.role = 'manager'))) as is_managed
from queues
where queues.org_id = $2 and queues.queue_id = $5;

-- $1 isApplication, $2 role, $3 orgId, $4 userId, $5 id, $6 key
prepare select_queue_for_issue as
select queues.queue_id, queues.key, queues.default_issue_type_id as issue_type_id,
  queues.default_priority_id as priority_id, ($1::boolean or ((queues.access = 'organisation' and $2::text <> 'reader')
  or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and queue_members.role in ('manager', 'member')))) as may_write,
  ($1::boolean or ((queues.access = 'organisation' and $2::text = 'admin')
  or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and queue_members.role = 'manager'))) as may_manage
from queues
where queues.org_id = $3 and ($1::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))
  and queues.queue_id = coalesce($5, (select queue_id from queues where org_id = $3 and key = $6));

-- $1 orgId, $2 memberId, $3 queueId, $4 isApplication, $5 userId
prepare select_queue_role as
select case
  when users.user_id is null then null
  when ((queues.access = 'organisation' and users.role = 'admin')
  or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = users.user_id
    and queue_members.role = 'manager')) then 'manager'
  when ((queues.access = 'organisation' and users.role <> 'reader')
  or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = users.user_id
    and queue_members.role in ('manager', 'member'))) then 'member'
  when (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = users.user_id
    and true)) then 'viewer'
end as role
from queues
left join users on users.org_id = $1 and users.user_id = $2 and (not users.is_application and users.removed_at is null)
where queues.org_id = $1 and queues.queue_id = $3 and ($4::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $5
    and true)));

-- $1 isApplication, $2 role, $3 orgId, $4 userId, $5 from, $6 limit
prepare select_queue_states as
select queues.queue_id as id, queues.key, queues.name, queues.access = 'organisation' as "isOpen",
  queues.is_active as "isActive", ($1::boolean or ((queues.access = 'organisation' and $2::text = 'admin')
  or exists (
  select from queue_members
  where queue_members.org_id = $3 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and queue_members.role = 'manager'))) as "isManaged"
from queues
where queues.org_id = $3 and queues.key >= $5
order by queues.key
limit $6;

-- $1 orgId, $2 isApplication, $3 userId, $4 name
prepare select_queues_called as
select queues.queue_id
from queues
where queues.org_id = $1 and ($2::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $3
    and true)))
  and lower(queues.name collate "default") = lower(btrim($4))
order by queues.queue_id
limit 2;

-- $1 orgId, $2 isApplication, $3 userId, $4 limit, $5 offset
prepare select_queues_page as
select counted.total, page.*
from (
  select count(*) as total from queues where queues.org_id = $1 and ($2::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $3
    and true)))
) counted
left join (
select queues.queue_id, queues.key, queues.version, queues.name, queues.description, lead.uid as lead_uid, coalesce(lead.display, lead.login) as lead_display,
  lead.passport_uid as lead_passport_uid, lead.cloud_uid as lead_cloud_uid,
  issue_types.issue_type_id, issue_types.key as issue_type_key, issue_types.name_ru as issue_type_ru,
  issue_types.name_en as issue_type_en,
  priorities.priority_id, priorities.key as priority_key, priorities.name_ru as priority_ru,
  priorities.name_en as priority_en
from queues
join users lead on lead.org_id = $1 and lead.user_id = queues.lead_id
join issue_types on issue_types.org_id = $1 and issue_types.issue_type_id = queues.default_issue_type_id
join priorities on priorities.org_id = $1 and priorities.priority_id = queues.default_priority_id
  where queues.org_id = $1 and ($2::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $3
    and true)))
  order by queues.queue_id
  limit $4 offset $5
) page on true
order by page.queue_id;

prepare select_read_index as
select system_identifier::text as system, current_database() as database,
  left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline,
  (case current_setting('synchronous_commit') when 'off' then pg_current_wal_insert_lsn()
    else pg_current_wal_flush_lsn() end - '0/0')::bigint as lsn
from pg_control_system();

-- $1 orgId, $2 issueName, $3 isApplication, $4 userId, $5 remoteLinkId
prepare select_remote_link as
  with issue as materialized (
  select issues.issue_id, issues.key
  from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = (
  select issue_id from issues where org_id = $1 and key = $2
  union all
  select issue_id from issues where org_id = $1 and hex_id = $2
  union all
  select issue_id from issue_aliases where org_id = $1 and key = $2
  limit 1) offset 0) issues
  join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
  where ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true))))
  select issue.key as issue_key, link.*
  from issue
  left join lateral (
    select
      remote_links.remote_link_id, remote_links.direction, remote_links.object_id, remote_links.object_key,
      remote_links.created_at, remote_links.updated_at,
      applications.application_id, applications.type as application_type,
applications.name_ru as application_ru, applications.name_en as application_en,
      link_types.link_type_id,
  coalesce(inward.name_ru, inward.label) as inward_ru, coalesce(inward.name_en, inward.label) as inward_en,
  coalesce(outward.name_ru, outward.label) as outward_ru, coalesce(outward.name_en, outward.label) as outward_en,
  inward.phrase as inward_phrase, outward.phrase as outward_phrase,
      created_by.uid as created_by_uid, coalesce(created_by.display, created_by.login) as created_by_display,
  created_by.passport_uid as created_by_passport_uid, created_by.cloud_uid as created_by_cloud_uid,
      updated_by.uid as updated_by_uid, coalesce(updated_by.display, updated_by.login) as updated_by_display,
  updated_by.passport_uid as updated_by_passport_uid, updated_by.cloud_uid as updated_by_cloud_uid
    from remote_links
    join applications on applications.org_id = $1 and applications.application_id = remote_links.application_id
    join users created_by on created_by.org_id = $1 and created_by.user_id = remote_links.created_by
    join users updated_by on updated_by.org_id = $1 and updated_by.user_id = remote_links.updated_by
    left join link_types on link_types.org_id = $1 and link_types.link_type_id = remote_links.link_type_id
    left join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
    left join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
    where remote_links.org_id = $1 and remote_links.issue_id = issue.issue_id and remote_links.remote_link_id = $5
  ) link on true
  order by link.remote_link_id;

-- $1 orgId, $2 issueName, $3 isApplication, $4 userId
prepare select_remote_links as
  with issue as materialized (
  select issues.issue_id, issues.key
  from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = (
  select issue_id from issues where org_id = $1 and key = $2
  union all
  select issue_id from issues where org_id = $1 and hex_id = $2
  union all
  select issue_id from issue_aliases where org_id = $1 and key = $2
  limit 1) offset 0) issues
  join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
  where ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true))))
  select issue.key as issue_key, link.*
  from issue
  left join lateral (
    select
      remote_links.remote_link_id, remote_links.direction, remote_links.object_id, remote_links.object_key,
      remote_links.created_at, remote_links.updated_at,
      applications.application_id, applications.type as application_type,
applications.name_ru as application_ru, applications.name_en as application_en,
      link_types.link_type_id,
  coalesce(inward.name_ru, inward.label) as inward_ru, coalesce(inward.name_en, inward.label) as inward_en,
  coalesce(outward.name_ru, outward.label) as outward_ru, coalesce(outward.name_en, outward.label) as outward_en,
  inward.phrase as inward_phrase, outward.phrase as outward_phrase,
      created_by.uid as created_by_uid, coalesce(created_by.display, created_by.login) as created_by_display,
  created_by.passport_uid as created_by_passport_uid, created_by.cloud_uid as created_by_cloud_uid,
      updated_by.uid as updated_by_uid, coalesce(updated_by.display, updated_by.login) as updated_by_display,
  updated_by.passport_uid as updated_by_passport_uid, updated_by.cloud_uid as updated_by_cloud_uid
    from remote_links
    join applications on applications.org_id = $1 and applications.application_id = remote_links.application_id
    join users created_by on created_by.org_id = $1 and created_by.user_id = remote_links.created_by
    join users updated_by on updated_by.org_id = $1 and updated_by.user_id = remote_links.updated_by
    left join link_types on link_types.org_id = $1 and link_types.link_type_id = remote_links.link_type_id
    left join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
    left join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
    where remote_links.org_id = $1 and remote_links.issue_id = issue.issue_id and true
  ) link on true
  order by link.remote_link_id;

-- $1 orgId, $2 applicationId, $3 objectId, $4 isApplication, $5 userId
prepare select_remote_object as
select remote_links.object_id, remote_links.object_key, applications.application_id, applications.type as application_type,
applications.name_ru as application_ru, applications.name_en as application_en
from remote_links
join applications on applications.org_id = $1 and applications.application_id = remote_links.application_id
join issues on issues.org_id = $1 and issues.issue_id = remote_links.issue_id
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
where remote_links.org_id = $1 and remote_links.application_id = $2 and remote_links.object_id = $3
  and ($4::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $5
    and true)))
limit 1;

-- $1 orgId, $2 userId, $3 operation, $4 key
prepare select_response as
select request_hash, status, headers, body from idempotency_keys where org_id = $1 and user_id = $2 and operation = $3 and key = $4;

-- $1 orgId
prepare select_second_links_of_pairs as
select link_id, inward_issue_id, outward_issue_id
from (
  select link_id, inward_issue_id, outward_issue_id,
    count(*) over (partition by least(inward_issue_id, outward_issue_id), greatest(inward_issue_id, outward_issue_id))
  from links
  where org_id = $1
) as counted
where count > 1
order by least(inward_issue_id, outward_issue_id), greatest(inward_issue_id, outward_issue_id), link_id
limit 20;

-- $1 orgId, $2 linkTypeId
prepare select_second_singles_inward as
select links.link_id, links.inward_issue_id, links.outward_issue_id
from links
where links.org_id = $1 and links.link_type_id = $2 and exists (
  select from links others
  where others.org_id = $1 and others.link_type_id = $2 and others.link_id <> links.link_id
    and others.inward_issue_id = links.inward_issue_id)
order by links.link_id
limit 20;

-- $1 orgId, $2 linkTypeId
prepare select_second_singles_outward as
select links.link_id, links.inward_issue_id, links.outward_issue_id
from links
where links.org_id = $1 and links.link_type_id = $2 and exists (
  select from links others
  where others.org_id = $1 and others.link_type_id = $2 and others.link_id <> links.link_id
    and others.outward_issue_id = links.outward_issue_id)
order by links.link_id
limit 20;

-- $1 orgId, $2 projectId, $3 taskId, $4 columnId
prepare select_status_in_project as
select columns.status_id from columns
where columns.org_id = $1 and columns.queue_id = $2
order by columns.title = (
    select wanted.title
    from issues
    join columns wanted on wanted.org_id = $1 and wanted.queue_id in (issues.queue_id, $2)
    where issues.org_id = $1 and issues.issue_id = $3
      and case when $4::bigint is null
        then wanted.queue_id = issues.queue_id and wanted.status_id = issues.status_id
        else wanted.column_id = $4 end
  ) desc nulls last, columns.position, columns.column_id
limit 1;

-- $1 orgId, $2 queueId, $3 columnId
prepare select_status_of_column as
select statuses.status_id as id, statuses.type
from columns
join statuses on statuses.org_id = $1 and statuses.status_id = columns.status_id
where columns.org_id = $1 and columns.queue_id = $2 and columns.column_id = $3;

-- $1 orgId, $2 queueIds, $3 isApplication, $4 userId
prepare select_statuses_of_queues as
select columns.queue_id, statuses.status_id as id, statuses.key, statuses.name_ru, statuses.name_en
from queues
join columns on columns.org_id = $1 and columns.queue_id = queues.queue_id
join statuses on statuses.org_id = $1 and statuses.status_id = columns.status_id
where queues.org_id = $1 and queues.queue_id = any($2::bigint[]) and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))
order by columns.queue_id, columns.position, columns.column_id;

-- $1 names, $2 orgId, $3 queueId
prepare select_stored_names as
select wanted.name as wanted, tags.name
from unnest($1::text[]) as wanted (name)
join tags on tags.org_id = $2 and tags.queue_id = $3
  and lower(tags.name collate "default") = lower(wanted.name collate "default")
order by tags.name = wanted.name, tags.tag_id desc;

-- $1 orgId, $2 tagId, $3 isApplication, $4 userId
prepare select_tag as
select tags.tag_id, tags.name, tags.queue_id, tags.color
from tags
join queues on queues.org_id = $1 and queues.queue_id = tags.queue_id
where tags.org_id = $1 and tags.tag_id = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)));

-- $1 orgId, $2 isApplication, $3 userId
prepare select_tags as
select tags.tag_id, tags.name, tags.queue_id, tags.color
from queues
join tags on tags.org_id = $1 and tags.queue_id = queues.queue_id
where queues.org_id = $1 and ($2::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $3
    and true)))
order by tags.name, tags.tag_id;

-- $1 orgId, $2 queueId, $3 isApplication, $4 userId
prepare select_tags_of_queue as
select tags.tag_id, tags.name, queues.queue_id, tags.color
from queues
left join tags on tags.org_id = $1 and tags.queue_id = queues.queue_id
where queues.org_id = $1 and queues.queue_id = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))
order by tags.name;

-- $1 orgId, $2 taskId, $3 isApplication, $4 userId
prepare select_tags_of_task as
select tags.tag_id, tags.name
from issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
left join tags on tags.org_id = $1 and tags.queue_id = issues.queue_id and tags.name = any(issues.tags)
where issues.org_id = $1 and issues.issue_id = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))
order by tags.tag_id;

-- $1 orgId, $2 taskIds, $3 isApplication, $4 userId
prepare select_tags_of_tasks as
select issues.issue_id as task_id, tags.tag_id, tags.name, tags.color
from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = any($2::bigint[]) offset 0) issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))
join tags on tags.org_id = $1 and tags.queue_id = issues.queue_id and tags.name = any(issues.tags)
order by tags.name, tags.tag_id;

-- $1 orgId, $2 taskId, $3 isApplication, $4 userId
prepare select_task as
select
issues.issue_id as id, issues.key, issues.summary as title, issues.description, issues.created_at, issues.updated_at,
issues.moved_at, issues.closed_at, issues.due_at, issues.started_at, issues.color, issues.queue_id as project_id,
columns.column_id, coalesce(assignee.user_id, 0) as owner_id, coalesce(creator.user_id, 0) as creator_id,
issues.position, issues.is_open, issues.reference, issues.time_spent, issues.time_estimated, issues.kanboard
from issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
join columns on columns.org_id = $1 and columns.queue_id = issues.queue_id and columns.status_id = issues.status_id
left join users assignee on assignee.org_id = $1 and assignee.user_id = issues.assignee_id
  and not assignee.is_application
left join users creator on creator.org_id = $1 and creator.user_id = issues.created_by and not creator.is_application
where issues.org_id = $1 and issues.issue_id = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)));

-- $1 orgId, $2 projectId, $3 isApplication, $4 userId, $5 reference
prepare select_task_by_reference as
select
issues.issue_id as id, issues.key, issues.summary as title, issues.description, issues.created_at, issues.updated_at,
issues.moved_at, issues.closed_at, issues.due_at, issues.started_at, issues.color, issues.queue_id as project_id,
columns.column_id, coalesce(assignee.user_id, 0) as owner_id, coalesce(creator.user_id, 0) as creator_id,
issues.position, issues.is_open, issues.reference, issues.time_spent, issues.time_estimated, issues.kanboard
from queues
join issues on issues.org_id = $1 and issues.queue_id = queues.queue_id
join columns on columns.org_id = $1 and columns.queue_id = issues.queue_id and columns.status_id = issues.status_id
left join users assignee on assignee.org_id = $1 and assignee.user_id = issues.assignee_id
  and not assignee.is_application
left join users creator on creator.org_id = $1 and creator.user_id = issues.created_by and not creator.is_application
where queues.org_id = $1 and queues.queue_id = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true)))
  and issues.reference <> '' and md5(issues.reference) = md5($5) and issues.reference = $5
order by issues.issue_id
limit 1;

-- $1 orgId, $2 viewId, $3 isApplication, $4 userId
prepare select_task_link as
select 2 * ends.link_id - (ends.direction = ends.first_end)::integer as view_id, ends.object_id as opposite_task_id, ends.issue_id as task_id, labels.label_id,
  labels.label, labels.opposite_id as opposite_label_id
from (
  select 'inward' as direction, inward_issue_id as issue_id, outward_issue_id as object_id, links.*
  from links where links.org_id = $1 and links.link_id = ($2::bigint + 1) / 2
  union all
  select 'outward', outward_issue_id, inward_issue_id, links.*
  from links where links.org_id = $1 and links.link_id = ($2::bigint + 1) / 2
) ends
join link_types on link_types.org_id = $1 and link_types.link_type_id = ends.link_type_id
join labels on labels.org_id = $1 and labels.label_id = case ends.direction when 'inward' then link_types.inward_label_id else link_types.outward_label_id end
join issues task on task.org_id = $1 and task.issue_id = ends.issue_id
join queues task_queue on task_queue.org_id = $1 and task_queue.queue_id = task.queue_id
join issues object on object.org_id = $1 and object.issue_id = ends.object_id
join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
where 2 * ends.link_id - (ends.direction = ends.first_end)::integer = $2 and ($3::boolean or (task_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = task_queue.queue_id and queue_members.user_id = $4
    and true))) and ($3::boolean or (object_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $4
    and true)));

-- $1 taskIds, $2 userIds, $3 applications, $4 orgId
prepare select_task_links_for_viewers as
select viewer.place, link.*
from unnest($1::bigint[], $2::bigint[], $3::boolean[]) with ordinality
  as viewer (task_id, user_id, is_application, place)
cross join lateral (select * from issues where issues.org_id = $4 and issues.issue_id = viewer.task_id offset 0) issues
join queues on queues.org_id = $4 and queues.queue_id = issues.queue_id and (viewer.is_application or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $4 and queue_members.queue_id = queues.queue_id and queue_members.user_id = viewer.user_id
    and true)))
left join lateral (
  select ends.link_id, ends.link_type_id, ends.direction, ends.first_end, object.issue_id, object.is_open,
    object.assignee_id, columns.position as column_position, object.position as task_position, object.summary,
    object.queue_id, columns.column_id, object.color, extract(epoch from object.closed_at),
    extract(epoch from object.started_at), extract(epoch from object.due_at), object.time_spent,
    object.time_estimated, columns.title, object_queue.name
  from (
    select 'inward' as direction, outward_issue_id as object_id, links.*
    from links where links.org_id = $4 and links.inward_issue_id = issues.issue_id
    union all
    select 'outward', inward_issue_id, links.*
    from links where links.org_id = $4 and links.outward_issue_id = issues.issue_id
  ) ends
  cross join lateral (select * from issues where issues.org_id = $4 and issues.issue_id = ends.object_id offset 0) object
  join queues object_queue on object_queue.org_id = $4 and object_queue.queue_id = object.queue_id
  join columns on columns.org_id = $4 and columns.queue_id = object.queue_id
    and columns.status_id = object.status_id
  where (viewer.is_application or (object_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $4 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = viewer.user_id
    and true)))
) link on true;

-- $1 orgId, $2 projectId, $3 isApplication, $4 userId, $5 isOpen
prepare select_tasks as
select
issues.issue_id as id, issues.key, issues.summary as title, issues.description, issues.created_at, issues.updated_at,
issues.moved_at, issues.closed_at, issues.due_at, issues.started_at, issues.color, issues.queue_id as project_id,
columns.column_id, coalesce(assignee.user_id, 0) as owner_id, coalesce(creator.user_id, 0) as creator_id,
issues.position, issues.is_open, issues.reference, issues.time_spent, issues.time_estimated, issues.kanboard
from queues
join issues on issues.org_id = $1 and issues.queue_id = queues.queue_id
join columns on columns.org_id = $1 and columns.queue_id = issues.queue_id and columns.status_id = issues.status_id
left join users assignee on assignee.org_id = $1 and assignee.user_id = issues.assignee_id
  and not assignee.is_application
left join users creator on creator.org_id = $1 and creator.user_id = issues.created_by and not creator.is_application
where queues.org_id = $1 and queues.queue_id = $2 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
    and true))) and issues.is_open = $5
order by issues.issue_id;

-- $1 orgId, $2 userId, $3 isApplication, $4 role, $5 projectId
prepare select_tasks_of_board as
  select
issues.issue_id as id, issues.key, issues.summary as title, issues.description, issues.created_at, issues.updated_at,
issues.moved_at, issues.closed_at, issues.due_at, issues.started_at, issues.color, issues.queue_id as project_id,
columns.column_id, coalesce(assignee.user_id, 0) as owner_id, coalesce(creator.user_id, 0) as creator_id,
issues.position, issues.is_open, issues.reference, issues.time_spent, issues.time_estimated, issues.kanboard, seen.links, seen.is_milestone,
    (
      select count(*) from remote_links
      where remote_links.org_id = $1 and remote_links.issue_id = issues.issue_id
    ) as external_links,
    (
      select count(*) from comments
      where comments.org_id = $1 and comments.issue_id = issues.issue_id and (comments.visibility = 'app-user' or comments.created_by = $2 or $3::boolean
    or $4::text = 'admin' or (comments.visibility = 'app-manager' and $4::text = 'manager'))
    ) as comments,
    assignee.login as assignee_login, assignee.display as assignee_name, assignee.email as assignee_email,
    categories.name as category_name, categories.color as category_color, columns.title as column_title,
    columns.position as column_position, queues.name as project_name
  from queues join issues on issues.org_id = $1 and issues.queue_id = queues.queue_id
join columns on columns.org_id = $1 and columns.queue_id = issues.queue_id and columns.status_id = issues.status_id
left join users assignee on assignee.org_id = $1 and assignee.user_id = issues.assignee_id
  and not assignee.is_application
left join users creator on creator.org_id = $1 and creator.user_id = issues.created_by and not creator.is_application
  left join categories on categories.org_id = $1 and categories.queue_id = issues.queue_id
    and categories.category_id = coalesce((issues.kanboard ->> 'category_id')::bigint, 0)
  cross join lateral (
    select count(*) as links, coalesce(bool_or(ends.label_id = 9), false) as is_milestone
    from
(
select link_types.inward_label_id as label_id, links.outward_issue_id as object_id
from links
join link_types on link_types.org_id = $1 and link_types.link_type_id = links.link_type_id
where links.org_id = $1 and links.inward_issue_id = issues.issue_id
union all
select link_types.outward_label_id, links.inward_issue_id
from links
join link_types on link_types.org_id = $1 and link_types.link_type_id = links.link_type_id
where links.org_id = $1 and links.outward_issue_id = issues.issue_id) as ends
join issues object on object.org_id = $1 and object.issue_id = ends.object_id
join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
  and ($3::boolean or (object_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $2
    and true)))
  ) as seen
where queues.org_id = $1 and queues.queue_id = $5 and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $2
    and true))) order by issues.position, issues.issue_id;

-- $1 orgId, $2 userId, $3 isApplication, $4 role, $5 ownerId
prepare select_tasks_of_owner as
  select
issues.issue_id as id, issues.key, issues.summary as title, issues.description, issues.created_at, issues.updated_at,
issues.moved_at, issues.closed_at, issues.due_at, issues.started_at, issues.color, issues.queue_id as project_id,
columns.column_id, coalesce(assignee.user_id, 0) as owner_id, coalesce(creator.user_id, 0) as creator_id,
issues.position, issues.is_open, issues.reference, issues.time_spent, issues.time_estimated, issues.kanboard, seen.links, seen.is_milestone,
    (
      select count(*) from remote_links
      where remote_links.org_id = $1 and remote_links.issue_id = issues.issue_id
    ) as external_links,
    (
      select count(*) from comments
      where comments.org_id = $1 and comments.issue_id = issues.issue_id and (comments.visibility = 'app-user' or comments.created_by = $2 or $3::boolean
    or $4::text = 'admin' or (comments.visibility = 'app-manager' and $4::text = 'manager'))
    ) as comments,
    assignee.login as assignee_login, assignee.display as assignee_name, assignee.email as assignee_email,
    categories.name as category_name, categories.color as category_color, columns.title as column_title,
    columns.position as column_position, queues.name as project_name
  from issues join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
join columns on columns.org_id = $1 and columns.queue_id = issues.queue_id and columns.status_id = issues.status_id
left join users assignee on assignee.org_id = $1 and assignee.user_id = issues.assignee_id
  and not assignee.is_application
left join users creator on creator.org_id = $1 and creator.user_id = issues.created_by and not creator.is_application
  left join categories on categories.org_id = $1 and categories.queue_id = issues.queue_id
    and categories.category_id = coalesce((issues.kanboard ->> 'category_id')::bigint, 0)
  cross join lateral (
    select count(*) as links, coalesce(bool_or(ends.label_id = 9), false) as is_milestone
    from
(
select link_types.inward_label_id as label_id, links.outward_issue_id as object_id
from links
join link_types on link_types.org_id = $1 and link_types.link_type_id = links.link_type_id
where links.org_id = $1 and links.inward_issue_id = issues.issue_id
union all
select link_types.outward_label_id, links.inward_issue_id
from links
join link_types on link_types.org_id = $1 and link_types.link_type_id = links.link_type_id
where links.org_id = $1 and links.outward_issue_id = issues.issue_id) as ends
join issues object on object.org_id = $1 and object.issue_id = ends.object_id
join queues object_queue on object_queue.org_id = $1 and object_queue.queue_id = object.queue_id
  and ($3::boolean or (object_queue.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = object_queue.queue_id and queue_members.user_id = $2
    and true)))
  ) as seen
where issues.org_id = $1 and issues.assignee_id = $5 and issues.is_open and queues.is_active
  and ($3::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $2
    and true)))
order by issues.issue_id;

-- $1 orgId, $2 tokenId
prepare select_token as
select tokens.token_id, users.login, tokens.kind, tokens.scopes, tokens.created_at, tokens.expires_at,
  tokens.revoked_at, tokens.last_used_at, users.uid as users_uid, coalesce(users.display, users.login) as users_display,
  users.passport_uid as users_passport_uid, users.cloud_uid as users_cloud_uid
from tokens
join users on users.org_id = tokens.org_id and users.user_id = tokens.user_id
where tokens.org_id = $1 and tokens.token_id = $2;

-- $1 orgId, $2 tokenHash, $3 kind
prepare select_token_owner as
select tokens.token_id, tokens.org_id, organisations.cloud_id, organisations.language, tokens.user_id, users.role, users.is_active,
  users.is_application, tokens.scopes, tokens.loopback_only, tokens.revoked_at is not null as revoked,
  tokens.expires_at
from tokens
join users on users.org_id = $1 and users.user_id = tokens.user_id and users.removed_at is null
join organisations on organisations.org_id = $1
where tokens.org_id = $1 and tokens.token_hash = $2 and tokens.kind = $3;

-- $1 orgId
prepare select_tokens as
select tokens.token_id, users.login, tokens.kind, tokens.scopes, tokens.created_at, tokens.expires_at,
  tokens.revoked_at, tokens.last_used_at, users.uid as users_uid, coalesce(users.display, users.login) as users_display,
  users.passport_uid as users_passport_uid, users.cloud_uid as users_cloud_uid
from tokens
join users on users.org_id = tokens.org_id and users.user_id = tokens.user_id
where tokens.org_id = $1
order by tokens.token_id;

-- $1 orgId
prepare select_tokens_to_enter as
select tokens.token_hash, tokens.kind from tokens
left join token_directory entries on entries.token_hash = tokens.token_hash and entries.kind = tokens.kind
  and entries.org_id = $1
where tokens.org_id = $1 and entries.org_id is null;

prepare select_transaction_horizon as
select pg_snapshot_xmin(pg_current_snapshot())::text as oldest, pg_snapshot_xmax(pg_current_snapshot())::text as next;

-- $1 orgId, $2 userId
prepare select_user as
select users.user_id, users.uid, users.login, users.display, users.email, users.passport_uid, users.cloud_uid,
users.role, users.is_active, users.created_at, users.removed_at,
(select coalesce(max(failures), 0) from failed_logins failed where failed.org_id = $1 and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
  and failed.expires_at > now()) as failed_logins,
(select max(expires_at) from failed_logins failed
  where failed.org_id = $1 and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
  and failed.expires_at > now() and failures >= 7) as locked_until from users where users.org_id = $1 and users.user_id = $2;

-- $1 orgId, $2 tokenHash, $3 login, $4 loginHash, $5 address
prepare select_user_accounts as
select users.org_id, users.user_id, users.role, users.is_active, users.is_application, tokens.token_id, tokens.loopback_only, true as has_token, null as password_hash, 0 as failures,
  false as is_locked
from tokens
join users on users.org_id = $1 and users.user_id = tokens.user_id
where tokens.org_id = $1 and tokens.token_hash = $2 and tokens.kind = 'personal' and tokens.revoked_at is null and coalesce(tokens.expires_at > now(), true)
  and users.login = $3 and (not users.is_application and users.removed_at is null)
union all
select organisations.org_id, users.user_id, users.role, coalesce(users.is_active, false), users.is_application,
  null, users.loopback_only, false, users.password_hash, coalesce(failed.failures, 0),
  coalesce(failed.failures >= 7, false)
from organisations
left join users on users.org_id = $1 and users.login = $3 and (not users.is_application and users.removed_at is null)
left join failed_logins failed on failed.org_id = $1 and failed.login_hash = $4
  and failed.address = $5 and failed.expires_at > now()
where organisations.org_id = $1;

-- $1 orgId, $2 login
prepare select_user_id as
select user_id from users where org_id = $1 and login = $2 and removed_at is null;

-- $1 orgId, $2 uid, $3 login
prepare select_user_named as
select users.user_id, users.uid, users.login, users.display, users.email, users.passport_uid, users.cloud_uid,
users.role, users.is_active, users.created_at, users.removed_at,
(select coalesce(max(failures), 0) from failed_logins failed where failed.org_id = $1 and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
  and failed.expires_at > now()) as failed_logins,
(select max(expires_at) from failed_logins failed
  where failed.org_id = $1 and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
  and failed.expires_at > now() and failures >= 7) as locked_until
from users
where users.org_id = $1 and users.user_id = coalesce(
  (select user_id from users where org_id = $1 and uid = $2),
  (select user_id from users where org_id = $1 and login = $3 and removed_at is null));

-- $1 orgId, $2 userIds
prepare select_user_names as
select user_id as "userId", uid, login, display as name, coalesce(display, login) as display,
  passport_uid as "passportUid", cloud_uid as "cloudUid"
from users
where org_id = $1 and user_id = any($2::bigint[]);

-- $1 uids, $2 logins, $3 orgId
prepare select_users_named as
select named.place, users.user_id as "userId", users.removed_at is not null as "isRemoved"
from unnest($1::bigint[], $2::text[]) with ordinality as named (uid, login, place)
join users on users.org_id = $3 and users.user_id = coalesce(
  (select user_id from users where org_id = $3 and uid = named.uid),
  (select user_id from users where org_id = $3 and login = named.login and removed_at is null));

-- $1 orgId, $2 limit, $3 offset
prepare select_users_page as
select counted.total, page.*
from (select count(*) as total from users where org_id = $1 and (not users.is_application and users.removed_at is null)) counted
left join (
  select users.user_id, users.uid, users.login, users.display, users.email, users.passport_uid, users.cloud_uid,
users.role, users.is_active, users.created_at, users.removed_at,
(select coalesce(max(failures), 0) from failed_logins failed where failed.org_id = $1 and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
  and failed.expires_at > now()) as failed_logins,
(select max(expires_at) from failed_logins failed
  where failed.org_id = $1 and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
  and failed.expires_at > now() and failures >= 7) as locked_until from users where org_id = $1 and (not users.is_application and users.removed_at is null) order by user_id limit $2 offset $3
) page on true
order by page.user_id;

-- $1 names, $2 orgId
prepare select_users_with_full_names as
select named.place, users.user_id as "userId"
from unnest($1::text[]) with ordinality as named (name, place)
join users on users.org_id = $2 and users.removed_at is null
  and lower(users.display collate "default") = lower(btrim(named.name));

-- $1 orgId, $2 issueIds, $3 isApplication, $4 userId
prepare select_visible_names as
select issues.issue_id, issues.key, issues.hex_id
from lateral (select * from issues where issues.org_id = $1 and issues.issue_id = any($2::bigint[]) offset 0) issues
join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
where ($3::boolean or (queues.access = 'organisation' or exists (
select from queue_members
where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $4
  and true)));

-- $1 orgId, $2 isApplication, $3 userId
prepare select_visible_projects as
select queues.queue_id, queues.key, queues.name, queues.description, queues.identifier, queues.access, queues.is_active,
  queues.updated_at, queues.kanboard,
  case when (not lead.is_application and lead.removed_at is null) then lead.user_id end as lead_id
from queues
join users lead on lead.org_id = $1 and lead.user_id = queues.lead_id
where queues.org_id = $1 and ($2::boolean or (queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id and queue_members.user_id = $3
    and true)))
order by queues.name collate "C", queues.queue_id;

-- $1 orgId, $2 after
prepare select_wrong_copies as
select links.link_id
from links
join link_types on link_types.org_id = $1 and link_types.link_type_id = links.link_type_id
join organisations on organisations.org_id = $1
where links.org_id = $1
  and (links.is_symmetric, links.is_antisymmetric, links.is_acyclic, links.single_end, links.shares_label,
    links.one_link_per_pair)
  is distinct from (link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic,
    link_types.single_end, link_types.shares_label, organisations.one_link_per_pair) and links.link_id > $2 order by links.link_id limit 1000;

-- $1 orgId, $2 queueId
prepare take_issue_key as
update queues set last_issue_number = last_issue_number + 1
where org_id = $1 and queue_id = $2
returning key, last_issue_number;

-- $1 orgId, $2 issueId
prepare touch_issue as
update issues set updated_at = greatest(now(), updated_at) where org_id = $1 and issue_id = $2;

-- $1 orgId, $2 userId, $3 operation, $4 key
prepare try_lock_key as
select pg_try_advisory_xact_lock(hashtextextended(
  format('idempotency %s %s %s %s', $1::text, $2::bigint, $3::text, $4::text), 0)) as is_locked;

-- $1 orgId, $2 assigneeId, $3 actorId
prepare unassign_issues as
with assigned as materialized (
  select issue_id from issues where org_id = $1 and assignee_id = $2 order by issue_id for no key update
)
update issues
set assignee_id = null, version = version + 1, updated_by = $3, updated_at = greatest(now(), updated_at)
from assigned
where issues.org_id = $1 and issues.issue_id = assigned.issue_id
returning issues.issue_id;

-- $1 name, $2 color, $3 orgId, $4 categoryId
prepare update_category as
update categories set name = $1, color = $2 where org_id = $3 and category_id = $4;

-- $1 title, $2 taskLimit, $3 description, $4 orgId, $5 columnId
prepare update_column as
update columns set title = $1, task_limit = $2, description = $3
where org_id = $4 and column_id = $5;

-- $1 orgId, $2 queueId, $3 columnId, $4 position
prepare update_column_positions as
with others as (
  select column_id, row_number() over (order by position, column_id) as place
  from columns
  where org_id = $1 and queue_id = $2 and column_id <> $3
), placed as (
  select column_id, place + (place >= $4)::integer as position from others
  union all
  select $3, $4
)
update columns set position = placed.position
from placed
where columns.org_id = $1 and columns.column_id = placed.column_id and columns.position <> placed.position;

-- $1 text, $2 summoneeIds, $3 userId, $4 orgId, $5 commentId
prepare update_comment as
update comments
set text = $1, summonee_ids = $2, version = version + 1,
  updated_by = $3, updated_at = greatest(now(), updated_at)
where org_id = $4 and comment_id = $5;

-- $1 orgId, $2 linkId
prepare update_copies as
update links
set is_symmetric = link_types.is_symmetric, is_antisymmetric = link_types.is_antisymmetric,
  is_acyclic = link_types.is_acyclic, single_end = link_types.single_end, shares_label = link_types.shares_label,
  one_link_per_pair = organisations.one_link_per_pair
from link_types
join organisations on organisations.org_id = $1
where links.org_id = $1 and links.link_id = $2 and link_types.org_id = $1
  and link_types.link_type_id = links.link_type_id;

-- $1 orgId
prepare update_demo_queue_counters as
update queues set last_issue_number = numbers.last
from (
  select queue_id, max(split_part(key, '-', 2)::bigint) as last from issues where org_id = $1 group by queue_id
) as numbers
where queues.org_id = $1 and queues.queue_id = numbers.queue_id;

-- $1 summary, $2 description, $3 issueTypeId, $4 priorityId, $5 assigneeId, $6 authorId, $7 followerIds, $8 tags, $9 statusId, $10 resolutionId, $11 userId, $12 reference, $13 color, $14 dueAt, $15 startedAt, $16 timeSpent, $17 timeEstimated, $18 kanboard, $19 isOpen, $20 orgId, $21 issueId
prepare update_issue_fields as
update issues
set summary = $1, description = $2, issue_type_id = $3, priority_id = $4,
  assignee_id = $5, author_id = nullif($6::bigint, created_by), follower_ids = $7::bigint[],
  tags = $8, status_id = $9, resolution_id = $10,
  resolved_at = case when $10::bigint is null then null
    when resolution_id is distinct from $10 then clock.now else resolved_at end,
  resolved_by = case when $10::bigint is null then null
    when resolution_id is distinct from $10 then $11::bigint else resolved_by end,
  reference = $12, color = $13,
  due_at = $14, started_at = $15, time_spent = $16, time_estimated = $17,
  kanboard = $18, is_open = $19,
  closed_at = case when is_open and not $19 then clock.now else closed_at end,
  previous_status_id = case when status_id <> $9 then status_id else previous_status_id end,
  position = case when status_id <> $9 then (
  select coalesce(max(placed.position), 0) + 1 from issues placed
  where placed.org_id = $20 and placed.queue_id = issues.queue_id and placed.status_id = $9) else position end,
  moved_at = case when status_id <> $9 then clock.now else moved_at end,
  version = version + 1, updated_by = $11, updated_at = greatest(now(), updated_at)
from (select now()) clock
where org_id = $20 and issue_id = $21;

-- $1 queueId, $2 key, $3 statusId, $4 orgId, $5 kanboard, $6 userId, $7 issueId
prepare update_issue_queue as
update issues
set queue_id = $1, key = $2, status_id = $3, position = (
  select coalesce(max(placed.position), 0) + 1 from issues placed
  where placed.org_id = $4 and placed.queue_id = $1 and placed.status_id = $3), moved_at = now(),
  kanboard = $5,
  previous_status_id = case when status_id <> $3 then status_id else previous_status_id end,
  version = version + 1, updated_by = $6, updated_at = greatest(now(), updated_at)
where org_id = $4 and issue_id = $7;

-- $1 orgId, $2 labelId, $3 label, $4 oppositeId
prepare update_label as
with types as (
  update link_types set version = version + 1
  where org_id = $1 and (inward_label_id = $2 or outward_label_id = $2)
    and exists (select from labels where org_id = $1 and label_id = $2 and label <> $3)
)
update labels
set label = $3, opposite_id = $4,
  name_ru = case when label = $3 then name_ru end,
  name_en = case when label = $3 then name_en end,
  phrase = case when label = $3 then phrase end
where org_id = $1 and label_id = $2;

-- $1 ru, $2 en, $3 orgId, $4 labelId
prepare update_label_texts as
update labels
set name_ru = $1, name_en = $2, label = case when phrase is null then $2 else label end
where org_id = $3 and label_id = $4;

-- $1 linkId, $2 linkTypeId, $3 inwardIssueId, $4 outwardIssueId, $5 userId, $6 events, $7 orgId, $8 firstEnd, $9 seenVersion, $10 seenLinkTypeId, $11 seenInwardIssueId, $12 seenOutwardIssueId, $13 seenFirstEnd
prepare update_link as
with given as (
  select $1::bigint as link_id, $2::text as link_type_id, $3::bigint as inward_issue_id,
    $4::bigint as outward_issue_id, $5::bigint as user_id, $6::jsonb as events
),
gate as materialized (
  select pg_try_advisory_xact_lock_shared(hashtextextended(organisations.org_id, 0)) as is_passed
  from organisations
  where organisations.org_id = $7
), organisation as materialized (
  select organisations.one_link_per_pair
  from gate
  cross join organisations
  where gate.is_passed and organisations.org_id = $7
  for key share of organisations skip locked
), types as materialized (
  select link_types.link_type_id, link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic,
    link_types.single_end, link_types.shares_label, organisation.one_link_per_pair
  from organisation
  cross join link_types
  where link_types.org_id = $7 and link_types.link_type_id = any(array(select link_type_id from given))
  order by link_types.link_type_id
  for key share of link_types skip locked
), ends as materialized (
  select issues.issue_id
  from (select count(*) from types) as locked
  cross join issues
  where issues.org_id = $7 and issues.issue_id = any(array(
    select inward_issue_id from given union all select outward_issue_id from given))
  order by issues.issue_id
  for key share of issues skip locked
), ruled as materialized (
  select given.link_id, given.link_type_id, given.inward_issue_id, given.outward_issue_id, types.is_symmetric,
    types.is_antisymmetric, types.is_acyclic, types.single_end, types.shares_label, types.one_link_per_pair
  from given
  join types on types.link_type_id = given.link_type_id
  where given.inward_issue_id in (select issue_id from ends) and given.outward_issue_id in (select issue_id from ends)
    and given.inward_issue_id <> given.outward_issue_id and not types.shares_label
    and not (
    types.single_end = 'inward' and exists (
      select from links others
      where others.org_id = $7 and others.inward_issue_id = given.inward_issue_id
        and others.link_type_id = given.link_type_id and others.link_id <> given.link_id))
    and not (
    types.single_end = 'outward' and exists (
      select from links others
      where others.org_id = $7 and others.outward_issue_id = given.outward_issue_id
        and others.link_type_id = given.link_type_id and others.link_id <> given.link_id))
    and not (
    types.is_acyclic and exists (
      select from links others
      where others.org_id = $7 and others.inward_issue_id = given.inward_issue_id
        and others.outward_issue_id = given.outward_issue_id and others.link_id <> given.link_id
        and (others.link_type_id = given.link_type_id or types.one_link_per_pair)))
    and not (
    types.is_acyclic and exists (
      select from links others
      where others.org_id = $7 and others.inward_issue_id = given.outward_issue_id
        and others.outward_issue_id = given.inward_issue_id and others.link_id <> given.link_id
        and (others.link_type_id = given.link_type_id or types.one_link_per_pair)))
), nodes as materialized (
  select ruled.link_type_id, node.issue_id, min(node.side) as side
  from ruled
  cross join lateral (values (ruled.inward_issue_id, -1), (ruled.outward_issue_id, 1)) as node (issue_id, side)
  where ruled.is_acyclic
  group by ruled.link_type_id, node.issue_id
), positions as materialized (
  select topological_order.link_type_id, topological_order.issue_id, topological_order.position
  from topological_order
  where topological_order.org_id = $7
    and topological_order.link_type_id = any(array(select link_type_id from nodes))
    and topological_order.issue_id = any(array(select issue_id from nodes))
  order by topological_order.issue_id, topological_order.link_type_id
  for share of topological_order skip locked
), placed as (
  insert into topological_order (org_id, link_type_id, issue_id, position)
  select $7, nodes.link_type_id, nodes.issue_id, nextval('topological_order_position_seq') * 1048576 * nodes.side
  from nodes
  where not exists (
    select from positions where positions.link_type_id = nodes.link_type_id and positions.issue_id = nodes.issue_id)
  order by nodes.issue_id, nodes.link_type_id
  on conflict do nothing
  returning link_type_id, issue_id, position
), ordered as (
  select * from positions union all select * from placed
), allowed as materialized (
  select ruled.*
  from ruled
  cross join (select count(*) from ordered) as ready
  where not ruled.is_acyclic or (
    select ordered.position from ordered
    where ordered.link_type_id = ruled.link_type_id and ordered.issue_id = ruled.inward_issue_id) < (
    select ordered.position from ordered
    where ordered.link_type_id = ruled.link_type_id and ordered.issue_id = ruled.outward_issue_id)
), written as (
  update links
  set link_type_id = allowed.link_type_id, is_symmetric = allowed.is_symmetric,
    is_antisymmetric = allowed.is_antisymmetric, is_acyclic = allowed.is_acyclic, single_end = allowed.single_end,
    shares_label = allowed.shares_label, inward_issue_id = allowed.inward_issue_id,
    outward_issue_id = allowed.outward_issue_id, first_end = $8,
    updated_by = $5, updated_at = greatest(now(), links.created_at), version = links.version + 1
  from allowed
  where
links.org_id = $7 and links.link_id = $1 and links.version = $9
and links.link_type_id = $10 and links.inward_issue_id = $11
and links.outward_issue_id = $12 and links.first_end = $13
  returning links.link_id, links.version, links.created_at, links.updated_at
),
recorded as (
  insert into events (org_id, user_id, issue_id, type, changes)
  select $7, given.user_id, (event.value ->> 'issueId')::bigint, event.value ->> 'type', event.value -> 'changes'
  from written
  join given on given.link_id = written.link_id
  cross join jsonb_array_elements(given.events) with ordinality as event (value, place)
  order by written.link_id, event.place
)
select * from written;

-- $1 isAntisymmetric, $2 isAcyclic, $3 singleEnd, $4 orgId, $5 linkTypeId
prepare update_link_type_rules as
with type as (
  update link_types
  set is_antisymmetric = $1, is_acyclic = $2, single_end = $3, version = version + 1
  where org_id = $4 and link_type_id = $5
)
update links set is_antisymmetric = $1, is_acyclic = $2, single_end = $3
where org_id = $4 and link_type_id = $5
  and (is_antisymmetric, is_acyclic, single_end) <> ($1, $2, $3);

-- $1 linkTypeId, $2 isSymmetric, $3 isAntisymmetric, $4 isAcyclic, $5 singleEnd, $6 sharesLabel, $7 oneLinkPerPair, $8 inwardIssueId, $9 outwardIssueId, $10 firstEnd, $11 userId, $12 orgId, $13 linkId, $14 seenVersion
prepare update_locked_link as
update links
set link_type_id = $1, is_symmetric = $2, is_antisymmetric = $3,
  is_acyclic = $4, single_end = $5, shares_label = $6, one_link_per_pair = $7,
  inward_issue_id = $8, outward_issue_id = $9, first_end = $10,
  updated_by = $11, updated_at = greatest(now(), created_at), version = version + 1
where org_id = $12 and link_id = $13 and version = $14
returning link_id, version, created_at, updated_at;

-- $1 role, $2 orgId, $3 queueId, $4 userId
prepare update_member_role as
update queue_members set role = $1
where org_id = $2 and queue_id = $3 and user_id = $4
returning user_id;

-- $1 labelId, $2 oppositeId, $3 orgId
prepare update_opposites as
update labels set opposite_id = case when label_id = $1 then $2::integer else $1::integer end
where org_id = $3 and label_id in ($1, $2);

-- $1 name, $2 language, $3 oneLinkPerPair, $4 orgId
prepare update_organisation_row as
with organisation as (
  update organisations set name = $1, language = $2, one_link_per_pair = $3 where org_id = $4
  returning org_id, cloud_id, name, language, profile, one_link_per_pair
), copies as (
  update links set one_link_per_pair = $3 where org_id = $4 and one_link_per_pair <> $3
)
select * from organisation;

-- $1 orgId, $2 queueId, $3 statusId, $4 previousStatusId, $5 issueId, $6 position
prepare update_positions as
with others as (
  select issue_id, status_id, row_number() over (partition by status_id order by position, issue_id) as place
  from issues
  where org_id = $1 and queue_id = $2 and status_id in ($3, $4) and is_open and issue_id <> $5
), placed as (
  select issue_id, place + (status_id = $3 and place >= $6)::integer as position from others
  union all
  select $5, least($6, 1 + (select count(*) from others where status_id = $3))
)
update issues
set position = placed.position, moved_at = case when issues.issue_id = $5 then clock.now else moved_at end
from placed
cross join (select now()) clock
where issues.org_id = $1 and issues.issue_id = placed.issue_id
  and (issues.position <> placed.position or issues.issue_id = $5);

-- $1 name, $2 description, $3 leadId, $4 identifier, $5 isActive, $6 settings, $7 orgId, $8 queueId
prepare update_project as
update queues
set name = coalesce($1, name), description = coalesce($2, description),
  lead_id = coalesce($3, lead_id), identifier = coalesce($4, identifier),
  is_active = coalesce($5, is_active), kanboard = kanboard || $6::jsonb,
  version = version + 1, updated_at = greatest(now(), updated_at)
where org_id = $7 and queue_id = $8;

-- $1 title, $2 objectKey, $3 objectId, $4 dependency, $5 userId, $6 orgId, $7 issueId, $8 linkId
prepare update_remote_link as
update remote_links set
  title = coalesce($1, title), object_key = coalesce($2, object_key), object_id = coalesce($3, object_id),
  dependency = coalesce($4, dependency), updated_by = $5, updated_at = greatest(now(), updated_at)
where org_id = $6 and issue_id = $7 and remote_link_id = $8
returning remote_link_id;

-- $1 orgId, $2 status, $3 headers, $4 body, $5 userId, $6 operation, $7 key
prepare update_response as
with expired as (
  delete from idempotency_keys
  where org_id = $1 and (user_id, operation, key) in (
    select user_id, operation, key from idempotency_keys
    where org_id = $1 and created_at < now() - interval '24 hours'
    order by created_at
    limit 20
    for update skip locked)
)
update idempotency_keys set status = $2, headers = $3, body = $4
where org_id = $1 and user_id = $5 and operation = $6 and key = $7;

-- $1 orgId, $2 linkTypeIds
prepare update_shares_label as
with types as (
  update link_types set shares_label = true
  where org_id = $1 and link_type_id = any($2::text[]) and not shares_label
)
update links set shares_label = true
where org_id = $1 and link_type_id = any($2::text[]) and not shares_label;

-- $1 name, $2 color, $3 orgId, $4 tagId
prepare update_tag as
update tags set name = $1, color = $2 where org_id = $3 and tag_id = $4;

-- $1 orgId, $2 tokenId, $3 userId, $4 tokenHash
prepare update_tokens_revoked as
update tokens set revoked_at = least(revoked_at, now())
where org_id = $1 and (token_id = $2 or user_id = $3 or token_hash = $4)
returning token_id;

-- $1 orgId, $2 tokenIds
prepare update_tokens_used as
with used as (
  select token_id from tokens
  where org_id = $1 and token_id = any($2::bigint[])
    and coalesce(last_used_at < now() - interval '30 seconds', true)
  for no key update skip locked
)
update tokens set last_used_at = now() from used where tokens.org_id = $1 and tokens.token_id = used.token_id;

-- $1 login, $2 role, $3 display, $4 email, $5 orgId, $6 userId
prepare update_user as
update users
set login = coalesce($1, login),
  role = case when $2 = 'member' and role = 'reader' then role else coalesce($2, role) end,
  display = nullif(coalesce($3, display), ''), email = nullif(coalesce($4, email), '')
where org_id = $5 and user_id = $6 and (not users.is_application and users.removed_at is null)
returning user_id;

-- $1 isActive, $2 orgId, $3 userId
prepare update_user_active as
update users set is_active = $1 where org_id = $2 and user_id = $3 and (not users.is_application and users.removed_at is null) returning user_id;

-- $1 passwordHash, $2 orgId, $3 userId
prepare update_user_password as
update users set password_hash = $1
where org_id = $2 and user_id = $3 and (not users.is_application and users.removed_at is null)
returning user_id;

-- $1 orgId, $2 userId
prepare update_user_removed as
update users set removed_at = now(), is_active = false, password_hash = null
where org_id = $1 and user_id = $2 and (not users.is_application and users.removed_at is null)
returning user_id;

-- $1 role, $2 orgId, $3 userId
prepare update_user_role as
update users set role = $1 where org_id = $2 and user_id = $3 and (not users.is_application and users.removed_at is null) returning user_id;
