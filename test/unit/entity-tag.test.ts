import { expect, test } from '@jest/globals';
import { entityTag, isMatched } from '../../src/http/entity-tag.ts';

test('an entity tag depends on the content and the version, and is the same for a string and its bytes', () => {
  const tags = [entityTag('a'), entityTag('b'), entityTag('a', 3), entityTag('a', 4), entityTag('b', 3)];
  expect(new Set(tags).size).toBe(tags.length);
  expect(entityTag('a')).toMatch(/^"[\w-]{27}"$/);
  expect(entityTag('a', 3)).toBe(`"3-${entityTag('a').slice(1)}`);
  expect(entityTag(Buffer.from('Задача'))).toBe(entityTag('Задача'));
});

test.each([
  ['*', true],
  [' * ', true],
  ['"tag"', true],
  ['W/"tag"', true],
  ['"other", "tag"', true],
  ['"other",W/"tag","third"', true],
  ['"a, b", "tag"', true],
  ['', false],
  ['tag', false],
  ['"tag', false],
  ['"other"', false],
  ['"tag-2"', false],
  ['"*"', false],
  ['"other", *', false],
  [undefined, false],
])('If-None-Match: %s matches "tag": %s', (ifNoneMatch, expected) => {
  expect(isMatched(ifNoneMatch, '"tag"')).toBe(expected);
});
