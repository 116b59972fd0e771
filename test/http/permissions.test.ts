import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadContract } from '../../src/contract/contract.ts';
import { loadRpcContract, type Method, type MethodName } from '../../src/contract/openrpc.ts';
import type { OperationId } from '../../src/contract/types.ts';
import { createToken, type TokenScope } from '../../src/core/tokens/tokens.service.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  givenAccount,
  givenApplication,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { snapshot } from '../support/snapshot.ts';

/**
 * Who may call what: role in the organisation × access to the queue × scopes of the token × operation. An operation without an
 * entry here does not compile. The scope that an operation needs is in openapi.yaml (`security`), the role that a method of the
 * Kanboard API needs in openrpc.yaml (`x-access`). Refused requests share their resources, since they must not change any.
 */

const ROLES = ['admin', 'manager', 'member', 'reader'] as const;
type Role = (typeof ROLES)[number];
/** The queue is open to the organisation, or closed, where the user has no role or one of three. */
const STANDINGS = ['open', 'closed', 'viewer', 'member', 'manager'] as const;
type Standing = (typeof STANDINGS)[number];
const SCOPE_SETS: readonly (readonly TokenScope[])[] = [
  ...[['read'] as const, ['write'] as const, ['admin'] as const],
  ...[['read', 'write'] as const, ['read', 'admin'] as const, ['write', 'admin'] as const],
];

/** Rights in a queue. */
const QUEUE_RIGHTS = {
  see: (_role: Role, standing: Standing) => standing !== 'closed',
  write: (role: Role, standing: Standing) =>
    standing === 'open' ? role !== 'reader' : standing === 'member' || standing === 'manager',
  manage: (role: Role, standing: Standing) => (standing === 'open' ? role === 'admin' : standing === 'manager'),
} as const;
type QueueRight = keyof typeof QUEUE_RIGHTS;

/** Rights in the organisation. */
const ROLES_WITH = { anyone: ROLES, managers: ['admin', 'manager'], admins: ['admin'] } as const;

interface Right {
  /** Which roles in the organisation are required, whatever the queue. */
  readonly organisation: keyof typeof ROLES_WITH;
  readonly queue?: QueueRight;
}

const anyone: Right = { organisation: 'anyone' };
const managers: Right = { organisation: 'managers' };
const admins: Right = { organisation: 'admins' };
const see: Right = { organisation: 'anyone', queue: 'see' };
const write: Right = { organisation: 'anyone', queue: 'write' };
const manage: Right = { organisation: 'anyone', queue: 'manage' };

const OPERATIONS: Readonly<Record<OperationId, Right>> = {
  listIssueLinks: see,
  createIssueLink: write,
  importIssueLink: write,
  listIssueLinksPage: see,
  getIssueLink: see,
  updateIssueLink: write,
  deleteIssueLink: write,
  searchIssueLinks: anyone,
  getLinkGraph: see,
  listLinkTypes: anyone,
  createLinkType: admins,
  getLinkType: anyone,
  updateLinkType: admins,
  deleteLinkType: admins,
  getOrganization: anyone,
  updateOrganization: admins,
  listIssues: anyone,
  createIssue: write,
  importIssue: manage,
  searchIssues: anyone,
  countIssues: anyone,
  clearSearchScroll: anyone,
  suggestIssues: anyone,
  findIssueByUnique: see,
  getIssue: see,
  updateIssue: write,
  deleteIssue: { organisation: 'admins', queue: 'write' },
  moveIssue: write,
  cloneIssue: write,
  updateIssuesInBulk: anyone,
  moveIssuesInBulk: anyone,
  transitionIssuesInBulk: anyone,
  getBulkChange: anyone,
  listBulkChangeIssues: anyone,
  listTransitions: see,
  getTransition: see,
  executeTransition: write,
  listResolutions: anyone,
  getResolution: anyone,
  listComments: see,
  createComment: write,
  importComment: write,
  getComment: see,
  // The comment is another user's.
  updateComment: manage,
  deleteComment: manage,
  listIssueChanges: see,
  getIssueChange: see,
  getMyself: anyone,
  listUsers: anyone,
  getUser: anyone,
  listTokens: admins,
  createToken: admins,
  getToken: admins,
  // Before it is revoked.
  rotateToken: admins,
  revokeToken: admins,
  listStatuses: anyone,
  getStatus: anyone,
  listPriorities: anyone,
  getPriority: anyone,
  listIssueTypes: anyone,
  getIssueType: anyone,
  listQueues: anyone,
  createQueue: managers,
  getQueue: see,
  listFields: anyone,
  getField: anyone,
  listFieldCategories: anyone,
  getFieldCategory: anyone,
  listApplications: anyone,
  createApplication: admins,
  getApplication: anyone,
  getRemoteObject: see,
  listRemoteLinks: see,
  createRemoteLink: write,
  getRemoteLink: see,
  deleteRemoteLink: write,
};

