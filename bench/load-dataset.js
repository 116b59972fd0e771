// Creates the benchmark's organisation with the services of the build, and fills it with set-based SQL.
import { selectLinkTypes } from '../dist/core/link-types/link-types.store.js';
import { createOrganisation } from '../dist/core/organisations/organisations.service.js';
import { createQueue } from '../dist/core/queues/queues.service.js';
import { createToken, replaceAccountToken } from '../dist/core/tokens/tokens.service.js';
import { computeOrder } from '../dist/core/topological-order/topological-order.service.js';
import { createUser, getUserId } from '../dist/core/users/users.service.js';
import { LINK_TYPES, ORG_ID, QUEUES } from './dataset.js';

const USER_COUNT = 50;
const ROWS_AT_ONCE = 50_000;
const LOADED_TABLES = ['issues', 'links'];

/** The words of summaries. All have at least six letters, so that three of them make 20 characters. */
const WORDS = [
  ...'account archive backup billing browser calendar certificate checkout comment dashboard deadlock delivery'.split(
    ' ',
  ),
  ...'document export filter import invoice keyboard latency migration notification password permission'.split(' '),
  ...'release report retention search session upload warehouse'.split(' '),
  ...'задача заказы отчёты ошибка проект сервер страница уведомления хранилище черновик'.split(' '),
];

/** An integer below `bound` that depends on a row's number and a salt only. */
const hashed = (number, salt, bound) => `(hashint8extended(${number}, ${salt}) & 9007199254740991) % ${bound}`;

const INSERT_ISSUES = `
  insert into issues (org_id, issue_id, hex_id, key, queue_id, summary, issue_type_id, priority_id, status_id, is_open,
    assignee_id, created_by, updated_by, created_at, updated_at, moved_at, position)
  overriding system value
  select $1, number, to_hex((extract(epoch from at)::bigint)) || left(md5(number::text), 16),
    queue.key || '-' || (number - 1) / cardinality($4::text[]) + 1, queue.queue_id,
    left((
      select string_agg(($6::text[])[1 + ${hashed('number', 'word', 'cardinality($6::text[])')}], ' ')
      from generate_series(1, 3 + number % 6) word
    ), 80),
    1 + ${hashed('number', 101, 5)}, 1 + ${hashed('number', 102, 5)}, status_id, status_id < 4,
    case when ${hashed('number', 103, 10)} > 0 then ($5::bigint[])[1 + ${hashed('number', 104, USER_COUNT)}] end,
    author, author, at, at, at, number
  from generate_series($2::bigint, $3::bigint) number
  cross join lateral (select
    timestamptz '2025-01-01' + make_interval(secs => ${hashed('number', 105, '40000000')}) as at,
    1 + ${hashed('number', 106, 5)} as status_id,
    ($5::bigint[])[1 + ${hashed('number', 107, USER_COUNT)}] as author) drawn
  join queues queue on queue.org_id = $1 and queue.key = ($4::text[])[1 + (number - 1) % cardinality($4::text[])]`;

const INSERT_LINKS = `
  insert into links (org_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric, is_antisymmetric,
    is_acyclic, single_end, shares_label, one_link_per_pair, created_by, updated_by, created_at, updated_at)
  select $1, type.link_type_id, inward, outward, 'inward', type.is_symmetric, type.is_antisymmetric, type.is_acyclic,
    type.single_end, type.shares_label, organisations.one_link_per_pair, author, author, at, at
  from unnest($2::integer[], $3::integer[], $4::integer[]) link (inward, outward, type)
  cross join lateral (select
    timestamptz '2026-05-01' + make_interval(secs => ${hashed('inward', 'outward', '10000000')}) as at,
    ($5::bigint[])[1 + ${hashed('outward', 'inward', USER_COUNT)}] as author) drawn
  join organisations on organisations.org_id = $1
  join link_types type on type.org_id = $1 and type.link_type_id = ($6::text[])[1 + link.type]`;

