import { beforeEach, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenOrganisation,
  givenAccount,
  givenApplication,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import {
  expectFailure,
  expectFailureByName,
  expectForbidden,
  INVALID_IDS,
  MISSING_ID,
  type Rpc,
  rpcAs,
} from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';
import { countStatements } from '../support/statements.ts';

/** Projects, their members and their columns (Kanboard contract, sections 3 and 6). */

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let rpc: Rpc;

const ROW =
  'id name is_active token last_modified is_public is_private is_everybody_allowed default_swimlane show_default_swimlane description identifier start_date end_date owner_id priority_default priority_start priority_end email predefined_email_subjects per_swimlane_task_limits task_limit enable_global_tags url';

beforeEach(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard', language: 'en' });
  rpc = rpcAs(api(), await givenApplication(db(), org));
});

type Given = GivenAccount & { readonly id: number };
const as = (account: GivenAccount) => rpcAs(api(), account);
const rest = (path: string, { headers } = org.admin) => api().request.get(path).set(headers);

/** A project with a manager, a member and a viewer, and an account without a role in it. */
async function givenTeam() {
  const project = await rpc.call<number>('createProject', 'Team');
  const [manager, member, viewer, outsider] = await Promise.all([1, 2, 3, 4].map(() => givenAccount(db(), org)));
  await rpc.call('addProjectUser', project, manager?.id, 'project-manager');
  await rpc.call('addProjectUser', project, member?.id, 'project-member');
  await rpc.call('addProjectUser', project, viewer?.id, 'project-viewer');
  return { project, manager, member, viewer, outsider } as Record<
    'manager' | 'member' | 'viewer' | 'outsider',
    Given
  > & {
    project: number;
  };
}

