import { setTimeout as delay } from 'node:timers/promises';
import type { Queued, TaskEvent } from '../../actors/event.ts';
import { startTask, tell } from '../../actors/task.ts';
import type { Account } from '../accounts/account.ts';
import type { Limits } from '../accounts/limits.ts';
import { hashOf } from '../log/envelope.ts';
import { eventDate } from '../log/event-date.ts';
import { newKey } from '../log/key.ts';
import { type Append, type EventLog, LogConflict } from '../log/log.ts';
import { seal } from '../log/seal.ts';
import type { Projection } from '../projection/projection.ts';
import { fold, type TaskState } from '../projection/state.ts';
import type { CheckedTask } from './definitions.ts';
import { RequestError } from './request-error.ts';
import { untilEnded } from './waiting.ts';

/** How long an answer waits for the projection to show what was just stored. */
const FOLD_TIMEOUT_MS = 2_000;

interface Parts {
  readonly log: EventLog;
  readonly projection: Projection;
  readonly limits: Limits;
}

/** Brings tasks into the log: all of a request or none. */
export class Submissions {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Resolves with the tasks as they were queued, in the given order, when they are stored and the projection
   * has them. Rejects with a 401 `RequestError` when the account's limits do not admit them all, and as
   * `EventLog.append` does when they could not be stored.
   */
  async submit(account: Account, tasks: readonly CheckedTask[]): Promise<TaskState[]> {
    const reservation = this.#parts.limits.reserve(account.name, tasks.length, Date.now());
    if (!reservation.ok)
      throw new RequestError(401, [
        { name: reservation.name, location: 'body', description: reservation.description },
      ]);
    const born = tasks.map((task) => bringToLife(account, task));
    try {
      const seq = await this.#store(born.map(({ queued }) => queued));
      const refused = born.filter(({ rest }) => rest.length > 0);
      await this.#end(refused.flatMap(({ rest }) => rest));
      const refusedStates = refused.map(({ state }) => state);
      await Promise.race([
        this.#shown(seq, refusedStates),
        delay(FOLD_TIMEOUT_MS, undefined, { ref: false }),
      ]);
      reservation.settle();
    } catch (error) {
      reservation.cancel();
      throw error;
    }
    return born.map(({ state }) => state);
  }

  #store(entries: readonly Append[]): Promise<number> {
    const [only, ...more] = entries as [Append, ...Append[]];
    return more.length === 0 ? this.#parts.log.append(only) : this.#parts.log.appendAll(entries);
  }

  /**
   * A worker ends refused tasks too, should this front not live to do it; whoever comes first. One that the
   * worker has ended already keeps the others out, since they are stored together, so then each goes alone.
   */
  async #end(entries: readonly Append[]): Promise<void> {
    if (entries.length === 0) return;
    try {
      await this.#store(entries);
    } catch (error) {
      if (!(error instanceof LogConflict)) throw error;
      if (entries.length > 1) await Promise.all(entries.map((entry) => this.#end([entry])));
    }
  }

  /** Resolves when the projection shows the event with this sequence, and the ends of these tasks. */
  async #shown(seq: number, refused: readonly TaskState[]): Promise<void> {
    await this.#parts.projection.reached(seq);
    await untilEnded(this.#parts.projection, refused);
  }
}

interface Born {
  readonly queued: Append;
  readonly rest: readonly Append[];
  readonly state: TaskState;
}

/** The task's actor is alive for as long as the front has a say in it: until it is queued, or refused. */
function bringToLife(account: Account, { definition, sent, metas, refused }: CheckedTask): Born {
  const key = newKey();
  const events: TaskEvent[] = [];
  const actor = startTask(
    {
      type: 'queued',
      at: eventDate(),
      account: account.name,
      task: sent,
      ...(metas && { task_metas: metas }),
      ...(refused && { refused }),
    },
    (event) => events.push(event),
  );
  if (refused)
    tell(actor, {
      type: 'failed',
      at: eventDate(),
      account: account.name,
      attempt: 0,
      error: { parameters: refused },
    });
  actor.stop();
  const [first, ...others] = events as [Queued, ...TaskEvent[]];
  const place = { name: definition.name, key };
  const queued = seal(place, first);
  const rest = others.map((event) => seal(place, event, hashOf(queued.data)));
  const state = fold(undefined, { ...queued, seq: 0 }) as TaskState;
  return { queued, rest, state };
}
