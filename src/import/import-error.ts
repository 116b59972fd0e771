/** An import cannot continue: the original refuses its requests, or the file belongs to another import. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}
