/** The value below which the given share (0-1) of the values lies; NaN for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Three significant digits: more would claim what these machines cannot tell. */
export const shortly = (value: number): number =>
  Number.isFinite(value) && value !== 0 ? Number(value.toPrecision(3)) : value;

/** Milliseconds in a table: median and p99 of latencies. */
export const latencies = (values: readonly number[]): { 'p50 ms': number; 'p99 ms': number } => ({
  'p50 ms': shortly(median(values)),
  'p99 ms': shortly(quantile(values, 0.99)),
});
