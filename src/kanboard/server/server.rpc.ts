import { DEFAULT_COLOR } from '../../core/issues/issue-writes.ts';
import type { Methods } from '../rpc/account.ts';
import { TASK_COLORS } from '../tasks/task-colors.ts';

type ServerMethod =
  | 'getVersion'
  | 'getTimezone'
  | 'getDefaultTaskColor'
  | 'getDefaultTaskColors'
  | 'getColorList'
  | 'getApplicationRoles'
  | 'getProjectRoles';

/** The methods about the server itself. */
export const serverMethods = (version: string): Methods<ServerMethod> => ({
  getVersion: () => Promise.resolve(version),
  getTimezone: () => Promise.resolve('UTC'),
  getDefaultTaskColor: () => Promise.resolve(DEFAULT_COLOR),
  getDefaultTaskColors: () => Promise.resolve(Object.fromEntries(TASK_COLORS)),
  getColorList: () => Promise.resolve(Object.fromEntries([...TASK_COLORS].map(([id, { name }]) => [id, name]))),
  getApplicationRoles: () =>
    Promise.resolve({ 'app-admin': 'Administrator', 'app-manager': 'Manager', 'app-user': 'User' }),
  getProjectRoles: () =>
    Promise.resolve({
      'project-manager': 'Project Manager',
      'project-member': 'Project Member',
      'project-viewer': 'Project Viewer',
    }),
});
