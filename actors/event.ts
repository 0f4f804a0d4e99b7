import Type, { type Static } from 'typebox';

/**
 * The facts that a task's history is made of.
 *
 * | word | means |
 * |---|---|
 * | event | a fact in the log, past tense |
 * | attempt | one try by one worker, counted from 1; 0 where no attempt was involved |
 * | history | one task's events in log order |
 *
 * These are at once the events that the task machine accepts, the events that it emits and the events
 * that the log stores. Dates are ISO 8601 in UTC with microseconds and `+00:00`, so they sort as text.
 */
const EventDate = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}\\+00:00$' });
const Attempt = Type.Integer({ minimum: 0 });
const Account = Type.String({ minLength: 1 });
const JsonObject = Type.Record(Type.String(), Type.Unknown());

/** What did not fit the task's schema: `{"url": ["this field is required"]}`. */
export const ParameterProblems = Type.Record(Type.String(), Type.Array(Type.String()));
export type ParameterProblems = Static<typeof ParameterProblems>;

/** `image/jpeg`: it becomes a header of the answer that serves the file, so nothing that could end a line. */
const MediaType = Type.String({ pattern: '^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$' });

/** One stored file, at `<key>/<attempt>/<file>`. `sha256` is lower-case hex. */
export const StoredOutput = Type.Object({
  name: Type.String(),
  attempt: Attempt,
  file: Type.String(),
  content_type: MediaType,
  bytes: Type.Integer({ minimum: 0 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
});
export type StoredOutput = Static<typeof StoredOutput>;

/** A source as the attempt found it. */
export const FetchedSource = Type.Object({
  /** As it may be shown: at most 300 characters, without user information. */
  url: Type.String(),
  bytes: Type.Integer({ minimum: 0 }),
  /** As whoever gave it called it; not what the bytes are. Not there if they did not say. */
  content_type: Type.Optional(Type.String()),
});
export type FetchedSource = Static<typeof FetchedSource>;

/** Milliseconds that an attempt spent in each phase. The phases that came later are not there in older events. */
export const Spent = Type.Object({
  /** From when it could have begun, queued or after the delay that follows a failure, until it did. */
  queued: Type.Optional(Type.Number()),
  fetching: Type.Number(),
  /** For a decoder, while other tasks of its worker had them all. */
  waiting: Type.Optional(Type.Number()),
  running: Type.Number(),
  storing: Type.Number(),
});
export type Spent = Static<typeof Spent>;

/** What is known of an attempt that is over. */
const known = {
  spent: Type.Optional(Spent),
  sources: Type.Optional(Type.Array(FetchedSource)),
};

/** The client's definition without credentials and metas: `task_name` and the parameters as they were sent. */
export const TaskDefinitionSent = Type.Intersect([Type.Object({ task_name: Type.String() }), JsonObject]);

export const Queued = Type.Object({
  type: Type.Literal('queued'),
  at: EventDate,
  account: Account,
  task: TaskDefinitionSent,
  task_metas: Type.Optional(JsonObject),
  /** Set when the parameters do not fit: no worker may run the task, `failed` follows at once. */
  refused: Type.Optional(ParameterProblems),
});
export type Queued = Static<typeof Queued>;

/**
 * How many tasks that may have killed their workers are tried side by side, this one included; not there for any other
 * task, nor for one that is alone. If the worker is lost with such a company, the attempt is not counted against `ATTEMPTS`.
 */
const company = Type.Optional(Type.Integer({ minimum: 2 }));

export const Started = Type.Object({
  type: Type.Literal('started'),
  at: EventDate,
  account: Account,
  attempt: Attempt,
  worker: Type.String(),
  /** Why it follows an attempt of which nothing more was heard; of any other, that one's `retried` says it. */
  reason: Type.Optional(Type.String()),
  company,
});

export const Progress = Type.Object({
  type: Type.Literal('progress'),
  at: EventDate,
  account: Account,
  attempt: Attempt,
  /** What the attempt has reported last; not there if it has reported nothing yet. */
  progress: Type.Optional(Type.Unknown()),
  /** Every output that the attempt has stored so far, since of its progress events the last counts. */
  outputs: Type.Optional(Type.Array(StoredOutput)),
  /** Set when the attempt began alone and others have begun beside it. */
  company,
});

export const Retried = Type.Object({
  type: Type.Literal('retried'),
  at: EventDate,
  account: Account,
  attempt: Attempt,
  reason: Type.String(),
  /** When the next attempt may begin. */
  next: EventDate,
  /** The worker was told to stop and gave the task back: not counted against `ATTEMPTS`. */
  handed_back: Type.Optional(Type.Boolean()),
  ...known,
});

export const Completed = Type.Object({
  type: Type.Literal('completed'),
  at: EventDate,
  account: Account,
  attempt: Attempt,
  result: Type.Unknown(),
  outputs: Type.Array(StoredOutput),
  ...known,
  spent: Spent,
});

export const Failed = Type.Object({
  type: Type.Literal('failed'),
  at: EventDate,
  account: Account,
  attempt: Attempt,
  error: Type.Union([Type.String(), Type.Object({ parameters: ParameterProblems })]),
  ...known,
});

export const Canceled = Type.Object({
  type: Type.Literal('canceled'),
  at: EventDate,
  account: Account,
  attempt: Attempt,
});

export const TaskEvent = Type.Union([Queued, Started, Progress, Retried, Completed, Failed, Canceled]);
export type TaskEvent = Static<typeof TaskEvent>;
export type TaskEventType = TaskEvent['type'];

export const TASK_EVENT_TYPES: readonly TaskEventType[] = TaskEvent.anyOf.map(
  ({ properties }) => properties.type.const,
);

/** Whether an event of this type ends its task. */
export const isEnd = (type: TaskEventType): boolean =>
  type === 'completed' || type === 'failed' || type === 'canceled';

/** The later of two event dates: a task's dates never run backwards, whatever the clocks of its hosts say. */
export const later = (a: string, b: string): string => (a > b ? a : b);
