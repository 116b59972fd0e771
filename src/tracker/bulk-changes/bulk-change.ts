/** A change of several issues, as it went. */
export interface BulkChange {
  readonly id: string;
  readonly createdAt: Date;
  readonly total: number;
  readonly failures: readonly BulkFailure[];
}

/** An issue that could not be changed, by the name in the request, and the body of the error response. */
export interface BulkFailure {
  readonly issue: string;
  readonly error: object;
}
