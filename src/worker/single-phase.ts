import { asFailure, ENDED_EARLY, type Outcome, tookTooLong } from '../../actors/attempt.ts';
import type { Json, WorkerContext, WorkerDefinition } from '../tasks/definition.ts';
import { type AttemptRun, type Known, msSince, type RunInput } from './attempt-run.ts';

/** What a task of one phase is given. Most never look at the signal, and to make one takes 1.6 µs. */
class PhaseContext implements WorkerContext {
  readonly progress: (value: Json) => void;
  #controller: AbortController | undefined;

  constructor(reports: RunInput['progress']) {
    this.progress = (value) => reports.report(value);
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  abort(): void {
    this.#controller ??= new AbortController();
    this.#controller.abort();
  }
}

/**
 * What the attempt machine and its effects do for a task that runs in the worker itself: it has nothing to fetch, no
 * decoder to wait for and nothing to store, so there is no order of phases to keep and no machine. With 64 at once, an
 * attempt at a `hello` takes 110 µs of CPU less, the log's part not counted; it took 155.
 */
export class SinglePhase implements AttemptRun {
  readonly #definition: Pick<WorkerDefinition, 'run'>;
  readonly #input: RunInput;
  readonly #startedAt = performance.now();
  #running = 0;

  constructor(definition: Pick<WorkerDefinition, 'run'>, input: RunInput) {
    this.#definition = definition;
    this.#input = input;
  }

  known(): Known {
    return { spent: { queued: this.#input.queuedMs, fetching: 0, running: this.#running, storing: 0 } };
  }

  run(): Promise<Outcome | undefined> {
    const { parameters, deadlineMs, progress, interruption, isOurs } = this.#input;
    const context = new PhaseContext(progress);
    return new Promise((resolve) => {
      const end = (outcome: Outcome | undefined): void => {
        clearTimeout(deadline);
        this.#running = msSince(this.#startedAt);
        resolve(outcome);
      };
      const cutOff = (outcome: Outcome | undefined): void => {
        end(outcome);
        context.abort();
      };
      const deadline =
        deadlineMs === undefined
          ? undefined
          : setTimeout(() => cutOff({ kind: 'failure', failure: tookTooLong(deadlineMs) }), deadlineMs);
      void isOurs.then((isOurs) => isOurs || cutOff(undefined));
      interruption.listen((command) => cutOff(ENDED_EARLY[command]));
      // Whatever way it throws.
      const ran = (async () => this.#definition.run(parameters, context))();
      ran.then(
        (result) => end({ kind: 'completed', result, outputs: [] }),
        (error: unknown) => end({ kind: 'failure', failure: asFailure(error) }),
      );
    });
  }

  /** Nothing is held. */
  cleanUp(): undefined {}
}
