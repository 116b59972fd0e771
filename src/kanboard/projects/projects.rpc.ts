import type { Schemas } from '../../contract/openrpc.ts';
import {
  addMember,
  changeRole,
  findRole,
  listAssignableUsers,
  listMembers,
  removeMember,
} from '../../core/queues/queue-members.service.ts';
import type { QueueRole } from '../../core/queues/queue-members.store.ts';
import type { Methods } from '../rpc/account.ts';
import { booleanFrom, idFrom, numberFrom, optional, required, secondsFrom, stringFrom } from '../rpc/values.ts';
import {
  createPrivateProject,
  createProject,
  findProject,
  getProject,
  listAllProjects,
  listVisibleProjects,
  type NewProject,
  type Project,
  removeProject,
  setProjectActive,
  updateProject,
} from './projects.service.ts';
import { SWIMLANE_NAME } from './swimlane.ts';

type ProjectMethod =
  | 'createProject'
  | 'getProjectById'
  | 'getProjectByName'
  | 'getProjectByIdentifier'
  | 'getAllProjects'
  | 'removeProject'
  | 'getMyProjects'
  | 'getMyProjectsList'
  | 'addProjectUser'
  | 'removeProjectUser'
  | 'getProjectUsers'
  | 'getProjectUserRole'
  | 'getAssignableUsers'
  | 'changeProjectUserRole'
  | 'createMyPrivateProject'
  | 'updateProject'
  | 'enableProject'
  | 'disableProject';

export const projectMethods: Methods<ProjectMethod> = {
  async createProject({ name, description, owner_id, identifier, ...settings }, { db, viewer }) {
    return await createProject(db, viewer, {
      name: stringFrom(name),
      description: optional(description, stringFrom),
      ownerId: isEmpty(owner_id) ? null : idFrom(owner_id),
      identifier: stringFrom(identifier ?? ''),
      settings: settingsFrom(settings),
    });
  },

  async createMyPrivateProject({ name, description }, { db, viewer }) {
    const project = { name: stringFrom(name), description: optional(description, stringFrom) };
    return await createPrivateProject(db, viewer, project);
  },

  async updateProject({ project_id, name, description, owner_id, identifier, ...settings }, { db, viewer }) {
    await updateProject(db, viewer, idFrom(project_id), {
      name: optional(name, stringFrom),
      description: optional(description, stringFrom),
      ownerId: owner_id === null ? null : isEmpty(owner_id) ? 0 : idFrom(owner_id) || UNKNOWN_ID,
      identifier: optional(identifier, stringFrom),
      settings: settingsFrom(settings),
    });
    return true;
  },

  async enableProject({ project_id }, { db, viewer }) {
    await setProjectActive(db, viewer, idFrom(project_id), true);
    return true;
  },

  async disableProject({ project_id }, { db, viewer }) {
    await setProjectActive(db, viewer, idFrom(project_id), false);
    return true;
  },

  async getProjectById({ project_id }, { db, viewer, origin }) {
    return serializeProject(origin, await getProject(db, viewer, idFrom(project_id)));
  },

  async getProjectByName({ name }, { db, viewer, origin }) {
    const project = await findProject(db, viewer, { name: stringFrom(name) ?? '' });
    return project ? serializeProject(origin, project) : false;
  },

  async getProjectByIdentifier({ identifier }, { db, viewer, origin }) {
    const project = await findProject(db, viewer, { identifier: stringFrom(identifier) ?? '' });
    return project ? serializeProject(origin, project) : false;
  },

  async getAllProjects(_params, { db, viewer, origin }) {
    const projects = await listAllProjects(db, viewer);
    return projects.map((project) => serializeProject(origin, project));
  },

  async removeProject({ project_id }, { db, viewer }) {
    await removeProject(db, viewer, idFrom(project_id));
    return true;
  },

  async getMyProjects(_params, { db, viewer, origin }) {
    const projects = await listVisibleProjects(db, viewer);
    return projects.filter(({ isActive }) => isActive).map((project) => serializeProject(origin, project));
  },

  async getMyProjectsList(_params, { db, viewer }) {
    const projects = await listVisibleProjects(db, viewer);
    return Object.fromEntries(projects.map(({ id, name }) => [id, name]));
  },

  async addProjectUser({ project_id, user_id, role }, { db, viewer }) {
    await addMember(db, viewer, idFrom(project_id), { userId: idFrom(user_id), role: ROLES.get(role) });
    return true;
  },

  async removeProjectUser({ project_id, user_id }, { db, viewer }) {
    await removeMember(db, viewer, idFrom(project_id), idFrom(user_id));
    return true;
  },

  async getProjectUsers({ project_id }, { db, viewer }) {
    const members = await listMembers(db, viewer, idFrom(project_id));
    return Object.fromEntries(members.map(({ userId, name }) => [userId, name]));
  },

  async getAssignableUsers({ project_id, prepend_unassigned }, { db, viewer }) {
    const users = await listAssignableUsers(db, viewer, idFrom(project_id));
    const withNobody = required({ prepend_unassigned }, 'prepend_unassigned', booleanFrom);
    return {
      ...(withNobody && { 0: 'Unassigned' }),
      ...Object.fromEntries(users.map(({ userId, name }) => [userId, name])),
    };
  },

  async changeProjectUserRole({ project_id, user_id, role }, { db, viewer }) {
    await changeRole(db, viewer, idFrom(project_id), { userId: idFrom(user_id), role: ROLES.get(role) });
    return true;
  },

  async getProjectUserRole({ project_id, user_id }, { db, viewer }) {
    const role = await findRole(db, viewer, idFrom(project_id), idFrom(user_id));
    return role === undefined ? '' : (`project-${role}` as const);
  },
};