describe('createProject', () => {
  test('creates a project that the read methods return with all fields', async () => {
    const id = await rpc.call<number>('createProject', 'P1');

    const row = await rpc.call<{ last_modified: number }>('getProjectById', id);
    const url = `${api().url}/v2/queues/P${id}`;
    expect(row).toEqual({
      id,
      name: 'P1',
      is_active: 1,
      token: '',
      last_modified: expect.any(Number),
      is_public: 0,
      is_private: 0,
      is_everybody_allowed: 0,
      default_swimlane: 'Default swimlane',
      show_default_swimlane: 1,
      description: null,
      identifier: '',
      start_date: '',
      end_date: '',
      owner_id: 0,
      priority_default: 0,
      priority_start: 0,
      priority_end: 3,
      email: null,
      predefined_email_subjects: null,
      per_swimlane_task_limits: 0,
      task_limit: 0,
      enable_global_tags: 1,
      url: { board: url, list: url },
    });
    expect(Object.keys(row).join(' ')).toBe(ROW);
    expect(Number.isInteger(row.last_modified)).toBe(true);
    expect(await rpc.call('getProjectById', String(id))).toEqual(row);
    expect(await rpc.call('getProjectByName', 'P1')).toEqual(row);
    expect(await rpc.call('getAllProjects')).toEqual([row]);
  });

  test('stores optional fields as they were given', async () => {
    const owner = await givenUser(db(), org.orgId);
    const fields = {
      description: 'second',
      start_date: '2030-01-02',
      end_date: '2030-02-03',
      priority_default: 2,
      priority_start: 1,
      priority_end: 5,
      email: 'p2@example.com',
    };
    const id = await rpc.named<number>('createProject', {
      name: 'P2',
      owner_id: String(owner.id),
      identifier: 'second',
      ...fields,
      priority_start: '1',
    });
    expect(await rpc.call('getProjectById', id)).toMatchObject({ ...fields, owner_id: owner.id, identifier: 'SECOND' });
    expect(await rpc.call('getProjectUsers', id)).toEqual({});
  });

  test('creates a queue whose key is the identifier or the id of the project', async () => {
    const named = await rpc.call<number>('createProject', 'Named', 'what for', 0, 'June1');
    const numbered = await rpc.call<number>('createProject', 'Numbered');
    const member = await givenUser(db(), org.orgId);
    for (const id of [named, numbered]) await rpc.call('addProjectUser', id, member.id);

    const { body } = await rest('/v2/queues/JUNE1', member).expect(200);
    expect(body).toMatchObject({ id: named, key: 'JUNE1', name: 'Named', description: 'what for' });
    expect(body.lead.display).toBe('jsonrpc');
    expect((await rest(`/v2/queues/P${numbered}`, member).expect(200)).body).toMatchObject({ id: numbered });
    expect((await rest('/v2/queues', member).expect(200)).body).toHaveLength(2);
    expect((await rest('/v2/queues').expect(200)).body).toHaveLength(0);
    const { board } = (await rpc.call<{ url: { board: string } }>('getProjectById', named)).url;
    await rest(new URL(board).pathname, member).expect(200);

    const issue = { queue: `P${numbered}`, summary: 'First' };
    const made = await api().request.post('/v2/issues').set(member.headers).send(issue).expect(201);
    expect(made.body).toMatchObject({ key: `P${numbered}-1`, status: { key: 'backlog', display: 'Backlog' } });
  });

  test('returns false for an identifier that a project or a queue already has', async () => {
    await rpc.call('createProject', 'One', null, 0, 'abc');
    await expectFailure(rpc, false, 'createProject', 'Two', null, 0, 'ABC');
    const { key: queue } = await givenQueue(db(), org);
    await expectFailure(rpc, false, 'createProject', 'Three', null, 0, queue.toLowerCase());
    await api().request.post('/v2/queues').set(org.admin.headers).send({ key: 'ABC', name: 'Taken' }).expect(409);

    const made = await Promise.all([1, 2, 3].map(() => rpc.call('createProject', 'Race', null, 0, 'race')));
    expect(made.filter((id) => id === false)).toHaveLength(2);
  });

  test('chooses another key if the identifier is no valid key or another queue has the key', async () => {
    const digits = await rpc.call<number>('createProject', 'Digits', null, 0, '42');
    expect((await rpc.call<{ url: { board: string } }>('getProjectById', digits)).url.board).toMatch(
      `/queues/P${digits}`,
    );
    expect(await rpc.call('getProjectByIdentifier', '42')).toMatchObject({ id: digits });

    // The key P<id> of that project is free as an identifier.
    const borrowed = await rpc.call<number>('createProject', 'Borrowed', null, 0, `p${digits}`);
    expect(await rpc.call('getProjectById', borrowed)).toMatchObject({
      identifier: `P${digits}`,
      url: { board: `${api().url}/v2/queues/P${borrowed}` },
    });

    await api()
      .request.post('/v2/queues')
      .set(org.admin.headers)
      .send({ key: `P${borrowed + 2}`, name: 'A' })
      .expect(201);
    const displaced = await rpc.call<number>('createProject', 'Displaced');
    const { board } = (await rpc.call<{ url: { board: string } }>('getProjectById', displaced)).url;
    expect([displaced, board]).toEqual([borrowed + 2, expect.stringMatching(`/queues/P${displaced}X\\w+$`)]);
  });

  test('accepts a name that is taken, and getProjectByName returns the first project', async () => {
    const first = await rpc.call<number>('createProject', 'Same');
    expect(await rpc.call('createProject', 'Same')).toBeGreaterThan(first);
    expect(await rpc.call('getProjectByName', 'Same')).toMatchObject({ id: first });
  });

  test.each<[string, unknown[]]>([
    ['no name', ['']],
    ['a name that is null', [null]],
    ['a name that is not a string', [{}]],
    ['a name with a NUL character', ['a\0']],
    ['a name of 65536 characters', ['x'.repeat(65_536)]],
    ['a description that is not a string', ['P', []]],
    ['an unknown owner', ['P', null, MISSING_ID]],
    ['an owner that is not a number', ['P', null, 'alice']],
    ['an identifier with other characters', ['P', null, 0, 'A-B']],
    ['an identifier of 51 characters', ['P', null, 0, 'A'.repeat(51)]],
    ['an identifier that is not a string', ['P', null, 0, ['A']]],
    ['a date of 11 characters', ['P', null, 0, null, '2030-01-02T']],
    ['a date that is not a string', ['P', null, 0, null, null, {}]],
    ['a priority that is not a number', ['P', null, 0, null, null, null, 'high']],
    ['a priority that is not an integer', ['P', null, 0, null, null, null, 0, 1.5]],
    ['an invalid e-mail address', ['P', null, 0, null, null, null, 0, 0, 3, 'not an address']],
  ])('returns false for %s', async (_description, params) => {
    await expectFailure(rpc, false, 'createProject', ...params);
  });

  test('can be called by administrators and managers, who become managers of the project', async () => {
    for (const role of ['admin', 'manager'] as const) {
      const account = await givenAccount(db(), org, role);
      const owner = await givenUser(db(), org.orgId);
      const own = await as(account).call<number>('createProject', 'Own');
      const led = await as(account).call<number>('createProject', 'Led', null, owner.id);
      expect(await as(account).call('getProjectById', own)).toMatchObject({ owner_id: account.id });
      expect(await as(account).call('getProjectById', led)).toMatchObject({ owner_id: owner.id });
      expect(await rpc.call('getProjectUsers', own)).toEqual({ [account.id]: account.login });
      for (const id of [account.id, owner.id]) {
        expect(await rpc.call('getProjectUserRole', led, id)).toBe('project-manager');
      }
    }
    for (const role of ['member', 'reader'] as const) {
      await expectForbidden(as(await givenAccount(db(), org, role)), 'createProject', 'Forbidden');
    }
  });

  test('shows no owner after the owner was removed', async () => {
    const owner = await givenUser(db(), org.orgId);
    const id = await rpc.call<number>('createProject', 'Left', null, owner.id);
    await rpc.call('removeUser', owner.id);
    expect(await rpc.call('getProjectById', id)).toMatchObject({ owner_id: 0 });
  });

  test('does not reuse issue keys of a removed project with the same key', async () => {
    const { key: queue } = await givenQueue(db(), org);
    const first = await rpc.call<number>('createProject', 'First', null, 0, 'AGAIN');
    await rpc.call('addProjectUser', first, org.admin.id);
    const make = () =>
      api().request.post('/v2/issues').set(org.admin.headers).send({ queue: 'AGAIN', summary: 'x' }).expect(201);
    const moved = (await make()).body.key;
    await api().request.post(`/v2/issues/${moved}/_move?queue=${queue}`).set(org.admin.headers).expect(200);
    await rpc.call('removeProject', first);

    const second = await rpc.call<number>('createProject', 'Second', null, 0, 'AGAIN');
    await rpc.call('addProjectUser', second, org.admin.id);
    expect((await make()).body.key).toBe('AGAIN-2');
    expect((await rest(`/v2/issues/${moved}`).expect(200)).body.aliases).toEqual([moved]);
  });
});

