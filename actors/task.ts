import { type ActorRefFrom, assign, createActor, emit, setup } from 'xstate';
import { later, type Queued, type StoredOutput, type TaskEvent } from './event.ts';

/** What a task knows of itself. Its dates are event dates (`event.ts`). */
export interface TaskContext {
  readonly account: string;
  readonly task_name: string;
  /** The highest attempt that has started; 0 before the first. */
  readonly attempt: number;
  /** The date of the newest event. */
  readonly at: string;
  readonly queued: string;
  /** When the current attempt started. */
  readonly started: string | undefined;
  readonly completed: string | undefined;
  /** What the current attempt reported last. */
  readonly progress: unknown;
  /** The task's value, or its error. */
  readonly result: unknown;
  /** Those of the task's end; before it, those that the current attempt has stored so far. */
  readonly outputs: readonly StoredOutput[];
}

const born = (event: Queued): TaskContext => ({
  account: event.account,
  task_name: event.task.task_name,
  attempt: 0,
  at: event.at,
  queued: event.at,
  started: undefined,
  completed: undefined,
  progress: undefined,
  result: undefined,
  outputs: [],
});

/** The context after an accepted event. */
function recorded(context: TaskContext, event: TaskEvent): TaskContext {
  const at = later(context.at, event.at);
  switch (event.type) {
    case 'queued':
      return context;
    case 'started':
      return { ...context, at, started: at, attempt: event.attempt, progress: undefined, outputs: [] };
    case 'progress':
      return { ...context, at, progress: event.progress, outputs: event.outputs ?? [] };
    case 'retried':
      return { ...context, at, started: undefined, progress: undefined, outputs: [] };
    case 'completed':
      return { ...context, at, completed: at, result: event.result, outputs: event.outputs };
    case 'failed':
      return { ...context, at, completed: at, result: event.error, outputs: [] };
    case 'canceled':
      return { ...context, at, completed: at, result: 'canceled', outputs: [] };
  }
}

/**
 * A task's life in the words that clients see. The events it accepts are the log's events.
 *
 * ```
 *            started                 completed
 *  queued ────────────► executing ──────────────► success
 *    │  ▲                │  │  ▲
 *    │  └─── retried ────┘  └──┘ progress; started, when the worker of the attempt before died
 *    │                   │
 *    └───────────────────┴── failed, canceled ──► error
 * ```
 *
 * Each transition emits the event that caused it; whoever hosts the live actor appends what was emitted.
 * An event that the state does not accept is ignored, so nothing illegal is emitted. There are no timers,
 * no invocations and no I/O in here: sending a history to an actor that nobody listens to replays it.
 *
 * `completed`, `failed` and `canceled` are accepted in every open state and from any attempt: whichever
 * attempt ends first is the end, and the log, which stores one terminal event a task, has decided which.
 */
export const taskMachine = setup({
  types: {
    context: {} as TaskContext,
    events: {} as TaskEvent,
    emitted: {} as TaskEvent,
    input: {} as Queued,
  },
  guards: {
    isNewAttempt: ({ context, event }) => event.type === 'started' && event.attempt > context.attempt,
    isThisAttempt: ({ context, event }) => 'attempt' in event && event.attempt === context.attempt,
  },
  actions: {
    record: assign(({ context, event }) => recorded(context, event)),
    announce: emit(({ event }) => event),
    // The first event is the machine's input, so it arrives inside XState's own initial event.
    announceQueued: emit(({ event }) => (event as unknown as { readonly input: Queued }).input),
  },
}).createMachine({
  id: 'task',
  context: ({ input }) => born(input),
  entry: 'announceQueued',
  initial: 'queued',
  states: {
    queued: {
      on: {
        started: { guard: 'isNewAttempt', target: 'executing', actions: ['record', 'announce'] },
        completed: { target: 'success', actions: ['record', 'announce'] },
        failed: { target: 'error', actions: ['record', 'announce'] },
        canceled: { target: 'error', actions: ['record', 'announce'] },
      },
    },
    executing: {
      on: {
        started: { guard: 'isNewAttempt', target: 'executing', actions: ['record', 'announce'] },
        progress: { guard: 'isThisAttempt', actions: ['record', 'announce'] },
        retried: { guard: 'isThisAttempt', target: 'queued', actions: ['record', 'announce'] },
        completed: { target: 'success', actions: ['record', 'announce'] },
        failed: { target: 'error', actions: ['record', 'announce'] },
        canceled: { target: 'error', actions: ['record', 'announce'] },
      },
    },
    success: { type: 'final' },
    error: { type: 'final' },
  },
});

export type TaskActor = ActorRefFrom<typeof taskMachine>;

/** Brings a new task to life. `append` gets each event that the task accepts, the first one included. */
export function startTask(queued: Queued, append: (event: TaskEvent) => void): TaskActor {
  const actor = createActor(taskMachine, { input: queued });
  actor.on('*', append);
  return actor.start();
}

/**
 * Brings a task back from its history; nothing is emitted on the way. `append`, if given, gets what the
 * task accepts from then on. The history begins with `queued`.
 */
export function replayTask(
  [queued, ...rest]: readonly [Queued, ...TaskEvent[]],
  append?: (event: TaskEvent) => void,
): TaskActor {
  const actor = createActor(taskMachine, { input: queued }).start();
  for (const event of rest) tell(actor, event);
  if (append) actor.on('*', append);
  return actor;
}

/** Sends an event. A task that has ended hears nothing more; XState would complain on the console. */
export function tell(actor: TaskActor, event: TaskEvent): void {
  if (actor.getSnapshot().status === 'active') actor.send(event);
}
