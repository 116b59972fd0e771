import type { Schemas } from '../../contract/openrpc.ts';
import { SWIMLANE_NAME, swimlaneOf } from '../projects/swimlane.ts';
import type { Account, Methods } from '../rpc/account.ts';
import { idFrom } from '../rpc/values.ts';
import { requireVisibleProject } from '../tasks/tasks.service.ts';

type SwimlaneMethod =
  | 'getActiveSwimlanes'
  | 'getAllSwimlanes'
  | 'getSwimlane'
  | 'getSwimlaneById'
  | 'getSwimlaneByName';

/** Every project has exactly one swimlane, whose id is the project's. */
export const swimlaneMethods: Methods<SwimlaneMethod> = {
  getActiveSwimlanes: async ({ project_id }, account) => [await getSwimlane(account, project_id)],
  getAllSwimlanes: async ({ project_id }, account) => [await getSwimlane(account, project_id)],
  getSwimlane: ({ swimlane_id }, account) => getSwimlane(account, swimlane_id),
  getSwimlaneById: ({ swimlane_id }, account) => getSwimlane(account, swimlane_id),
  async getSwimlaneByName({ project_id, name }, account) {
    const swimlane = await getSwimlane(account, project_id);
    return name === SWIMLANE_NAME ? swimlane : null;
  },
};

/** Throws `not_found` for a project that the account may not see. */
async function getSwimlane({ db, viewer }: Account, id: unknown): Promise<Schemas['Swimlane']> {
  const projectId = idFrom(id);
  await requireVisibleProject(db, viewer, projectId);
  return serializeSwimlane(projectId);
}

export function serializeSwimlane(projectId: number): Schemas['Swimlane'] {
  return {
    id: swimlaneOf(projectId),
    name: SWIMLANE_NAME,
    position: 1,
    is_active: 1,
    project_id: projectId,
    description: '',
    task_limit: 0,
  };
}
