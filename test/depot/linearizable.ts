/** A look at a register, or a change of it, as its client saw it: times of one clock. */
export interface Operation {
  readonly kind: "read" | "write";
  readonly value: string;
  readonly start: number;
  /** Infinity: nobody knows whether, and when, it took effect. */
  readonly end: number;
}

/** What was written and read of one value, as one stretch of time. */
interface Zone {
  readonly value: string;
  /** The first end: by then the value was there. */
  readonly from: number;
  /** The last start: by then it was there still. */
  readonly to: number;
}

/**
 * Tells whether a history of one register can be put in an order that every client would agree with, and if not, why.
 * Each value is written once, so it is enough to look at pairs of values (Gibbons and Korach, "Testing Shared
 * Memories", 1997): a value that certainly was there for some time leaves no room for another one inside of it.
 * @param initial the value before everything
 */
export function findAnomaly(history: readonly Operation[], initial: string): string | undefined {
  const byValue = Map.groupBy(history, ({ value }) => value);
  const zones: Zone[] = [];
  for (const [value, operations] of byValue) {
    const writes = operations.filter(({ kind }) => kind === "write");
    const reads = operations.filter(({ kind }) => kind === "read");
    if (value === initial) {
      writes.push({ kind: "write", value, start: Number.NEGATIVE_INFINITY, end: Number.NEGATIVE_INFINITY });
    }
    const [write] = writes;
    if (write === undefined) return `${value} was read, but never written`;
    if (writes.length > 1) return `${value} was written ${writes.length} times`;
    if (reads.some(({ end }) => end < write.start)) return `${value} was read before it was written`;
    // Nobody saw it and nobody was told that it is there: it may never have been.
    if (reads.length === 0 && write.end === Number.POSITIVE_INFINITY) continue;
    const all = [write, ...reads];
    zones.push({
      value,
      from: Math.min(...all.map(({ end }) => end)),
      to: Math.max(...all.map(({ start }) => start)),
    });
  }
  const lasting = zones.filter(({ from, to }) => from < to).toSorted((left, right) => left.from - right.from);
  for (const [at, zone] of lasting.entries()) {
    const next = lasting[at + 1];
    if (next && next.from < zone.to) return `${zone.value} was there still when ${next.value} was there already`;
    const inside = zones.find(({ from, to }) => to <= from && zone.from < to && from < zone.to);
    if (inside) return `${inside.value} was there only while ${zone.value} was`;
  }
  return undefined;
}
