import type { Loss } from '../log/reading.ts';

/** Whether all of a gap was let go of. The losses are as `merged` gives them. */
export const isWhollyLost = (lost: readonly Loss[], { from, to }: Loss): boolean =>
  lost.some((loss) => loss.from <= from && loss.to >= to);

/** Whether anything of a gap was let go of. */
export const isPartlyLost = (lost: readonly Loss[], { from, to }: Loss): boolean =>
  lost.some((loss) => loss.from <= to && loss.to >= from);

/** The same, in order and without overlaps. */
export function merged(lost: readonly Loss[]): Loss[] {
  const found: Loss[] = [];
  for (const { from, to } of [...lost].sort((a, b) => a.from - b.from)) {
    const last = found.at(-1);
    if (last && from <= last.to + 1) found[found.length - 1] = { from: last.from, to: Math.max(last.to, to) };
    else found.push({ from, to });
  }
  return found;
}
