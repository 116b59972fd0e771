import type { Queryable, Transaction } from '../database/database.ts';
import { nextIds } from '../database/next-ids.ts';
import { statement } from '../database/statement.ts';
import type { DemoIssue, DemoLink } from './demo-data.ts';

/** Deletes the organisation, which must be the only one, with its data. Ids restart, so that a fresh demo always has the same ids. */
export async function deleteEverything(transaction: Transaction, orgId: string): Promise<void> {
  await transaction.invalidate(orgId);
  const text = 'truncate organisations, organisation_directory, token_directory restart identity cascade';
  await transaction.query({ name: '', text, values: [] });
}

const EXISTS_LOOPBACK_CREDENTIAL = statement<'orgId'>(
  'exists_loopback_credential',
  `
  select from tokens where org_id = :orgId and loopback_only
  union all
  select from users where org_id = :orgId and loopback_only
  limit 1`,
);

/** Whether the demo's credentials are stored: only they are limited to loopback requests. */
export async function existsLoopbackCredential(db: Queryable, orgId: string): Promise<boolean> {
  const rows = await db.query(EXISTS_LOOPBACK_CREDENTIAL({ orgId }));
  return rows.length > 0;
}

const UPDATE_DEMO_QUEUE_COUNTERS = statement<'orgId'>(
  'update_demo_queue_counters',
  `
  update queues set last_issue_number = numbers.last
  from (
    select queue_id, max(split_part(key, '-', 2)::bigint) as last from issues where org_id = :orgId group by queue_id
  ) as numbers
  where queues.org_id = :orgId and queues.queue_id = numbers.queue_id`,
);

// Citus refuses an outer join directly under the insert.
const INSERT_DEMO_ISSUES = statement<'orgId' | 'issueIds' | 'issues'>(
  'insert_demo_issues',
  `
  with resolved as materialized (
    select coalesce(given.issue ->> 'hexId', left(md5(given.issue ->> 'key'), 24)) as hex_id,
      given.issue ->> 'key' as key, queues.queue_id, given.issue ->> 'summary' as summary, issue_types.issue_type_id,
      priorities.priority_id, statuses.status_id, statuses.type <> 'done' as is_open, assignee.user_id as assignee_id,
      author.user_id as author_id, (given.issue ->> 'at')::timestamptz as at, given.place
    from jsonb_array_elements(:issues) with ordinality as given (issue, place)
    join queues on queues.org_id = :orgId and queues.key = split_part(given.issue ->> 'key', '-', 1)
    join issue_types on issue_types.org_id = :orgId and issue_types.key = given.issue ->> 'issueType'
    join priorities on priorities.org_id = :orgId and priorities.key = given.issue ->> 'priority'
    join statuses on statuses.org_id = :orgId and statuses.key = given.issue ->> 'status'
    join users author on author.org_id = :orgId and author.login = given.issue ->> 'author'
    left join users assignee on assignee.org_id = :orgId and assignee.login = given.issue ->> 'assignee'
  )
  insert into issues (org_id, issue_id, hex_id, key, queue_id, summary, issue_type_id, priority_id, status_id, is_open,
    assignee_id, created_by, updated_by, created_at, updated_at, moved_at, closed_at, position)
  overriding system value
  select :orgId, (:issueIds::bigint[])[place], hex_id, key, queue_id, summary, issue_type_id, priority_id, status_id, is_open,
    assignee_id, author_id, author_id, at, at, at, case when not is_open then at end,
    row_number() over (partition by queue_id, status_id order by place)
  from resolved
  order by place`,
);

const HOUR_MS = 3_600_000;
/** The issues of the demo are an hour apart. */
const FIRST_ISSUE_AT = Date.UTC(2017, 5, 1, 10);

/** Inserts issues under predefined keys and advances the counters of their queues. */
export async function insertDemoIssues(db: Transaction, orgId: string, issues: readonly DemoIssue[]): Promise<void> {
  const timed = issues.map((issue, place) => ({ ...issue, at: new Date(FIRST_ISSUE_AT + place * HOUR_MS) }));
  const issueIds = await nextIds(db, 'issues', 'issue_id', issues.length);
  await db.query(INSERT_DEMO_ISSUES({ orgId, issueIds, issues: JSON.stringify(timed) }));
  await db.query(UPDATE_DEMO_QUEUE_COUNTERS({ orgId }));
}

const RAISE_LINK_SEQUENCE = statement<'linkId'>(
  'raise_link_sequence',
  `
  select setval(sequence.name, greatest(:linkId::bigint, coalesce(pg_sequence_last_value(sequence.name), 0)))
  from (select pg_get_serial_sequence('links', 'link_id')::regclass as name) sequence`,
);

const INSERT_DEMO_LINKS = statement<'orgId' | 'links' | 'firstLinkId'>(
  'insert_demo_links',
  `
  with written as (
    insert into links (org_id, link_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric,
      is_antisymmetric, is_acyclic, single_end, shares_label, one_link_per_pair, created_by, updated_by, created_at, updated_at)
    select :orgId, :firstLinkId + given.place - 1, link_types.link_type_id, inward.issue_id, outward.issue_id, given.link ->> 'firstEnd',
      link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic, link_types.single_end,
      link_types.shares_label, organisations.one_link_per_pair,
      author.user_id, author.user_id, (given.link ->> 'createdAt')::timestamptz, (given.link ->> 'createdAt')::timestamptz
    from jsonb_array_elements(:links) with ordinality as given (link, place)
    join organisations on organisations.org_id = :orgId
    join link_types on link_types.org_id = :orgId and link_types.link_type_id = given.link ->> 'type'
    join issues inward on inward.org_id = :orgId and inward.key = given.link ->> 'inward'
    join issues outward on outward.org_id = :orgId and outward.key = given.link ->> 'outward'
    join users author on author.org_id = :orgId and author.login = given.link ->> 'author'
    returning link_id, link_type_id, inward_issue_id, outward_issue_id, created_by, created_at
  )
  insert into events (org_id, user_id, issue_id, type, created_at, changes)
  select :orgId, written.created_by, ends.issue_id, 'IssueLinked', written.created_at,
    jsonb_build_object('links', jsonb_build_array(jsonb_build_object('from', null, 'to', jsonb_build_object(
      'link_id', written.link_id, 'link_type_id', written.link_type_id, 'direction', ends.direction,
      'object_id', ends.object_id))))
  from written
  cross join lateral (values (written.inward_issue_id, 'inward', written.outward_issue_id),
    (written.outward_issue_id, 'outward', written.inward_issue_id)) as ends (issue_id, direction, object_id)
  order by written.link_id, ends.issue_id`,
);

/** Inserts links with consecutive ids from `firstLinkId`, and their events. Links created later get higher ids. */
export async function insertDemoLinks(
  db: Transaction,
  orgId: string,
  links: readonly DemoLink[],
  firstLinkId: number,
): Promise<void> {
  await db.query(INSERT_DEMO_LINKS({ orgId, links: JSON.stringify(links), firstLinkId }));
  await db.query(RAISE_LINK_SEQUENCE({ linkId: firstLinkId + links.length - 1 }));
}
