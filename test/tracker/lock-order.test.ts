import { expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { type Rpc, rpcAs } from '../support/rpc.ts';
import { untilWaiting } from '../support/statements.ts';

/**
 * Pairs of requests that would deadlock if one of them locked in another order (decision 8). The test holds a row until both
 * wait, so that each has locked what it locks first.
 */

// A pool of its own, which logs.
const api = useApi({}, (connection) => Promise.resolve(connection));
const db = () => api().database.db;

interface Given {
  readonly org: GivenOrganisation;
  readonly rpc: Rpc;
  readonly queue: string;
  readonly queueId: number;
  readonly a: GivenIssue;
  readonly b: GivenIssue;
}

interface Pair {
  /** The row that the test holds. */
  readonly held: (given: Given) => Promise<readonly [table: string, column: string, id: number]>;
  readonly first: (given: Given) => PromiseLike<unknown>;
  readonly second: (given: Given) => PromiseLike<unknown>;
}

const link = ({ org, a, b }: Given) => givenLink(db(), org, 'depends', a, b);
const columnOf = async ({ rpc, queueId }: Given) => {
  const columns = await rpc.call<{ id: number; position: number }[]>('getColumns', queueId);
  return columns.at(1)?.id;
};
let linkId = 0;
let userId = 0;
let otherId = 0;

const PAIRS: Readonly<Record<string, Pair>> = {
  'a link is turned round while one of its issues is deleted': {
    held: async (given) => {
      linkId = await link(given);
      return ['links', 'link_id', linkId];
    },
    first: ({ org, a }) => patch(org, `/issues/${a.key}/links/${linkId}`, { relationship: 'depends on' }),
    second: ({ rpc, a }) => rpc.call('removeTask', a.id),
  },
  'an issue gets a status that is new to its queue while another is moved there': {
    held: async ({ queueId }) => {
      await run('delete from columns where queue_id = $1 and status_id = 3', queueId);
      return ['queues', 'queue_id', queueId];
    },
    first: async (given) => {
      const { rpc, queueId, a } = given;
      return await rpc.call('moveTaskPosition', queueId, a.id, await columnOf(given), 1, queueId);
    },
    second: ({ org, a }) => patch(org, `/issues/${a.key}`, { status: 'needInfo' }),
  },
  'an issue gets a parent while the project of both is removed': {
    held: ({ a }) => Promise.resolve(['issues', 'issue_id', a.id]),
    first: ({ rpc, queueId }) => rpc.call('removeProject', queueId),
    second: ({ org, b, a }) => patch(org, `/issues/${b.key}`, { parent: a.key }),
  },
  'a task changes hands while its owner is removed': {
    held: async ({ org, a }) => {
      userId = (await givenUser(db(), org.orgId)).id;
      otherId = org.admin.id;
      await run('update issues set assignee_id = $2 where issue_id = $1', a.id, userId);
      return ['users', 'user_id', otherId];
    },
    first: ({ rpc }) => rpc.call('removeUser', userId),
    second: ({ rpc, a }) => rpc.named('updateTask', { id: a.id, owner_id: otherId }),
  },
  'a project is removed while one of its members is': {
    held: async ({ org, a, queueId }) => {
      userId = (await givenUser(db(), org.orgId)).id;
      await run(
        'insert into queue_members (org_id, queue_id, user_id) values ($1, $2, $3)',
        org.orgId,
        queueId,
        userId,
      );
      await run('update issues set assignee_id = $2 where issue_id = $1', a.id, userId);
      return ['issues', 'issue_id', a.id];
    },
    first: ({ rpc, queueId }) => rpc.call('removeProject', queueId),
    second: ({ rpc }) => rpc.call('removeUser', userId),
  },
  'a label makes a type, which marks the links of its neighbours, while an issue is deleted': {
    held: async (given) => {
      linkId = await link(given);
      // With the opposite "relates to", "blocks" makes a type that shares it with "depends".
      await given.rpc.call('updateLink', 2, 1, 'blocks');
      return ['links', 'link_id', linkId];
    },
    first: ({ rpc, a, b }) => rpc.call('createTaskLink', a.id, b.id, 2),
    second: ({ rpc, a }) => rpc.call('removeTask', a.id),
  },
};

test.each(Object.entries(PAIRS))('%s: no deadlock', async (_name, { held, first, second }) => {
  const org = await givenOrganisation(db(), { profile: 'kanboard' });
  const rpc = rpcAs(api(), await givenApplication(db(), org));
  const { id: queueId, key: queue } = await givenQueue(db(), org);
  const given = {
    org,
    rpc,
    queue,
    queueId,
    a: await givenIssue(db(), org, queue),
    b: await givenIssue(db(), org, queue),
  };
  const [table, column, id] = await held(given);
  const both: PromiseLike<unknown>[] = [];
  await db().transaction(async (transaction) => {
    const text = `select from ${table} where org_id = $1 and ${column} = $2 for update`;
    await transaction.query({ name: '', text, values: [org.orgId, id] });
    both.push(Promise.resolve(first(given)));
    await untilWaiting(db(), 1);
    both.push(Promise.resolve(second(given)));
    await untilWaiting(db(), 2);
  });
  await Promise.all(both);
  expect(api().log.filter((line) => line.includes('40P01'))).toEqual([]);
});

async function patch({ admin }: GivenOrganisation, path: string, body: object) {
  return await api().request.patch(`/v3${path}`).set(admin.headers).send(body);
}

function run<Row>(text: string, ...values: unknown[]): Promise<Row[]> {
  return db().query<Row>({ name: '', text, values });
}
