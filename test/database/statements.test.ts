import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { statementsSql } from '../../scripts/statements.js';
import { declaredStatements, statement } from '../../src/database/statement.ts';
import { createTestDatabase } from '../support/test-database.ts';

const FILE = new URL('../../db/statements.sql', import.meta.url);

test('db/statements.sql contains every named statement of src as it is sent', async () => {
  expect(await readFile(FILE, 'utf8')).toBe(await statementsSql(new URL('../../src/', import.meta.url)));
});

test('PostgreSQL can prepare all of db/statements.sql on the current schema', async () => {
  const { db, drop } = await createTestDatabase('template_issue_links');
  const sql = await readFile(FILE, 'utf8');
  const prepared = await db.transaction(async (transaction) => {
    await transaction.query({ name: '', text: sql, values: [] });
    return transaction.query({ name: '', text: 'select name from pg_prepared_statements', values: [] });
  });
  expect(prepared).toHaveLength([...sql.matchAll(/^prepare /gm)].length);
  expect(prepared.length).toBeGreaterThan(100);
  await drop();
});

test('two statements of the same name cannot be declared', () => {
  statement('declared_once', 'select 1');
  expect(() => statement('declared_once', 'select 2')).toThrow('Two statements have the name declared_once.');
  expect(declaredStatements().get('declared_once')?.text).toBe('select 1');
});

test('placeholders are numbered by name, and casts and times of day are unchanged', () => {
  const bind = statement<'orgId' | 'at'>(
    'placeholders',
    `select :at::date, '09:00' where org_id = :orgId and at = :at`,
  );
  expect(bind({ orgId: 'acme', at: 'now' })).toEqual({
    name: 'placeholders',
    text: `select $1::date, '09:00' where org_id = $2 and at = $1`,
    values: ['now', 'acme'],
  });
});

test('a placeholder without a value is an error, and an undefined value is not', () => {
  const bind = statement('lacking', 'select :orgId, :userId');
  expect(() => bind({ orgId: 'acme' })).toThrow('The statement lacking lacks a value for :userId.');
  expect(bind({ orgId: 'acme', userId: undefined }).values).toEqual(['acme', undefined]);
});
