import { Readable } from 'node:stream';
import { expect, jest, test } from '@jest/globals';
import { linesOf } from '../../src/lines.ts';

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const collected: string[] = [];
  for await (const line of lines) collected.push(line);
  return collected;
}

test('lines end at line feeds only, wherever the chunks end', async () => {
  const lines = ['one', '', 'with\u2028and\r', 'last'];
  const text = lines.join('\n');
  expect(await collect(linesOf(Readable.from([text])))).toEqual(lines);
  expect(await collect(linesOf(Readable.from(text.split(''))))).toEqual(lines);
});

test('a line feed at the end begins no line', async () => {
  expect(await collect(linesOf(Readable.from(['one\n', 'two\n'])))).toEqual(['one', 'two']);
  expect(await collect(linesOf(Readable.from([])))).toEqual([]);
});

test('a line that exceeds the limit is refused with its number before the rest of it is read', async () => {
  const chunks = ['1\n2\n', '34', '56', '78', '9\n'];
  const next = jest.fn(() => Promise.resolve({ done: false, value: chunks[next.mock.calls.length - 1] ?? '' }));
  const limit = { lengthMax: 4, errorFor: (line: number) => new Error(`line ${line}`) };
  const collected: string[] = [];
  const reading = async () => {
    for await (const line of linesOf({ [Symbol.asyncIterator]: () => ({ next }) }, limit)) collected.push(line);
  };
  await expect(reading()).rejects.toThrow('line 3');
  expect(collected).toEqual(['1', '2']);
  expect(next).toHaveBeenCalledTimes(4);
});
