import createClient, { type Client } from 'openapi-fetch';
import type { paths } from '../../src/contract/openapi.generated.ts';

/** The service generates its types as read-only; openapi-fetch, which marks what is read-only itself, trips over such lists. */
type Changeable<Type> = Type extends readonly (infer Item)[]
  ? Changeable<Item>[]
  : Type extends object
    ? { -readonly [Key in keyof Type]: Changeable<Type[Key]> }
    : Type;

export type IssueLinksClient = Client<Changeable<paths>>;

/** What a program in TypeScript writes to speak with the service: all that it may ask and be told, it has from openapi.yaml. */
export function issueLinksClient(baseUrl: string, token: string, orgId: string): IssueLinksClient {
  return createClient({ baseUrl, headers: { Authorization: `OAuth ${token}`, 'X-Org-ID': orgId } });
}
