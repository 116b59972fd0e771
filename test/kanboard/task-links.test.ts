import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Profile } from '../../src/core/organisations/defaults.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  givenAccount,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { expectFailure, expectForbidden, INVALID_IDS, MISSING_ID, type Rpc, rpcAs } from '../support/rpc.ts';
import { snapshot, unchanged } from '../support/snapshot.ts';
import { countStatements, untilWaiting } from '../support/statements.ts';

/** The five task link methods (Kanboard contract, sections 3, 4 and 8). */

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let rpc: Rpc;
let queue: string;
let a: GivenIssue;
let b: GivenIssue;
let c: GivenIssue;

const [RELATES, BLOCKS, IS_BLOCKED, DUPLICATES, CHILD, PARENT, TARGETS] = [1, 2, 3, 4, 6, 7, 8];

beforeEach(async () => {
  await givenProfile('kanboard');
});

async function givenProfile(profile: Profile) {
  org = await givenOrganisation(db(), { profile, language: 'en' });
  rpc = rpcAs(api(), await givenApplication(db(), org));
  queue = (await givenQueue(db(), org)).key;
  a = await givenIssue(db(), org, queue, { summary: 'A' });
  b = await givenIssue(db(), org, queue, { summary: 'B' });
  c = await givenIssue(db(), org, queue, { summary: 'C' });
}

async function link(from: GivenIssue, to: GivenIssue, label: number): Promise<number> {
  const view = await rpc.call('createTaskLink', from.id, to.id, label);
  if (typeof view !== 'number') throw new Error('createTaskLink returned false');
  return view;
}

/** View id, other task and label of each link. */
async function linksOf({ id }: Pick<GivenIssue, 'id'>): Promise<[number, number, string][]> {
  const rows = await rpc.call<{ id: number; task_id: number; label: string }[]>('getAllTaskLinks', id);
  return rows.map((row) => [row.id, row.task_id, row.label]);
}

test('a link has two views with consecutive ids: 2n-1 for the task it was created from, 2n for the other', async () => {
  const view = await link(a, b, BLOCKS);
  expect(view % 2).toBe(1);
  expect(await linksOf(a)).toEqual([[view, b.id, 'blocks']]);
  expect(await linksOf(b)).toEqual([[view + 1, a.id, 'is blocked by']]);
});

test('getTaskLinkById returns one view with its fields in order', async () => {
  const view = await link(a, b, BLOCKS);
  const shown = async (id: unknown) => Object.entries(await rpc.call<object>('getTaskLinkById', id));
  expect(await shown(view)).toEqual([
    ['id', view],
    ['opposite_task_id', b.id],
    ['task_id', a.id],
    ['link_id', BLOCKS],
    ['label', 'blocks'],
    ['opposite_link_id', IS_BLOCKED],
  ]);
  expect(await shown(`${view + 1}`)).toEqual([
    ['id', view + 1],
    ['opposite_task_id', a.id],
    ['task_id', b.id],
    ['link_id', IS_BLOCKED],
    ['label', 'is blocked by'],
    ['opposite_link_id', BLOCKS],
  ]);
  const symmetric = await link(a, c, RELATES);
  expect(await rpc.call('getTaskLinkById', symmetric)).toMatchObject({ link_id: RELATES, opposite_link_id: 0 });
});

test('getAllTaskLinks returns the other task with its fields in order', async () => {
  const view = await link(a, b, RELATES);
  const [row] = await rpc.call<object[]>('getAllTaskLinks', a.id);
  const { project_id, column_id } = row as { project_id: number; column_id: number };
  expect(Object.entries(row as object)).toEqual([
    ['id', view],
    ['task_id', b.id],
    ['label', 'relates to'],
    ['title', 'B'],
    ['is_active', 1],
    ['project_id', project_id],
    ['column_id', column_id],
    ['color_id', 'yellow'],
    ['date_completed', null],
    ['date_started', 0],
    ['date_due', 0],
    ['task_time_spent', null],
    ['task_time_estimated', null],
    ['task_assignee_id', 0],
    ['task_assignee_username', null],
    ['task_assignee_name', null],
    ['column_title', 'Open'],
    ['project_name', queue],
  ]);
});