/** Returns the viewer's user id, the viewer's token for the REST API and the application's token for JSON-RPC. */
export async function createBenchOrganisation(db) {
  await createOrganisation(db, {
    orgId: ORG_ID,
    cloudId: undefined,
    name: 'Bench',
    language: 'ru',
    profile: 'tracker',
  });
  const users = [];
  for (let number = 1; number <= USER_COUNT; number += 1) {
    users.push(await createUser(db, ORG_ID, { login: `user${number}`, display: `Участник ${number}`, role: 'member' }));
  }
  const [viewerId] = users;
  const { token } = await createToken(db, ORG_ID, viewerId, { scopes: ['read', 'write'] });
  const applicationId = await getUserId(db, ORG_ID, 'jsonrpc');
  const applicationToken = await replaceAccountToken(db, ORG_ID, applicationId, 'application');
  for (const key of QUEUES) await createQueue(db, ORG_ID, { key, name: `Queue ${key}`, leadId: viewerId });
  return { users, viewerId, token, applicationToken };
}

/** Fills the organisation. `client` is a superuser of the database: foreign keys are not checked, which halves the time. */
export async function loadDataset(client, { users, viewerId }, { issueCount, links }, progress) {
  await client.query('set session_replication_role = replica');
  await client.query(`update queues set access = 'members' where org_id = $1 and key like 'C%'`, [ORG_ID]);
  await client.query(
    `insert into queue_members (org_id, queue_id, user_id, role)
     select $1, queue_id, user_id, 'member' from queues, unnest($2::bigint[]) user_id
     where org_id = $1 and access = 'members' and (key = 'C1' or user_id <> $3)`,
    [ORG_ID, users, viewerId],
  );
  await disableIndexes(client);
  for (let first = 1; first <= issueCount; first += ROWS_AT_ONCE) {
    const last = Math.min(first + ROWS_AT_ONCE - 1, issueCount);
    await client.query(INSERT_ISSUES, [ORG_ID, first, last, QUEUES, users, WORDS]);
    progress(`${last} issues loaded`);
  }
  for (let first = 0; first < links.type.length; first += ROWS_AT_ONCE) {
    const part = (column) => `{${column.subarray(first, first + ROWS_AT_ONCE).join()}}`;
    const columns = [part(links.inward), part(links.outward), part(links.type)];
    await client.query(INSERT_LINKS, [ORG_ID, ...columns, users, LINK_TYPES]);
    progress(`${Math.min(first + ROWS_AT_ONCE, links.type.length)} links loaded`);
  }
  progress('indexes');
  await rebuildIndexes(client);
  await client.query(`update queues set last_issue_number = $2 where org_id = $1`, [
    ORG_ID,
    Math.ceil(issueCount / QUEUES.length),
  ]);
  await client.query(`select setval(pg_get_serial_sequence('issues', 'issue_id'), $1)`, [issueCount]);
  await client.query('set session_replication_role = origin');
  await client.query('vacuum analyze');
}

/** Building an index over loaded rows takes a fraction of the time of maintaining it row by row. */
async function disableIndexes(client) {
  await client.query('update pg_index set indisready = false where indrelid = any($1::regclass[])', [LOADED_TABLES]);
}

async function rebuildIndexes(client) {
  await client.query(`set maintenance_work_mem = '256MB'`);
  for (const table of LOADED_TABLES) await client.query(`reindex table ${table}`);
}

/** Stores the topological orders, which links that the server writes itself already have. Only writers need them. */
export async function computeOrders(db) {
  for (const { link_type_id, is_acyclic } of await selectLinkTypes(db, ORG_ID)) {
    if (is_acyclic) await db.transaction((transaction) => computeOrder(transaction, ORG_ID, link_type_id));
  }
  await db.query({ name: '', text: 'analyze topological_order', values: [] });
}
