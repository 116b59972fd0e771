import createClient, { type Client } from 'openapi-fetch';
import type { paths } from '../../src/contract/openapi.generated.ts';

/** Our generated types are readonly, but openapi-fetch infers wrong types from readonly arrays. */
type Mutable<Type> = Type extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : Type extends object
    ? { -readonly [Key in keyof Type]: Mutable<Type[Key]> }
    : Type;

export type IssueLinksClient = Client<Mutable<paths>>;

/** A client in TypeScript whose requests and responses have their types from openapi.yaml. */
export function issueLinksClient(baseUrl: string, token: string, orgId: string): IssueLinksClient {
  return createClient({ baseUrl, headers: { Authorization: `OAuth ${token}`, 'X-Org-ID': orgId } });
}
