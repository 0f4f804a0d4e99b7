import type { Outcome } from '../../actors/attempt.ts';
import type { ParameterProblems } from '../../actors/event.ts';
import { judge, RETRY_DELAYS } from '../../actors/retry.ts';
import type { Config } from '../config.ts';
import { eventDate, formatDate, nowMicros } from '../log/event-date.ts';
import { type EventLog, LogUnavailable } from '../log/log.ts';
import type { Delivery } from '../log/task-queue.ts';
import type { Logger } from '../logger.ts';
import { catalogue } from '../tasks/catalogue.ts';
import type { TaskDefinition } from '../tasks/definition.ts';
import { checkParameters } from '../tasks/parameters.ts';
import type { AttemptRun, Known } from './attempt-run.ts';
import type { EndWatch } from './end-watch.ts';
import { Interruption } from './interruption.ts';
import type { LentDecoder } from './media/pool.ts';
import { type PhasedParts, PhasedRun } from './phased-run.ts';
import { firstAttempt, type Plan, planAttempt, waitedFor } from './plan.ts';
import { ProgressReports } from './progress.ts';
import { SharedWork } from './shared-work.ts';
import { SinglePhase } from './single-phase.ts';
import { Suspects, type Turn } from './suspects.ts';
import { foldedTask, liveTask } from './task-life.ts';
import { TaskRecord } from './task-record.ts';

/** What to do with the delivery once the attempt is over. One that is not settled is handed out again after its lease. */
export type Settle = (delivery: Delivery) => void;

const ACK: Settle = (delivery) => delivery.ack();
const LEAVE: Settle = () => {};
/** When a task that this worker does not know is handed out again, to whoever asks first. */
const UNKNOWN_AGAIN_MS = 30_000;
/** When a suspect that had no turn is handed out again, here or elsewhere. */
const SUSPECT_AGAIN_MS = 1_000;
const release =
  (delayMs: number): Settle =>
  (delivery) =>
    delivery.release(delayMs);

/** An attempt that has begun. */
export interface Attempt {
  /** Resolves when nothing is left of it here. Rejects where nobody foresaw what happened; it is for the lease to end it then. */
  readonly ended: Promise<Settle>;
  /** The worker stops: end this here so that another can take it. */
  handBack(): void;
}

interface AttemptParts extends PhasedParts {
  readonly worker: string;
  readonly log: EventLog;
  readonly ends: EndWatch;
  readonly config: Pick<Config, 'ATTEMPTS' | 'TASK_TIMEOUT'>;
  readonly logger: Logger;
}

interface Work {
  readonly definition: TaskDefinition;
  readonly parameters: Record<string, unknown>;
  readonly record: TaskRecord;
  readonly plan: Extract<Plan, { kind: 'try' }>;
  readonly delivery: Delivery;
  readonly interruption: Interruption;
}

