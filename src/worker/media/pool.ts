import { TaskFailure } from '../../../actors/failure.ts';
import type { Logger } from '../../logger.ts';
import { MemoryFailure } from '../../tasks/memory-failure.ts';
import { type ChildCommand, Decoder, type DecoderSettings, type MediaTask } from './decoder.ts';
import { type Lane, Lanes } from './lanes.ts';
import { memoryLimitCommand } from './memory-limit.ts';
import { withOutputsOnce } from './outputs-once.ts';

export type { ChildCommand, MediaTask } from './decoder.ts';

export interface MediaPoolSettings {
  /** Tasks of each lane at once, at least 1; there is one child more than that. */
  readonly size: number;
  readonly childCommand: ChildCommand;
  readonly logger: Logger;
  /** Tasks after which a child is replaced, at least 1; 10,000 by default. */
  readonly maxTasks?: number;
  /** Bytes of private writable memory held after a task for which a child is replaced; 320,000,000 by default. */
  readonly maxHeldBytes?: number;
  /** Bytes of private writable memory that a child may hold; 800,000,000 by default. */
  readonly memoryLimitBytes?: number;
}

/** A child that is the caller's own until it has run one task or is given back. */
export interface LentDecoder {
  /**
   * Gives the task's result, and the child back. A task for which memory is short in a child that has run others is run
   * once more, in a new one. Rejects with `TaskFailure` for what the client should read, with the
   * signal's reason when that is aborted, with `Error` for a defect.
   */
  run(given: MediaTask): Promise<unknown>;
  /** For a child that is not needed after all; does nothing after `run`. */
  giveBack(): void;
}

/**
 * Runs tasks in warm child processes, one at a time in each. What breaks a child breaks one task. The first child is
 * started at once, others when they are needed.
 */
export class MediaPool {
  readonly #settings: MediaPoolSettings;
  readonly #prefix: readonly string[];
  readonly #members = new Set<Decoder>();
  /** The last one that was given back is the first to be taken: the others' memory may rest. */
  readonly #idle: Decoder[] = [];
  readonly #lanes: Lanes;
  readonly #exits = new Set<Promise<void>>();
  #isClosed = false;

  constructor(settings: MediaPoolSettings) {
    const { logger, memoryLimitBytes = 800_000_000 } = settings;
    this.#settings = settings;
    this.#lanes = new Lanes(settings.size);
    this.#prefix = memoryLimitCommand(memoryLimitBytes);
    if (this.#prefix.length === 0)
      logger.debug('without prlimit the memory of media children is not limited');
    this.#idle.push(this.#start());
  }

  /**
   * Waits for a free child, first come, first served within a lane. Rejects with the signal's reason when that is
   * aborted, with `TaskFailure` when there will be none.
   */
  async lend(lane: Lane, signal: AbortSignal): Promise<LentDecoder> {
    if (this.#isClosed) throw stopped();
    await this.#lanes.enter(lane, signal);
    try {
      if (this.#isClosed) throw stopped();
      signal.throwIfAborted();
      return this.#lent(lane, this.#idle.pop() ?? this.#start());
    } catch (error) {
      this.#lanes.leave(lane);
      throw error;
    }
  }

  /** Kills all children; tasks that wait or run reject with a passing failure. Resolves when no child is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#lanes.refuse(stopped());
    for (const decoder of this.#members) decoder.kill(stopped());
    this.#idle.length = 0;
    await Promise.all(this.#exits);
  }

  #lent(lane: Lane, first: Decoder): LentDecoder {
    let decoder = first;
    let isBack = false;
    const giveBack = (): void => {
      if (isBack) return;
      isBack = true;
      this.#giveBack(decoder);
      this.#lanes.leave(lane);
    };
    const run = async (given: MediaTask): Promise<unknown> => {
      const task = withOutputsOnce(given);
      try {
        return await decoder.run(task);
      } catch (error) {
        // In a child that has run other tasks before, those may have taken the memory that this one lacks.
        if (!(error instanceof MemoryFailure) || decoder.tasks === 1 || this.#isClosed) throw error;
        decoder = this.#replace(decoder);
        return await decoder.run(task);
      }
    };
    return { run: (given) => run(given).finally(giveBack), giveBack };
  }

  #replace(decoder: Decoder): Decoder {
    decoder.kill();
    this.#members.delete(decoder);
    return this.#start();
  }

  /** One that is worn or dead is replaced even if nobody waits: the next finds it warm. */
  #giveBack(decoder: Decoder): void {
    if (this.#isWorn(decoder)) decoder.kill();
    if (!decoder.isUsable) this.#members.delete(decoder);
    if (this.#isClosed) return;
    if (decoder.isUsable) this.#idle.push(decoder);
    else this.#startWarm();
  }

  /**
   * Native code leaks and fragments, and what that comes to is measured rather than guessed from the number of tasks: a
   * start takes 340 ms of CPU, which after every 300 tasks were 1.1 ms of each. What counts is what the limit counts: a
   * child begins with 105 MB of it, holds 142 MB after 300 thumbs of 12 megapixels, and ten formats and sizes in turn
   * bring it to 305.
   */
  #isWorn({ tasks, heldBytes }: Decoder): boolean {
    const { maxTasks = 10_000, maxHeldBytes = 320_000_000 } = this.#settings;
    return tasks >= maxTasks || heldBytes > maxHeldBytes;
  }

  #startWarm(): void {
    try {
      this.#idle.push(this.#start());
    } catch (error) {
      // Whoever needs it will try again, and fail with a word for the client.
      this.#settings.logger.warn({ err: error }, 'could not replace a media child');
    }
  }

  #start(): Decoder {
    const { childCommand, logger } = this.#settings;
    const decoder = fork({ childCommand, prefix: this.#prefix, logger });
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

/** Throws `TaskFailure` when the system gives no process. */
function fork(settings: DecoderSettings): Decoder {
  try {
    return new Decoder(settings);
  } catch (cause) {
    throw new TaskFailure('the image decoder could not be started', { passing: true, cause });
  }
}

const stopped = (): TaskFailure => new TaskFailure('the worker stopped', { passing: true });