describe('getColumns', () => {
  test('returns the four default columns with all fields', async () => {
    const project = await rpc.call<number>('createProject', 'P1');
    const columns = await rpc.call<{ id: number }[]>('getColumns', project);
    const rest = { project_id: project, task_limit: 0, description: '', hide_in_dashboard: 0 };
    expect(columns).toEqual(
      ['Backlog', 'Ready', 'Work in progress', 'Done'].map((title, place) => ({
        id: expect.any(Number),
        title,
        position: place + 1,
        ...rest,
      })),
    );
    expect(Object.keys(columns[0] ?? {})).toEqual([
      'id',
      'title',
      'position',
      'project_id',
      'task_limit',
      'description',
      'hide_in_dashboard',
    ]);
    expect(columns.map(({ id }) => id)).toEqual(columns.map(({ id }) => id).sort((one, other) => one - other));
  });

  test('the statuses of the columns are created once, also by concurrent calls, and come after the existing ones', async () => {
    await Promise.all([1, 2, 3, 4].map((number) => rpc.call('createProject', `P${number}`)));
    const { body } = await rest('/v2/statuses').expect(200);
    expect(body.map(({ key, name, type }: Record<string, string>) => [key, name, type]).slice(5)).toEqual([
      ['backlog', 'Backlog', 'new'],
      ['ready', 'Ready', 'new'],
      ['workInProgress', 'Work in progress', 'inProgress'],
      ['done', 'Done', 'done'],
    ]);
  });

  test('a column uses the status with its title before the one with its key', async () => {
    await db().query({
      name: '',
      text: `
        insert into statuses (org_id, key, name_ru, name_en, type, position)
        values ($1, 'finished', 'Сделано', 'Done', 'done', 6), ($1, 'ready', 'Готова', 'Good to go', 'new', 7)`,
      values: [org.orgId],
    });
    await rpc.call('createProject', 'P');
    const rows = await db().query({
      name: '',
      text: `
        select columns.title, statuses.key from columns join statuses using (org_id, status_id)
        where org_id = $1 order by columns.position`,
      values: [org.orgId],
    });
    expect(rows).toEqual([
      { title: 'Backlog', key: 'backlog' },
      { title: 'Ready', key: 'ready' },
      { title: 'Work in progress', key: 'workInProgress' },
      { title: 'Done', key: 'finished' },
    ]);
  });

  test('returns the columns of a queue created through the Tracker API', async () => {
    const { key: queue } = await givenQueue(db(), org);
    const { body } = await rest(`/v2/queues/${queue}`);
    const columns = await rpc.call<{ title: string }[]>('getColumns', body.id);
    expect(columns.map(({ title }) => title)).toEqual(['Open', 'In progress', 'Need info', 'Resolved', 'Closed']);
  });
});

