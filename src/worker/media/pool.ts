import { TaskFailure } from '../../../actors/failure.ts';
import type { Logger } from '../../logger.ts';
import { type ChildCommand, Decoder, type MediaJob } from './decoder.ts';
import { memoryLimitCommand } from './memory-limit.ts';

export type { ChildCommand, MediaJob } from './decoder.ts';

export interface MediaPoolSettings {
  /** Children at most, at least 1. */
  readonly size: number;
  readonly childCommand: ChildCommand;
  readonly logger: Logger;
  /** Tasks after which a child is replaced, at least 1; 300 by default. Native code leaks and fragments. */
  readonly maxTasks?: number;
  /** Bytes of private writable memory that a child may hold; 600,000,000 by default. */
  readonly memoryLimitBytes?: number;
}

/** Runs tasks in warm child processes, one at a time in each. What breaks a child breaks one task. */
export interface MediaPool {
  /**
   * Waits for a free child, first come, first served. Rejects with the signal's reason when that is aborted, with
   * `TaskFailure` when there will be none.
   */
  enter(signal: AbortSignal): Promise<MediaPlace>;
  /** Kills all children; jobs that wait or run reject with a passing failure. Resolves when no child is left. */
  close(): Promise<void>;
}

/** A child that is the caller's own until it has run one job, or is left. */
export interface MediaPlace {
  /**
   * Gives the job's result, and the child back. Rejects with `TaskFailure` for what the client should read, with the
   * signal's reason when that is aborted, with `Error` for a defect.
   */
  run(job: MediaJob): Promise<unknown>;
  /** Gives back a child that is not needed after all; nothing after `run`. */
  leave(): void;
}

/** The first child is started at once, others when they are needed. */
export const createMediaPool = (settings: MediaPoolSettings): MediaPool => new WarmPool(settings);

interface Waiting {
  take(decoder: Decoder): void;
  refuse(reason: unknown): void;
}

class WarmPool implements MediaPool {
  readonly #settings: MediaPoolSettings;
  readonly #prefix: readonly string[];
  readonly #members = new Set<Decoder>();
  /** The last one that was given back is the first to be taken: the others' memory may rest. */
  readonly #idle: Decoder[] = [];
  readonly #waiting = new Set<Waiting>();
  readonly #exits = new Set<Promise<void>>();
  #isClosed = false;

  constructor(settings: MediaPoolSettings) {
    const { logger, memoryLimitBytes = 600_000_000 } = settings;
    this.#settings = settings;
    this.#prefix = memoryLimitCommand(memoryLimitBytes);
    if (this.#prefix.length === 0)
      logger.debug('without prlimit the memory of media children is not limited');
    this.#idle.push(this.#start());
  }

  async enter(signal: AbortSignal): Promise<MediaPlace> {
    if (this.#isClosed) throw stopped();
    signal.throwIfAborted();
    const decoder = await this.#acquire(signal);
    let isLeft = false;
    const leave = (): void => {
      if (!isLeft) this.#release(decoder);
      isLeft = true;
    };
    return { run: (job) => decoder.run(job).finally(leave), leave };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const waiting of this.#waiting) waiting.refuse(stopped());
    for (const decoder of this.#members) decoder.kill(stopped());
    this.#idle.length = 0;
    await Promise.all(this.#exits);
  }

  async #acquire(signal: AbortSignal): Promise<Decoder> {
    const isFull = this.#members.size >= this.#settings.size;
    return this.#idle.pop() ?? (isFull ? this.#wait(signal) : this.#start());
  }

  #wait(signal: AbortSignal): Promise<Decoder> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiting);
        signal.removeEventListener('abort', abort);
      };
      const waiting: Waiting = {
        take: (decoder) => {
          leave();
          resolve(decoder);
        },
        refuse: (reason) => {
          leave();
          reject(reason);
        },
      };
      const abort = (): void => waiting.refuse(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  #release(decoder: Decoder): void {
    const isWorn = decoder.tasks >= (this.#settings.maxTasks ?? 300);
    if (isWorn) decoder.kill();
    if (!decoder.isUsable) this.#members.delete(decoder);
    if (!this.#isClosed) this.#give(decoder);
  }

  /** Hands the child to who waits longest. A dead one is replaced even if nobody waits: the next finds it warm. */
  #give(decoder: Decoder): void {
    try {
      const next = decoder.isUsable ? decoder : this.#start();
      const [first] = this.#waiting;
      if (first) first.take(next);
      else this.#idle.push(next);
    } catch (cause) {
      // The system gives no process, and perhaps no other child is left that could serve them.
      const failure = new TaskFailure('the image decoder could not be started', { passing: true, cause });
      for (const waiting of this.#waiting) waiting.refuse(failure);
    }
  }

  #start(): Decoder {
    const { childCommand, logger } = this.#settings;
    const decoder = new Decoder({ childCommand, prefix: this.#prefix, logger });
    this.#members.add(decoder);
    const exit = decoder.exited.then(() => {
      this.#exits.delete(exit);
      this.#forget(decoder);
    });
    this.#exits.add(exit);
    return decoder;
  }

  /** One that died while it was idle is replaced when it is needed, lest a broken set-up forks without end. */
  #forget(decoder: Decoder): void {
    const at = this.#idle.indexOf(decoder);
    if (at < 0) return;
    this.#idle.splice(at, 1);
    this.#members.delete(decoder);
  }
}

const stopped = (): TaskFailure => new TaskFailure('the worker stopped', { passing: true });