/** The rights in a project; the other methods have theirs in openrpc.yaml. */
const METHODS: Readonly<Partial<Record<MethodName, QueueRight>>> = {
  createTaskLink: 'write',
  updateTaskLink: 'write',
  getTaskLinkById: 'see',
  getAllTaskLinks: 'see',
  removeTaskLink: 'write',
  getProjectById: 'see',
  getProjectByName: 'see',
  getProjectByIdentifier: 'see',
  removeProject: 'manage',
  addProjectUser: 'manage',
  removeProjectUser: 'manage',
  getProjectUsers: 'see',
  getProjectUserRole: 'see',
  getAssignableUsers: 'see',
  changeProjectUserRole: 'manage',
  updateProject: 'manage',
  enableProject: 'manage',
  disableProject: 'manage',
  getColumns: 'see',
  getColumn: 'see',
  addColumn: 'manage',
  updateColumn: 'manage',
  changeColumnPosition: 'manage',
  removeColumn: 'manage',
  getBoard: 'see',
  getProjectActivity: 'see',
  getProjectActivities: 'see',
  getActiveSwimlanes: 'see',
  getAllSwimlanes: 'see',
  getSwimlane: 'see',
  getSwimlaneById: 'see',
  getSwimlaneByName: 'see',
  createTask: 'write',
  getTask: 'see',
  getTaskByReference: 'see',
  getAllTasks: 'see',
  searchTasks: 'see',
  updateTask: 'write',
  moveTaskPosition: 'write',
  openTask: 'write',
  closeTask: 'write',
  removeTask: 'write',
  getOverdueTasksByProject: 'see',
  duplicateTaskToProject: 'write',
  moveTaskToProject: 'write',
  createCategory: 'manage',
  getCategory: 'see',
  getAllCategories: 'see',
  updateCategory: 'manage',
  removeCategory: 'manage',
  getTagsByProject: 'see',
  createTag: 'write',
  updateTag: 'write',
  removeTag: 'write',
  setTaskTags: 'write',
  getTaskTags: 'see',
  createComment: 'write',
  getComment: 'see',
  getAllComments: 'see',
  updateComment: 'write',
  removeComment: 'write',
  createExternalTaskLink: 'write',
  updateExternalTaskLink: 'write',
  getExternalTaskLinkById: 'see',
  getAllExternalTaskLinks: 'see',
  removeExternalTaskLink: 'write',
};

const api = useApi();
const db = () => api().database.db;
const contract = loadContract();
const rpcContract = loadRpcContract();

let org: GivenOrganisation;
let application: GivenAccount;
let other: GivenIssue;
let free: GivenIssue;
/** A user of each role, for both APIs, with a token for each set of scopes. */
const users = new Map<Role, GivenAccount & { readonly id: number; readonly tokens: ReadonlyMap<string, string> }>();