describe('getProjectById, getProjectByName and getProjectByIdentifier', () => {
  test('return null or false for an invalid id', async () => {
    await rpc.call('createProject', 'Without identifier');
    for (const value of INVALID_IDS) {
      expect([value, await rpc.call('getProjectById', value)]).toEqual([value, null]);
      expect([value, await rpc.call('getProjectByName', value)]).toEqual([value, false]);
      expect([value, await rpc.call('getProjectByIdentifier', value)]).toEqual([value, false]);
      expect([value, await rpc.call('getColumns', value)]).toEqual([value, []]);
      expect([value, await rpc.call('getProjectUsers', value)]).toEqual([value, {}]);
      expect([value, await rpc.call('getProjectUserRole', value, org.admin.id)]).toEqual([value, '']);
    }
  });

  test('return a queue created through the Tracker API, as a project open to the whole organisation', async () => {
    const { key: queue } = await givenQueue(db(), org);
    const reader = as(await givenAccount(db(), org, 'reader'));
    const { body } = await rest(`/v2/queues/${queue}`);
    const row = await reader.call('getProjectByIdentifier', queue.toLowerCase());
    expect(row).toMatchObject({ id: body.id, name: queue, identifier: queue, is_everybody_allowed: 1 });
    expect(row).toMatchObject({ owner_id: org.admin.id, url: { board: body.self } });
    expect(await reader.call('getMyProjects')).toEqual([row]);
  });

  test('find no project of another organisation', async () => {
    const other = await givenOrganisation(db(), { profile: 'kanboard' });
    const foreign = await rpcAs(api(), await givenApplication(db(), other)).call<number>(
      'createProject',
      'F',
      '',
      0,
      'F',
    );
    expect(await rpc.call('getProjectById', foreign)).toBeNull();
    expect(await rpc.call('getProjectByName', 'F')).toBe(false);
    expect(await rpc.call('getProjectByIdentifier', 'F')).toBe(false);
    await expectFailure(rpc, false, 'removeProject', foreign);
    await expectFailure(rpc, false, 'addProjectUser', foreign, org.admin.id);
  });

  test('getProjectByName returns the first of several projects that the user can see', async () => {
    await rpc.call('createProject', 'Same');
    const { id, ...account } = await givenAccount(db(), org);
    await expectFailure(as(account), false, 'getProjectByName', 'Same');
    const second = await rpc.call<number>('createProject', 'Same');
    await rpc.call('addProjectUser', second, id);
    expect(await as(account).call('getProjectByName', 'Same')).toMatchObject({ id: second });
    expect(await as(account).call('getProjectByName', 'Unknown')).toBe(false);
  });
});