test('getAllTaskLinks sorts by label, column from the right, open before closed, position and task', async () => {
  const others: GivenIssue[] = [];
  for (let count = 0; count < 6; count += 1) others.push(await givenIssue(db(), org, queue));
  // The status, which has a column, whether the task is open, and its position in the column.
  const places = [
    [1, true, 2],
    [4, false, 1],
    [4, true, 2],
    [1, true, 1],
    [4, true, 1],
    [1, true, 1],
  ] as const;
  for (const [index, [status, isOpen, position]] of places.entries()) {
    await db().query({
      name: '',
      text: 'update issues set status_id = $3, is_open = $4, position = $5 where org_id = $1 and issue_id = $2',
      values: [org.orgId, others[index]?.id, status, isOpen, position],
    });
  }
  for (const other of [...others].reverse()) await link(a, other, RELATES);
  await link(a, others[1] as GivenIssue, BLOCKS);
  const order = [4, 2, 1, 3, 5, 0, 1].map((index) => others[index]?.id);
  expect((await linksOf(a)).map(([, task]) => task)).toEqual(order);
});

test('date_completed is null for a task that was never closed, the time when it was closed, and 0 after it was reopened', async () => {
  await link(a, b, RELATES);
  const dateCompleted = async () =>
    (await rpc.call<{ date_completed: unknown }[]>('getAllTaskLinks', a.id))[0]?.date_completed;
  const transition = async (status: string) => {
    await api().request.patch(`/v2/issues/${b.key}`).set(org.admin.headers).send({ status }).expect(200);
  };
  expect(await dateCompleted()).toBeNull();
  await transition('closed');
  expect(await dateCompleted()).toBeGreaterThan(1_700_000_000);
  await transition('open');
  expect(await dateCompleted()).toBe(0);
});

test('two tasks can have links with several labels, and block each other', async () => {
  await link(a, b, RELATES);
  await link(a, b, BLOCKS);
  await link(b, a, BLOCKS);
  expect((await linksOf(a)).map(([, , label]) => label)).toEqual(['relates to', 'blocks', 'is blocked by']);
});

test('ids may be strings of digits, and parameters positional or named', async () => {
  expect(await rpc.call('createTaskLink', `${a.id}`, ` ${b.id} `, '02')).toEqual(expect.any(Number));
  expect(await rpc.named('createTaskLink', { link_id: RELATES, opposite_task_id: b.id, task_id: a.id })).toEqual(
    expect.any(Number),
  );
});

test('createTaskLink returns false for an existing link, from either side', async () => {
  await link(a, b, BLOCKS);
  await expectFailure(rpc, false, 'createTaskLink', a.id, b.id, BLOCKS);
  await expectFailure(rpc, false, 'createTaskLink', b.id, a.id, IS_BLOCKED);
  await link(a, b, RELATES);
  await expectFailure(rpc, false, 'createTaskLink', b.id, a.id, RELATES);
});

test.each(INVALID_IDS)('the task link methods find no task, label or link for %j', async (value) => {
  const view = await link(a, b, BLOCKS);
  await unchanged(db(), async () => {
    await expectFailure(rpc, false, 'createTaskLink', a.id, c.id, value);
    await expectFailure(rpc, false, 'createTaskLink', value, b.id, RELATES);
    await expectFailure(rpc, false, 'createTaskLink', a.id, value, RELATES);
    await expectFailure(rpc, false, 'updateTaskLink', view, a.id, value, BLOCKS);
    await expectFailure(rpc, false, 'updateTaskLink', view, value, b.id, BLOCKS);
    await expectFailure(rpc, false, 'updateTaskLink', value, a.id, b.id, BLOCKS);
    await expectFailure(rpc, false, 'removeTaskLink', value);
    await expectFailure(rpc, null, 'getTaskLinkById', value);
    await expectFailure(rpc, [], 'getAllTaskLinks', value);
  });
});

test.each([RELATES, BLOCKS, DUPLICATES, CHILD, TARGETS])(
  'a task cannot be linked to itself with the label %i',
  async (label) => {
    await expectFailure(rpc, false, 'createTaskLink', a.id, a.id, label);
    const view = await link(a, b, label);
    await expectFailure(rpc, false, 'updateTaskLink', view, a.id, a.id, label);
  },
);

test('updateTaskLink changes the label and the opposite task, and both views keep their ids', async () => {
  const view = await link(a, b, RELATES);
  expect(await rpc.call('updateTaskLink', view, a.id, b.id, CHILD)).toBe(true);
  expect(await linksOf(a)).toEqual([[view, b.id, 'is a child of']]);
  expect(await linksOf(b)).toEqual([[view + 1, a.id, 'is a parent of']]);
  expect(await rpc.call('updateTaskLink', view, a.id, c.id, CHILD)).toBe(true);
  expect(await linksOf(b)).toEqual([]);
  expect(await linksOf(c)).toEqual([[view + 1, a.id, 'is a parent of']]);
});

