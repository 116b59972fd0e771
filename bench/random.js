/** Pseudo-random numbers from a seed (mulberry32), so that every run loads and requests the same data. */
export function seededRandom(seed) {
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  /** An integer from 0 to `bound` - 1. */
  const below = (bound) => Math.floor(random() * bound);
  return {
    below,
    pick: (list) => list[below(list.length)],
    /** The numbers from 0 to `length` - 1 in random order. */
    permutation(length) {
      const order = Array.from({ length }, (_, index) => index);
      for (let index = length - 1; index > 0; index -= 1) {
        const other = below(index + 1);
        [order[index], order[other]] = [order[other], order[index]];
      }
      return order;
    },
  };
}