describe('lists of projects', () => {
  test('getMyProjects and getMyProjectsList return the visible projects by name; only the latter includes disabled ones', async () => {
    const { id, ...account } = await givenAccount(db(), org);
    expect(await as(account).call('getMyProjects')).toEqual([]);
    expect(await as(account).call('getMyProjectsList')).toEqual({});

    const [b, a, , disabled] = await Promise.all(
      ['B', 'A', 'Closed', 'C'].map((name) => rpc.call<number>('createProject', name)),
    );
    for (const project of [b, a, disabled]) await rpc.call('addProjectUser', project, id, 'project-viewer');
    await db().query({
      name: '',
      text: 'update queues set is_active = false where org_id = $1 and queue_id = $2',
      values: [org.orgId, disabled],
    });
    const rows = await as(account).call<{ id: number }[]>('getMyProjects');
    expect(rows.map((row) => row.id)).toEqual([a, b]);
    expect(Object.keys(rows[0] ?? {}).join(' ')).toBe(ROW);
    expect(await as(account).call('getMyProjectsList')).toEqual({
      [String(a)]: 'A',
      [String(b)]: 'B',
      [String(disabled)]: 'C',
    });
    for (const method of ['getMyProjects', 'getMyProjectsList']) await expectForbidden(rpc, method);
  });

  test('getAllProjects returns all projects by name to administrators, and 403 to others', async () => {
    await Promise.all(['b', 'a', 'B'].map((name) => rpc.call('createProject', name)));
    for (const caller of [rpc, as(await givenAccount(db(), org, 'admin'))]) {
      const rows = await caller.call<{ name: string }[]>('getAllProjects');
      expect(rows.map(({ name }) => name)).toEqual(['B', 'a', 'b']);
    }
    for (const role of ['manager', 'member', 'reader'] as const) {
      await expectForbidden(as(await givenAccount(db(), org, role)), 'getAllProjects');
    }
  });

  test('take the same number of statements for any number of projects and members', async () => {
    const account = await givenAccount(db(), org, 'admin');
    const project = await as(account).call<number>('createProject', 'First');
    const count = () =>
      countStatements(db(), async () => {
        for (const method of ['getMyProjects', 'getMyProjectsList', 'getAllProjects']) await as(account).call(method);
        await as(account).call('getProjectUsers', project);
      });
    await count();
    const statements = await count();
    for (let number = 0; number < 20; number += 1) {
      await as(account).call('createProject', `P${number}`);
      await as(account).call('addProjectUser', project, (await givenUser(db(), org.orgId)).id);
    }
    expect(await count()).toBe(statements);
  });
});

