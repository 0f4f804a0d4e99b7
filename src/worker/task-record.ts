import { setTimeout as delay } from 'node:timers/promises';
import { later, type TaskEvent } from '../../actors/event.ts';
import { hashOf } from '../log/envelope.ts';
import { eventDate } from '../log/event-date.ts';
import { type Append, type EventLog, EventRefused } from '../log/log.ts';
import { seal, stamped, type Unstamped } from '../log/seal.ts';
import type { TaskRef } from '../log/subject.ts';
import type { Logger } from '../logger.ts';
import type { Past } from './plan.ts';
import type { TaskLife } from './task-life.ts';

interface Parts {
  readonly log: EventLog;
  readonly logger: Logger;
}

/** An event that is not in the log yet. */
interface Waiting {
  readonly event: TaskEvent;
  settle(isStored: boolean): void;
  refuse(error: Error): void;
}

/** How long to wait before an event that could not be stored is tried again. */
const AGAIN_MS = 250;
/** How long a start waits for what follows it, where storing both together costs less. */
const HOLD_MS = 5;

/**
 * One task's record as its worker writes it: what the task emits, on its way into the log.
 *
 * Events are stored one after the other: each names the one before it by its hash, what it names must be in the log,
 * and an end must not be there before its start, though one of them had to be sent twice. A task that takes longer than
 * the log takes for one event does not notice. Where the log prefers groups, one that takes less has its start and its end stored
 * together: 13 % more `hello`s a second than when each had an fsync of its own.
 */
export class TaskRecord {
  readonly key: string;
  readonly #parts: Parts;
  readonly #task: TaskRef;
  readonly #account: string;
  readonly #life: TaskLife;
  readonly #waiting: Waiting[] = [];
  /** Newest stored event: its hash, or its bytes, hashed only when a next event needs it. */
  #last: string | Uint8Array;
  /** Another worker has this attempt: what this one makes of it belongs nowhere. */
  #hasLost = false;
  #isWriting = false;
  #hurry: () => void = () => {};

  /** `past` is the task's history so far, and `life` the task that it made. */
  constructor(parts: Parts, task: TaskRef, { events, last }: Past, life: TaskLife) {
    this.#parts = parts;
    this.#task = task;
    this.#last = last;
    this.key = task.key;
    this.#account = events[0].account;
    this.#life = life;
  }

  /**
   * Resolves with true once the event is in the log, with false if another one has its place. Rejects with
   * `EventRefused`: left to its lease, the task then ends when its attempts are used up.
   */
  add(event: Unstamped): Promise<boolean> {
    // The dates of one task never run backwards, whatever this host's clock says.
    const at = later(this.#life.at, eventDate());
    const emitted = this.#life.tell(stamped(event, at, this.#account));
    return emitted ? this.#enqueue(emitted) : Promise.resolve(false);
  }

  /**
   * Resolves with true when the task's end is in the log, and durable: this one, or the one that was there first. With
   * false if another worker has the attempt, whose end this is then not.
   */
  async end(event: Unstamped): Promise<boolean> {
    const isOurs = await this.add(event);
    if (isOurs && event.type === 'failed')
      this.#parts.logger.info({ key: this.key, attempt: event.attempt, error: event.error }, 'task failed');
    await this.#parts.log.untilDurable();
    return !this.#hasLost;
  }

  #enqueue(event: TaskEvent): Promise<boolean> {
    const stored = new Promise<boolean>((settle, refuse) => {
      this.#waiting.push({ event, settle, refuse });
    });
    this.#hurry();
    if (!this.#isWriting) void this.#write();
    return stored;
  }

  /** Writes what waits, until nothing does. */
  async #write(): Promise<void> {
    this.#isWriting = true;
    if (this.#parts.log.prefersGroups && this.#waiting[0]?.event.type === 'started') await this.#hold();
    while (this.#waiting.length > 0) await this.#store(this.#take());
    this.#isWriting = false;
  }

  /** Resolves when something follows, at the latest after `HOLD_MS`. */
  #hold(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, HOLD_MS);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** What is stored next, together. Progress goes alone: it is let go of where the others are tried again. */
  #take(): Waiting[] {
    const end = this.#waiting.findIndex(({ event }) => event.type === 'progress');
    const count = end === -1 ? this.#waiting.length : Math.max(1, end);
    return this.#waiting.splice(0, this.#parts.log.prefersGroups ? count : 1);
  }

  /** An event that is known is written, however long the log is out of reach; progress is not worth it. */
  async #store(group: readonly Waiting[], entries: readonly Append[] = this.#seal(group)): Promise<void> {
    try {
      this.#settle(group, entries, this.#hasLost ? 0 : await this.#parts.log.appendInOrder(entries));
    } catch (error) {
      await this.#storeAgain(group, entries, error);
    }
  }

  async #storeAgain(group: readonly Waiting[], entries: readonly Append[], failure: unknown): Promise<void> {
    try {
      this.#settle(group, entries, await this.#appendAgain(entries, failure));
    } catch (error) {
      const [only, ...more] = group;
      if (more.length === 0) return only?.refuse(error as Error);
      for (const [index, entry] of entries.entries())
        await this.#store(group.slice(index, index + 1), [entry]);
    }
  }

  #settle(group: readonly Waiting[], entries: readonly Append[], stored: number): void {
    const newest = entries[stored - 1];
    if (newest) this.#last = newest.bytes;
    if (group[stored]?.event.type === 'started') this.#hasLost = true;
    for (const [index, { settle }] of group.entries()) settle(index < stored);
  }

  #seal(group: readonly Waiting[]): Append[] {
    let last = this.#last;
    return group.map(({ event }) => {
      const entry = seal(this.#task, event, typeof last === 'string' ? last : hashOf(last));
      last = entry.bytes;
      return entry;
    });
  }

  /** Resolves with how many of them are in the log. Rejects with `EventRefused`. */
  async #appendAgain(entries: readonly Append[], failure: unknown): Promise<number> {
    for (let error = failure; ; ) {
      if (entries[0]?.event.type === 'progress') return 0;
      if (error instanceof EventRefused) throw error;
      await delay(AGAIN_MS);
      try {
        return await this.#parts.log.appendInOrder(entries);
      } catch (again) {
        error = again;
      }
    }
  }
}
