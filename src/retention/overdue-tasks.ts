import type { Cancellations } from '../log/cancellations.ts';
import { DAY_MS } from '../log/event-date.ts';
import { LogConflict, type LogWriter, type TaskHistories, UnreadableHistory } from '../log/log.ts';
import { sealEnd } from '../log/seal.ts';
import type { LogUpkeep, LogVolume } from '../log/upkeep.ts';
import type { Logger } from '../logger.ts';
import type { Projection } from '../projection/projection.ts';
import type { TaskState } from '../projection/state.ts';

const AT_ONCE = 32;
/** Those that are left come next time. */
const A_ROUND = 10_000;

/** How long before the log lets go of a task's first event the task is ended: a day, or a quarter of a short retention. */
export const marginMs = (retentionMs: number): number => Math.min(DAY_MS, retentionMs / 4);

interface Parts {
  readonly log: LogWriter & TaskHistories;
  readonly upkeep: LogUpkeep;
  readonly projection: Projection;
  readonly cancellations: Cancellations;
  readonly logger: Logger;
}

/**
 * Ends the tasks that are still open shortly before the log would let go of them, with an error that says so: an
 * open task is never forgotten in silence. Any front does it. The log takes one end a task, so several at once, or
 * one beside the worker that runs the task, do no harm; its worker is told to stop. A task whose history cannot be read
 * is left alone: what follows in it would have to name what cannot be read.
 */
export class OverdueTasks {
  readonly #parts: Parts;
  readonly #retentionMs: number;
  /** Keys of tasks that could not be read in the last round: they have been told of. */
  #unreadable: ReadonlySet<string> = new Set();

  constructor(parts: Parts, retentionMs: number) {
    this.#parts = parts;
    this.#retentionMs = retentionMs;
  }

  /**
   * Ends them, at most 10,000 at a time. Which they are is told by the log's own clock, since retention is decided by that,
   * and by what the log held when it was measured. Rejects as the log does.
   */
  async end({ nowMs, lastSeq }: Pick<LogVolume, 'nowMs' | 'lastSeq'>): Promise<void> {
    const { upkeep, projection, cancellations, logger } = this.#parts;
    if (projection.openTasks === 0) return;
    const openAtMostMs = this.#retentionMs - marginMs(this.#retentionMs);
    // What has come since it was measured is in time, though there was nothing then.
    const firstInTime = (await upkeep.firstSince(nowMs - openAtMostMs)) ?? lastSeq + 1;
    const overdue: TaskState[] = [];
    for (const state of projection.open()) {
      if (state.queuedSeq >= firstInTime || overdue.length === A_ROUND) break;
      overdue.push(state);
    }
    const error =
      `the task was still open after ${days(openAtMostMs)}, ` +
      `and the log keeps events for ${days(this.#retentionMs)} (RETENTION_DAYS)`;
    const unreadable = new Set<string>();
    for (let at = 0; at < overdue.length; at += AT_ONCE) {
      const some = overdue.slice(at, at + AT_ONCE);
      const haveEnded = await Promise.all(some.map((state) => this.#end(state, error)));
      const ended = some.filter((_, index) => haveEnded[index]);
      cancellations.tell(ended.map(({ key }) => key));
      for (const { key, queued } of ended)
        logger.error({ key, queued }, 'ended a task that was open for too long');
      for (const [index, { key }] of some.entries()) if (!haveEnded[index]) unreadable.add(key);
    }
    this.#unreadable = unreadable;
  }

  /** Resolves with whether it has ended: not if its history cannot be read. */
  async #end({ key, name, queued }: TaskState, error: string): Promise<boolean> {
    const { log, logger } = this.#parts;
    try {
      await log.append(await sealEnd(log, { key, name }, { type: 'failed', error }));
    } catch (cause) {
      if (cause instanceof UnreadableHistory) {
        if (!this.#unreadable.has(key))
          logger.error({ key, queued, err: cause }, 'cannot end a task that was open for too long');
        return false;
      }
      // It has ended meanwhile.
      if (!(cause instanceof LogConflict)) throw cause;
    }
    return true;
  }
}

const days = (ms: number): string => {
  const count = Number((ms / DAY_MS).toPrecision(3));
  return count === 1 ? '1 day' : `${count} days`;
};
