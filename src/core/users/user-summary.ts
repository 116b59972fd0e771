/** A user as referenced by issues and links. */
export interface UserSummary {
  readonly uid: number;
  readonly display: string;
  readonly passportUid: number | null;
  readonly cloudUid: string | null;
}

/** The columns that `userColumns` selects. */
export type UserColumns<Alias extends string> = Record<`${Alias}_uid`, number> &
  Record<`${Alias}_display`, string> &
  Record<`${Alias}_passport_uid`, number | null> &
  Record<`${Alias}_cloud_uid`, string | null>;

/** SQL: the columns of a UserSummary from the users row `alias`, prefixed with that alias. */
export function userColumns(alias: string): string {
  return `${alias}.uid as ${alias}_uid, coalesce(${alias}.display, ${alias}.login) as ${alias}_display,
    ${alias}.passport_uid as ${alias}_passport_uid, ${alias}.cloud_uid as ${alias}_cloud_uid`;
}

/** SQL: an array of UserSummary objects, from an array of user_ids in its order. */
export function userSummaries(userIds: string): string {
  return `array(
          select jsonb_build_object('uid', named.uid, 'display', coalesce(named.display, named.login),
            'passportUid', named.passport_uid, 'cloudUid', named.cloud_uid)
          from unnest(${userIds}) with ordinality as listed (user_id, place)
          join users named on named.org_id = :orgId and named.user_id = listed.user_id
          order by listed.place
        )`;
}

export function userFrom<Alias extends string>(row: UserColumns<Alias>, alias: Alias): UserSummary {
  // TypeScript cannot resolve the computed column names; the type of `row` guarantees that they exist.
  const columns: Readonly<Record<string, unknown>> = row;
  return {
    uid: columns[`${alias}_uid`] as number,
    display: columns[`${alias}_display`] as string,
    passportUid: columns[`${alias}_passport_uid`] as number | null,
    cloudUid: columns[`${alias}_cloud_uid`] as string | null,
  };
}
