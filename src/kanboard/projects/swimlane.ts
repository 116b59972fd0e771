/** Every project has exactly one swimlane, with this name. */
export const SWIMLANE_NAME = 'Default swimlane';

/** The id of the swimlane is that of its project. */
export function swimlaneOf(projectId: number): number {
  return projectId;
}
