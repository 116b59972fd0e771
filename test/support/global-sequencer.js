import DefaultSequencer from '@jest/test-sequencer';

/**
 * Runs the stress runs first. A machine that has no times of an earlier run starts the largest files first, and the file
 * of these, which is small, would be left to one worker at the end.
 */
export default class Sequencer extends DefaultSequencer {
  sort(tests) {
    const isLong = ({ path }) => path.includes('/test/stress/');
    const sorted = super.sort(tests);
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
}