beforeAll(async () => {
  org = await givenOrganisation(db());
  application = await givenApplication(db(), org);
  const { id: openQueueId, key } = await givenQueue(db(), org);
  [other, free] = [await givenIssue(db(), org, key), await givenIssue(db(), org, key)];
  for (const role of ROLES) {
    const account = await givenAccount(db(), org, role);
    const tokens = new Map<string, string>();
    for (const scopes of SCOPE_SETS)
      tokens.set(scopes.join(), (await createToken(db(), org.orgId, account.id, { scopes: [...scopes] })).token);
    // All users may change the issues at the other ends of links, and move issues to their queue.
    await insert(
      `insert into queue_members (org_id, queue_id, user_id, role) values ($1, $2, $3, 'member')`,
      openQueueId,
      account.id,
    );
    users.set(role, { ...account, tokens });
  }
});

async function insert(text: string, ...values: unknown[]): Promise<number> {
  const [row] = await db().query<{ id: number }>({ name: '', text, values: [org.orgId, ...values] });
  return Number(row?.id);
}

/** A queue in which the user of the role has this standing, with an issue that has everything. */
async function givenCell(role: Role, standing: Standing) {
  const queue = await givenQueue(db(), org, standing === 'open' ? undefined : []);
  const addMember = (userId: number, as: string) =>
    insert('insert into queue_members (org_id, queue_id, user_id, role) values ($1, $2, $3, $4)', queue.id, userId, as);
  if (standing !== 'open' && standing !== 'closed') await addMember(users.get(role)?.id ?? 0, standing);
  const [member, newcomer] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  await addMember(member.id, 'viewer');
  await addMember((await givenUser(db(), org.orgId)).id, 'member');
  const issue = await givenIssue(db(), org, queue.key);
  const unique = randomUUID();
  await insert(
    `update issues set unique_token = $3, reference = 'R', due_at = '2001-01-01', tags = array['A tag'] where org_id = $1 and issue_id = $2`,
    issue.id,
    unique,
  );
  const objectId = randomUUID().replaceAll('-', '');
  const remoteLinkId = await insert(
    `insert into remote_links (org_id, issue_id, application_id, object_id, object_key, link_type_id, created_by, updated_by)
     values ($1, $2, 'com.github', $3, 'key', 'relates', $4, $4) returning remote_link_id as id`,
    issue.id,
    objectId,
    org.admin.id,
  );
  const commentId = await insert(
    `insert into comments (org_id, issue_id, text, created_by, updated_by)
     values ($1, $2, 'A comment', $3, $3) returning comment_id as id`,
    issue.id,
    org.admin.id,
  );
  const entryId = await insert(
    `insert into events (org_id, issue_id, type, user_id, changes)
     values ($1, $2, 'IssueUpdated', $3, '{"fields":[]}') returning event_id as id`,
    issue.id,
    org.admin.id,
  );
  const linkId = await givenLink(db(), org, 'relates', issue, other);
  const ownCommentId = await insert(
    `insert into comments (org_id, issue_id, text, created_by, updated_by)
     values ($1, $2, 'A comment', $3, $3) returning comment_id as id`,
    issue.id,
    users.get(role)?.id,
  );
  const categoryId = await insert(
    `insert into categories (org_id, queue_id, name) values ($1, $2, 'A category') returning category_id as id`,
    queue.id,
  );
  const tagId = await insert(
    `insert into tags (org_id, queue_id, name) values ($1, $2, 'A tag') returning tag_id as id`,
    queue.id,
  );
  const { id: tokenId } = await createToken(db(), org.orgId, member.id, { scopes: ['admin'] });
  const ids = { remoteLinkId, commentId, ownCommentId, categoryId, tagId, entryId, linkId, tokenId };
  return { queue, issue, unique, objectId, ...ids, member, newcomer };
}

type Cell = Awaited<ReturnType<typeof givenCell>>;

