import type { TaskEvent } from '../../actors/event.ts';
import { definitionId } from '../tasks/canonical.ts';
import { catalogue } from '../tasks/catalogue.ts';
import { checkParameters } from '../tasks/parameters.ts';
import type { TaskState } from './state.ts';

/** A task that made its files, and when it was done. */
export interface DoneTask {
  readonly key: string;
  readonly atMs: number;
}

export interface DefinitionIndexOptions {
  /** How long a task that is done stands for its definition. */
  readonly maxAgeMs: number;
  /** Definitions whose last done task is remembered; some 300 bytes each. */
  readonly maxDone?: number;
}

/**
 * Finds, by what a task is asked to do, the newest task that does it and the newest that has done it.
 *
 * A fold of the log like any other: it may be begun anywhere, and whatever it has not seen it does not know.
 * Tasks that make no files are passed over, and so are those with metas, which whoever finds the task would read, and
 * every end but success. Whoever follows the log sees a million tasks go by, so of those that are done only the last are
 * kept, and none that is too old.
 */
export class DefinitionIndex {
  readonly #maxAgeMs: number;
  readonly #maxDone: number;
  /** The newest open task of each definition. */
  readonly #open = new Map<string, string>();
  /** The definition of each open task. */
  readonly #ids = new Map<string, string>();
  /** In the order in which they were done. */
  readonly #done = new Map<string, DoneTask>();

  constructor({ maxAgeMs, maxDone = 50_000 }: DefinitionIndexOptions) {
    this.#maxAgeMs = maxAgeMs;
    this.#maxDone = maxDone;
  }

  /** Definitions that are remembered, for which some task is open or done. */
  get size(): number {
    return this.#open.size + this.#done.size;
  }

  /** The key of the newest open task of this definition. */
  open(id: string): string | undefined {
    return this.#open.get(id);
  }

  /** The newest done task of this definition, unless it was done too long ago. */
  done(id: string, nowMs: number): DoneTask | undefined {
    const task = this.#done.get(id);
    return task && nowMs - task.atMs < this.#maxAgeMs ? task : undefined;
  }

  /** Forgets a done task whose files are not there any more. */
  forget(id: string, key: string): void {
    if (this.#done.get(id)?.key === key) this.#done.delete(id);
  }

  apply(state: TaskState, event: TaskEvent, nowMs: number = Date.now()): void {
    if (event.type === 'queued') return this.#queued(state, event);
    if (state.completed === undefined) return;
    const id = this.#ids.get(state.key);
    if (id === undefined) return;
    this.#ids.delete(state.key);
    if (this.#open.get(id) === state.key) this.#open.delete(id);
    if (event.type === 'completed') this.#completed(id, state, nowMs);
  }

  #queued({ key, name, account }: TaskState, event: Extract<TaskEvent, { type: 'queued' }>): void {
    const id = event.refused || event.task_metas ? undefined : idOf(account, name, event.task);
    if (id === undefined) return;
    this.#ids.set(key, id);
    this.#open.set(id, key);
  }

  #completed(id: string, { key, completed, outputs }: TaskState, nowMs: number): void {
    const atMs = Date.parse(completed as string);
    if (outputs.length === 0 || nowMs - atMs >= this.#maxAgeMs) return;
    // Anew, so that it stands last.
    this.#done.delete(id);
    this.#done.set(id, { key, atMs });
    for (const [oldest, task] of this.#done) {
      if (this.#done.size <= this.#maxDone && nowMs - task.atMs < this.#maxAgeMs) return;
      this.#done.delete(oldest);
    }
  }
}

/** Undefined for a task that makes no files. Those that touch no bytes are the most, and must cost nothing. */
function idOf(
  account: string,
  name: string,
  { task_name: _, ...sent }: Readonly<Record<string, unknown>>,
): string | undefined {
  const definition = catalogue.get(name);
  if (definition?.runsIn !== 'media') return undefined;
  // Another version may have queued it, with parameters that this one does not know.
  const checked = checkParameters(definition, sent);
  if (!checked.ok || definition.files(checked.value).length === 0) return undefined;
  return definitionId(account, name, checked.value);
}
