/** SQL: whether the users row `alias` is somebody who belongs to the organisation: no service account, and not removed. */
export function isPerson(alias: string): string {
  return `(not ${alias}.is_application and ${alias}.removed_at is null)`;
}
