import type { LogLimits, LogVolume } from '../log/upkeep.ts';
import type { Use } from './log-room.ts';

/** The share of the log from which on old events are let go of, and the one that is left then. */
const FROM = 0.85;
const DOWN_TO = 0.65;
/** A purge stops all appends for a quarter of a second, however much goes: less than this share is not worth it. */
const SMALLEST = 0.05;

export interface PurgeParts {
  readonly use: Use;
  readonly limits: LogLimits;
  readonly volume: LogVolume;
  /** The sequence of the first event that must stay: the oldest open task's, or the first that is not folded yet. */
  readonly keepFrom: number;
}

export interface Purge {
  /** Events to let go of for the log to be down where it should be; 0 while it is not nearly full. */
  readonly wanted: number;
  /** Let go of everything before this sequence; undefined if that is nothing, or too little to be worth it. */
  readonly before: number | undefined;
}

/**
 * What to let go of. Only ever the oldest events, in one step, and nothing from the oldest open task on: so a task's
 * events are either all in the log, or it has ended.
 */
export function planPurge({ use, limits, volume, keepFrom }: PurgeParts): Purge {
  if (use.share < FROM) return { wanted: 0, before: undefined };
  const wanted = Math.ceil(
    Math.max(use.events - limits.events * DOWN_TO, (use.bytes - limits.bytes * DOWN_TO) / use.eventBytes),
  );
  const possible = Math.max(0, Math.min(keepFrom, volume.lastSeq + 1) - volume.firstSeq);
  const step = Math.min(wanted, possible);
  const isWorthIt = step > 0 && (step === wanted || step >= volume.events * SMALLEST);
  return { wanted, before: isWorthIt ? volume.firstSeq + step : undefined };
}
