import { afterEach, expect, test } from '@jest/globals';
import { table } from '../../src/cli/command.ts';

const { isTTY } = process.stdout;

afterEach(() => {
  process.stdout.isTTY = isTTY;
});

test('a table of any number of rows has columns on a terminal', () => {
  process.stdout.isTTY = true;
  const rows = Array.from({ length: 200_000 }, (_, place) => [place, 'x']);
  const lines = table(['id', 'name'], rows).split('\n');
  expect(lines).toHaveLength(200_001);
  expect(lines[1]).toBe('0       x');
  expect(lines.at(-1)).toBe('199999  x');
});
