import type { IssueFields } from './issues.store.ts';

/**
 * Fields that both APIs have in different units (decision 26). A value that a client of either API sends back as it read it
 * changes nothing, although that API may not show the stored one exactly.
 */

type Settings = IssueFields['kanboard'];

/** The first possible due date: 1970-01-01 as a deadline would be 0 in Kanboard, which unsets the due date. */
export const DUE_AT_MIN = new Date('1970-01-02T00:00:00.000Z');

/** The deadline in Tracker: the day of the due date in UTC. */
export function deadlineOf(dueAt: Date | null): string | null {
  return dueAt?.toISOString().slice(0, 10) ?? null;
}

/** The due date with a deadline such as `2017-06-11`: the present one if it is on that day, or else its first moment. */
export function dueAtWith(deadline: string | null, present: Date | null): Date | null {
  if (deadline === deadlineOf(present)) return present;
  return deadline === null ? null : new Date(`${deadline}T00:00:00.000Z`);
}

/** Kanboard's score: the story points, rounded; 0 if unset. */
export function scoreOf({ kanboard }: { readonly kanboard: Settings }): number {
  return Math.floor((kanboard['score'] ?? 0) + 0.5);
}

export function storyPointsOf({ kanboard }: { readonly kanboard: Settings }): number | null {
  return kanboard['score'] ?? null;
}

export function withStoryPoints(kanboard: Settings, storyPoints: number | null): Settings {
  if (storyPoints === storyPointsOf({ kanboard })) return kanboard;
  const { score: _score, ...others } = kanboard;
  return storyPoints === null ? others : { ...others, score: storyPoints };
}

/** SQL: the story points of the row `issues`, null if unset. */
export const STORY_POINTS = `(issues.kanboard ->> 'score')::numeric`;

/** SQL: the same as `scoreOf`. */
export const SCORE = `floor(coalesce(${STORY_POINTS}, 0) + 0.5)::bigint`;