/** Runs attempts of delivered tasks. What happens is in the log before the delivery is settled. */
export class Attempts {
  readonly #parts: AttemptParts;
  readonly #suspects = new Suspects();
  readonly #shared: SharedWork<LentDecoder>;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
    this.#shared = new SharedWork(parts.config.TASK_TIMEOUT * 1_000, () => parts.log.ping());
  }

  begin(delivery: Delivery): Attempt {
    const interruption = new Interruption();
    const unwatch = this.#parts.ends.watch(delivery, () => interruption.interrupt('CANCEL'));
    const ended = this.#run(delivery, interruption).finally(unwatch);
    return { ended, handBack: () => interruption.interrupt('HAND_BACK') };
  }

  async #run(delivery: Delivery, interruption: Interruption): Promise<Settle> {
    const { name, queued, key } = delivery;
    const plan = await this.#plan(delivery);
    if (!plan) return LEAVE;
    if (plan.kind === 'over') return ACK;
    if (plan.kind === 'wait') return release(plan.delayMs);
    const definition = catalogue.get(name);
    const task = { name, key };
    const life = definition?.runsIn === 'worker' ? foldedTask(plan.past, task) : liveTask(plan.past);
    const record = new TaskRecord(this.#parts, task, plan.past, life);
    if (queued.refused) return endRefused(record, queued.refused);
    if (plan.kind === 'fail')
      return ending(record, { type: 'failed', attempt: plan.attempt, error: plan.error });
    // A worker of another version may know it.
    if (!definition) return release(UNKNOWN_AGAIN_MS);
    const { task_name: _, ...sent } = queued.task;
    const checked = checkParameters(definition, sent);
    if (!checked.ok) return endRefused(record, checked.problems);
    const work = { definition, parameters: checked.value, record, plan, delivery, interruption };
    return plan.company === undefined ? this.#try(work) : this.#trySuspect(work, plan.company);
  }

  /** Undefined while the log cannot say. */
  async #plan(delivery: Delivery): Promise<Plan | undefined> {
    try {
      if (delivery.count === 1)
        return (await this.#parts.ends.hasEnded(delivery)) ? { kind: 'over' } : firstAttempt(delivery);
      const history = await this.#parts.log.history(delivery.key);
      return planAttempt(history, this.#parts.config.ATTEMPTS, Date.now());
    } catch (error) {
      if (error instanceof LogUnavailable) return undefined;
      throw error;
    }
  }

  async #trySuspect(work: Work, most: number): Promise<Settle> {
    const { interruption } = work;
    const turn = await this.#suspects.enter(most, interruption);
    if (!turn) return interruption.command ? this.#try(work) : release(SUSPECT_AGAIN_MS);
    try {
      return await this.#try(work, turn);
    } finally {
      this.#suspects.leave(turn);
    }
  }

  async #try(work: Work, turn?: Turn): Promise<Settle> {
    const { record, delivery, interruption } = work;
    const { attempt, reason } = work.plan;
    if (interruption.command === 'CANCEL') return ending(record, { type: 'canceled', attempt });
    // It was about to begin: nothing of it has to be said, nor tried again.
    if (interruption.command === 'HAND_BACK') return release(0);
    const started = record.add({
      type: 'started',
      attempt,
      worker: this.#parts.worker,
      ...(reason !== undefined && { reason }),
      ...(turn && turn.company > 1 && { company: turn.company }),
    });
    const progress = new ProgressReports((said) => record.add({ type: 'progress', attempt, ...said }));
    if (turn) turn.onCompany = (company) => progress.accompany(company);
    // The first start is not waited for; a later one is, so that a task that kills its worker is counted.
    if (delivery.count > 1 && !(await started)) return LEAVE;
    const run = this.#runOf(work, progress, started);
    try {
      const outcome = await run.run();
      if (!outcome) return LEAVE;
      const known = run.known();
      // The task has ended already; progress after that would only be noise in its history.
      if (outcome.kind === 'canceled') progress.close();
      else await progress.flush();
      return await this.#report(outcome, work, known);
    } finally {
      progress.close();
      await run.cleanUp();
    }
  }

  #runOf(
    { definition, parameters, plan, delivery, interruption }: Work,
    progress: ProgressReports,
    isOurs: Promise<boolean>,
  ): AttemptRun {
    const queuedMs = waitedFor(plan.past.events, Date.now());
    const deadlineMs = definition.hasDeadline ? this.#parts.config.TASK_TIMEOUT * 1_000 : undefined;
    const input = { parameters, queuedMs, deadlineMs, progress, interruption, isOurs };
    if (definition.runsIn === 'worker') return new SinglePhase(definition, input);
    const { key, seq, queued } = delivery;
    const { attempt } = plan;
    return new PhasedRun(this.#parts, this.#shared, {
      ...input,
      definition,
      account: queued.account,
      key,
      seq,
      attempt,
    });
  }

  async #report(outcome: Outcome, { record, plan }: Work, known: Known): Promise<Settle> {
    const { attempt, counted } = plan;
    switch (outcome.kind) {
      case 'completed':
        return ending(record, {
          type: 'completed',
          attempt,
          result: outcome.result,
          outputs: [...outcome.outputs],
          ...known,
        });
      case 'canceled':
        return ending(record, { type: 'canceled', attempt });
      case 'handed_back': {
        const isOurs = await record.add({
          type: 'retried',
          attempt,
          reason: 'the worker was told to stop',
          next: eventDate(),
          handed_back: true,
          ...known,
        });
        return isOurs ? release(0) : LEAVE;
      }
      case 'failure': {
        const { failure } = outcome;
        if (failure.cause !== undefined)
          this.#parts.logger.warn({ err: failure.cause, key: record.key, attempt }, failure.message);
        const verdict = judge(failure, counted, { attempts: this.#parts.config.ATTEMPTS, ...RETRY_DELAYS });
        if (verdict.kind === 'fail')
          return ending(record, { type: 'failed', attempt, error: verdict.error, ...known });
        const next = formatDate(nowMicros() + verdict.delayMs * 1_000);
        this.#parts.logger.info({ key: record.key, attempt, reason: verdict.reason, next }, 'will try again');
        const isOurs = await record.add({ type: 'retried', attempt, reason: verdict.reason, next, ...known });
        return isOurs ? release(verdict.delayMs) : LEAVE;
      }
    }
  }
}

/** The task ends, and needs no further attempt, whoever's end was first. */
async function ending(record: TaskRecord, end: Parameters<TaskRecord['end']>[0]): Promise<Settle> {
  return (await record.end(end)) ? ACK : LEAVE;
}

const endRefused = (record: TaskRecord, parameters: ParameterProblems): Promise<Settle> =>
  ending(record, { type: 'failed', attempt: 0, error: { parameters } });