describe('project members', () => {
  test('are added with a role, listed by name or login, and removed', async () => {
    const project = await rpc.call<number>('createProject', 'P');
    const named = await givenUser(db(), org.orgId, { display: 'Named' });
    const other = await givenUser(db(), org.orgId);
    expect(await rpc.call('addProjectUser', project, named.id)).toBe(true);
    expect(await rpc.call('addProjectUser', String(project), String(other.id), 'project-viewer')).toBe(true);

    expect(await rpc.call('getProjectUsers', project)).toEqual({ [named.id]: 'Named', [other.id]: other.login });
    expect(await rpc.call('getProjectUserRole', project, named.id)).toBe('project-member');
    expect(await rpc.call('getProjectUserRole', project, other.id)).toBe('project-viewer');
    expect(await rpc.call('getProjectUserRole', project, org.admin.id)).toBe('');

    expect(await rpc.call('removeProjectUser', project, named.id)).toBe(true);
    await expectFailure(rpc, false, 'removeProjectUser', project, named.id);
    expect(await rpc.call('getProjectUsers', project)).toEqual({ [other.id]: other.login });
  });

  test('return false for invalid values', async () => {
    const { project, member } = await givenTeam();
    const someone = await givenUser(db(), org.orgId);
    await expectFailure(rpc, false, 'addProjectUser', project, member.id, 'project-manager');
    for (const role of ['nope', 'app-user', '', null, 1, []]) {
      await expectFailure(rpc, false, 'addProjectUser', project, someone.id, role);
    }
    await unchanged(db(), async () => {
      for (const value of INVALID_IDS) {
        await expectFailure(rpc, false, 'addProjectUser', project, value);
        await expectFailure(rpc, false, 'addProjectUser', value, someone.id);
        await expectFailure(rpc, false, 'removeProjectUser', project, value);
        await expectFailure(rpc, false, 'removeProjectUser', value, member.id);
        await expectFailure(rpc, '', 'getProjectUserRole', project, value);
      }
    });
  });

  test('can read the project, its columns and its members; others get 403', async () => {
    const { project, manager, member, viewer, outsider } = await givenTeam();
    const reads: [string, ...unknown[]][] = [
      ['getProjectById', project],
      ['getProjectByName', 'Team'],
      ['getColumns', project],
      ['getProjectUsers', project],
      ['getProjectUserRole', project, viewer.id],
    ];
    for (const [method, ...params] of reads) {
      const result = await rpc.call(method, ...params);
      for (const account of [manager, member, viewer])
        expect(await as(account).call(method, ...params)).toEqual(result);
      for (const account of [outsider, await givenAccount(db(), org, 'admin')]) {
        // A name can be guessed, so a hidden project is as one that does not exist.
        if (method === 'getProjectByName') await expectFailure(as(account), false, method, ...params);
        else await expectForbidden(as(account), method, ...params);
      }
    }
    for (const [method] of reads.filter(([name]) => name !== 'getProjectByName')) {
      await expectForbidden(as(manager), method, MISSING_ID, ...(method === 'getProjectUserRole' ? [viewer.id] : []));
    }
  });

  test('can be added and removed only by managers of the project', async () => {
    const { project, manager, member, viewer, outsider } = await givenTeam();
    const admin = await givenAccount(db(), org, 'admin');
    for (const account of [member, viewer, outsider, admin]) {
      await expectForbidden(as(account), 'addProjectUser', project, outsider.id);
      await expectForbidden(as(account), 'addProjectUser', project, outsider.id, 'nope');
      await expectForbidden(as(account), 'removeProjectUser', project, viewer.id);
    }
    expect(await as(manager).call('addProjectUser', project, outsider.id)).toBe(true);
    expect(await as(manager).call('removeProjectUser', project, viewer.id)).toBe(true);
    await expectForbidden(as(manager), 'addProjectUser', MISSING_ID, outsider.id);
    await expectForbidden(as(manager), 'removeProjectUser', MISSING_ID, outsider.id);
  });

  test('an administrator can join any project, and cannot see it before', async () => {
    const { project } = await givenTeam();
    const admin = await givenAccount(db(), org, 'admin');
    await expectForbidden(as(admin), 'getProjectById', project);
    await expectForbidden(as(admin), 'removeProject', project);
    expect(await as(admin).call('addProjectUser', project, admin.id, 'project-manager')).toBe(true);
    expect(await as(admin).call('getProjectById', project)).toMatchObject({ id: project });
    await expectForbidden(as(admin), 'addProjectUser', MISSING_ID, admin.id);
    expect(await as(admin).call('removeProject', project)).toBe(true);
  });

  test('of an open queue are all users, with administrators as managers', async () => {
    const { key: queue } = await givenQueue(db(), org);
    const { id } = (await rest(`/v2/queues/${queue}`)).body;
    const [admin, manager, member, reader] = [
      await givenAccount(db(), org, 'admin'),
      await givenAccount(db(), org, 'manager'),
      await givenAccount(db(), org, 'member'),
      await givenAccount(db(), org, 'reader'),
    ];
    expect(await as(reader).call('getProjectUserRole', id, admin.id)).toBe('project-manager');
    expect(await as(reader).call('getProjectUserRole', id, manager.id)).toBe('project-member');
    expect(await as(reader).call('getProjectUserRole', id, member.id)).toBe('project-member');
    expect(await as(reader).call('getProjectUserRole', id, reader.id)).toBe('project-viewer');
    expect(await as(reader).call('getProjectUsers', id)).toEqual({});
    for (const account of [manager, member, reader]) {
      await expectForbidden(as(account), 'addProjectUser', id, reader.id);
      await expectForbidden(as(account), 'removeProject', id);
    }
    expect(await as(admin).call('addProjectUser', id, member.id, 'project-manager')).toBe(true);
    expect(await as(member).call('addProjectUser', id, reader.id)).toBe(true);
    expect(await as(reader).call('getProjectUserRole', id, reader.id)).toBe('project-member');
  });

  test('concurrent addProjectUser calls for one user return true once', async () => {
    const project = await rpc.call<number>('createProject', 'P');
    const { id } = await givenUser(db(), org.orgId);
    const added = await Promise.all([1, 2, 3].map(() => rpc.call('addProjectUser', project, id)));
    expect([...added].sort()).toEqual([false, false, true]);
  });
});

