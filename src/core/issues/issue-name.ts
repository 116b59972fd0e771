const KEY = /^[A-Za-z][A-Za-z0-9]{0,49}-[1-9]\d{0,18}$/;
const HEX_ID = /^[0-9A-Fa-f]{24}$/;

/**
 * Normalises an issue name of a path or a body to its stored form: a key in upper case (`june-2` is JUNE-2) or 24 hex
 * digits in lower case, without white space around it. Returns undefined for an invalid name, which needs no query.
 */
export function parseIssueName(given: string): string | undefined {
  const name = given.trim();
  if (KEY.test(name)) return name.toUpperCase();
  return HEX_ID.test(name) ? name.toLowerCase() : undefined;
}

/** SQL: the issue_id of the name in `parameter` (a key, a former key or a hexId), or null. */
export function issueIdNamed(parameter: string): string {
  return `(
    select issue_id from issues where org_id = :orgId and key = ${parameter}
    union all
    select issue_id from issues where org_id = :orgId and hex_id = ${parameter}
    union all
    select issue_id from issue_aliases where org_id = :orgId and key = ${parameter}
    limit 1)`;
}
