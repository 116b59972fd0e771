/**
 * The `code` of a system error (`EACCES`) or of PostgreSQL (`28P01`). It does not use `instanceof`: where modules run
 * in a separate context, as under Jest, Node's errors derive from another `Error`.
 */
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