test('updateTaskLink through the other view reverses the link, and both views keep their ids', async () => {
  const view = await link(a, b, CHILD);
  expect(await rpc.call('updateTaskLink', view + 1, b.id, c.id, CHILD)).toBe(true);
  expect(await linksOf(a)).toEqual([]);
  expect(await linksOf(b)).toEqual([[view + 1, c.id, 'is a child of']]);
  expect(await linksOf(c)).toEqual([[view, b.id, 'is a parent of']]);
});

test('updateTaskLink returns true when nothing changes, and writes nothing', async () => {
  const view = await link(a, b, CHILD);
  const before = await snapshot(db());
  expect(await rpc.call('updateTaskLink', view, a.id, b.id, CHILD)).toBe(true);
  expect(await rpc.call('updateTaskLink', view + 1, b.id, a.id, PARENT)).toBe(true);
  expect(await snapshot(db())).toEqual(before);
});

test('updateTaskLink returns false for a view of another task and for a duplicate', async () => {
  const view = await link(a, b, RELATES);
  await link(a, b, BLOCKS);
  await expectFailure(rpc, false, 'updateTaskLink', view + 1, a.id, b.id, CHILD);
  await expectFailure(rpc, false, 'updateTaskLink', view, c.id, b.id, CHILD);
  await expectFailure(rpc, false, 'updateTaskLink', view, a.id, b.id, BLOCKS);
});

test('removeTaskLink removes both views through either of them, and returns false for a removed one', async () => {
  const first = await link(a, b, BLOCKS);
  const second = await link(a, b, RELATES);
  expect(await rpc.call('removeTaskLink', first)).toBe(true);
  expect(await rpc.named('removeTaskLink', { task_link_id: `${second + 1}` })).toBe(true);
  await expectFailure(rpc, false, 'removeTaskLink', first);
  await expectFailure(rpc, false, 'removeTaskLink', second);
  expect([await linksOf(a), await linksOf(b)]).toEqual([[], []]);
});

