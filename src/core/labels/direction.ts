/** The end of a link at which an issue stands: the subtask inward, its parent outward. */
export type Direction = 'inward' | 'outward';

export function opposite(direction: Direction): Direction {
  return direction === 'inward' ? 'outward' : 'inward';
}
