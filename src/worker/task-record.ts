import { setTimeout as delay } from 'node:timers/promises';
import type { Queued, TaskEvent } from '../../actors/event.ts';
import { replayTask, type TaskActor, tell } from '../../actors/task.ts';
import { eventDate } from '../log/event-date.ts';
import { type EventLog, LogConflict } from '../log/log.ts';
import type { Logger } from '../logger.ts';

type Unstamped<T> = T extends TaskEvent ? Omit<T, 'at' | 'account'> : never;

interface Parts {
  readonly log: EventLog;
  readonly logger: Logger;
}

/** How long to wait before an event that could not be stored is tried again. */
const AGAIN_MS = 250;

/** One task's record as its worker writes it: the live actor, and what it emits on its way into the log. */
export class TaskRecord {
  readonly key: string;
  readonly #parts: Parts;
  readonly #name: string;
  readonly #account: string;
  readonly #actor: TaskActor;
  #stored: Promise<boolean> = Promise.resolve(false);

  /** `events` is the task's history so far; it begins with `queued`. */
  constructor(parts: Parts, name: string, key: string, events: readonly TaskEvent[]) {
    const past = events as readonly [Queued, ...TaskEvent[]];
    this.#parts = parts;
    this.#name = name;
    this.key = key;
    this.#account = past[0].account;
    this.#actor = replayTask(past, (event) => {
      this.#stored = this.#store(event);
    });
  }

  /** Resolves with true once the event is in the log, with false if another one has its place. */
  add(event: Unstamped<TaskEvent>): Promise<boolean> {
    this.#stored = Promise.resolve(false);
    tell(this.#actor, { ...event, at: eventDate(), account: this.#account } as TaskEvent);
    return this.#stored;
  }

  /** Resolves when the task's end is in the log: this one, or the one that was there first. */
  async end(event: Unstamped<TaskEvent>): Promise<void> {
    const isOurs = await this.add(event);
    if (isOurs && event.type === 'failed')
      this.#parts.logger.info({ key: this.key, attempt: event.attempt, error: event.error }, 'task failed');
    this.#actor.stop();
  }

  /** An event that is known is written, however long the log is out of reach; progress is not worth it. */
  async #store(event: TaskEvent): Promise<boolean> {
    for (;;) {
      try {
        await this.#parts.log.append({ name: this.#name, key: this.key, event });
        return true;
      } catch (error) {
        if (error instanceof LogConflict || event.type === 'progress') return false;
        await delay(AGAIN_MS);
      }
    }
  }
}