describe('section', () => {
  test('8.1: a create or an update that returns false writes nothing, also with labels that are opposites no longer', async () => {
    const label = await rpc.call<number>('createLink', 'o-one', 'o-two');
    const view = await link(a, b, label);
    await rpc.call('updateLink', label, 0, 'o-one');
    await expectFailure(rpc, false, 'createTaskLink', a.id, b.id, label);
    await expectFailure(rpc, false, 'createTaskLink', b.id, a.id, label + 1);
    const other = await link(a, b, RELATES);
    await expectFailure(rpc, false, 'updateTaskLink', other, a.id, b.id, label);
    expect(await linksOf(b)).toEqual([
      [other + 1, a.id, 'relates to'],
      [view + 1, a.id, 'o-two'],
    ]);
  });

  test('8.2: a link whose labels are opposites no longer keeps both, and can be changed and removed', async () => {
    const label = await rpc.call<number>('createLink', 'wraps', 'is wrapped by');
    const [one, two] = [await link(a, b, label), await link(a, c, label)];
    await rpc.call('updateLink', label, 0, 'wraps');
    expect(await linksOf(b)).toEqual([[one + 1, a.id, 'is wrapped by']]);
    expect(await rpc.call('getTaskLinkById', one)).toMatchObject({ label: 'wraps', opposite_link_id: 0 });
    expect(await rpc.call('updateTaskLink', one, a.id, b.id, TARGETS)).toBe(true);
    expect(await linksOf(b)).toEqual([[one + 1, a.id, 'is a milestone of']]);
    expect(await rpc.call('removeTaskLink', two)).toBe(true);
    expect(await linksOf(c)).toEqual([]);
  });

  test('8.6: twelve concurrent writers, from both sides and with every method, get no error and leave no half or duplicate link', async () => {
    const labels = [RELATES, BLOCKS, IS_BLOCKED, DUPLICATES, await rpc.call<number>('createLink', 'left', 'right')];
    const tasks = [a, b, c];
    const made: number[] = [];
    const gone = new Set<number>();
    const linkOf = (view: number) => Math.ceil(view / 2);
    const random = <Item>(items: readonly Item[]) => items[Math.floor(Math.random() * items.length)] as Item;
    const act = async () => {
      const [from, to, label] = [random(tasks), random(tasks), random(labels)];
      const views = await linksOf(from);
      const [view] = views.length === 0 ? [0] : random(views);
      const actions = [
        async () => {
          const created = await rpc.call<number | false>('createTaskLink', from.id, to.id, label);
          if (created) made.push(created);
        },
        () => rpc.call('updateTaskLink', view, from.id, to.id, label),
        async () => {
          if (await rpc.call('removeTaskLink', view)) gone.add(linkOf(view));
        },
        () => rpc.call('getTaskLinkById', view),
      ];
      await random(actions)();
    };
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        for (let step = 0; step < 15; step += 1) await act();
      }),
    );
    const opposites = await rpc.call<{ id: number; label: string; opposite_id: number }[]>('getAllLinks');
    const labelOf = (id: number) => opposites.find((label) => label.id === id)?.label;
    const oppositeOf = (text: string) => {
      const label = opposites.find((one) => one.label === text);
      return label?.opposite_id ? labelOf(label.opposite_id) : text;
    };
    const shown = new Map<number, { task: number; other: number; label: string }>();
    for (const { id } of tasks) {
      const views = await linksOf({ id });
      const links = views.map(([, other, label]) => `${label} ${other}`);
      expect([...new Set(links)]).toEqual(links);
      for (const [view, other, label] of views) shown.set(view, { task: id, other, label });
    }
    for (const [view, { task, other, label }] of shown) {
      expect(shown.get(view % 2 === 1 ? view + 1 : view - 1)).toEqual({
        task: other,
        other: task,
        label: oppositeOf(label),
      });
    }
    const kept = [...new Set(made.map(linkOf))].filter((id) => !gone.has(id)).sort((one, two) => one - two);
    const seen = [...new Set([...shown.keys()].map(linkOf))].sort((one, two) => one - two);
    expect(seen).toEqual(kept);
    expect(made).toHaveLength(new Set(made).size);
  });

  test('8.8: no list contains titles of tasks in closed projects', async () => {
    const insider = await givenUser(db(), org.orgId);
    const { key: closed } = await givenQueue(db(), org, [insider]);
    const hidden = await givenIssue(db(), org, closed, { summary: 'Secret' });
    const view = await link(a, hidden, RELATES);
    const outsider = rpcAs(api(), await givenAccount(db(), org));
    expect(await outsider.call('getAllTaskLinks', a.id)).toEqual([]);
    expect(await outsider.status('getTaskLinkById', view)).toBe(403);
    expect(await outsider.status('getTaskLinkById', view + 1)).toBe(403);
    expect(await outsider.status('getAllTaskLinks', hidden.id)).toBe(403);
  });
});