describe('removeProject', () => {
  test('removes the tasks with their links, and adds entries to the changelogs of linked issues elsewhere', async () => {
    const { key: queue } = await givenQueue(db(), org);
    const { key: going } = await givenQueue(db(), org);
    const project = (await rest(`/v2/queues/${going}`)).body.id;
    const kept = await givenIssue(db(), org, queue);
    const [one, two] = [await givenIssue(db(), org, going), await givenIssue(db(), org, going)];
    await givenLink(db(), org, 'depends', one, kept);
    await givenLink(db(), org, 'relates', kept, two);
    await givenLink(db(), org, 'depends', one, two);

    expect(await rpc.call('removeProject', project)).toBe(true);

    expect(await rpc.call('getProjectById', project)).toBeNull();
    await rest(`/v2/queues/${going}`).expect(404);
    for (const { key } of [one, two]) await rest(`/v2/issues/${key}`).expect(404);
    expect((await rest(`/v2/issues/${kept.key}/links`).expect(200)).body).toEqual([]);
    const { body: changes } = await rest(`/v2/issues/${kept.key}/changelog`).expect(200);
    expect(changes.map(({ type }: { type: string }) => type)).toEqual(['IssueUnlinked', 'IssueUnlinked']);
    const events = await db().query({
      name: '',
      text: `select issue_id, type from events where org_id = $1 and issue_id = any($2) order by issue_id, type`,
      values: [org.orgId, [one.id, two.id]],
    });
    expect(events).toEqual([one, two].map(({ id }) => ({ issue_id: id, type: 'IssueDeleted' })));
    await expectFailure(rpc, false, 'removeProject', project);
  });

  test('can be called by managers of the project only', async () => {
    const { project, manager, member, viewer, outsider } = await givenTeam();
    for (const account of [member, viewer, outsider]) await expectForbidden(as(account), 'removeProject', project);
    await expectForbidden(as(manager), 'removeProject', MISSING_ID);
    expect(await as(manager).call('removeProject', project)).toBe(true);
    await expectForbidden(as(manager), 'removeProject', project);
  });

  test('returns false for an invalid id', async () => {
    await unchanged(db(), async () => {
      for (const value of INVALID_IDS) await expectFailure(rpc, false, 'removeProject', value);
    });
  });

  test('leaves no issues behind when others are created in and moved to the project concurrently', async () => {
    const { key: queue } = await givenQueue(db(), org);
    const { key: going } = await givenQueue(db(), org);
    const project = (await rest(`/v2/queues/${going}`)).body.id;
    const moving = await Promise.all([1, 2, 3].map(() => givenIssue(db(), org, queue)));
    const statuses = await Promise.all([
      ...[1, 2, 3, 4].map(
        async () =>
          (await api().request.post('/v2/issues').set(org.admin.headers).send({ queue: going, summary: 'x' })).status,
      ),
      ...moving.map(
        async ({ key }) =>
          (await api().request.post(`/v2/issues/${key}/_move?queue=${going}`).set(org.admin.headers)).status,
      ),
      rpc.call('removeProject', project),
    ]);
    expect(statuses.at(-1)).toBe(true);
    expect(statuses.slice(0, -1).filter((status) => ![200, 201, 404].includes(status as number))).toEqual([]);
    const left = await db().query({
      name: '',
      text: 'select from issues where org_id = $1 and queue_id = $2',
      values: [org.orgId, project],
    });
    expect(left).toEqual([]);
  });
});

