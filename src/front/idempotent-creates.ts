import { setTimeout as delay } from 'node:timers/promises';
import type { CreateName, CreateRecord, Creates, FoundCreate } from '../log/creates.ts';
import { LogConflict, LogUnavailable } from '../log/log.ts';
import type { Projection } from '../projection/projection.ts';
import type { TaskState } from '../projection/state.ts';
import type { NamedCreate } from './idempotency.ts';
import { type Problem, RequestError } from './request-error.ts';

/** On a cluster a create can lose to one that cannot be read yet: so often it looks again. */
const TRIES = 20;
const AGAIN_MS = 10;

interface Parts {
  readonly creates: Pick<Creates, 'findCreate'>;
  readonly projection: Projection;
}

/** What became of a named create. */
export interface CreateResult {
  readonly states: TaskState[];
  /** It had been carried out before: these are the tasks of then, as they are now. */
  readonly isReplay: boolean;
}

/**
 * Carries out each named create once, whoever asks how often through whichever front.
 *
 * The record of a create is stored in one batch with its tasks, so it is there exactly if they are: a create
 * that was refused leaves nothing behind, and there is no crash between the two. Two fronts that have the same
 * create at once both try to store it; the loser's conflict, or the winner's tasks having used up a limit,
 * make it look again and find what the winner stored.
 */
export class IdempotentCreates {
  readonly #parts: Parts;
  /** The last of those with the same name that are under way here: they wait for each other. */
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * `create` is called if there is no record of that name yet, with what its record must name as the one before it.
   * Rejects as it does; with a 422 `RequestError` if the name was used for other tasks, with a 404 if the log
   * has let go of the tasks.
   */
  async once(
    account: string,
    { idempotencyKey, digest }: NamedCreate,
    create: (after: number) => Promise<TaskState[]>,
  ): Promise<CreateResult> {
    const name = { account, idempotencyKey };
    return this.#afterOthers(JSON.stringify(name), async () => {
      for (let tries = 1; ; tries++) {
        const { record, after } = await this.#find(name);
        if (record) return this.#replay(record, digest);
        try {
          return { states: await create(after), isReplay: false };
        } catch (error) {
          const stored = await this.#find(name).catch(() => undefined);
          if (stored?.record) return this.#replay(stored.record, digest);
          if (!(error instanceof LogConflict)) throw error;
          if (tries === TRIES) throw new LogUnavailable(error.message, { cause: error });
          await delay(AGAIN_MS);
        }
      }
    });
  }

  #find(name: CreateName): Promise<FoundCreate> {
    return this.#parts.creates.findCreate(name);
  }

  async #replay(record: CreateRecord, digest: string): Promise<CreateResult> {
    if (record.digest !== digest)
      throw new RequestError(422, [problem('this Idempotency-Key was used with another body')]);
    const states = await Promise.all(record.keys.map((key) => this.#parts.projection.read(key)));
    const gone = record.keys.filter((_, index) => !states[index]);
    if (gone.length > 0)
      throw new RequestError(
        404,
        gone.map((key) => problem(`the request was carried out, but its task '${key}' has left the log`)),
      );
    return { states: states as TaskState[], isReplay: true };
  }

  async #afterOthers<T>(name: string, action: () => Promise<T>): Promise<T> {
    const before = this.#running.get(name) ?? Promise.resolve();
    const mine = before.then(action, action);
    this.#running.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.#running.get(name) === mine) this.#running.delete(name);
    }
  }
}

const problem = (description: string): Problem => ({
  name: 'Idempotency-Key',
  location: 'header',
  description,
});
