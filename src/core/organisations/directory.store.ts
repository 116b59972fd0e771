// The two directories lead to organisations: all other statements name theirs. A distributed database has a copy of them on
// each node, so that a look-up asks one node.
import { cacheKey } from '../../database/cache.ts';
import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

/** The scope of cached values that depend on which organisations exist. No organisation has such an id. */
const SCOPE = 'organisation directory';

/** Blocks the creation of organisations until the transaction ends. */
export async function lockOrganisations(transaction: Transaction): Promise<void> {
  const text = 'lock table organisation_directory, organisations in access exclusive mode';
  await transaction.query({ name: '', text, values: [] });
}

/** Blocks other writers of the directory until the transaction ends, and no reader. */
export async function lockDirectory(transaction: Transaction): Promise<void> {
  const text = 'lock table organisation_directory in share row exclusive mode';
  await transaction.query({ name: '', text, values: [] });
}

/** Invalidates all cached values of the organisations, and which there are. */
export async function invalidateOrganisations(db: Transaction, orgIds: readonly string[]): Promise<void> {
  for (const scope of [SCOPE, ...orgIds]) await db.invalidate(scope);
}

const INSERT_ORGANISATION_ENTRY = statement<'orgId' | 'cloudId'>(
  'insert_organisation_entry',
  'insert into organisation_directory (org_id, cloud_id) values (:orgId, :cloudId)',
);

/** Reserves the ids of a new organisation. */
export async function insertOrganisationEntry(
  db: Transaction,
  orgId: string,
  cloudId: string | undefined,
): Promise<void> {
  await db.invalidate(SCOPE);
  await db.query(INSERT_ORGANISATION_ENTRY({ orgId, cloudId }));
}

const DELETE_ORGANISATION_ENTRY = statement<'orgId'>(
  'delete_organisation_entry',
  'delete from organisation_directory where org_id = :orgId',
);

export async function deleteOrganisationEntry(db: Transaction, orgId: string): Promise<void> {
  await invalidateOrganisations(db, [orgId]);
  await db.query(DELETE_ORGANISATION_ENTRY({ orgId }));
}

const SELECT_ORGANISATION_IDS = statement<never, { org_id: string }>(
  'select_organisation_ids',
  'select org_id from organisation_directory order by org_id',
);

export async function selectOrganisationIds(db: Pick<Queryable, 'query'>): Promise<string[]> {
  const rows = await db.query(SELECT_ORGANISATION_IDS({}));
  return rows.map(({ org_id }) => org_id);
}

const SELECT_ONLY_ORGANISATION = statement<never, { org_id: string | null }>(
  'select_only_organisation',
  `
  select min(org_id) as org_id
  from (select org_id from organisation_directory limit 2) few
  having count(*) = 1`,
);

/** The id of the only organisation, from the cache; undefined if there are several or none. */
export async function cachedOnlyOrganisation(db: Queryable): Promise<string | undefined> {
  const key = cacheKey<{ readonly orgId: string | undefined }>('only organisation', '');
  const known = db.cache.get(key);
  if (known) return known.orgId;
  const load = db.cache.startLoad();
  const [row] = await db.query(SELECT_ONLY_ORGANISATION({}));
  const orgId = row?.org_id ?? undefined;
  db.cache.set(load, key, [SCOPE], { orgId });
  return orgId;
}

const INSERT_TOKEN_ENTRY = statement<'orgId' | 'tokenHash' | 'kind'>(
  'insert_token_entry',
  `
  insert into token_directory (token_hash, kind, org_id) values (:tokenHash, :kind, :orgId)
  on conflict on constraint token_directory_pkey do nothing`,
);

export async function insertTokenEntry(
  db: Transaction,
  orgId: string,
  token: { readonly tokenHash: Buffer; readonly kind: string },
): Promise<void> {
  await db.query(INSERT_TOKEN_ENTRY({ orgId, tokenHash: token.tokenHash, kind: token.kind }));
}

const DELETE_TOKEN_ENTRIES = statement<'orgId' | 'tokenHashes' | 'kinds'>(
  'delete_token_entries',
  `
  delete from token_directory
  using unnest(:tokenHashes::bytea[], :kinds::text[]) as deleted (token_hash, kind)
  where token_directory.org_id = :orgId and token_directory.token_hash = deleted.token_hash
    and token_directory.kind = deleted.kind`,
);

export async function deleteTokenEntries(
  db: Transaction,
  orgId: string,
  tokens: readonly { readonly token_hash: Buffer; readonly kind: string }[],
): Promise<void> {
  if (tokens.length === 0) return;
  await db.query(
    DELETE_TOKEN_ENTRIES({
      orgId,
      tokenHashes: tokens.map(({ token_hash }) => token_hash),
      kinds: tokens.map(({ kind }) => kind),
    }),
  );
}

const SELECT_ORGANISATIONS_OF_TOKEN = statement<'tokenHash' | 'kind', { org_id: string }>(
  'select_organisations_of_token',
  'select org_id from token_directory where token_hash = :tokenHash and kind = :kind order by org_id',
);

/** The organisations that have the token: several if they imported the same value. */
export async function selectOrganisationsOfToken(db: Queryable, kind: string, tokenHash: Buffer): Promise<string[]> {
  const rows = await db.query(SELECT_ORGANISATIONS_OF_TOKEN({ kind, tokenHash }));
  return rows.map(({ org_id }) => org_id);
}
