export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export interface Spread {
  readonly least: number;
  readonly middle: number;
  readonly most: number;
}

export function spread(values: readonly number[]): Spread {
  return { least: Math.min(...values), middle: median(values), most: Math.max(...values) };
}
