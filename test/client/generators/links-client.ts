/** What the scenario needs to know of a link. Assigning generated types to it shows that none of it is optional there. */
export interface Link {
  readonly self: string;
  readonly id: number;
  readonly type: { readonly id: string; readonly inward: string; readonly outward: string };
  readonly direction: 'inward' | 'outward';
  readonly object: { readonly id: string; readonly key: string; readonly display: string };
  readonly createdBy: { readonly id: string; readonly display: string };
  readonly createdAt: string;
  readonly status: { readonly key: string };
  readonly relationship: string;
}

/** The operations of the scenario, by a generated client. Each throws a `Refusal` for an error of the server. */
export interface LinksClient {
  list(issueId: string): Promise<readonly Link[]>;
  create(issueId: string, relationship: string, issue: string): Promise<Link>;
  get(issueId: string, linkId: number): Promise<Link>;
  update(issueId: string, linkId: number, relationship: string): Promise<Link>;
  delete(issueId: string, linkId: number): Promise<void>;
  /** Ends what the client has started. */
  close?(): Promise<void>;
}

export class Refusal extends Error {
  readonly status: number;

  constructor(error: { readonly statusCode: number; readonly errorMessages: readonly string[] }) {
    super(error.errorMessages.join(' '));
    this.status = error.statusCode;
  }
}

export const TOKEN = 'demo-token';
