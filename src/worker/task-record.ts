import { setTimeout as delay } from 'node:timers/promises';
import { later, type Queued, type TaskEvent } from '../../actors/event.ts';
import { replayTask, type TaskActor, tell } from '../../actors/task.ts';
import { hashOf } from '../log/envelope.ts';
import { eventDate } from '../log/event-date.ts';
import { type EventLog, EventRefused, LogConflict } from '../log/log.ts';
import { seal } from '../log/seal.ts';
import type { Logger } from '../logger.ts';
import type { Past } from './plan.ts';

type Unstamped<T> = T extends TaskEvent ? Omit<T, 'at' | 'account'> : never;

interface Parts {
  readonly log: EventLog;
  readonly logger: Logger;
}

interface Task {
  readonly name: string;
  readonly key: string;
}

/** How long to wait before an event that could not be stored is tried again. */
const AGAIN_MS = 250;

/**
 * One task's record as its worker writes it: the live actor, and what it emits on its way into the log.
 *
 * Events are stored one after the other, because each names the one before it by its hash, and what it names
 * must be in the log. A task that takes longer than the log takes for one event does not notice.
 */
export class TaskRecord {
  readonly key: string;
  readonly #parts: Parts;
  readonly #task: Task;
  readonly #account: string;
  readonly #actor: TaskActor;
  /** The fate of the event that was added last: true once it is in the log. */
  #stored: Promise<boolean> = Promise.resolve(true);
  /** The hash of the newest event of the task that is known to be in the log. */
  #last: string;
  /** Another worker has this attempt: what this one makes of it belongs nowhere. */
  #hasLost = false;

  constructor(parts: Parts, task: Task, { events, last }: Past) {
    const past = events as readonly [Queued, ...TaskEvent[]];
    this.#parts = parts;
    this.#task = task;
    this.#last = last;
    this.key = task.key;
    this.#account = past[0].account;
    this.#actor = replayTask(past, (event) => {
      this.#stored = this.#stored.then(() => this.#store(event));
    });
  }

  /** Resolves with true once the event is in the log, with false if another one has its place. */
  add(event: Unstamped<TaskEvent>): Promise<boolean> {
    const before = this.#stored;
    // The dates of one task never run backwards, whatever this host's clock says.
    const at = later(this.#actor.getSnapshot().context.at, eventDate());
    tell(this.#actor, { ...event, at, account: this.#account } as TaskEvent);
    return this.#stored === before ? Promise.resolve(false) : this.#stored;
  }

  /**
   * Resolves with true when the task's end is in the log: this one, or the one that was there first. With
   * false if another worker has the attempt, whose end this is then not.
   */
  async end(event: Unstamped<TaskEvent>): Promise<boolean> {
    const isOurs = await this.add(event);
    if (isOurs && event.type === 'failed')
      this.#parts.logger.info({ key: this.key, attempt: event.attempt, error: event.error }, 'task failed');
    this.#actor.stop();
    return !this.#hasLost;
  }

  /** An event that is known is written, however long the log is out of reach; progress is not worth it. */
  async #store(event: TaskEvent): Promise<boolean> {
    if (this.#hasLost) return false;
    const entry = seal(this.#task, event, this.#last);
    for (;;) {
      try {
        await this.#parts.log.append(entry);
        this.#last = hashOf(entry.data);
        return true;
      } catch (error) {
        const isTaken = error instanceof LogConflict;
        if (isTaken && event.type === 'started') this.#hasLost = true;
        if (isTaken || event.type === 'progress') return false;
        // Left to its lease, the task ends when its attempts are used up.
        if (error instanceof EventRefused) throw error;
        await delay(AGAIN_MS);
      }
    }
  }
}
