import type { Cancellations } from '../log/cancellations.ts';
import { dateToMs } from '../log/event-date.ts';
import { type Delivery, type EventLog, LogUnavailable } from '../log/log.ts';
import type { Logger } from '../logger.ts';
import { Recent } from '../projection/recent.ts';

/** A task that was queued less than this ago is taken to be open unless its cancellation has been heard of. */
const YOUNG_MS = 1_000;
/** How many cancellations are remembered for tasks that are on their way to this worker. */
const HEARD_AT_MOST = 10_000;
/** How often the log is asked whether what runs here has ended elsewhere. */
const CHECK_EVERY_MS = 5_000;

type Task = Pick<Delivery, 'key' | 'name' | 'queued'>;

interface Watched {
  readonly task: Task;
  readonly since: number;
  end(): void;
}

interface Parts {
  readonly log: Pick<EventLog, 'hasEnded'>;
  readonly cancellations: Cancellations;
  readonly logger: Logger;
}

/**
 * Finds the tasks whose end this worker did not write: canceled by a front, or ended by another attempt.
 *
 * Cancellations are heard of at once. The log knows better and costs a read, so it is asked only where hearsay
 * may have missed something: when a task is handed out that was queued a while ago (a read of 0.1 ms, where
 * others wait for longer), and every few seconds about attempts that last.
 */
export class EndWatch {
  readonly #parts: Parts;
  readonly #heard = new Recent<true>(HEARD_AT_MOST, Number.POSITIVE_INFINITY);
  readonly #watched = new Map<string, Watched>();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.cancellations.listen((key) => {
      this.#heard.set(key, true, 0);
      this.#watched.get(key)?.end();
    });
    this.#timer = setInterval(() => void this.#check(), CHECK_EVERY_MS);
  }

  /** Whether a task that is handed out for the first time has ended all the same. Rejects with `LogUnavailable`. */
  async hasEnded(task: Task): Promise<boolean> {
    const isYoung = Date.now() - dateToMs(task.queued.at) < YOUNG_MS;
    return isYoung && !this.#heard.get(task.key) ? false : this.#parts.log.hasEnded(task);
  }

  /** Calls `end`, once or more often, if the task ends elsewhere. Returns what ends the watching. */
  watch(task: Task, end: () => void): () => void {
    const watched = { task, end, since: performance.now() };
    this.#watched.set(task.key, watched);
    return () => {
      if (this.#watched.get(task.key) === watched) this.#watched.delete(task.key);
    };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    const before = performance.now() - CHECK_EVERY_MS;
    const lasting = [...this.#watched.values()].filter(({ since }) => since <= before);
    try {
      for (const { task, end } of lasting) {
        if (!(await this.#parts.log.hasEnded(task))) continue;
        this.#parts.logger.info({ key: task.key }, 'found that a task had ended elsewhere');
        end();
      }
    } catch (error) {
      // It is asked again next time.
      if (!(error instanceof LogUnavailable)) throw error;
    }
  }
}
