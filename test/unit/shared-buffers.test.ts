import { expect, test } from '@jest/globals';
import { sharedBuffersFor } from '../../src/embedded-postgres/shared-buffers.ts';

const GIB = 2 ** 30;

test.each([
  [0.5 * GIB, 0, '128MB'],
  [1 * GIB, 0, '128MB'],
  [3.9 * GIB, 0, '499MB'],
  [3.9 * GIB, 2 ** 64, '499MB'],
  [8 * GIB, 0, '1024MB'],
  [64 * GIB, 0, '1024MB'],
  [64 * GIB, 2 * GIB, '256MB'],
])('on a machine with %d bytes, in a container with %d, the shared buffers are %s', (machine, container, setting) => {
  expect(sharedBuffersFor(machine, container)).toBe(setting);
});
