/** The end of a link that an issue is at: the subtask is at the inward end, its parent at the outward end. */
export type Direction = 'inward' | 'outward';

export function opposite(direction: Direction): Direction {
  return direction === 'inward' ? 'outward' : 'inward';
}