function bodyOf(id: OperationId, { queue, member }: Cell): object | undefined {
  const label = { ru: randomUUID(), en: randomUUID() };
  const bodies: Partial<Record<OperationId, object>> = {
    createIssueLink: { relationship: 'depends on', issue: free.key },
    importIssueLink: {
      relationship: 'depends on',
      issue: free.key,
      createdBy: org.admin.login,
      createdAt: '2017-06-11T05:16:01.421+0000',
    },
    updateIssueLink: { relationship: 'depends on' },
    searchIssueLinks: { issues: [other.key] },
    createLinkType: { id: `t${randomUUID()}`, inward: label },
    updateLinkType: {},
    updateOrganization: {},
    createIssue: { queue: queue.key, summary: 'New' },
    importIssue: {
      queue: queue.key,
      summary: 'New',
      createdBy: org.admin.login,
      createdAt: '2017-06-11T05:16:01.421+0000',
    },
    updateIssue: { summary: 'Changed' },
    executeTransition: { resolution: 'fixed' },
    createComment: { text: 'New' },
    importComment: { text: 'New', createdBy: org.admin.login, createdAt: '2017-06-11T05:16:01.421+0000' },
    updateComment: { text: 'Changed' },
    createQueue: { key: `N${randomUUID().replaceAll('-', '').toUpperCase()}`, name: 'New' },
    createRemoteLink: { relationship: 'RELATES', key: 'new', origin: 'com.github' },
    updateIssuesInBulk: { issues: [], values: {} },
    moveIssuesInBulk: { issues: [], queue: queue.key },
    transitionIssuesInBulk: { issues: [], transition: 'closed' },
    createApplication: { id: randomUUID(), type: 'own', name: 'New' },
    createToken: { user: member.login },
    rotateToken: {},
  };
  return bodies[id];
}

/** Expects that the requests change no row of the organisation. */
async function writeNothing(requests: () => Promise<void>): Promise<void> {
  const before = await snapshot(db(), org.orgId);
  expect(before).toMatchObject({ issues: expect.any(String), links: expect.any(String), events: expect.any(String) });
  await requests();
  expect(await snapshot(db(), org.orgId)).toEqual(before);
}

const allRoles = ROLES.map((role) => [role] as const);
const allCells = ROLES.flatMap((role) => STANDINGS.map((standing) => [role, standing] as const));

