import { setTimeout as delay } from 'node:timers/promises';
import { createActor, waitFor } from 'xstate';
import { attemptMachine, type Outcome } from '../../actors/attempt.ts';
import type { Queued, TaskEvent } from '../../actors/event.ts';
import { givenUp, judge, RETRY_DELAYS } from '../../actors/retry.ts';
import { replayTask, type TaskActor, tell } from '../../actors/task.ts';
import type { Config } from '../config.ts';
import { dateToMs, eventDate, formatDate, nowMicros } from '../log/event-date.ts';
import { type Delivery, type EventLog, LogConflict, LogUnavailable } from '../log/log.ts';
import type { Logger } from '../logger.ts';
import { foldHistory } from '../projection/state.ts';
import { catalogue } from '../tasks/catalogue.ts';
import type { TaskDefinition } from '../tasks/definition.ts';
import { checkParameters } from '../tasks/parameters.ts';
import { createEffects, type EffectParts } from './effects.ts';
import { ProgressReports } from './progress.ts';
import { Suspects } from './suspects.ts';

/** What to do with the delivery once the attempt is over; undone things are left to the lease. */
export type Settle = (delivery: Delivery) => void;

const ACK: Settle = (delivery) => delivery.ack();
const LEAVE: Settle = () => {};
/** When a suspect that found no place is handed out again, here or elsewhere. */
const SUSPECT_AGAIN_MS = 1_000;
const release =
  (delayMs: number): Settle =>
  (delivery) =>
    delivery.release(delayMs);

export interface Attempt {
  readonly ended: Promise<Settle>;
  /** The worker stops: end this here so that another can take it. */
  handBack(): void;
}

export interface AttemptParts extends EffectParts {
  readonly worker: string;
  readonly log: EventLog;
  readonly config: Pick<Config, 'ATTEMPTS' | 'TASK_TIMEOUT'>;
  readonly logger: Logger;
}

/** Whether a delivered task is to be tried, and as which attempt. */
type Plan =
  | {
      readonly kind: 'try';
      readonly attempt: number;
      readonly spent: number;
      /** Its last attempt, and the one before died with its worker. */
      readonly isSuspect: boolean;
      readonly events: readonly TaskEvent[];
    }
  | {
      readonly kind: 'fail';
      readonly error: string;
      readonly attempt: number;
      readonly events: readonly TaskEvent[];
    }
  | { readonly kind: 'settle'; readonly settle: Settle };

/** Runs attempts of delivered tasks. What happens is in the log before the delivery is settled. */
export class Attempts {
  readonly #parts: AttemptParts;
  readonly #suspects = new Suspects();

  constructor(parts: AttemptParts) {
    this.#parts = parts;
  }

  begin(delivery: Delivery): Attempt {
    const stop = new AbortController();
    return { ended: this.#run(delivery, stop.signal), handBack: () => stop.abort() };
  }

  async #run(delivery: Delivery, stop: AbortSignal): Promise<Settle> {
    const { name, queued, key } = delivery;
    const plan = await this.#plan(delivery);
    if (plan.kind === 'settle') return plan.settle;
    const record = new TaskRecord(this.#parts, name, key, plan.events);
    if (queued.refused)
      return record.end({ type: 'failed', attempt: 0, error: { parameters: queued.refused } });
    if (plan.kind === 'fail') return record.end({ type: 'failed', attempt: plan.attempt, error: plan.error });
    const definition = catalogue.get(name);
    const { task_name: _, ...sent } = queued.task;
    const checked = definition && checkParameters(definition, sent);
    if (!definition || !checked) return release(30_000);
    if (!checked.ok)
      return record.end({ type: 'failed', attempt: 0, error: { parameters: checked.problems } });
    if (!plan.isSuspect) return this.#try(definition, checked.value, record, plan, delivery, stop);
    if (!(await this.#suspects.enter())) return release(SUSPECT_AGAIN_MS);
    try {
      return await this.#try(definition, checked.value, record, plan, delivery, stop);
    } finally {
      this.#suspects.leave();
    }
  }

  /** A task that is handed out for the first time has no past to read. */
  async #plan({ key, queued, count }: Delivery): Promise<Plan> {
    if (count === 1) return { kind: 'try', attempt: 1, spent: 1, isSuspect: false, events: [queued] };
    const history = await this.#parts.log.history(key).catch((error: unknown) => {
      if (error instanceof LogUnavailable) return undefined;
      throw error;
    });
    if (!history) return { kind: 'settle', settle: LEAVE };
    const state = foldHistory(history);
    // Its events have left the log: nothing can be said of it any more.
    if (!state || state.completed !== undefined) return { kind: 'settle', settle: ACK };
    const events = history.map(({ event }) => event);
    const retried = events.flatMap((event) => (event.type === 'retried' ? [event] : []));
    const waitMs = Math.max(0, ...retried.map(({ next }) => dateToMs(next) - Date.now()));
    if (waitMs > 50) return { kind: 'settle', settle: release(waitMs) };
    const started = events.filter(({ type }) => type === 'started').length;
    const spent = started - retried.filter(({ handed_back }) => handed_back).length;
    const last = retried.find((event) => event.attempt === state.attempt);
    const left = this.#parts.config.ATTEMPTS - spent;
    if (left > 0) {
      const isSuspect = left === 1 && started > 0 && last === undefined;
      return { kind: 'try', attempt: state.attempt + 1, spent: spent + 1, isSuspect, events };
    }
    const reason = last?.reason ?? 'the worker stopped while it ran the task';
    return { kind: 'fail', error: givenUp(reason, spent), attempt: state.attempt, events };
  }

