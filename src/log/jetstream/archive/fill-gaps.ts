import type { Gap, Page } from '../../reading.ts';

/**
 * Puts in the place of each gap what `read` has of it. So a reading begins in the archive, goes on in the log, and
 * goes back where the log lets go of events before a slow reader has got to them: it has no seam to get wrong.
 */
export async function* fillGaps<T extends object>(
  pages: AsyncIterable<Page<T | Gap>>,
  read: (gap: Gap['gap']) => AsyncIterable<Page<T | Gap>>,
  signal: AbortSignal,
): AsyncGenerator<Page<T | Gap>> {
  for await (const { entries, through } of pages) {
    let rest: (T | Gap)[] = [];
    for (const entry of entries) {
      if (!('gap' in entry)) {
        rest.push(entry);
        continue;
      }
      if (rest.length > 0) yield { entries: rest, through: entry.gap.from - 1 };
      rest = [];
      yield* read(entry.gap);
      if (signal.aborted) return;
    }
    yield { entries: rest, through };
  }
}
