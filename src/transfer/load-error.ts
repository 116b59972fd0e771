/** Why a file cannot be loaded, with the numbers of its lines. */
export class LoadError extends Error {
  override readonly name = 'LoadError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}
