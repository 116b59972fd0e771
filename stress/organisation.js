// People with private queues: what `npm run leaks` looks for. Every stored string and every id occurs nowhere else.
import { callRpc, sendRest } from './environment.js';

const NUMBERS = {
  issues: 731,
  queues: 732,
  columns: 733,
  links: 734,
  remote_links: 735,
  events: 736,
  comments: 737,
  tags: 738,
};
const IDS = {
  issues: 'issue_id',
  queues: 'queue_id',
  columns: 'column_id',
  links: 'link_id',
  remote_links: 'remote_link_id',
  events: 'event_id',
  comments: 'comment_id',
  tags: 'tag_id',
};
const MILLION = 1_000_000;
/** Beyond every id that a run gives. */
const MISSING = 900_000;
/** Issue keys of one length: error messages can have positions. */
const FIRST_ISSUE = 11;
const padded = (number) => String(number).padStart(5, '0');

/** The organisation of the environment, with functions that create people and things in it. */
export async function openOrganisation(environment) {
  const { orgId, connection, query, servers } = environment;
  const [server] = servers;
  const { openDatabase } = await import('../dist/database/open-database.js');
  const { createUser } = await import('../dist/core/users/users.service.js');
  const { createToken, replaceAccountToken } = await import('../dist/core/tokens/tokens.service.js');
  const db = openDatabase(connection, { info() {}, warn() {}, error() {} });
  let count = 0;
  const next = () => {
    count += 1;
    return count;
  };

  /** Retried while a rule switch, which a probe can be, holds writers off. */
  const rest = async (user, method, path, body, attempts = 5) => {
    const response = await sendRest({ orgId, token: user.token }, server, method, path, body);
    if (response.status === 503 && attempts > 1) return await rest(user, method, path, body, attempts - 1);
    if (response.status >= 300) {
      throw new Error(`${method} ${path} returned ${response.status}: ${JSON.stringify(response.body)}`);
    }
    return response.body;
  };

  async function createUserOf(role) {
    const number = next();
    const login = `person${number}`;
    const id = await createUser(db, orgId, { login, display: `Person ${number}`, role });
    const { id: tokenId, token } = await createToken(db, orgId, id, { scopes: ['read', 'write', 'admin'] });
    const secret = await replaceAccountToken(db, orgId, id, 'personal');
    const headers = {
      rest: { Authorization: `OAuth ${token}`, 'X-Org-ID': orgId },
      rpc: { Authorization: `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}` },
    };
    return { id, login, role, tokenId, token, headers };
  }

  const admin = { token: environment.token };
  const bystander = await createUserOf('member');

  async function createQueue(key, name, owner) {
    const rpc = async (method, params, attempts = 5) => {
      try {
        return await callRpc(environment, server, method, params);
      } catch (error) {
        if (attempts === 1 || !error.message.includes('503')) throw error;
        return await rpc(method, params, attempts - 1);
      }
    };
    const id = await rpc('createProject', { name, identifier: key });
    await rpc('addProjectUser', [id, owner.id, 'project-manager']);
    await query('update queues set last_issue_number = $3 where org_id = $1 and queue_id = $2', [
      orgId,
      id,
      FIRST_ISSUE - 1,
    ]);
    return id;
  }

  /** An issue with a link to another, a link to an object elsewhere, a comment, and a history. */
  async function createThing(owner, creator, queue, other, word) {
    const number = next();
    const say = (field) => `${word}${field}${padded(number)}`;
    const names = {
      queueKey: queue.key,
      queueId: queue.id,
      queueName: queue.name,
      summary: say('summary'),
      description: say('description'),
      tag: say('tag'),
      unique: say('unique'),
      remoteKey: say('remote'),
      reference: say('reference'),
      comment: say('comment'),
    };
    const { queueKey, summary, description, tag, unique, remoteKey } = names;
    const issue = await rest(creator, 'POST', '/v3/issues', {
      queue: queueKey,
      summary: `${summary}before`,
      description,
      tags: [tag],
      unique,
    });
    const path = `/v3/issues/${issue.key}`;
    const link = await rest(creator, 'POST', `${path}/links`, { relationship: 'relates', issue: other });
    const remote = await rest(creator, 'POST', `${path}/remotelinks`, {
      relationship: 'RELATES',
      key: remoteKey,
      origin: 'com.github',
    });
    const comment = await rest(creator, 'POST', `${path}/comments`, { text: names.comment });
    await rest(creator, 'PATCH', path, { summary });
    const [row] = await query(
      `update issues set reference = $3 where org_id = $1 and key = $2
       returning issue_id,
         (select column_id from columns where org_id = $1 and queue_id = issues.queue_id order by position limit 1),
         (select tag_id from tags where org_id = $1 and queue_id = issues.queue_id and name = $4),
         (select array_agg(event_id order by event_id) from events where org_id = $1 and issue_id = issues.issue_id) as entries`,
      [orgId, issue.key, names.reference, tag],
    );
    const named = {
      ...names,
      issueKey: issue.key,
      hexId: issue.id,
      taskId: Number(row.issue_id),
      columnId: Number(row.column_id),
      linkId: link.id,
      viewId: 2 * link.id - 1,
      secondViewId: 2 * link.id,
      entryId: Number(row.entries.at(-1)),
      remoteLinkId: remote.id,
      remoteObjectId: remote.object.id,
      commentId: comment.id,
      tagId: Number(row.tag_id),
    };
    return thingOf(owner, named, [`${summary}before`, ...row.entries]);
  }

  return {
    rpcPath: `/kanboard/${orgId}/jsonrpc.php`,
    url: server.url,
    bystander,
    async createUsers(number, roles) {
      const users = [];
      while (users.length < number) users.push(await createUserOf(roles[users.length % roles.length]));
      return users;
    },

    /** Two issues in an open queue of the user's own, which everybody sees. */
    async createVisible(user) {
      const key = `OPEN${next()}`;
      const { id } = await rest(admin, 'POST', '/v3/queues', { key, name: key });
      const queue = { key, id: Number(id), name: key };
      const issue = { queue: key, summary: 'Visible' };
      const [linked, other] = [
        await rest(admin, 'POST', '/v3/issues', issue),
        await rest(admin, 'POST', '/v3/issues', issue),
      ];
      const [row] = await query('select issue_id from issues where org_id = $1 and key = $2', [orgId, other.key]);
      user.visible = await createThing(user, admin, queue, linked.key, 'open');
      user.visible.other = { names: { issueKey: other.key, taskId: Number(row.issue_id) } };
    },

    /** Ids of what is created from now on occur nowhere else. */
    async separateIds() {
      for (const [table, number] of Object.entries(NUMBERS)) {
        await query(`select setval(pg_get_serial_sequence($1, $2), $3)`, [table, IDS[table], number * MILLION]);
      }
    },

    /** A private queue of the user, with issues that are linked to visible ones. */
    async createHidden(user, number) {
      const order = next();
      const key = `HUSH${padded(order)}Q`;
      const name = `hushqueueName${padded(order)}`;
      const queue = { key, name, id: await createQueue(key, name, user) };
      const things = [];
      const { issueKey: parent } = user.visible.other.names;
      while (things.length < number) {
        const thing = await createThing(user, user, queue, user.visible.names.issueKey, 'hush');
        if (things.length === 0) {
          await rest(user, 'PATCH', `/v3/issues/${thing.names.issueKey}`, { parent });
        }
        things.push(thing);
      }
      return things;
    },

    /** Names of the same form that nothing has. */
    missingThing() {
      const order = padded(next());
      const number = (table) => NUMBERS[table] * MILLION + MISSING + Number(order);
      const texts = ['queueName', 'summary', 'description', 'tag', 'unique', 'remote', 'reference', 'comment'];
      return thingOf(undefined, {
        ...Object.fromEntries(texts.map((name) => [name === 'remote' ? 'remoteKey' : name, `none${name}${order}`])),
        queueKey: `NONE${order}Q`,
        queueId: number('queues'),
        issueKey: `NONE${order}Q-${FIRST_ISSUE}`,
        hexId: `6a26abd2ef7e8a33241${order}`,
        taskId: number('issues'),
        columnId: number('columns'),
        linkId: number('links'),
        viewId: 2 * number('links') - 1,
        secondViewId: 2 * number('links'),
        entryId: number('events'),
        remoteLinkId: number('remote_links'),
        commentId: number('comments'),
        tagId: number('tags'),
        remoteObjectId: `0123456789abcdef01234567890${order}`,
      });
    },

    /** The rows of private queues, to see whether anything changed. */
    async dump(things) {
      const queues = [...new Set(things.map(({ names }) => names.queueId))];
      const issues = `select issue_id from issues where org_id = $1 and queue_id = any($2)`;
      const [{ rows }] = await query(
        `select jsonb_build_object(
           'queues', (select jsonb_agg(queues order by queue_id) from queues where org_id = $1 and queue_id = any($2)),
           'members', (select jsonb_agg(m order by queue_id, user_id) from queue_members m where org_id = $1 and queue_id = any($2)),
           'tags', (select jsonb_agg(tags order by tag_id) from tags where org_id = $1 and queue_id = any($2)),
           'issues', (select jsonb_agg(issues order by issue_id) from issues where org_id = $1 and queue_id = any($2)),
           'links', (select jsonb_agg(links order by link_id) from links
             where org_id = $1 and (inward_issue_id in (${issues}) or outward_issue_id in (${issues}))),
           'remote', (select jsonb_agg(r order by remote_link_id) from remote_links r where org_id = $1 and issue_id in (${issues})),
           'comments', (select jsonb_agg(c order by comment_id) from comments c where org_id = $1 and issue_id in (${issues})),
           'events', (select jsonb_agg(e order by event_id) from events e where org_id = $1 and issue_id in (${issues}))
         )::text as rows`,
        [orgId, queues],
      );
      return rows;
    },

    /** Opens the queue of a private thing to the organisation; returns what closes it again. */
    async open({ names: { queueId } }) {
      const set = (access) =>
        query('update queues set access = $3 where org_id = $1 and queue_id = $2', [orgId, queueId, access]);
      await set('organisation');
      return () => set('members');
    },

    async remove(things) {
      for (const queueId of new Set(things.map(({ names }) => names.queueId))) {
        await callRpc(environment, server, 'removeProject', [queueId]);
      }
    },

    close: () => db.close(),
  };
}

function thingOf(owner, names, more = []) {
  const values = Object.entries(names).map(([name, value]) => [name, String(value)]);
  return {
    owner,
    names,
    secrets: [...values.map(([, value]) => value), ...more],
    replaceable: values.sort(([, left], [, right]) => right.length - left.length),
  };
}
