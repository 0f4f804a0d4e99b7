import { assign, fromPromise, setup } from 'xstate';
import type { StoredOutput } from './event.ts';
import { TaskFailure } from './failure.ts';

/** How an attempt ended. `handed_back`: the worker is stopping and another one shall try. */
export type Outcome =
  | { readonly kind: 'completed'; readonly result: unknown; readonly outputs: readonly StoredOutput[] }
  | { readonly kind: 'failure'; readonly failure: TaskFailure }
  | { readonly kind: 'canceled' }
  | { readonly kind: 'handed_back' };

export interface AttemptInput {
  /** False skips the fetching: there is nothing to fetch. */
  readonly hasSources: boolean;
  /** False skips the waiting: the task runs where there is always room. */
  readonly needsPlace: boolean;
  /** Milliseconds of work after which the attempt is cut off; undefined for none. */
  readonly deadlineMs: number | undefined;
  readonly effects: AttemptEffects;
}

/** What running comes to: the values, and how many outputs were made; some may still be on their way into storage. */
export interface Made {
  readonly result: unknown;
  readonly outputs: number;
}

/** What the host does in each phase. Every signal is aborted when the phase is left early. */
export interface AttemptEffects<Fetched = unknown> {
  /** Milliseconds that fetching took, once it is over. */
  readonly spent: { readonly fetching: number };
  fetch(signal: AbortSignal): Promise<Fetched>;
  /** Resolves when there is a place to run in, which is kept until the task has run. */
  wait(signal: AbortSignal): Promise<void>;
  /** `fetched` is undefined where there was nothing to fetch. */
  run(fetched: Fetched | undefined, signal: AbortSignal): Promise<Made>;
  /** Waits until every output is durable. */
  store(made: Made, signal: AbortSignal): Promise<{ result: unknown; outputs: readonly StoredOutput[] }>;
  /** Writes the outcome into the log; resolves once it is there, whatever that takes. */
  report(outcome: Outcome): Promise<void>;
}

export type AttemptEvent = { readonly type: 'CANCEL' } | { readonly type: 'HAND_BACK' };

interface AttemptContext extends AttemptInput {
  readonly outcome: Outcome | undefined;
  readonly fetched: unknown;
  readonly made: Made | undefined;
}

type EffectInput<Value = unknown> = { readonly effects: AttemptEffects; readonly value: Value };

/** What the task says of its failure; anything else that it throws is a defect, of which a client learns no more. */
export const asFailure = (error: unknown): TaskFailure =>
  error instanceof TaskFailure
    ? error
    : new TaskFailure('the task failed unexpectedly', { passing: true, cause: error });

export const tookTooLong = (deadlineMs: number): TaskFailure =>
  new TaskFailure(`the task took longer than ${deadlineMs / 1_000} s`, { passing: true });

/**
 * One try of one task by one worker. Never replayed: it is about the world, not about the record.
 *
 * ```
 * fetching ──► waiting ──► running ──► storing ──► reporting ──► done
 *     └───────────┴───────────┴───────────┴────────────▲
 *        a failure, the deadline, CANCEL, HAND_BACK: leaving a phase aborts what runs in it
 * ```
 *
 * Outputs are stored as they are made, while the task runs; storing waits for those that are still on their way.
 * A phase with nothing to do is passed over: that took a worker from 487 to 364 µs of CPU a `hello`.
 * The deadline covers fetching, running and storing together. Waiting for a place does not count: that others are at
 * work is no fault of the task's. Reporting has none: an outcome that is known is written, however long the log is
 * out of reach.
 */