const ROLES: ReadonlyMap<unknown, QueueRole> = new Map([
  ['project-manager', 'manager'],
  ['project-member', 'member'],
  ['project-viewer', 'viewer'],
]);

/** No user has this id. */
const UNKNOWN_ID = -1;

function settingsFrom(
  settings: Readonly<Record<Exclude<keyof NewProject['settings'], 'is_private'>, unknown>>,
): NewProject['settings'] {
  return {
    start_date: optional(settings.start_date, stringFrom),
    end_date: optional(settings.end_date, stringFrom),
    priority_default: optional(settings.priority_default, numberFrom),
    priority_start: optional(settings.priority_start, numberFrom),
    priority_end: optional(settings.priority_end, numberFrom),
    email: optional(settings.email, stringFrom),
  };
}

/** Whether an optional id is unset: one of the values that PHP considers empty. */
function isEmpty(id: unknown): boolean {
  return id === null || id === 0 || id === '0' || id === '' || id === false;
}

function serializeProject(origin: string, project: Project): Schemas['Project'] {
  const { settings } = project;
  const url = `${origin}/v2/queues/${project.key}`;
  return {
    id: project.id,
    name: project.name,
    is_active: project.isActive ? 1 : 0,
    token: '',
    last_modified: secondsFrom(project.updatedAt),
    is_public: 0,
    is_private: settings.is_private === 1 ? 1 : 0,
    is_everybody_allowed: project.isOpen ? 1 : 0,
    default_swimlane: SWIMLANE_NAME,
    show_default_swimlane: 1,
    description: project.description,
    identifier: project.identifier,
    start_date: settings.start_date ?? '',
    end_date: settings.end_date ?? '',
    owner_id: project.ownerId ?? 0,
    priority_default: settings.priority_default ?? 0,
    priority_start: settings.priority_start ?? 0,
    priority_end: settings.priority_end ?? 3,
    email: settings.email ?? null,
    predefined_email_subjects: null,
    per_swimlane_task_limits: 0,
    task_limit: 0,
    enable_global_tags: 1,
    url: { board: url, list: url },
  };
}
