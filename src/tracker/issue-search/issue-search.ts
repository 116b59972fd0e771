/** A span of time, or of numbers; undefined is unbounded. */
export interface Range {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** What to search for: at most one of the first four members; without any, all issues. */
export interface IssueSearch {
  readonly queue?: string | undefined;
  readonly keys?: readonly string[] | undefined;
  /** For each field, the values of which one must match; undefined stands for a value without a name, which is invalid. */
  readonly filter?: Readonly<Record<string, readonly (string | Range | undefined)[]>> | undefined;
  readonly query?: string | undefined;
  /** Such as `-updated`. */
  readonly order?: readonly string[] | undefined;
}