  async #try(
    definition: TaskDefinition,
    parameters: Record<string, unknown>,
    record: TaskRecord,
    plan: Extract<Plan, { kind: 'try' }>,
    delivery: Delivery,
    stop: AbortSignal,
  ): Promise<Settle> {
    const { attempt } = plan;
    const started = record.add({ type: 'started', attempt, worker: this.#parts.worker });
    // The first start is not waited for; a later one is, so that a task that kills its worker is counted.
    if (delivery.count > 1 && !(await started)) return LEAVE;
    const progress = new ProgressReports(
      (value) => void record.add({ type: 'progress', attempt, progress: value }),
    );
    const effects = createEffects(this.#parts, {
      definition,
      parameters,
      key: delivery.key,
      attempt,
      progress,
    });
    let settle: Settle = LEAVE;
    const actor = createActor(attemptMachine, {
      input: {
        deadlineMs: definition.hasDeadline ? this.#parts.config.TASK_TIMEOUT * 1_000 : undefined,
        effects: {
          ...effects,
          report: async (outcome) => {
            progress.flush();
            settle = await this.#report(outcome, record, plan, effects.spent);
          },
        },
      },
    });
    actor.start();
    // Someone else has this attempt: whatever this one makes would lose.
    void started.then((isOurs) => isOurs || actor.stop());
    const handBack = () => actor.send({ type: 'HAND_BACK' });
    if (stop.aborted) handBack();
    else stop.addEventListener('abort', handBack, { once: true });
    await waitFor(actor, ({ status }) => status !== 'active').catch(() => {});
    await effects.cleanUp();
    return settle;
  }

  async #report(
    outcome: Outcome,
    record: TaskRecord,
    { attempt, spent }: Extract<Plan, { kind: 'try' }>,
    times: ReturnType<typeof createEffects>['spent'],
  ): Promise<Settle> {
    switch (outcome.kind) {
      case 'completed':
        return record.end({
          type: 'completed',
          attempt,
          result: outcome.result,
          outputs: [...outcome.outputs],
          spent: { ...times },
        });
      case 'canceled':
        return record.end({ type: 'canceled', attempt });
      case 'handed_back': {
        const isOurs = await record.add({
          type: 'retried',
          attempt,
          reason: 'the worker was told to stop',
          next: eventDate(),
          handed_back: true,
        });
        return isOurs ? release(0) : LEAVE;
      }
      case 'failure': {
        const { failure } = outcome;
        if (failure.cause !== undefined)
          this.#parts.logger.warn({ err: failure.cause, key: record.key, attempt }, failure.message);
        const verdict = judge(failure, spent, { attempts: this.#parts.config.ATTEMPTS, ...RETRY_DELAYS });
        if (verdict.kind === 'fail') return record.end({ type: 'failed', attempt, error: verdict.error });
        const next = formatDate(nowMicros() + verdict.delayMs * 1_000);
        this.#parts.logger.info({ key: record.key, attempt, reason: verdict.reason, next }, 'will try again');
        const isOurs = await record.add({ type: 'retried', attempt, reason: verdict.reason, next });
        return isOurs ? release(verdict.delayMs) : LEAVE;
      }
    }
  }
}

type Unstamped<T> = T extends TaskEvent ? Omit<T, 'at' | 'account'> : never;

/** One task's record as its worker writes it: the live actor, and what it emits on its way into the log. */
class TaskRecord {
  readonly key: string;
  readonly #parts: AttemptParts;
  readonly #name: string;
  readonly #account: string;
  readonly #actor: TaskActor;
  #stored: Promise<boolean> = Promise.resolve(false);

  constructor(parts: AttemptParts, name: string, key: string, events: readonly TaskEvent[]) {
    const past = events as readonly [Queued, ...TaskEvent[]];
    this.#parts = parts;
    this.#name = name;
    this.key = key;
    this.#account = past[0].account;
    this.#actor = replayTask(past, (event) => {
      this.#stored = this.#store(event);
    });
  }

  /** Resolves with true once the event is in the log, with false if another one has its place. */
  add(event: Unstamped<TaskEvent>): Promise<boolean> {
    this.#stored = Promise.resolve(false);
    tell(this.#actor, { ...event, at: eventDate(), account: this.#account } as TaskEvent);
    return this.#stored;
  }

  /** The task's end: this one, or the one that was there first. */
  async end(event: Unstamped<TaskEvent>): Promise<Settle> {
    const isOurs = await this.add(event);
    if (isOurs && event.type === 'failed')
      this.#parts.logger.info({ key: this.key, attempt: event.attempt, error: event.error }, 'task failed');
    this.#actor.stop();
    return ACK;
  }

  /** An event that is known is written, however long the log is out of reach. */
  async #store(event: TaskEvent): Promise<boolean> {
    for (;;) {
      try {
        await this.#parts.log.append({ name: this.#name, key: this.key, event });
        return true;
      } catch (error) {
        if (error instanceof LogConflict) return false;
        if (event.type === 'progress') return false;
        await delay(250);
      }
    }
  }
}
