import { latencies, median, shortly } from './numbers.ts';
import { pairedRatio } from './rounds.ts';
import type { Row, Verdict } from './scenario.ts';

/** One turn of a contestant. */
export interface Turn {
  /** What was done in a second. */
  readonly rate: number;
  /** Milliseconds of each request; empty where they were not taken. */
  readonly latencies: readonly number[];
  /** Further columns of the table, of which the middle turn's are shown. */
  readonly columns?: Readonly<Record<string, string | number>>;
}

export function rowOf(name: string, durability: string, unit: string, turns: readonly Turn[]): Row {
  const middle = [...turns].sort((a, b) => a.rate - b.rate)[Math.floor(turns.length / 2)];
  const all = turns.flatMap((turn) => turn.latencies);
  return {
    contestant: name,
    durability,
    [`${unit}/s`]: shortly(median(turns.map(({ rate }) => rate))),
    ...(all.length > 0 ? latencies(all) : {}),
    ...middle?.columns,
  };
}

/** How many times the rate of theirs ours is, and whether that is enough; nothing if they had no turn. */
export function judgeRates(
  goal: string,
  atLeast: number,
  ours: readonly Turn[],
  theirs: readonly Turn[] | undefined,
): Verdict[] {
  if (theirs === undefined || theirs.length === 0) return [];
  const rates = (turns: readonly Turn[]) => turns.map(({ rate }) => rate);
  const ratio = pairedRatio(rates(ours), rates(theirs));
  return [{ goal, measured: `${shortly(ratio)} ×`, isMet: ratio >= atLeast }];
}
