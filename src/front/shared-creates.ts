import type { Account } from '../accounts/account.ts';
import type { DefinitionIndex } from '../projection/definition-index.ts';
import type { Projection } from '../projection/projection.ts';
import type { TaskState } from '../projection/state.ts';
import type { Storage } from '../storage/storage.ts';
import { definitionId } from '../tasks/canonical.ts';
import type { CheckedTask } from './definitions.ts';

interface Parts {
  readonly projection: Pick<Projection, 'peek' | 'read'>;
  readonly index: DefinitionIndex;
  readonly storage: Pick<Storage, 'open'>;
}

/** A task that stands for a definition, and how it came to. */
export interface Standing {
  readonly state: TaskState;
  readonly how: 'done' | 'open' | 'created';
}

/** How long a file that has been seen in the store is taken to be there. */
const SEEN_MS = 60_000;

/**
 * Gives many who ask for the same file one task: one that has made it a while ago, or else one that is at it, or
 * else a new one, which whoever comes meanwhile shares.
 *
 * That a file was made does not mean that it is still there: under pressure of size the log lets go of tasks early,
 * and their outputs go with them. So a look at the store precedes an answer, once a minute for each definition.
 */
export class SharedCreates {
  readonly #parts: Parts;
  /** Creates that are on their way into the log, by definition. */
  readonly #creating = new Map<string, Promise<TaskState>>();
  /** When the files of a done task were last seen, by its key. */
  readonly #seen = new Map<string, number>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** `create` brings a new task into the log. Rejects as it does. */
  async find(account: Account, task: CheckedTask, create: () => Promise<TaskState>): Promise<Standing> {
    if (task.parameters === undefined) return { state: await create(), how: 'created' };
    const id = definitionId(account.name, task.definition.name, task.parameters);
    const done = await this.#done(id);
    if (done) return { state: done, how: 'done' };
    const open = this.#parts.projection.peek(this.#parts.index.open(id) ?? '');
    if (open) return { state: open, how: 'open' };
    const creating = this.#creating.get(id);
    if (creating) return { state: await creating, how: 'open' };
    const created = create().finally(() => this.#creating.delete(id));
    this.#creating.set(id, created);
    return { state: await created, how: 'created' };
  }

  async #done(id: string): Promise<TaskState | undefined> {
    const { index, projection } = this.#parts;
    const now = Date.now();
    const done = index.done(id, now);
    if (!done) return undefined;
    const state = await projection.read(done.key);
    if (state?.status === 'success' && (await this.#hasFiles(state, now))) return state;
    index.forget(id, done.key);
    return undefined;
  }

  async #hasFiles({ key, outputs }: TaskState, now: number): Promise<boolean> {
    if (now - (this.#seen.get(key) ?? 0) < SEEN_MS) return true;
    for (const { attempt, file } of outputs) {
      const stored = await this.#parts.storage.open({ key, attempt, file });
      if (!stored) return false;
      await stored.close();
    }
    this.#remember(key, now);
    return true;
  }

  /** Only what was seen within the last minute is worth remembering. */
  #remember(key: string, now: number): void {
    this.#seen.delete(key);
    this.#seen.set(key, now);
    for (const [oldest, at] of this.#seen) {
      if (now - at < SEEN_MS) return;
      this.#seen.delete(oldest);
    }
  }
}
