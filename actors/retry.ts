import type { TaskFailure } from './failure.ts';

/** What follows a failure. `delayMs` is an integer from 0; `reason` and `error` are for the client. */
export type Verdict =
  | { readonly kind: 'retry'; readonly delayMs: number; readonly reason: string }
  | { readonly kind: 'fail'; readonly error: string };

export interface RetryLimits {
  /** Attempts a task may spend, from 1. */
  readonly attempts: number;
  /** The longest delay before the first retry; it doubles with each further one. */
  readonly baseDelayMs: number;
  /** The longest that it becomes. */
  readonly maxDelayMs: number;
  /** The longest that a failure may ask to be left alone; who asks for more is asked again after that. */
  readonly maxAskedMs: number;
}

/** The delays of the service; only the number of attempts is a setting. */
export const RETRY_DELAYS = { baseDelayMs: 1_000, maxDelayMs: 30_000, maxAskedMs: 300_000 } as const;

/**
 * What follows a failed attempt. `counted` is the number of the attempts so far, this one included; those that a
 * stopping worker handed back do not count.
 *
 * Full jitter: the delay is uniform between 0 and the exponential bound, so that the tasks that failed
 * together do not come back together. What the failure asked for comes before it. `random` gives [0, 1).
 */
export function judge(
  failure: TaskFailure,
  counted: number,
  limits: RetryLimits,
  random: () => number = Math.random,
): Verdict {
  if (!failure.passing) return { kind: 'fail', error: failure.message };
  if (counted >= limits.attempts) return { kind: 'fail', error: givenUp(failure.message, counted) };
  const bound = Math.min(limits.maxDelayMs, limits.baseDelayMs * 2 ** Math.min(counted - 1, 30));
  const askedMs = Math.min(limits.maxAskedMs, failure.retryAfterMs ?? 0);
  return { kind: 'retry', delayMs: Math.round(askedMs + random() * bound), reason: failure.message };
}

/** The sentence for a task that used up its attempts. */
export const givenUp = (reason: string, counted: number): string =>
  counted > 1 ? `${reason}; gave up after ${counted} attempts` : reason;
