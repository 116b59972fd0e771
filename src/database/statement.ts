declare const row: unique symbol;

/**
 * A statement that PostgreSQL prepares once per connection under its name: parsing and planning are the larger half of
 * the cost of a short query. Only `statement` creates one, since a name must always denote the same
 * SQL.
 */
export interface NamedStatement<Row> {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
  /** Exists only for the type checker. */
  readonly [row]: Row;
}

/** A statement that is parsed and planned each time, for SQL that depends on the request. */
export interface UnnamedStatement {
  readonly name: '';
  readonly text: string;
  readonly values: readonly unknown[];
}

export type Statement<Row> = NamedStatement<Row> | UnnamedStatement;

interface DeclaredStatement {
  readonly name: string;
  /** The placeholder names of $1, $2 and so on. */
  readonly keys: readonly string[];
  readonly text: string;
}

/** Every statement that a loaded module has declared, by name. */
const declared = new Map<string, DeclaredStatement>();

/** A name after a single colon; two colons are a cast. */
const PLACEHOLDER = /(?<!:):([a-z]\w*)/gi;

/**
 * Declares a statement with named placeholders (`:orgId`) and returns the function that binds values to them. Call it
 * once, when the module loads, so that requests do not assemble SQL. Name the statement after the function that runs
 * it.
 */
export function statement<Key extends string, Row = unknown>(
  name: string,
  sql: string,
): (values: Readonly<Record<Key, unknown>>) => NamedStatement<Row> {
  if (declared.has(name)) throw new Error(`Two statements have the name ${name}.`);
  const { text, keys } = numberPlaceholders(sql);
  declared.set(name, { name, keys, text });
  return (given: Readonly<Record<string, unknown>>) => {
    const values = keys.map((key) => {
      if (!(key in given)) throw new Error(`The statement ${name} lacks a value for :${key}.`);
      return given[key];
    });
    return { name, text, values } as unknown as NamedStatement<Row>;
  };
}

/**
 * Replaces `:name` with `$n`, numbered after the `count` values that the SQL already has. `keys` lists the names in
 * order.
 */
export function numberPlaceholders(sql: string, count = 0): { text: string; keys: readonly string[] } {
  const keys: string[] = [];
  const text = sql.replaceAll(PLACEHOLDER, (_placeholder, key: string) => {
    if (!keys.includes(key)) keys.push(key);
    return `$${count + keys.indexOf(key) + 1}`;
  });
  return { text, keys };
}

/** All statements declared so far, as sent to PostgreSQL; used to generate db/statements.sql. */
export function declaredStatements(): ReadonlyMap<string, DeclaredStatement> {
  return declared;
}
