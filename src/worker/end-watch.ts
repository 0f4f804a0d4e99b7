import type { Cancellations } from '../log/cancellations.ts';
import { type EventLog, LogUnavailable } from '../log/log.ts';
import type { Delivery } from '../log/task-queue.ts';
import type { Logger } from '../logger.ts';
import { Recent } from '../recent.ts';
import { SlotMap } from '../slot-map.ts';

/** A task that was queued less than this ago is taken to be open unless its cancellation has been heard of. */
const YOUNG_MS = 1_000;
/** How many cancellations are remembered for tasks that are on their way to this worker. */
const HEARD_AT_MOST = 10_000;
/** How often the log is asked whether what runs here has ended elsewhere. */
const CHECK_EVERY_MS = 5_000;

/** How many tasks the log is asked about at once. */
const ASKED_AT_ONCE = 100;

type Task = Pick<Delivery, 'key' | 'name' | 'queued'>;

/** A question to the log that is about to be asked. */
interface Question {
  readonly tasks: Task[];
  /** The keys of those that have ended. */
  readonly answer: Promise<ReadonlySet<string>>;
}

interface Watched {
  readonly task: Task;
  readonly since: number;
  end(): void;
}

interface Parts {
  readonly log: Pick<EventLog, 'ended'>;
  readonly cancellations: Cancellations;
  readonly logger: Logger;
}

/**
 * Finds the tasks whose end this worker did not write: canceled by a front, or ended by another attempt.
 *
 * Cancellations are heard of at once. The log knows better and costs a read, so it is asked only where hearsay
 * may have missed something: when tasks are handed out that were queued a while ago (one read for all that come
 * together), and every few seconds about attempts that last.
 */
export class EndWatch {
  readonly #parts: Parts;
  readonly #heard = new Recent<true>(HEARD_AT_MOST, Number.POSITIVE_INFINITY);
  readonly #watched = new SlotMap<string, Watched>();
  readonly #timer: NodeJS.Timeout;
  #question: Question | undefined;

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
    const isYoung = Date.now() - Date.parse(task.queued.at) < YOUNG_MS;
    return isYoung && !this.#heard.get(task.key) ? false : (await this.#ask(task)).has(task.key);
  }

  /** What one turn of the event loop wants to know is asked together. */
  #ask(task: Task): Promise<ReadonlySet<string>> {
    if (!this.#question || this.#question.tasks.length === ASKED_AT_ONCE) this.#question = this.#prepare();
    this.#question.tasks.push(task);
    return this.#question.answer;
  }

  #prepare(): Question {
    const tasks: Task[] = [];
    const turn = new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    const answer = turn.then(() => {
      if (this.#question?.tasks === tasks) this.#question = undefined;
      return this.#parts.log.ended(tasks);
    });
    return { tasks, answer };
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
    const check = async ({ task, end }: Watched): Promise<void> => {
      if (!(await this.#ask(task)).has(task.key)) return;
      this.#parts.logger.info({ key: task.key }, 'found that a task had ended elsewhere');
      end();
    };
    try {
      await Promise.all(lasting.map(check));
    } catch (error) {
      // It is asked again next time.
      if (!(error instanceof LogUnavailable)) throw error;
    }
  }
}
