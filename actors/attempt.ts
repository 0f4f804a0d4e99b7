import { assign, fromPromise, setup } from 'xstate';
import type { StoredOutput } from './event.ts';
import { TaskFailure } from './failure.ts';

/** How an attempt ended. `handed_back`: the worker is stopping and another one shall try. */
export type Outcome =
  | { readonly kind: 'completed'; readonly result: unknown; readonly outputs: readonly StoredOutput[] }
  | { readonly kind: 'failure'; readonly failure: TaskFailure }
  | { readonly kind: 'canceled' }
  | { readonly kind: 'handed_back' };

/** Ends an attempt early: its task has ended elsewhere (canceled, as a rule), or its worker stops. */
export type AttemptCommand = 'CANCEL' | 'HAND_BACK';

/** What an attempt that is ended early comes to. */
export const ENDED_EARLY: Readonly<Record<AttemptCommand, Outcome>> = {
  CANCEL: { kind: 'canceled' },
  HAND_BACK: { kind: 'handed_back' },
};

/** What the host does in each phase. An effect whose phase is left early is not waited for. */
export interface AttemptEffects {
  /** Resolves with the milliseconds that it took. */
  fetch(): Promise<number>;
  /** Resolves when there is a decoder to run in, which is kept until the task has run. */
  waitForDecoder(): Promise<void>;
  /** Resolves with the task's result; some of its outputs may still be on their way into storage. */
  run(): Promise<unknown>;
  /** Waits until every output is durable. */
  store(): Promise<readonly StoredOutput[]>;
}

interface AttemptInput {
  /** Milliseconds of work after which the attempt is cut off; undefined for none. */
  readonly deadlineMs: number | undefined;
  readonly effects: AttemptEffects;
}

interface AttemptContext extends AttemptInput {
  readonly fetchingMs: number;
  readonly result: unknown;
  readonly outcome: Outcome;
}

/** What the task says of its failure; anything else that it throws is a defect, of which a client learns no more. */
export const asFailure = (error: unknown): TaskFailure =>
  error instanceof TaskFailure
    ? error
    : new TaskFailure('the task failed unexpectedly', { passing: true, cause: error });

export const tookTooLong = (deadlineMs: number): TaskFailure =>
  new TaskFailure(`the task took longer than ${deadlineMs / 1_000} s`, { passing: true });

/**
 * One try of one task by one worker, where it goes through phases. Never replayed: it is about the world, not about the
 * record.
 *
 * ```
 * fetching ──► waitingForDecoder ──► running ──► storing ──► over
 *     └────────────────┴────────────────┴───────────┴─────────▲
 *                  a failure, the deadline, CANCEL, HAND_BACK
 * ```
 *
 * Outputs are stored as they are made, while the task runs; storing waits for those that are still on their way.
 * The deadline covers fetching, running and storing together. Waiting for a decoder does not count: that others are at
 * work is no fault of the task's. So running and storing have a state around them, `making`, which gives them what fetching
 * has left of the deadline; around all that can be ended early is `working`.
 *
 * The outcome is the machine's output, and whoever hosts it writes it into the log, as that of an attempt of one phase,
 * which has no machine.
 *
 * The effects are input rather than `provide`d: that builds the machine anew, and an attempt took 220 µs instead of 80.
 */
export const attemptMachine = setup({
  types: {
    context: {} as AttemptContext,
    events: {} as { readonly type: AttemptCommand },
    input: {} as AttemptInput,
    output: {} as Outcome,
  },
  actors: {
    fetch: fromPromise<number, AttemptEffects>(({ input }) => input.fetch()),
    waitForDecoder: fromPromise<void, AttemptEffects>(({ input }) => input.waitForDecoder()),
    run: fromPromise<unknown, AttemptEffects>(({ input }) => input.run()),
    store: fromPromise<readonly StoredOutput[], AttemptEffects>(({ input }) => input.store()),
  },
  actions: {
    endEarly: assign(({ event }) => ({ outcome: ENDED_EARLY[event.type] })),
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
    rest: ({ context }) => Math.max(0, (context.deadlineMs ?? 0) - context.fetchingMs),
  },
  guards: { hasDeadline: ({ context }) => context.deadlineMs !== undefined },
}).createMachine({
  id: 'attempt',
  context: ({ input }) => ({ ...input, fetchingMs: 0, result: undefined, outcome: ENDED_EARLY.HAND_BACK }),
  initial: 'working',
  output: ({ context }) => context.outcome,
  states: {
    working: {
      initial: 'fetching',
      on: {
        CANCEL: { target: 'over', actions: 'endEarly' },
        HAND_BACK: { target: 'over', actions: 'endEarly' },
      },
      states: {
        fetching: {
          after: { deadline: { guard: 'hasDeadline', target: '#attempt.over', actions: 'failLate' } },
          invoke: {
            src: 'fetch',
            input: ({ context }) => context.effects,
            onDone: {
              target: 'waitingForDecoder',
              actions: assign({ fetchingMs: ({ event }) => event.output }),
            },
            onError: { target: '#attempt.over', actions: 'fail' },
          },
        },
        waitingForDecoder: {
          invoke: {
            src: 'waitForDecoder',
            input: ({ context }) => context.effects,
            onDone: 'making',
            onError: { target: '#attempt.over', actions: 'fail' },
          },
        },
        making: {
          initial: 'running',
          after: { rest: { guard: 'hasDeadline', target: '#attempt.over', actions: 'failLate' } },
          states: {
            running: {
              invoke: {
                src: 'run',
                input: ({ context }) => context.effects,
                onDone: { target: 'storing', actions: assign({ result: ({ event }) => event.output }) },
                onError: { target: '#attempt.over', actions: 'fail' },
              },
            },
            storing: {
              invoke: {
                src: 'store',
                input: ({ context }) => context.effects,
                onDone: {
                  target: '#attempt.over',
                  actions: assign({
                    outcome: ({ context, event }) => ({
                      kind: 'completed',
                      result: context.result,
                      outputs: event.output,
                    }),
                  }),
                },
                onError: { target: '#attempt.over', actions: 'fail' },
              },
            },
          },
        },
      },
    },
    over: { type: 'final' },
  },
});
