/** Every project has one swimlane, of this name. */
export const SWIMLANE_NAME = 'Default swimlane';

/** It has the number of its project. */
export function swimlaneOf(projectId: number): number {
  return projectId;
}
