import type { Queryable } from '../src/database/database.ts';

export function schemaSql(db: Queryable): Promise<string>;
