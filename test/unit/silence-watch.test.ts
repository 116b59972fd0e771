import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { SilenceWatch } from '../../src/database/silence-watch.ts';

let watch: SilenceWatch;
let silences: number;

beforeEach(() => {
  jest.useFakeTimers();
  silences = 0;
  watch = new SilenceWatch(() => {
    silences += 1;
  });
  watch.start();
});
afterEach(() => {
  watch.stop();
  jest.useRealTimers();
});

function hear(intervalMs: number, forMs: number): void {
  for (let passed = 0; passed < forMs; passed += intervalMs) {
    jest.advanceTimersByTime(intervalMs);
    watch.heard();
  }
}

/** The time until work that began with the silence fails. */
function failsAfter(): number {
  const fail = jest.fn();
  const work = watch.begin();
  work.fail = fail;
  let passed = 0;
  for (; fail.mock.calls.length === 0 && passed < 10_000; passed += 10) jest.advanceTimersByTime(10);
  watch.end(work);
  return passed;
}

test('while heartbeats arrive in time, a silence is noticed within a second', () => {
  hear(250, 40_000);
  expect(silences).toBe(0);
  expect(failsAfter()).toBeLessThan(1000);
});

test('the later heartbeats arrive, the longer a silence is tolerated', () => {
  hear(250, 40_000);
  hear(600, 600);
  hear(1400, 1400);
  expect(silences).toBe(0);
  hear(250, 2000);
  expect(failsAfter()).toBeGreaterThan(3000);
});

test('a silence long past is forgotten', () => {
  hear(250, 40_000);
  hear(650, 650);
  hear(1500, 1500);
  hear(250, 40_000);
  expect(silences).toBe(0);
  expect(failsAfter()).toBeLessThan(1000);
});

test('until the pace of heartbeats is known, four seconds of silence are tolerated', () => {
  jest.advanceTimersByTime(3900);
  expect(silences).toBe(0);
  expect(failsAfter()).toBeLessThan(1000);
});
