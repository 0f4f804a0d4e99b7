import type { CheckpointStore } from '../log/checkpoint-store.ts';
import type { Logger } from '../logger.ts';
import { type Checkpoint, FORMAT, fromLines, toLines } from './checkpoint.ts';

const LOOK_EVERY_MS = 5_000;
/** What a front folds in under a second when it starts. */
const EVERY_EVENTS = 50_000;
/** Writing shall take no more than this share of the time: with 500,000 open tasks it takes seconds. */
const SHARE_OF_TIME = 1 / 20;
const AFTER_FAILURE_MS = 60_000;

interface Parts {
  readonly checkpoints: CheckpointStore;
  readonly logger: Logger;
  /** The sequence up to which the log is folded. */
  seq(): number;
  take(): Checkpoint;
  /** Where the checkpoint stands that this front has started from; 0 if from none. */
  readonly loadedSeq?: number;
  readonly everyEvents?: number;
}

/**
 * Puts a new checkpoint in the place of the newest whenever the log has moved on by `everyEvents`. Every front
 * does, and whoever finds that another one has been at it waits for the next turn.
 */
export class CheckpointWriter {
  readonly #parts: Parts;
  readonly #everyEvents: number;
  readonly #timer: NodeJS.Timeout;
  #newestSeq: number;
  #notBefore = 0;
  #isBusy = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#everyEvents = parts.everyEvents ?? EVERY_EVENTS;
    this.#newestSeq = parts.loadedSeq ?? 0;
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
  }

  /** Where the newest checkpoint stands, as far as this front knows; 0 if there is none. */
  get newestSeq(): number {
    return this.#newestSeq;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Writes one if it is time to. */
  async look(): Promise<void> {
    if (this.#isBusy || performance.now() < this.#notBefore || !this.#isDue()) return;
    this.#isBusy = true;
    const startedAt = performance.now();
    try {
      await this.#write();
      const tookMs = performance.now() - startedAt;
      this.#notBefore = performance.now() + tookMs / SHARE_OF_TIME;
    } catch (error) {
      this.#notBefore = performance.now() + AFTER_FAILURE_MS;
      this.#parts.logger.warn({ err: error }, 'could not write a checkpoint; it saves time at a start only');
    }
    this.#isBusy = false;
  }

  #isDue(): boolean {
    return this.#parts.seq() - this.#newestSeq >= this.#everyEvents;
  }

  async #write(): Promise<void> {
    const { checkpoints, logger, take } = this.#parts;
    const known = await checkpoints.newest();
    if (known?.format === FORMAT) {
      this.#newestSeq = known.seq;
      if (!this.#isDue()) return;
    }
    const checkpoint = take();
    const { seq, open } = checkpoint;
    if (!(await checkpoints.save({ seq, format: FORMAT }, toLines(checkpoint)))) return;
    this.#newestSeq = seq;
    logger.debug({ seq, openTasks: open.length }, 'wrote a checkpoint');
  }
}

/** The newest checkpoint that this program can use, if any. It is never worth failing for. */
export async function loadCheckpoint(
  checkpoints: CheckpointStore,
  logger: Logger,
): Promise<Checkpoint | undefined> {
  try {
    const saved = await checkpoints.load();
    const checkpoint = saved && fromLines(saved);
    if (saved && !checkpoint) logger.warn({ seq: saved.seq }, 'passed over a checkpoint of another version');
    return checkpoint;
  } catch (error) {
    logger.warn({ err: error }, 'could not read the checkpoint; folding the whole log instead');
    return undefined;
  }
}
