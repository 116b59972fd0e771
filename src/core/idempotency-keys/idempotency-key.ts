/** A key belongs to a user and an operation, so that the keys of different clients cannot clash. */
export interface IdempotencyKey {
  readonly orgId: string;
  readonly userId: number;
  readonly operation: string;
  readonly key: string;
}

export interface StoredResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
}