describe('the Tracker API', () => {
  const operationOf = (id: OperationId) => {
    const operation = contract.operations.find((one) => one.id === id);
    if (operation === undefined) throw new Error(`openapi.yaml has no ${id}.`);
    return operation;
  };

  /** A bulk change of the role that is checked. */
  let bulkChangeId = '';

  async function send(id: OperationId, role: Role, scopes: readonly TokenScope[], cell: Cell, linkTypeId = 'relates') {
    const { path: template, method } = operationOf(id);
    const values: Readonly<Record<string, unknown>> = {
      ...{ issueId: cell.issue.key, linkId: cell.linkId, entryId: cell.entryId, remoteLinkId: cell.remoteLinkId },
      ...{ queueId: cell.queue.key, objectId: cell.objectId, applicationId: 'com.github', userId: org.admin.login },
      ...{ linkTypeId, statusId: 'open', priorityId: 'normal', issueTypeId: 'task', fieldId: 'tags' },
      categoryId: '000000000000000000000001',
      commentId: cell.commentId,
      tokenId: cell.tokenId,
      bulkChangeId,
      transitionId: 'closed',
      resolutionId: 'fixed',
    };
    const path = template.replaceAll(/\{(\w+)\}/g, (_match, name: string) => String(values[name]));
    const query = {
      suggestIssues: '?input=new',
      findIssueByUnique: `?unique=${cell.unique}`,
      moveIssue: `?queue=${other.key.split('-')[0] ?? ''}`,
    };
    const token = users.get(role)?.tokens.get(scopes.join()) ?? '';
    const { status } = await api()
      .request[method](`/v3${path}${(query as Record<string, string>)[id] ?? ''}`)
      .set({ Authorization: `OAuth ${token}`, 'X-Org-ID': org.orgId })
      .send(bodyOf(id, cell));
    return status;
  }

  async function givenLinkType(): Promise<string> {
    const id = `t${randomUUID()}`;
    const body = { id, inward: { ru: id, en: id } };
    await api().request.post('/v3/linktypes').set(org.admin.headers).send(body).expect(201);
    return id;
  }

  function expected(id: OperationId, role: Role, standing: Standing): number {
    const { organisation, queue } = OPERATIONS[id];
    if (!(ROLES_WITH[organisation] as readonly Role[]).includes(role)) return 403;
    if (queue !== undefined && !QUEUE_RIGHTS.see(role, standing)) return 404;
    if (queue !== undefined && !QUEUE_RIGHTS[queue](role, standing)) return 403;
    return operationOf(id).successStatus;
  }

  /** Sends each operation with every set of scopes that lacks the one it needs, and with the one it needs. */
  async function check(ids: readonly OperationId[], role: Role, standing: Standing): Promise<void> {
    const isAllowed = (id: OperationId) => expected(id, role, standing) < 400;
    const shared = await givenCell(role, standing);
    const token = users.get(role)?.tokens.get('write') ?? '';
    const { body } = await api()
      .request.post('/v3/bulkchange/_update')
      .set({ Authorization: `OAuth ${token}`, 'X-Org-ID': org.orgId })
      .send({ issues: [], values: {} });
    bulkChangeId = body.id;
    await writeNothing(async () => {
      for (const id of ids) {
        const { scope } = operationOf(id);
        for (const scopes of SCOPE_SETS.filter((set) => !set.includes(scope)))
          expect([id, scopes, await send(id, role, scopes, shared)]).toEqual([id, scopes, 403]);
        if (!isAllowed(id))
          expect([id, await send(id, role, [scope], shared)]).toEqual([id, expected(id, role, standing)]);
      }
    });
    for (const id of ids.filter(isAllowed)) {
      const cell = OPERATIONS[id].queue === undefined ? shared : await givenCell(role, standing);
      const linkTypeId = id === 'deleteLinkType' ? await givenLinkType() : undefined;
      const status = await send(id, role, [operationOf(id).scope], cell, linkTypeId);
      expect([id, status]).toEqual([id, expected(id, role, standing)]);
    }
  }

  const ids = Object.keys(OPERATIONS) as OperationId[];
  const inQueues = ids.filter((id) => OPERATIONS[id].queue !== undefined);
  const elsewhere = ids.filter((id) => OPERATIONS[id].queue === undefined);

  test.each(allRoles)('%s: may call what concerns no queue as the table says', async (role) => {
    await check(elsewhere, role, 'open');
  });

  test.each(allCells)('%s, %s: may call what the table says about a queue', async (role, standing) => {
    await check(inQueues, role, standing);
  });
});

