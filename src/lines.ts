/** The limit for the length of a line, which is not less than that of a chunk, and the error to throw beyond it. */
interface LineLimit {
  readonly lengthMax: number;
  readonly errorFor: (lineNumber: number) => Error;
}

/**
 * Splits a stream into lines, ended by line feeds only: readline also ends them at characters that JSON strings may hold.
 * Without a limit, a line may be as long as a string.
 */
export async function* linesOf(chunks: AsyncIterable<string>, limit?: LineLimit): AsyncGenerator<string> {
  let rest = '';
  let count = 0;
  for await (const chunk of chunks) {
    // Only the new chunk is searched, so that the time for a long line is proportional to its length.
    const [end = '', ...others] = chunk.split('\n');
    const lines = [rest + end, ...others];
    if (limit && rest.length + end.length > limit.lengthMax) throw limit.errorFor(count + 1);
    rest = lines.pop() ?? '';
    count += lines.length;
    yield* lines;
  }
  if (rest !== '') yield rest;
}