describe('a link type is created with its first link', () => {
  test('once, also by concurrent calls', async () => {
    const label = await rpc.call<number>('createLink', 'precedes', 'follows');
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        index % 2 === 0
          ? rpc.call('createTaskLink', a.id, b.id, label)
          : rpc.call('createTaskLink', b.id, a.id, label + 1),
      ),
    );
    expect(made.filter((view) => view !== false)).toHaveLength(1);
    const { body } = await api().request.get('/v2/linktypes').set(org.admin.headers);
    expect(body.filter(({ id }: { id: string }) => id.startsWith('precedes'))).toHaveLength(1);
  });

  test('with a free id, also for labels without Latin letters', async () => {
    for (const label of ['связано', 'Blocks it', 'BLOCKS IT']) {
      await link(a, b, await rpc.call<number>('createLink', label));
    }
    const { body } = await api().request.get('/v2/linktypes').set(org.admin.headers);
    const ids = body.slice(-3).map(({ id, inward }: { id: string; inward: string }) => [id, inward]);
    expect(ids).toEqual([
      ['label-12-12', 'связано'],
      ['blocks-it', 'Blocks it'],
      ['blocks-it-14-14', 'BLOCKS IT'],
    ]);
  });

  test('with another id if a type of the Tracker API already has its id', async () => {
    const label = await rpc.call<number>('createLink', 'связано');
    const taken = { id: `label-${label}-${label}`, inward: { ru: 'до', en: 'before' } };
    await api().request.post('/v2/linktypes').set(org.admin.headers).send(taken).expect(201);
    await link(a, b, label);
    const { body } = await api().request.get(`/v2/issues/${a.key}/links`).set(org.admin.headers);
    expect(body[0].type).toMatchObject({ id: `${taken.id}-2`, inward: 'связано' });
  });

  test('and a label can be part of several types, where an equal label between the same tasks is a duplicate', async () => {
    const [one, two, three] = [
      await rpc.call<number>('createLink', 'one'),
      await rpc.call<number>('createLink', 'two'),
      await rpc.call<number>('createLink', 'three'),
    ];
    await rpc.call('updateLink', one, two, 'one');
    const first = await link(a, b, one);
    await rpc.call('updateLink', one, three, 'one');
    await expectFailure(rpc, false, 'createTaskLink', a.id, b.id, one);
    const second = await link(b, a, one);
    // `three` at a, as the opposite of `one` at b, is the existing link.
    await rpc.call('updateLink', three, one, 'three');
    await expectFailure(rpc, false, 'createTaskLink', a.id, b.id, three);
    await rpc.call('updateLink', two, one, 'two');
    await expectFailure(rpc, false, 'createTaskLink', b.id, a.id, two);
    expect(await linksOf(a)).toEqual([
      [first, b.id, 'one'],
      [second + 1, b.id, 'three'],
    ]);
  });

  test('and a label that becomes shared while a link with it is being created makes no duplicate', async () => {
    const [one, two, three] = [
      await rpc.call<number>('createLink', 'one'),
      await rpc.call<number>('createLink', 'two'),
      await rpc.call<number>('createLink', 'three'),
    ];
    await rpc.call('updateLink', one, two, 'one');
    await link(c, b, one);
    const results: Promise<unknown>[] = [];
    await db().transaction(async (transaction) => {
      // The lock blocks inserts, so the call below reads the types and then waits.
      await transaction.query({ name: '', text: 'lock table links in share mode', values: [] });
      results.push(rpc.call('createTaskLink', a.id, b.id, one));
      await untilWaiting(db(), 1);
      // The next link has another type, which its call creates.
      expect(await rpc.call('updateLink', one, three, 'one')).toBe(true);
      results.push(rpc.call('createTaskLink', a.id, b.id, one));
      await untilWaiting(db(), 2);
    });
    expect((await Promise.all(results)).filter((view) => typeof view === 'number')).toHaveLength(1);
    expect(await linksOf(a)).toHaveLength(1);
  });
});

describe('in an organisation of the profile tracker', () => {
  beforeEach(async () => {
    await givenProfile('tracker');
  });

  test('createTaskLink returns false for a second link of a pair, an opposite link, a cycle and a second parent', async () => {
    await link(a, b, CHILD);
    await expectFailure(rpc, false, 'createTaskLink', a.id, b.id, RELATES);
    await expectFailure(rpc, false, 'createTaskLink', a.id, c.id, CHILD);
    await link(b, c, CHILD);
    await expectFailure(rpc, false, 'createTaskLink', c.id, a.id, CHILD);
    await expectFailure(rpc, false, 'createTaskLink', a.id, c.id, PARENT);
  });

  test('createTaskLink returns false for the opposite of a link with new labels', async () => {
    const label = await rpc.call<number>('createLink', 'precedes', 'follows');
    await link(a, b, label);
    await expectFailure(rpc, false, 'createTaskLink', b.id, a.id, label);
  });

  test('createTaskLink returns false for labels that only an import may use', async () => {
    await expectFailure(rpc, false, 'createTaskLink', a.id, b.id, 14);
    await expectFailure(rpc, false, 'createTaskLink', a.id, b.id, 15);
  });
});

