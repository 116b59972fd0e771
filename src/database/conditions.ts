import { createRequire } from 'node:module';
import type { Knex } from 'knex';
import type { UnnamedStatement } from './statement.ts';
import { numberPlaceholders } from './statement.ts';

const require = createRequire(import.meta.url);
let builder: Knex | undefined;

/** Only builds SQL; it never connects. Created by the first search, since loading knex would prolong the server's start. */
function knexBuilder(): Knex {
  builder ??= (require('knex') as typeof import('knex')).knex({ client: 'pg' });
  return builder;
}

/** SQL with its values. */
export type Sql = Knex.Raw;

/**
 * SQL in which `:name` stands for the value with that name, or for other SQL. `unnamedStatement` binds the names that
 * have no value here.
 */
export function sql(text: string, values: Readonly<Record<string, Value>> = {}): Sql {
  // The types of knex require mutable arrays, although it does not modify them.
  return knexBuilder().raw(text, values as Knex.ValueDict);
}

type Value = string | number | Date | readonly string[] | readonly number[] | Sql | Query;

export type Query = Knex.QueryBuilder;

/** A query to which conditions, an order and a page can be added. */
export function query(): Query {
  return knexBuilder().queryBuilder();
}

/** SQL: whether all of the conditions hold, or any. An empty `all` is true, and an empty `any` is false. */
export function groupSql<Condition>(
  { kind, conditions }: { readonly kind: 'all' | 'any'; readonly conditions: readonly Condition[] },
  conditionSql: (condition: Condition) => Sql,
): Sql {
  if (conditions.length === 0) return sql(String(kind === 'all'));
  const operator = kind === 'all' ? ' and ' : ' or ';
  return knexBuilder().raw(`(${conditions.map(() => '?').join(operator)})`, conditions.map(conditionSql));
}

/** SQL: whether a time is in the interval from `from`, inclusive, to `until`, exclusive; undefined is unbounded. */
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

/** A statement whose SQL depends on the request, so preparing it would not pay off. */
export function unnamedStatement(built: Query | Sql, values: Readonly<Record<string, unknown>>): UnnamedStatement {
  const native = built.toSQL().toNative();
  const { text, keys } = numberPlaceholders(native.sql, native.bindings.length);
  return { name: '', text, values: [...native.bindings, ...keys.map((key) => values[key])] };
}
