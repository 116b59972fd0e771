import { expect, test } from '@jest/globals';
import { sharedBuffersFor } from '../../src/embedded-postgres/shared-buffers.ts';

const GIB = 2 ** 30;

test.each([
  [0.5 * GIB, '128MB'],
  [1 * GIB, '128MB'],
  [3.9 * GIB, '499MB'],
  [8 * GIB, '1024MB'],
  [64 * GIB, '1024MB'],
])('with %d bytes of memory, the shared buffers are %s', (memory, setting) => {
  expect(sharedBuffersFor(memory)).toBe(setting);
});
