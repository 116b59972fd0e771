import { expect, test } from '@jest/globals';
import { Shares } from '../../src/shares.ts';

function shares() {
  return new Shares({ total: 2, share: 1, waitersMax: 2, allWaitersMax: 3, waitMs: 20 });
}

test('an urgent taker is served before those that wait, and no other', async () => {
  const taken = shares();
  const order: string[] = [];
  await taken.take('a', 1);
  const waits = [
    taken.take('a', 1).then(() => order.push('first')),
    taken.take('a', 1, { isUrgent: true }).then(() => order.push('urgent')),
  ];
  taken.give('a', 1);
  await new Promise(setImmediate);
  expect(order).toEqual(['urgent']);
  taken.give('a', 1);
  await Promise.all(waits);
  expect(order).toEqual(['urgent', 'first']);
});

test('an urgent taker gets no more than the share of its account, and waits no longer than others', async () => {
  const taken = shares();
  await taken.take('a', 1);
  await expect(taken.take('a', 1, { isUrgent: true })).rejects.toThrow('overloaded');
  expect(taken.tryTake('b', 1)).toBe(true);
});
