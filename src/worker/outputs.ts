import { hash } from 'node:crypto';
import type { StoredOutput } from '../../actors/event.ts';
import { TaskFailure } from '../../actors/failure.ts';
import type { Storage } from '../storage/storage.ts';
import type { Output } from '../tasks/definition.ts';

/** Whose outputs they are. */
interface AttemptRef {
  readonly key: string;
  readonly attempt: number;
}

/** The outputs of one attempt on their way into storage, while the task makes the next. */
export class Outputs {
  readonly #storage: Pick<Storage, 'put'>;
  readonly #attempt: AttemptRef;
  readonly #isOurs: Promise<boolean>;
  readonly #onStored: (output: StoredOutput) => void;
  readonly #storing: Promise<StoredOutput>[] = [];
  #isLast = false;

  /**
   * `isOurs` says whether the attempt is this worker's, once the log has its start: until then another one may be at
   * the same attempt, and the two would store in one place. `onStored` is told of each output that is durable while
   * others may follow.
   */
  constructor(
    storage: Pick<Storage, 'put'>,
    attempt: AttemptRef,
    isOurs: Promise<boolean>,
    onStored: (output: StoredOutput) => void,
  ) {
    this.#storage = storage;
    this.#attempt = attempt;
    this.#isOurs = isOurs;
    this.#onStored = onStored;
  }

  /**
   * Begins to store an output. Resolves when the one before it is durable: a task that makes many has two of them in
   * memory, and one that makes one need not wait. Rejects with `TaskFailure` when the one before could not be stored.
   */
  async add(output: Output): Promise<void> {
    const before = this.#storing.at(-1);
    const storing = this.#store(output);
    // Whoever asks next hears of it: `add` or `all`.
    storing.catch(() => {});
    this.#storing.push(storing);
    await before;
  }

  get count(): number {
    return this.#storing.length;
  }

  /**
   * There are no more. Resolves with all, in the order they were made, when they are durable; the task's end, which
   * follows at once, tells of those that were not. Rejects with `TaskFailure`.
   */
  all(): Promise<readonly StoredOutput[]> {
    this.#isLast = true;
    return Promise.all(this.#storing);
  }

  async #store({ name, extension, contentType, data }: Output): Promise<StoredOutput> {
    const file = `${name}.${extension}`;
    // No client reads this: the attempt's outcome is left to the other worker.
    if (!(await this.#isOurs)) throw new TaskFailure('another worker has the attempt', { passing: true });
    try {
      await this.#storage.put({ ...this.#attempt, file }, data);
    } catch (cause) {
      throw new TaskFailure('the output could not be stored', { passing: true, cause });
    }
    const sha256 = hash('sha256', data);
    const { attempt } = this.#attempt;
    const stored = { name, attempt, file, content_type: contentType, bytes: data.byteLength, sha256 };
    if (!this.#isLast) this.#onStored(stored);
    return stored;
  }
}
