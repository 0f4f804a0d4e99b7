import { setTimeout as delay } from 'node:timers/promises';
import { type EventLog, LogUnavailable } from '../log/log.ts';

const ASK_EVERY_MS = 2_000;
/** Longer than an election, or the restart of a server. */
const GIVE_UP_MS = 30_000;

interface Parts {
  readonly log: Pick<EventLog, 'ping'>;
  readonly signal: AbortSignal;
  /** Called once when the log does not answer, and again if it does so later. */
  readonly tell: (text: string) => void;
  readonly everyMs?: number;
  readonly giveUpMs?: number;
}

/**
 * Asks the log whether it is there, since a reading by itself waits for a log that is not for ever. Rejects with
 * `LogUnavailable` when it has been away for too long; resolves when the signal is aborted.
 */
export async function watchLog(parts: Parts): Promise<void> {
  const { log, signal, tell, everyMs = ASK_EVERY_MS, giveUpMs = GIVE_UP_MS } = parts;
  let awaySince: number | undefined;
  while (!signal.aborted) {
    try {
      await log.ping();
      if (awaySince !== undefined) tell('the log is back');
      awaySince = undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (awaySince === undefined) {
        awaySince = performance.now();
        tell(`${(error as Error).message}; waiting ${giveUpMs / 1_000} s for it`);
      }
      if (performance.now() - awaySince >= giveUpMs)
        throw new LogUnavailable(`the log has not answered for ${giveUpMs / 1_000} s`, { cause: error });
    }
    await delay(everyMs, undefined, { signal, ref: false }).catch(() => {});
  }
}
