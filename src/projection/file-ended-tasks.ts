import type { Logger } from '../logger.ts';
import type { EndedTasks } from './ended-tasks.ts';
import { GrowingFile } from './growing-file.ts';
import { SliceTable } from './slice-table.ts';
import { stateOf, type TaskState } from './state.ts';

/** After a fault of the disk. */
const AGAIN_AFTER_MS = 60_000;

export interface EndedTasksOptions {
  /** A folder of this machine; what stands there has no name, and goes with the process. */
  readonly folder: string;
  readonly logger: Logger;
  /** The size of one generation. Two are kept, so between `tasks` and 2 × `tasks` are found. */
  readonly tasks: number;
  /** The disk for both, at most 4 GiB: a generation also ends at half of it. */
  readonly bytes: number;
}

/** One file and its table, filled once. */
interface Generation {
  readonly file: GrowingFile;
  readonly table: SliceTable;
}

/**
 * Ended tasks in two unnamed files, a newer and an older one: when the newer is full, the older goes. 2 µs to put one
 * there, 20 µs to find it again. A disk that fails is left alone for a minute.
 */
export class FileEndedTasks implements EndedTasks {
  readonly #options: EndedTasksOptions;
  /** The newest first. */
  #generations: readonly Generation[] = [];
  #isOpening = false;
  #openAt = 0;

  private constructor(options: EndedTasksOptions) {
    this.#options = options;
  }

  static async open(options: EndedTasksOptions): Promise<FileEndedTasks> {
    const ended = new FileEndedTasks(options);
    await ended.#begin();
    return ended;
  }

  put(state: TaskState): void {
    const [newest] = this.#generations;
    if (!newest || newest.table.isFull || newest.file.bytes > this.#options.bytes / 2) void this.#begin();
    else {
      const slice = newest.file.append(JSON.stringify(state));
      if (slice) newest.table.add(state.key, slice);
    }
  }

  async get(key: string): Promise<TaskState | undefined> {
    for (const generation of this.#generations) {
      const state = await this.#find(generation, key);
      if (state) return state;
    }
    return undefined;
  }

  close(): void {
    this.#drop();
    this.#openAt = Number.POSITIVE_INFINITY;
  }

  async #find(generation: Generation, key: string): Promise<TaskState | undefined> {
    try {
      for (const slice of generation.table.find(key)) {
        const state = stateOf(JSON.parse(await generation.file.read(slice)));
        if (state.key === key) return state;
      }
    } catch (error) {
      // One that has been dropped meanwhile is closed.
      if (this.#generations.includes(generation)) this.#fail(error);
    }
    return undefined;
  }

  /** Begins a new generation. What is put meanwhile is not kept. */
  async #begin(): Promise<void> {
    if (this.#isOpening || performance.now() < this.#openAt) return;
    this.#isOpening = true;
    try {
      const file = await GrowingFile.open(this.#options.folder, (error) => this.#fail(error));
      if (this.#openAt === Number.POSITIVE_INFINITY) return file.close();
      const [newer, older] = this.#generations;
      const table = new SliceTable(this.#options.tasks);
      this.#generations = [{ file, table }, ...(newer ? [newer] : [])];
      older?.file.close();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isOpening = false;
    }
  }

  #fail(error: unknown): void {
    this.#options.logger.warn(
      { err: error },
      'ended tasks cannot be kept on disk: those that are not in memory are read from the log',
    );
    this.#drop();
    this.#openAt = Math.max(this.#openAt, performance.now() + AGAIN_AFTER_MS);
  }

  #drop(): void {
    for (const { file } of this.#generations) file.close();
    this.#generations = [];
  }
}
