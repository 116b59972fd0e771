import knex, { type Knex } from 'knex';
import type { UnnamedStatement } from './database.ts';
import { numberPlaceholders } from './statement.ts';

/** Only builds SQL; it never connects. */
const builder = knex({ client: 'pg' });

/** SQL that carries its values. */
export type Sql = Knex.Raw;

/**
 * SQL in which `:name` stands for the value of that name, or for other SQL. Names without a value here get theirs from
 * `unnamedStatement`.
 */
export function sql(text: string, values: Readonly<Record<string, Value>> = {}): Sql {
  // knex's types want arrays that may be changed; it does not change them.
  return builder.raw(text, values as Knex.ValueDict);
}

type Value = string | number | Date | readonly string[] | readonly number[] | Sql | Query;

export type Query = Knex.QueryBuilder;

/** A query to which conditions, an order and a page can be added. */
export function query(): Query {
  return builder.queryBuilder();
}

/** Conditions of which all must hold, or any. Without conditions, all hold and none does. */
export function groupSql<Condition>(
  { kind, conditions }: { readonly kind: 'all' | 'any'; readonly conditions: readonly Condition[] },
  conditionSql: (condition: Condition) => Sql,
): Sql {
  if (conditions.length === 0) return sql(String(kind === 'all'));
  const operator = kind === 'all' ? ' and ' : ' or ';
  return builder.raw(`(${conditions.map(() => '?').join(operator)})`, conditions.map(conditionSql));
}

/** Whether a time is not before `from`, and before `until`. */
export function withinSql(
  time: string,
  { from, until }: { readonly from: Date | undefined; readonly until: Date | undefined },
): Sql {
  const bounds = [
    ...(from ? [sql(`${time} >= :from::timestamptz`, { from })] : []),
    ...(until ? [sql(`${time} < :until::timestamptz`, { until })] : []),
  ];
  return groupSql({ kind: 'all', conditions: bounds }, (bound) => bound);
}

/** A statement of its own for each request: its text depends on the conditions, so it is not worth preparing. */
export function unnamedStatement(built: Query | Sql, values: Readonly<Record<string, unknown>>): UnnamedStatement {
  const native = built.toSQL().toNative();
  const { text, keys } = numberPlaceholders(native.sql, native.bindings.length);
  return { name: '', text, values: [...native.bindings, ...keys.map((key) => values[key])] };
}
