import { expect, it } from 'vitest';
import { ProgressBar } from '../../src/cli/progress-bar.ts';

/** A bar that has been updated at these milliseconds, and what it has written. */
function drawn(isTTY: boolean, ...updates: readonly [ms: number, done: number, total: number][]) {
  const written: string[] = [];
  let now = 0;
  const terminal = { isTTY, write: (text: string) => written.push(text) > 0 } as never;
  const bar = new ProgressBar(terminal, () => now);
  for (const [ms, done, total] of updates) {
    now = ms;
    bar.update(done, total);
  }
  return { bar, written };
}

it('shows on a terminal how far what takes longer than a second has come', () => {
  const { bar, written } = drawn(true, [0, 0, 200], [999, 49, 200], [1_000, 50, 200], [1_200, 200, 200]);
  expect(written).toEqual([`\r[${'#'.repeat(10).padEnd(40)}]  25 %`, `\r[${'#'.repeat(40)}] 100 %`]);
  bar.clear();
  expect(written.at(-1)).toBe(`\r${' '.repeat(48)}\r`);
});

it('draws ten times a second at most, and never beyond its end', () => {
  const { written } = drawn(true, [1_000, 1, 2], [1_050, 2, 2], [1_100, 9, 2], [1_300, 0, 0]);
  expect(written).toEqual([`\r[${'#'.repeat(20).padEnd(40)}]  50 %`, `\r[${'#'.repeat(40)}] 100 %`]);
});

it('writes nothing where no terminal looks on', () => {
  const { bar, written } = drawn(false, [5_000, 1, 2]);
  bar.clear();
  expect(written).toEqual([]);
});
