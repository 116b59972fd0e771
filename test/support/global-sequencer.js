import DefaultSequencer from '@jest/test-sequencer';

/**
 * Runs the stress runs and the benchmark first. A machine that has no times of an earlier run starts the largest files
 * first, and the files of these, which are small, would be left to one worker at the end.
 */
export default class Sequencer extends DefaultSequencer {
  sort(tests) {
    const isLong = ({ path }) => /\/test\/(stress|bench)\//.test(path);
    const sorted = super.sort(tests);
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
}
