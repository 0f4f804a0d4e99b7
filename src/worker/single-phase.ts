import { asFailure, type Outcome, tookTooLong } from '../../actors/attempt.ts';
import type { Spent } from '../../actors/event.ts';
import type { Json, RunContext, TaskDefinition } from '../tasks/definition.ts';
import type { Interruption } from './interruption.ts';

/** True for a task that has nothing to fetch, no place to wait for and nothing to store. */
export const hasSinglePhase = (definition: TaskDefinition, parameters: Record<string, unknown>): boolean =>
  definition.runsIn === 'worker' &&
  definition.sources(parameters).length === 0 &&
  definition.files(parameters).length === 0;

/** What a task of one phase is given. Most never look at the signal, and to make one takes 1.6 µs. */
class PhaseContext implements RunContext {
  readonly sources = [];
  readonly progress: (value: Json) => void;
  #controller: AbortController | undefined;

  constructor(progress: (value: Json) => void) {
    this.progress = progress;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  output(): Promise<void> {
    return Promise.reject(new Error('a task that names no files made one'));
  }

  abort(): void {
    this.#controller ??= new AbortController();
    this.#controller.abort();
  }
}

interface Work {
  readonly definition: TaskDefinition;
  readonly parameters: Record<string, unknown>;
  /** Milliseconds that the task has waited for this attempt. */
  readonly queuedMs: number;
  readonly progress: (value: Json) => void;
}

/**
 * What the attempt machine and its effects do for a task that has one phase: there is no order of phases to keep, so
 * there is no machine. With 64 at once, an attempt at a `hello` takes 110 µs of CPU less, the log's part not counted; it
 * took 155.
 */
export class SinglePhase {
  readonly #work: Work;
  readonly #startedAt = performance.now();
  #running = 0;

  constructor(work: Work) {
    this.#work = work;
  }

  /** What there is to tell of the attempt. */
  known(): { readonly spent: Spent } {
    return { spent: { queued: this.#work.queuedMs, fetching: 0, running: this.#running, storing: 0 } };
  }

  /** Resolves with what came of it, or of the interruption or the deadline that came first. */
  run(deadlineMs: number | undefined, interruption: Interruption): Promise<Outcome> {
    const { definition, parameters, progress } = this.#work;
    const context = new PhaseContext(progress);
    return new Promise((resolve) => {
      const end = (outcome: Outcome): void => {
        clearTimeout(deadline);
        this.#running = Math.round((performance.now() - this.#startedAt) * 1_000) / 1_000;
        resolve(outcome);
      };
      const cutOff = (outcome: Outcome): void => {
        end(outcome);
        context.abort();
      };
      const deadline =
        deadlineMs === undefined
          ? undefined
          : setTimeout(() => cutOff({ kind: 'failure', failure: tookTooLong(deadlineMs) }), deadlineMs);
      interruption.listen((reason) => cutOff({ kind: reason === 'stop' ? 'handed_back' : 'canceled' }));
      // Whatever way it throws.
      const ran = (async () => definition.run(parameters, context))();
      ran.then(
        (result) => end({ kind: 'completed', result, outputs: [] }),
        (error: unknown) => end({ kind: 'failure', failure: asFailure(error) }),
      );
    });
  }
}