describe('user accounts', () => {
  let inside: GivenIssue;
  let inside2: GivenIssue;
  let outside: GivenIssue;
  let member: Rpc;
  let viewer: Rpc;
  let outsider: Rpc;
  let admin: Rpc;
  let view: number;

  beforeEach(async () => {
    const accounts: (GivenAccount & { id: number })[] = [];
    for (const role of ['member', 'member', 'member', 'admin'] as const) {
      accounts.push(await givenAccount(db(), org, role));
    }
    [member, viewer, outsider, admin] = accounts.map((account) => rpcAs(api(), account)) as [Rpc, Rpc, Rpc, Rpc];
    const [memberId, viewerId] = accounts.map(({ id }) => id);
    const { key: closed } = await givenQueue(db(), org, []);
    const { key: other } = await givenQueue(db(), org, []);
    await db().query({
      name: '',
      text: `
        insert into queue_members (org_id, queue_id, user_id, role)
        select $1, queue_id, user_id, role from queues, (values ($3::bigint, 'member'), ($4, 'viewer')) given (user_id, role)
        where org_id = $1 and key = $2`,
      values: [org.orgId, closed, memberId, viewerId],
    });
    inside = await givenIssue(db(), org, closed);
    inside2 = await givenIssue(db(), org, closed);
    outside = await givenIssue(db(), org, other);
    view = await link(inside, inside2, BLOCKS);
  });

  test('a member can read and write', async () => {
    expect(await member.call('getTaskLinkById', view)).toMatchObject({ id: view });
    const made = await member.call<number>('createTaskLink', inside.id, inside2.id, RELATES);
    expect(await member.call('updateTaskLink', made, inside.id, inside2.id, CHILD)).toBe(true);
    expect(await member.call('removeTaskLink', made)).toBe(true);
  });

  test('a viewer can read, and gets 403 for writes', async () => {
    expect(await viewer.call('getTaskLinkById', view)).toMatchObject({ id: view });
    expect(await viewer.call('getAllTaskLinks', inside.id)).toHaveLength(1);
    await expectForbidden(viewer, 'createTaskLink', inside.id, inside2.id, RELATES);
    await expectForbidden(viewer, 'updateTaskLink', view, inside.id, inside2.id, RELATES);
    await expectForbidden(viewer, 'removeTaskLink', view);
  });

  test('others, administrators included, get 403 whether a link exists or not', async () => {
    for (const caller of [outsider, admin]) {
      await expectForbidden(caller, 'createTaskLink', inside.id, inside2.id, RELATES);
      await expectForbidden(caller, 'updateTaskLink', view, inside.id, inside2.id, RELATES);
      for (const id of [view, MISSING_ID]) await expectForbidden(caller, 'removeTaskLink', id);
      for (const id of [view, MISSING_ID]) await expectForbidden(caller, 'getTaskLinkById', id);
      for (const id of [inside.id, MISSING_ID]) await expectForbidden(caller, 'getAllTaskLinks', id);
    }
  });

  test('an opposite task that the user cannot see returns false, like one that does not exist', async () => {
    for (const id of [outside.id, MISSING_ID]) {
      await expectFailure(member, false, 'createTaskLink', inside.id, id, RELATES);
      await expectFailure(member, false, 'updateTaskLink', view, inside.id, id, BLOCKS);
    }
  });

  test('a link to a task that the user cannot see can be removed, but not changed', async () => {
    const across = await link(inside, outside, RELATES);
    await expectFailure(member, false, 'updateTaskLink', across, inside.id, inside2.id, RELATES);
    expect(await member.call('removeTaskLink', across)).toBe(true);
    expect(await linksOf(outside)).toEqual([]);
  });
});

test('each API shows at once what the other one writes', async () => {
  const view = await link(a, b, IS_BLOCKED);
  const tracker = async () =>
    (await api().request.get(`/v2/issues/${a.key}/links`).set(org.admin.headers)).body as object[];
  expect(await tracker()).toMatchObject([
    {
      id: (view + 1) / 2,
      type: { id: 'depends' },
      direction: 'outward',
      object: { key: b.key },
      createdBy: { display: 'jsonrpc' },
    },
  ]);
  await api()
    .request.patch(`/v2/issues/${a.key}/links/${(view + 1) / 2}`)
    .set(org.admin.headers)
    .send({ relationship: 'is subtask for' })
    .expect(200);
  expect(await linksOf(a)).toEqual([[view, b.id, 'is a child of']]);
  await api()
    .request.delete(`/v2/issues/${b.key}/links/${(view + 1) / 2}`)
    .set(org.admin.headers)
    .expect(204);
  expect(await linksOf(a)).toEqual([]);
});

test('getAllTaskLinks and getTaskLinkById run one statement, for any number of links', async () => {
  const statements = async (method: string, id: number) => {
    // The first call fills the cache with the account, the link types and the names of users.
    await rpc.call(method, id);
    return await countStatements(db(), () => rpc.call(method, id));
  };
  const view = await link(a, b, RELATES);
  expect(await statements('getTaskLinkById', view)).toBe(1);
  expect(await statements('getAllTaskLinks', a.id)).toBe(1);
  for (let count = 0; count < 20; count += 1) await link(a, await givenIssue(db(), org, queue), RELATES);
  expect(await statements('getAllTaskLinks', a.id)).toBe(1);
  expect(await linksOf(a)).toHaveLength(21);
});
