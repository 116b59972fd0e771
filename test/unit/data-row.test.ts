import { expect, test } from '@jest/globals';
import { ByteCopies, Columns, DataRow } from '../../src/database/data-row.ts';

/** The body of a message `DataRow` behind other bytes, as in the middle of what a socket receives. */
function rowOf(...values: readonly (string | null)[]): DataRow {
  const count = Buffer.alloc(2);
  count.writeInt16BE(values.length);
  const columns = values.flatMap((value) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(value === null ? -1 : Buffer.byteLength(value));
    return [length, Buffer.from(value ?? '')];
  });
  const body = Buffer.concat([count, ...columns]);
  return new DataRow(Buffer.concat([Buffer.from('before'), body, Buffer.from('behind')]), 6, body.length + 4);
}

test('the columns of a row are decoded on demand', () => {
  expect(rowOf('1', null, '', 'Ёж 🦔').fields).toEqual(['1', null, '', 'Ёж 🦔']);
  expect(rowOf().fields).toEqual([]);
});

test('columns are read one after the other, as numbers or text, or passed', () => {
  const { bytes, start } = rowOf('9007199254740991', '-12', '0', null, 'skipped', null, 'Ёж');
  const columns = new Columns(bytes, start);
  expect([columns.number(), columns.number(), columns.number(), columns.number()]).toEqual([
    Number.MAX_SAFE_INTEGER,
    -12,
    0,
    null,
  ]);
  expect(columns.skip()).toBe(true);
  expect(bytes.toString('utf8', columns.at, columns.at + columns.length)).toBe('skipped');
  expect(columns.skip()).toBe(false);
  expect(columns.text()).toBe('Ёж');
});

test('a copy outlives its source, and those after it', () => {
  const copies = new ByteCopies();
  const texts = Array.from({ length: 400 }, (_, index) => `${index} ${'x'.repeat(index)}`);
  const source = Buffer.alloc(1000);
  const kept = [...texts, 'y'.repeat(40_000)].map((text) => {
    const bytes = text.length > source.length ? Buffer.from(text) : source;
    const length = bytes.write(text);
    return { text, at: copies.copy(bytes, 0, length), length, block: copies.block };
  });
  source.fill(0);
  for (const { text, at, length, block } of kept) expect(block.toString('utf8', at, at + length)).toBe(text);
});