describe('the Kanboard API', () => {
  const inProjects = [...rpcContract.methods.values()].filter((method) => method['x-access'] === 'project');
  const elsewhere = [...rpcContract.methods.values()].filter((method) => method['x-access'] !== 'project');

  async function send(method: string, account: GivenAccount, params: object) {
    const response = await api()
      .request.post(`/kanboard/${org.orgId}/jsonrpc.php`)
      .auth(account.login, account.secret)
      .send({ jsonrpc: '2.0', id: 1, method, params });
    return { status: response.status, result: response.body.result as unknown };
  }

  function paramsOf(name: string, account: GivenAccount, cell: Cell): object {
    const { queue, issue, linkId, remoteLinkId, ownCommentId: commentId, categoryId, tagId, member, newcomer } = cell;
    const external = name.includes('External');
    const values: Readonly<Record<string, unknown>> = {
      ...{
        task_id: issue.id,
        id: name === 'updateComment' ? commentId : name === 'updateCategory' ? categoryId : issue.id,
        project_id: queue.id,
        task_link_id: 2 * linkId - 1,
        swimlane_id: queue.id,
      },
      ...{ opposite_task_id: name === 'updateTaskLink' ? other.id : free.id, link_id: external ? remoteLinkId : 1 },
      ...{ name: queue.key, identifier: queue.key, user_id: name === 'addProjectUser' ? newcomer.id : member.id },
      ...{ title: randomUUID(), column_id: queue.columns[1], position: 1, reference: 'R', query: 'status:open' },
      ...(name.endsWith('Category') && { name: randomUUID(), category_id: categoryId }),
      project_ids: [queue.id],
      ...{ role: 'project-member' },
      ...{ tag_id: tagId, tag: randomUUID(), tags: ['new'] },
      ...{ url: 'https://example.org/', dependency: 'related', content: 'A comment', comment_id: commentId },
      ...(name === 'getSwimlaneByName' && { name: 'Default swimlane' }),
      ...(name === 'createComment' && {
        user_id: [...users.values()].find(({ login }) => login === account.login)?.id ?? 0,
      }),
    };
    const declared = rpcContract.methods.get(name)?.params.filter(({ required }) => required) ?? [];
    return Object.fromEntries(declared.map((parameter) => [parameter.name, values[parameter.name]]));
  }

  test('the table has every method whose right depends on the project', () => {
    expect(inProjects.map(({ name }) => name).filter((name) => METHODS[name] === undefined)).toEqual([]);
    expect(Object.keys(METHODS).length).toBe(inProjects.length);
  });

  test.each(['application', ...ROLES] as const)(
    '%s: may call what concerns no project as openrpc.yaml says',
    async (role) => {
      const mayCall = {
        anyone: true,
        user: role !== 'application',
        manager: role === 'application' || role === 'admin' || role === 'manager',
        admin: role === 'application' || role === 'admin',
        project: true,
      };
      const account = role === 'application' ? application : (users.get(role) as GivenAccount);
      const call = async ({ name, params, 'x-access': access }: Method) => {
        // Ids that nothing has: the right is checked first.
        const given = params.filter(({ required }) => required).map((one) => [one.name, 999_999_999]);
        const { status } = await send(name, account, Object.fromEntries(given));
        expect([name, status]).toEqual([name, mayCall[access] ? 200 : 403]);
      };
      await writeNothing(async () => {
        for (const method of elsewhere.filter((one) => !mayCall[one['x-access']])) await call(method);
      });
      for (const method of elsewhere.filter((one) => mayCall[one['x-access']])) await call(method);
    },
  );

  const cells = [...allCells, ['application', 'closed'] as const];

  test.each(cells)('%s, %s: may call what the table says about a project', async (role, standing) => {
    const account = role === 'application' ? application : (users.get(role) as GivenAccount);
    const isAllowed = ({ name }: Method) =>
      role === 'application' || QUEUE_RIGHTS[METHODS[name] ?? 'see'](role, standing);
    const given = () => givenCell(role === 'application' ? 'admin' : role, standing);
    const shared = await given();
    await writeNothing(async () => {
      for (const { name, 'x-failure': failure } of inProjects.filter((method) => !isAllowed(method))) {
        const { status, result } = await send(name, account, paramsOf(name, account, shared));
        // A project that is named by its name or identifier is hidden as if it did not exist.
        if (/^getProjectBy(Name|Identifier)$/.test(name)) expect([name, status, result]).toEqual([name, 200, failure]);
        else expect([name, status]).toEqual([name, 403]);
      }
    });
    for (const { name, 'x-failure': failure } of inProjects.filter(isAllowed)) {
      const { status, result } = await send(name, account, paramsOf(name, account, await given()));
      expect([name, status]).toEqual([name, 200]);
      expect([name, result]).not.toEqual([name, failure]);
    }
  });
});
