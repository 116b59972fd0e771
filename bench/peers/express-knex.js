// The links of an issue as most people would write it: Express, and a few knex queries with joins. A single query with all
// ten tables would be several times slower, since PostgreSQL plans it anew for each request.
import { createHash } from 'node:crypto';
import express from 'express';
import knexOf from 'knex';

const { connection } = JSON.parse(process.env.BENCH_PEER);
// The benchmark has ended.
process.on('disconnect', () => process.exit());
const knex = knexOf({ client: 'pg', connection, pool: { min: 2, max: 16 } });
const app = express();

app.use(express.json());

app.use(async (request, response, next) => {
  const token = (request.get('Authorization') ?? '').replace(/^OAuth /, '');
  const owner = await knex('tokens')
    .join('users', (on) => on.on('users.org_id', 'tokens.org_id').andOn('users.user_id', 'tokens.user_id'))
    .where({ kind: 'oauth', token_hash: createHash('sha256').update(token).digest() })
    .whereNull('revoked_at')
    .where((unexpired) => unexpired.whereNull('expires_at').orWhere('expires_at', '>', knex.fn.now()))
    .where('users.is_active', true)
    .first('tokens.org_id', 'tokens.user_id');
  if (!owner) return response.status(401).json({ errorMessages: ['Unauthorized'], statusCode: 401 });
  request.viewer = owner;
  next();
});

function visibleTo({ org_id, user_id }) {
  return (where) =>
    where
      .where('queues.access', 'organisation')
      .orWhereExists(
        knex('queue_members')
          .where({ 'queue_members.org_id': org_id, 'queue_members.user_id': user_id })
          .whereRaw('queue_members.queue_id = queues.queue_id'),
      );
}

app.get('/v2/issues/:key/links', async (request, response) => {
  const { org_id } = request.viewer;
  const issue = await knex('issues')
    .join('queues', (on) => on.on('queues.org_id', 'issues.org_id').andOn('queues.queue_id', 'issues.queue_id'))
    .where({ 'issues.org_id': org_id, 'issues.key': request.params.key })
    .where(visibleTo(request.viewer))
    .first('issues.issue_id', 'issues.key');
  if (!issue) return response.status(404).json({ errorMessages: ['Not found'], statusCode: 404 });

  const ends = knex('links')
    .where({ org_id, inward_issue_id: issue.issue_id })
    .select('links.*', 'outward_issue_id as object_id', knex.raw(`'inward' as direction`))
    .unionAll(
      knex('links')
        .where({ org_id, outward_issue_id: issue.issue_id })
        .select('links.*', 'inward_issue_id as object_id', knex.raw(`'outward' as direction`)),
    );
  const rows = await knex
    .from(ends.as('link'))
    .join('issues as object', { 'object.org_id': 'link.org_id', 'object.issue_id': 'link.object_id' })
    .join('queues', { 'queues.org_id': 'link.org_id', 'queues.queue_id': 'object.queue_id' })
    .join('statuses as status', { 'status.org_id': 'link.org_id', 'status.status_id': 'object.status_id' })
    .where(visibleTo(request.viewer))
    .orderBy('link.link_id')
    .select('link.*', 'object.hex_id', 'object.key', 'object.summary', 'object.assignee_id')
    .select('status.status_id', 'status.key as status_key', 'status.name_ru as status_name');
  const types = await knex('link_types as type')
    .join('labels as inward', { 'inward.org_id': 'type.org_id', 'inward.label_id': 'type.inward_label_id' })
    .join('labels as outward', { 'outward.org_id': 'type.org_id', 'outward.label_id': 'type.outward_label_id' })
    .where('type.org_id', org_id)
    .whereIn('type.link_type_id', [...new Set(rows.map((row) => row.link_type_id))])
    .select('type.link_type_id', 'inward.name_ru as inward', 'outward.name_ru as outward')
    .select('inward.phrase as inward_phrase', 'outward.phrase as outward_phrase');
  const userIds = rows.flatMap((row) => [row.created_by, row.updated_by, row.assignee_id]).filter(Boolean);
  const users = await knex('users')
    .where({ org_id })
    .whereIn('user_id', [...new Set(userIds)])
    .select('user_id', 'uid', 'display');

  const base = `${request.protocol}://${request.get('host')}/v2`;
  const typeById = new Map(types.map((type) => [type.link_type_id, type]));
  const userById = new Map(users.map((user) => [user.user_id, user]));
  const serializeUser = (userId) => {
    const { uid, display } = userById.get(userId);
    return { self: `${base}/users/${uid}`, id: uid, display };
  };
  response.json(
    rows.map((row) => ({
      self: `${base}/issues/${issue.key}/links/${row.link_id}`,
      id: Number(row.link_id),
      type: {
        self: `${base}/linktypes/${row.link_type_id}`,
        id: row.link_type_id,
        inward: typeById.get(row.link_type_id).inward,
        outward: typeById.get(row.link_type_id).outward,
      },
      direction: row.direction,
      object: { self: `${base}/issues/${row.key}`, id: row.hex_id, key: row.key, display: row.summary },
      createdBy: serializeUser(row.created_by),
      updatedBy: serializeUser(row.updated_by),
      createdAt: row.created_at.toISOString().replace('Z', '+0000'),
      updatedAt: row.updated_at.toISOString().replace('Z', '+0000'),
      ...(row.assignee_id && { assignee: serializeUser(row.assignee_id) }),
      status: {
        self: `${base}/statuses/${row.status_id}`,
        id: row.status_id,
        key: row.status_key,
        display: row.status_name,
      },
      relationship: typeById.get(row.link_type_id)[`${row.direction}_phrase`],
    })),
  );
});

const server = app.listen(0, '127.0.0.1', () => process.send(server.address().port));
