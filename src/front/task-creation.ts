import { later, type ParameterProblems, type Queued, type TaskEvent } from '../../actors/event.ts';
import { startTask, tell } from '../../actors/task.ts';
import type { Account } from '../accounts/account.ts';
import type { Limits } from '../accounts/limits.ts';
import type { Creates, Submission } from '../log/creates.ts';
import { hashOf } from '../log/envelope.ts';
import { eventDate } from '../log/event-date.ts';
import { newKey } from '../log/key.ts';
import { type Append, type EventLog, LogConflict, LogFull, LogUnavailable } from '../log/log.ts';
import { seal } from '../log/seal.ts';
import type { Projection } from '../projection/projection.ts';
import { fold, type TaskState } from '../projection/state.ts';
import type { LogRoom } from '../retention/log-room.ts';
import type { CheckedTask } from './definitions.ts';
import type { NamedCreate } from './idempotency.ts';
import { type CreateResult, IdempotentCreates } from './idempotent-creates.ts';
import type { FrontMetrics } from './metrics.ts';
import { Turns } from './turns.ts';
import { untilEnded } from './waiting.ts';
import { untilFolded } from './within.ts';

interface Parts {
  readonly log: EventLog & Creates;
  readonly projection: Projection;
  readonly limits: Limits;
  readonly room: Pick<LogRoom, 'admit'>;
  readonly metrics: Pick<FrontMetrics, 'lostTurn'>;
}

/**
 * Brings tasks into the log: all of a request or none.
 *
 * ```
 * createTasks ──► TaskCreation.create ─┬─────────────────────────────► #createNew ─┬──────────────► Creates.submit
 *  (endpoints)                         └─ IdempotentCreates.once, with             └─ Turns.take, of
 *                                         an Idempotency-Key                          accounts with limits
 * ```
 */
export class TaskCreation {
  readonly #parts: Parts;
  readonly #turns: Turns;
  readonly #idempotent: IdempotentCreates;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#turns = new Turns({ ...parts, creates: parts.log, onLost: () => parts.metrics.lostTurn() });
    this.#idempotent = new IdempotentCreates({ ...parts, creates: parts.log });
  }

  /**
   * Resolves with the tasks as they were queued, in the given order, when they are stored and the projection
   * has them, or is late; or, if the request is named and has been carried out before, with the tasks of then as they are
   * now. Rejects with a 401 `RequestError` when the account's limits do not admit them all, as
   * `IdempotentCreates.once` does for a named one, and as `EventLog.append` does when they could not be stored.
   */
  async create(account: Account, tasks: readonly CheckedTask[], named?: NamedCreate): Promise<CreateResult> {
    if (named === undefined) return { states: await this.#createNew(account, tasks), isReplay: false };
    const create = (after: number) => this.#createNew(account, tasks, { ...named, after });
    return this.#idempotent.once(account.name, named, create);
  }

  async #createNew(
    account: Account,
    tasks: readonly CheckedTask[],
    named?: NamedCreate & { readonly after: number },
  ): Promise<TaskState[]> {
    this.#parts.room.admit(tasks.length);
    const born = tasks.map((task) => bringToLife(account, task));
    const entries = born.map(({ queued }) => queued);
    const keys = entries.map(({ key }) => key);
    const records = named ? [{ ...named, account: account.name, at: eventDate(), keys }] : [];
    const last = await this.#store(account.name, { entries, records });
    // They stand side by side in the log.
    const states = born.map(({ state }, index) => ({ ...state, seq: last - born.length + 1 + index }));
    const ends = born.flatMap(({ rest }) => rest);
    if (ends.length > 0) await this.#end(ends);
    const refused = states.filter((_, index) => born[index]?.rest.length);
    await untilFolded(this.#shown(states, refused)).catch(unlessLate);
    return states;
  }

  /** Resolves with the sequence of the last task. */
  async #store(account: string, submission: Submission): Promise<number> {
    if (this.#parts.limits.isLimited(account)) return this.#turns.take(account, submission);
    return (await this.#parts.log.submit(submission)).seq;
  }

  /**
   * A worker ends refused tasks too, should this front not live to do it, or the log be out of reach by now;
   * whoever comes first. One that the worker has ended already keeps the others out, since they are stored together,
   * so then each goes alone.
   */
  async #end(entries: readonly Append[]): Promise<void> {
    try {
      await this.#parts.log.appendAll(entries);
    } catch (error) {
      if (error instanceof LogUnavailable || error instanceof LogFull) return;
      if (!(error instanceof LogConflict)) throw error;
      if (entries.length > 1) await Promise.all(entries.map((entry) => this.#end([entry])));
    }
  }

  /** Resolves when the projection shows these tasks, and the ends of the refused ones. */
  async #shown(states: readonly TaskState[], refused: readonly TaskState[]): Promise<void> {
    await this.#parts.projection.reachedAll(states);
    if (refused.length > 0) await untilEnded(this.#parts.projection, refused);
  }
}

/** They are stored; a projection that is late will show them when it can. */
function unlessLate(error: unknown): void {
  if (!(error instanceof LogUnavailable)) throw error;
}

interface Born {
  readonly queued: Append;
  readonly rest: readonly Append[];
  readonly state: TaskState;
}

function bringToLife(account: Account, { definition, sent, metas, refused }: CheckedTask): Born {
  const key = newKey();
  const birth: Queued = {
    type: 'queued',
    at: eventDate(),
    account: account.name,
    task: sent,
    ...(metas && { task_metas: metas }),
    ...(refused && { refused }),
  };
  const task = { name: definition.name, key };
  const queued = seal(task, birth);
  const rest = refused ? [seal(task, refusal(birth, refused), hashOf(queued.bytes))] : [];
  const state = fold(undefined, { ...queued, seq: 0 }) as TaskState;
  return { queued, rest, state };
}

/**
 * What follows the birth of a task that was refused, as its machine tells it. Only for these has the front more to say
 * than the birth: to start an actor takes 15 µs.
 */
function refusal(birth: Queued, parameters: ParameterProblems): TaskEvent {
  const told: TaskEvent[] = [];
  const actor = startTask(birth, (event) => told.push(event));
  const { account } = birth;
  tell(actor, {
    type: 'failed',
    at: later(birth.at, eventDate()),
    account,
    attempt: 0,
    error: { parameters },
  });
  return told.at(-1) as TaskEvent;
}
