import type { Outcome } from '../../actors/attempt.ts';
import type { FetchedSource, Spent } from '../../actors/event.ts';
import type { Interruption } from './interruption.ts';
import type { ProgressReports } from './progress.ts';

/** What there is to tell of an attempt, whatever became of it. */
export interface Known {
  readonly spent: Spent;
  readonly sources?: FetchedSource[];
}

/** Milliseconds since then (`performance.now()`), to the microsecond. */
export const msSince = (then: number): number => Math.round((performance.now() - then) * 1_000) / 1_000;

/** One attempt's work on its task: in a `SinglePhase`, or in several phases (`PhasedRun`). */
export interface AttemptRun {
  /**
   * Resolves with what the work, the deadline or an interruption has come to, whichever was first; with undefined as
   * soon as another worker turns out to have the attempt, since nothing of this one belongs into the log then.
   */
  run(): Promise<Outcome | undefined>;
  known(): Known;
  /** Lets go of everything that is held for the attempt. */
  cleanUp(): Promise<void> | undefined;
}

/** What every attempt's work is given. */
export interface RunInput {
  readonly parameters: Record<string, unknown>;
  /** Milliseconds that the task has waited for this attempt. */
  readonly queuedMs: number;
  /** Milliseconds of work after which it is cut off; undefined for none. */
  readonly deadlineMs: number | undefined;
  readonly progress: Pick<ProgressReports, 'report' | 'announce'>;
  readonly interruption: Interruption;
  /** Whether the attempt is this worker's, once the log has its start. */
  readonly isOurs: Promise<boolean>;
}
