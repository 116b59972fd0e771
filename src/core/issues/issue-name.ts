const KEY = /^[A-Za-z][A-Za-z0-9]{0,49}-[1-9]\d{0,18}$/;
const HEX_ID = /^[0-9A-Fa-f]{24}$/;

/**
 * The way an issue is named in a path or a body, in the form that is stored: a key in capitals (`june-2` is JUNE-2) or
 * 24 hex digits in small letters. Undefined for what can be neither, so that no statement need look for it.
 */
export function parseIssueName(name: string): string | undefined {
  if (KEY.test(name)) return name.toUpperCase();
  return HEX_ID.test(name) ? name.toLowerCase() : undefined;
}

/** SQL: the issue_id behind the name in `parameter`: a key, an id, or a key from before a move. Null for none. */
export function issueIdNamed(parameter: string): string {
  return `(
    select issue_id from issues where org_id = :orgId and key = ${parameter}
    union all
    select issue_id from issues where org_id = :orgId and hex_id = ${parameter}
    union all
    select issue_id from issue_aliases where org_id = :orgId and key = ${parameter}
    limit 1)`;
}