describe('updateProject', () => {
  test('changes the given fields, and null keeps the others', async () => {
    const owner = await givenAccount(db(), org);
    const project = await rpc.call<number>('createProject', 'Before', 'Text', owner.id, 'BEFORE');
    const before = await rpc.call<{ url: object }>('getProjectById', project);
    expect(await rpc.named('updateProject', { project_id: project, name: 'After' })).toBe(true);
    expect(await rpc.call('getProjectById', project)).toEqual({
      ...before,
      name: 'After',
      last_modified: expect.any(Number),
    });
    const changes = {
      description: '',
      owner_id: 0,
      identifier: 'after1',
      start_date: '2026-01-01',
      end_date: '2026-12-31',
      priority_default: 1,
      priority_start: 1,
      priority_end: 5,
      email: 'p@example.com',
    };
    expect(await rpc.named('updateProject', { project_id: project, ...changes })).toBe(true);
    const after = await rpc.call<{ url: object }>('getProjectById', project);
    expect(after).toMatchObject({ ...changes, identifier: 'AFTER1', name: 'After' });
    // The keys of issues are in use elsewhere.
    expect(after.url).toEqual(before.url);
    expect(await rpc.named('updateProject', { project_id: project, priority_end: 9 })).toBe(true);
    expect(await rpc.call('getProjectById', project)).toMatchObject({ priority_start: 1, priority_end: 9 });
    const { body } = await rest('/v2/queues/BEFORE', await givenUserIn(project)).expect(200);
    expect(body).toMatchObject({ name: 'After' });
  });

  async function givenUserIn(project: number) {
    const user = await givenUser(db(), org.orgId);
    await rpc.call('addProjectUser', project, user.id);
    return user;
  }

  test('returns false for invalid values and a taken identifier', async () => {
    const project = await rpc.call<number>('createProject', 'P', null, 0, 'TAKEN');
    const other = await rpc.call<number>('createProject', 'Other');
    for (const change of [
      { name: '' },
      { name: [] },
      { description: {} },
      { owner_id: MISSING_ID },
      { owner_id: 'x' },
      { identifier: 'taken' },
      { identifier: 'a-b' },
      { start_date: '2026-01-01T00' },
      { priority_end: 'x' },
      { email: 'nobody' },
    ]) {
      await expectFailureByName(rpc, false, 'updateProject', { project_id: other, ...change });
    }
    expect(await rpc.named('updateProject', { project_id: project, identifier: 'TAKEN' })).toBe(true);
    for (const id of INVALID_IDS) await expectFailure(rpc, false, 'updateProject', id, 'Name');
  });

  test('is for managers of the project', async () => {
    const { project, manager, member, outsider } = await givenTeam();
    for (const account of [member, outsider]) {
      await expectForbidden(as(account), 'updateProject', project, 'Mine');
      for (const method of ['enableProject', 'disableProject']) await expectForbidden(as(account), method, project);
    }
    expect(await as(manager).call('updateProject', project, 'Mine')).toBe(true);
  });
});

test('a disabled project is left out of the own projects until it is enabled again', async () => {
  const { project, manager } = await givenTeam();
  expect(await rpc.call('disableProject', project)).toBe(true);
  expect(await rpc.call('getProjectById', project)).toMatchObject({ is_active: 0 });
  expect(await as(manager).call('getMyProjects')).toEqual([]);
  expect(await as(manager).call('enableProject', project)).toBe(true);
  expect(await as(manager).call('getMyProjects')).toMatchObject([{ id: project, is_active: 1 }]);
  for (const id of INVALID_IDS) {
    for (const method of ['enableProject', 'disableProject']) await expectFailure(rpc, false, method, id);
  }
});

test('createMyPrivateProject creates a project of the own, which only its creator sees', async () => {
  const [owner, other] = [await givenAccount(db(), org), await givenAccount(db(), org, 'admin')];
  const id = await as(owner).call<number>('createMyPrivateProject', 'My list', 'Mine');
  expect(await as(owner).call('getProjectById', id)).toMatchObject({
    name: 'My list',
    description: 'Mine',
    is_private: 1,
    is_everybody_allowed: 0,
    owner_id: owner.id,
  });
  expect(await as(owner).call('getMyProjectsList')).toEqual({ [id]: 'My list' });
  expect(await as(owner).call('getProjectUserRole', id, owner.id)).toBe('project-manager');
  expect(await rpc.call('getColumns', id)).toHaveLength(4);
  await expectForbidden(as(other), 'getProjectById', id);
  const project = await rpc.call<number>('createProject', 'Not private');
  expect(await rpc.call('getProjectById', project)).toMatchObject({ is_private: 0 });

  for (const name of ['', null, [], 'a\0b']) await expectFailure(as(owner), false, 'createMyPrivateProject', name);
  await expectFailure(as(owner), false, 'createMyPrivateProject', 'List', {});
  await expectFailure(as(await givenAccount(db(), org, 'reader')), false, 'createMyPrivateProject', 'List');
  await expectForbidden(rpc, 'createMyPrivateProject', 'List');
});
