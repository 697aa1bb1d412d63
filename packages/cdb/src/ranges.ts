/** Numbers from `low` to `high`, both included. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The first `size` numbers of the widest place within `whole` that is free of `taken`; fewer if it is smaller. */
export function roomFor(size: number, whole: Interval, taken: readonly Interval[]): Interval | undefined {
  let widest: Interval | undefined;
  for (const gap of gaps(whole, taken)) {
    if (widest === undefined || gap.high - gap.low > widest.high - widest.low) widest = gap;
  }
  if (widest === undefined || size < 1) return undefined;
  return { low: widest.low, high: Math.min(widest.high, widest.low + size - 1) };
}

export function overlaps(some: readonly Interval[], others: readonly Interval[]): boolean {
  return some.some((one) => others.some((other) => one.low <= other.high && other.low <= one.high));
}

function gaps(whole: Interval, taken: readonly Interval[]): Interval[] {
  const found: Interval[] = [];
  let low = whole.low;
  for (const interval of [...taken].sort((a, b) => a.low - b.low)) {
    if (interval.low > low) found.push({ low, high: Math.min(interval.low - 1, whole.high) });
    low = Math.max(low, interval.high + 1);
  }
  if (low <= whole.high) found.push({ low, high: whole.high });
  return found.filter((gap) => gap.low <= gap.high);
}
