import Type from 'typebox';
import { ParameterProblems, Queued, TaskDefinitionSent } from '../../../actors/event.ts';
import { KEY_PATTERN } from '../../log/key.ts';
import { WaitReason } from '../wait-reason.ts';
import { HISTORY_SCHEMAS } from './history-schemas.ts';
import { type Schema, schemaRef } from './parts.ts';

/** The very schema by which the log's events are checked. */
const EventDate = Queued.properties.at;
const refTo = (name: string) => Type.Ref(schemaRef(name).$ref);

const Key = Type.String({
  pattern: `^${KEY_PATTERN}$`,
  description:
    'The key of a task: a ULID, with 80 random bits. Whoever knows it may read the status and the files',
});

const dates = { queued: EventDate, started: EventDate, completed: EventDate };
const progress = Type.Optional(
  Type.Unknown({
    description: 'How far the task is, once it has said so; any JSON value, it depends on the task',
  }),
);

const OpenStatus = Type.Object(
  {
    status: Type.Enum(['queued', 'executing']),
    key: refTo('Key'),
    progress,
    events: Type.Object({ queued: dates.queued, started: Type.Optional(dates.started) }),
    result: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description:
          'The files that are there already, as absolute URLs, if the task makes several. An attempt that is followed by another takes them back',
      }),
    ),
  },
  { description: 'A task that has not ended yet' },
);

const ends = Type.Object({
  queued: dates.queued,
  started: Type.Optional(dates.started),
  completed: dates.completed,
});

const SuccessStatus = Type.Object(
  {
    status: Type.Literal('success'),
    key: refTo('Key'),
    progress,
    events: ends,
    result: Type.Unknown({
      description: "The task's value. Files that it made stand beside the values, as absolute URLs",
    }),
  },
  { description: 'A task that has succeeded' },
);

const ErrorStatus = Type.Object(
  {
    status: Type.Literal('error'),
    key: refTo('Key'),
    progress,
    events: ends,
    result: Type.Union([
      Type.String({ description: 'Why the task failed; `canceled` if it was canceled' }),
      Type.Object(
        { parameters: ParameterProblems },
        { description: 'Which parameters do not fit the task, and why' },
      ),
    ]),
  },
  { description: 'A task that has failed' },
);

const Status = Type.Union([refTo('OpenStatus'), refTo('SuccessStatus'), refTo('ErrorStatus')], {
  description: 'Where a task stands. What the task has not reached yet is not there',
});

const Details = Type.Object({
  task: Type.Optional(TaskDefinitionSent),
  attempts: Type.Integer({ minimum: 0, description: 'Attempts that have started' }),
  task_metas: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'As they were sent' })),
  waiting: Type.Optional(WaitReason),
});
const DetailedStatus = Type.Intersect([refTo('Status'), Details], {
  description: 'A status with the definition, without credentials; given with `details`',
});

const Problem = Type.Object({
  name: Type.String({ description: 'The path of the value: `tasks`, `tasks[2].task_name`' }),
  location: Type.Enum(['body', 'query', 'header', 'path']),
  description: Type.String(),
});
const Problems = Type.Object(
  { status: Type.Literal('error'), errors: Type.Array(refTo('Problem'), { minItems: 1 }) },
  { description: 'All that is wrong with a request, at once' },
);
const NoSuchFile = Type.Object(
  {
    status: Type.Literal('error'),
    message: Type.String({ description: 'What is wrong, and the names to choose from' }),
  },
  { description: 'The task has ended well, but has no file of this name' },
);

const CatalogueEntry = Type.Object(
  {
    name: Type.String(),
    description: Type.String(),
    parameters: Type.Record(Type.String(), Type.Unknown(), { description: 'A JSON Schema' }),
    result: Type.Record(Type.String(), Type.Unknown(), { description: 'A JSON Schema' }),
    files: Type.Array(Type.String(), {
      description: 'Names of the files that the task makes, unless its parameters name them',
    }),
  },
  { description: 'One task of the catalogue' },
);

const Health = Type.Object({ status: Type.Literal('ok') });

/** What answers are made of, under the names by which the document refers to them. */
export const ANSWER_SCHEMAS = {
  Key,
  Status,
  OpenStatus,
  SuccessStatus,
  ErrorStatus,
  DetailedStatus,
  Problem,
  Problems,
  NoSuchFile,
  ...HISTORY_SCHEMAS,
  CatalogueEntry,
  Health,
} as const satisfies Record<string, Schema>;

/** A list of what has the name. */
export const listOf = (name: keyof typeof ANSWER_SCHEMAS): Schema => Type.Array(refTo(name));

/** What `details` does, and the lists that are answered with it or without. */
export const DETAILS =
  'Add the definition, the number of attempts, `task_metas`, and what a task that does not move waits for: up to 64 MiB in one answer';
export const STATUS_LISTS = { anyOf: [listOf('Status'), listOf('DetailedStatus')] };
