// The links of an issue with little in the way: Fastify, and one named statement whose JSON PostgreSQL makes.
import { createHash } from 'node:crypto';
import Fastify from 'fastify';
import pg from 'pg';

const { connection } = JSON.parse(process.env.BENCH_PEER);
// The benchmark has ended.
process.on('disconnect', () => process.exit());
// Planned once per connection, in the order written: planning takes longer than execution.
const pool = new pg.Pool({
  ...connection,
  max: 16,
  options: '-c plan_cache_mode=force_generic_plan -c join_collapse_limit=1',
});

const visible = `(queues.access = 'organisation' or exists (
  select from queue_members
  where queue_members.org_id = queues.org_id and queue_members.queue_id = queues.queue_id
    and queue_members.user_id = owner.user_id))`;
const user = (row) =>
  `json_build_object('self', $3 || '/users/' || ${row}.uid, 'id', ${row}.uid::text, 'display', ${row}.display)`;
const time = (column) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+0000"')`;

const LINKS = `
  with owner as materialized (
    select tokens.org_id, tokens.user_id
    from tokens
    join users on users.org_id = tokens.org_id and users.user_id = tokens.user_id
    where tokens.token_hash = $1 and tokens.kind = 'oauth' and tokens.revoked_at is null and users.is_active
      and (tokens.expires_at is null or tokens.expires_at > now())
  ), issue as materialized (
    select issues.issue_id, issues.key, owner.user_id, owner.org_id
    from owner
    join issues on issues.org_id = owner.org_id and issues.key = $2
    join queues on queues.org_id = issues.org_id and queues.queue_id = issues.queue_id
    where ${visible}
  )
  select exists (select from owner) as is_known, exists (select from issue) as is_found, json_strip_nulls((
    select coalesce(json_agg(json_build_object(
      'self', $3 || '/issues/' || owner.key || '/links/' || link.link_id,
      'id', link.link_id,
      'type', json_build_object('self', $3 || '/linktypes/' || link.link_type_id, 'id', link.link_type_id,
        'inward', inward.name_ru, 'outward', outward.name_ru),
      'direction', link.direction,
      'object', json_build_object('self', $3 || '/issues/' || object.key, 'id', object.hex_id, 'key', object.key,
        'display', object.summary),
      'createdBy', ${user('author')},
      'updatedBy', ${user('editor')},
      'createdAt', ${time('link.created_at')},
      'updatedAt', ${time('link.updated_at')},
      'assignee', case when assignee.uid is not null then ${user('assignee')} end,
      'status', json_build_object('self', $3 || '/statuses/' || status.status_id, 'id', status.status_id::text,
        'key', status.key, 'display', status.name_ru),
      'relationship', case link.direction when 'inward' then inward.phrase else outward.phrase end
    ) order by link.link_id), '[]')
    from issue owner
    cross join lateral (
      select links.*, 'inward' as direction, outward_issue_id as object_id
      from links where links.org_id = owner.org_id and links.inward_issue_id = owner.issue_id
      union all
      select links.*, 'outward', inward_issue_id
      from links where links.org_id = owner.org_id and links.outward_issue_id = owner.issue_id
    ) link
    join issues object on object.org_id = link.org_id and object.issue_id = link.object_id
    join queues on queues.org_id = link.org_id and queues.queue_id = object.queue_id
    join link_types type on type.org_id = link.org_id and type.link_type_id = link.link_type_id
    join labels inward on inward.org_id = link.org_id and inward.label_id = type.inward_label_id
    join labels outward on outward.org_id = link.org_id and outward.label_id = type.outward_label_id
    join statuses status on status.org_id = link.org_id and status.status_id = object.status_id
    join users author on author.org_id = link.org_id and author.user_id = link.created_by
    join users editor on editor.org_id = link.org_id and editor.user_id = link.updated_by
    left join users assignee on assignee.org_id = link.org_id and assignee.user_id = object.assignee_id
    where ${visible}
  ))::text as body`;

const app = Fastify();
app.get('/v2/issues/:key/links', async (request, reply) => {
  const token = (request.headers.authorization ?? '').replace(/^OAuth /, '');
  const hash = createHash('sha256').update(token).digest();
  const base = `${request.protocol}://${request.headers.host}/v2`;
  const { rows } = await pool.query({ name: 'links', text: LINKS, values: [hash, request.params.key, base] });
  const [{ is_known, is_found, body }] = rows;
  if (!is_known) return reply.code(401).send({ errorMessages: ['Unauthorized'], statusCode: 401 });
  if (!is_found) return reply.code(404).send({ errorMessages: ['Not found'], statusCode: 404 });
  return reply.type('application/json').send(body);
});

await app.listen({ port: 0, host: '127.0.0.1' });
process.send(app.server.address().port);
