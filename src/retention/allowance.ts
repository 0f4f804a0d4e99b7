import type { LogLimits, LogVolume } from '../log/upkeep.ts';

/** Taken to this share, the log may refuse the next event. */
const TIGHT_AT = 0.99;
/** How much more it gets at a time, as a share of its setting. */
const STEP = 0.1;

/**
 * What the log must be allowed to hold, undefined if it is as it should be.
 *
 * A log that refuses every event also refuses the ends of tasks, and without an end at its beginning nothing can be
 * let go of: it would stay full until its events are too old. Creates are refused long before, so it takes settings
 * that were lowered, or retries and progress beyond measure. Then it gets more than its settings say, step by step
 * and loudly, and gives it back when it is below them again.
 */
export function allowanceFor(
  settings: LogLimits,
  { events, bytes, allowed }: LogVolume,
): LogLimits | undefined {
  const isBeyond = allowed.events > settings.events || allowed.bytes > settings.bytes;
  if (isBeyond && events < settings.events * (1 - STEP) && bytes < settings.bytes * (1 - STEP))
    return settings;
  const wanted = {
    events: raised(events, allowed.events, settings.events),
    bytes: raised(bytes, allowed.bytes, settings.bytes),
  };
  return wanted.events > allowed.events || wanted.bytes > allowed.bytes ? wanted : undefined;
}

const raised = (held: number, allowed: number, setting: number): number =>
  held < allowed * TIGHT_AT ? allowed : Math.ceil(Math.max(allowed, held) + setting * STEP);
