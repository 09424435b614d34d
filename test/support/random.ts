/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed of this run: BERTH_SEED of an earlier one that is to be repeated, else a new one. */
export function runSeed(): number {
  return Number(process.env["BERTH_SEED"] ?? Date.now() % 2 ** 31);
}

/** Up to `count` of the numbers 1 … `last`, in order. */
export function sample(last: number, count: number, random: () => number): readonly number[] {
  if (last <= count) return Array.from({ length: last }, (_, at) => at + 1);
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(1 + Math.floor(random() * last));
  return [...chosen].toSorted((left, right) => left - right);
}