export const attemptMachine = setup({
  types: {
    context: {} as AttemptContext,
    events: {} as AttemptEvent,
    input: {} as AttemptInput,
    output: {} as Outcome,
  },
  actors: {
    fetch: fromPromise<unknown, EffectInput>(({ input, signal }) => input.effects.fetch(signal)),
    wait: fromPromise<void, EffectInput>(({ input, signal }) => input.effects.wait(signal)),
    run: fromPromise<Made, EffectInput>(({ input, signal }) => input.effects.run(input.value, signal)),
    store: fromPromise<{ result: unknown; outputs: readonly StoredOutput[] }, EffectInput<Made>>(
      ({ input, signal }) => input.effects.store(input.value, signal),
    ),
    report: fromPromise<void, { effects: AttemptEffects; outcome: Outcome }>(({ input }) =>
      input.effects.report(input.outcome),
    ),
  },
  actions: {
    fail: assign(({ event }) => ({
      outcome: {
        kind: 'failure',
        failure: asFailure((event as unknown as { error: unknown }).error),
      } as const,
    })),
    failLate: assign(({ context }) => ({
      outcome: { kind: 'failure', failure: tookTooLong(context.deadlineMs ?? 0) } as const,
    })),
  },
  delays: {
    deadline: ({ context }) => context.deadlineMs ?? 0,
    rest: ({ context }) => Math.max(0, (context.deadlineMs ?? 0) - context.effects.spent.fetching),
  },
  guards: {
    hasDeadline: ({ context }) => context.deadlineMs !== undefined,
    hasSources: ({ context }) => context.hasSources,
    needsPlace: ({ context }) => context.needsPlace,
  },
}).createMachine({
  id: 'attempt',
  context: ({ input }) => ({ ...input, outcome: undefined, fetched: undefined, made: undefined }),
  initial: 'working',
  output: ({ context }) => context.outcome ?? { kind: 'handed_back' },
  states: {
    working: {
      initial: 'beginning',
      on: {
        CANCEL: { target: 'reporting', actions: assign({ outcome: { kind: 'canceled' } }) },
        HAND_BACK: { target: 'reporting', actions: assign({ outcome: { kind: 'handed_back' } }) },
      },
      states: {
        beginning: { always: [{ guard: 'hasSources', target: 'fetching' }, { target: 'fetched' }] },
        fetching: {
          after: { deadline: { guard: 'hasDeadline', target: '#attempt.reporting', actions: 'failLate' } },
          invoke: {
            src: 'fetch',
            input: ({ context }) => ({ effects: context.effects, value: undefined }),
            onDone: { target: 'fetched', actions: assign({ fetched: ({ event }) => event.output }) },
            onError: { target: '#attempt.reporting', actions: 'fail' },
          },
        },
        fetched: { always: [{ guard: 'needsPlace', target: 'waiting' }, { target: 'making' }] },
        waiting: {
          invoke: {
            src: 'wait',
            input: ({ context }) => ({ effects: context.effects, value: undefined }),
            onDone: 'making',
            onError: { target: '#attempt.reporting', actions: 'fail' },
          },
        },
        making: {
          initial: 'running',
          after: { rest: { guard: 'hasDeadline', target: '#attempt.reporting', actions: 'failLate' } },
          states: {
            running: {
              invoke: {
                src: 'run',
                input: ({ context }) => ({ effects: context.effects, value: context.fetched }),
                onDone: [
                  {
                    guard: ({ event }) => event.output.outputs === 0,
                    target: '#attempt.reporting',
                    actions: assign({
                      outcome: ({ event }) => ({
                        kind: 'completed',
                        result: event.output.result,
                        outputs: [],
                      }),
                    }),
                  },
                  { target: 'storing', actions: assign({ made: ({ event }) => event.output }) },
                ],
                onError: { target: '#attempt.reporting', actions: 'fail' },
              },
            },
            storing: {
              invoke: {
                src: 'store',
                input: ({ context }) => ({ effects: context.effects, value: context.made as Made }),
                onDone: {
                  target: '#attempt.reporting',
                  actions: assign({ outcome: ({ event }) => ({ kind: 'completed', ...event.output }) }),
                },
                onError: { target: '#attempt.reporting', actions: 'fail' },
              },
            },
          },
        },
      },
    },
    reporting: {
      invoke: {
        src: 'report',
        input: ({ context }) => ({
          effects: context.effects,
          outcome: context.outcome ?? { kind: 'handed_back' },
        }),
        onDone: 'done',
      },
    },
    done: { type: 'final' },
  },
});
