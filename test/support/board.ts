import type { Api } from './api.ts';
import { givenApplication, givenOrganisation, givenQueue } from './builders.ts';
import { rpcAs } from './rpc.ts';

export interface Task {
  readonly id: number;
  readonly title: string;
  readonly column_id: number;
  readonly position: number;
  readonly [field: string]: unknown;
}

interface ChangelogEntry {
  readonly type: string;
  readonly fields?: readonly { readonly field: { readonly id: string } }[];
}

export type Board = Awaited<ReturnType<typeof givenBoard>>;

/** An organisation of the test's own with an empty project. */
export async function givenBoard(api: Api) {
  const { db } = api.database;
  const org = await givenOrganisation(db, { profile: 'kanboard', language: 'en' });
  const rpc = rpcAs(api, await givenApplication(db, org));
  const { key: queue } = await givenQueue(db, org);
  const project = await getProjectId(queue);
  const columns = await listColumnIds(project);

  async function getProjectId(key: string): Promise<number> {
    const [row] = await db.query<{ queue_id: number }>({
      name: '',
      text: 'select queue_id from queues where org_id = $1 and key = $2',
      values: [org.orgId, key],
    });
    return (row as { queue_id: number }).queue_id;
  }

  async function listColumnIds(projectId: number): Promise<number[]> {
    const rows = await db.query<{ column_id: number }>({
      name: '',
      text: 'select column_id from columns where org_id = $1 and queue_id = $2 order by position',
      values: [org.orgId, projectId],
    });
    return rows.map(({ column_id }) => column_id);
  }

  const createTask = (title: string, params: object = {}) =>
    rpc.named<number>('createTask', { title, project_id: project, ...params });

  const getTask = (id: number) => rpc.call<Task>('getTask', id);

  /** The open tasks of the column at this index with their positions, in order: `A1 B2`. */
  async function listColumn(index: number): Promise<string> {
    const tasks = await rpc.call<Task[]>('getAllTasks', project);
    return tasks
      .filter(({ column_id }) => column_id === columns[index])
      .sort((left, right) => left.position - right.position)
      .map(({ title, position }) => `${title}${position}`)
      .join(' ');
  }

  const getIssueKey = async (id: number) => ((await getTask(id))['url'] as string).split('/').at(-1) as string;

  const get = async (path: string) => (await api.request.get(path).set(org.admin.headers).expect(200)).body;

  /** The task as the Tracker API shows it. */
  const getIssue = async (id: number) => await get(`/v2/issues/${await getIssueKey(id)}`);

  /** The changelog of the task: of each entry its type and the fields it names, as one string. */
  async function listChanges(id: number): Promise<string[]> {
    const entries = (await get(`/v2/issues/${await getIssueKey(id)}/changelog`)) as ChangelogEntry[];
    return entries.map(({ type, fields = [] }) => [type, ...fields.map(({ field }) => field.id)].join(' '));
  }

  async function giveRole(key: string, { id }: { readonly id: number }, role: 'manager' | 'member' | 'viewer') {
    await db.query({
      name: '',
      text: `
        insert into queue_members (org_id, queue_id, user_id, role)
        select $1, queue_id, $3, $4 from queues where org_id = $1 and key = $2`,
      values: [org.orgId, key, id, role],
    });
  }

  return {
    org,
    rpc,
    queue,
    project,
    columns,
    createTask,
    getTask,
    listColumn,
    getIssueKey,
    getIssue,
    listChanges,
    getProjectId,
    listColumnIds,
    giveRole,
  };
}
