import { setTimeout as delay } from 'node:timers/promises';
import { type LogReader, LogUnavailable } from '../log/log.ts';

const AGAIN_MS = 250;

/**
 * Where the log itself begins by now. As in a reading, a log that does not answer is waited for; 0 once the signal is
 * aborted.
 */
export async function heldFrom(log: Pick<LogReader, 'extent'>, signal: AbortSignal): Promise<number> {
  while (!signal.aborted) {
    try {
      return (await log.extent()).held;
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      await delay(AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }
  return 0;
}
