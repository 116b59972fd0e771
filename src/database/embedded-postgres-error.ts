/** A start that failed for a reason the operator can mend; `message` is one sentence that says what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

/**
 * The `code` of a system error (`EACCES`) or of PostgreSQL (`28P01`). Not by `instanceof`: Node's own errors are of
 * another `Error` than ours where modules run in a context of their own, as under Jest.
 */
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
