/** What `npm run bench` measures: one question, answered by numbers that were taken in one run. */
export interface Scenario {
  readonly name: string;
  /** What is asked for, in a sentence. */
  readonly goal: string;
  run(effort: Effort): Promise<Report>;
}

/** How much is done: `full` for numbers worth keeping, `smoke` to see that everything still runs. */
export interface Effort {
  readonly isSmoke: boolean;
  /** How often each contestant has its turn. */
  readonly rounds: number;
  /** Scales durations and counts: 1 in full, far less in a smoke. */
  readonly scale: number;
}

export interface Report {
  readonly rows: readonly Row[];
  readonly verdicts: readonly Verdict[];
  /** What could not be measured here, and why; what a reader must know. */
  readonly notes?: readonly string[];
}

/** One line of the table: column by column. */
export type Row = Readonly<Record<string, string | number>>;

export interface Verdict {
  readonly goal: string;
  readonly measured: string;
  readonly isMet: boolean;
}

export const FULL: Effort = { isSmoke: false, rounds: 5, scale: 1 };
export const SMOKE: Effort = { isSmoke: true, rounds: 1, scale: 0.02 };

/** `count` at full effort, at least `least` in a smoke. */
export const scaled = (count: number, { scale }: Effort, least = 1): number =>
  Math.max(least, Math.round(count * scale));
