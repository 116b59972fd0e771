/** SQL: whether the users row `alias` is a person: neither a service account nor removed. */
export function isPerson(alias: string): string {
  return `(not ${alias}.is_application and ${alias}.removed_at is null)`;
}
