import Type, { type TSchema } from 'typebox';
import { STATUS_LISTS } from './answer-schemas.ts';
import { answers, FEED } from './answers.ts';
import { createAnswers, createBodies, createStreamBody } from './examples.ts';
import {
  type Examples,
  flagBeside,
  json,
  type Operation,
  type Parameter,
  type Paths,
  schemaRef,
} from './parts.ts';
import { BY_HEADER, REFERER } from './security.ts';

const tasks = Type.Ref(schemaRef('TaskDefinitions').$ref);

/** The members of a body that stand for the `Authorization` header. */
export const CREDENTIALS = {
  secret: Type.Optional(Type.String({ description: 'In place of `Authorization: Secret …`' })),
  api_key: Type.Optional(Type.String({ description: 'In place of `Authorization: Api-Key …`' })),
};

export const requestBody = (description: string, schema: TSchema, examples: Examples) => ({
  required: true as const,
  description,
  content: json(schema, examples),
});

/** The header by which a client names its create. */
export const IDEMPOTENCY_KEY: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'A name of your choice for this request, printable ASCII. For 24 h the same name with the same tasks, on any of ' +
    'the calls that create, is answered with the tasks of the first, as they are now; such an answer carries ' +
    '`Idempotent-Replayed: true`. A request that was refused leaves its name free. Each account has names of its own',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  example: 'order-4711',
};

const CreateBody = Type.Object({
  tasks,
  block: Type.Optional(
    Type.Boolean({
      description: 'Answer when all tasks have ended, with their final statuses',
      default: false,
    }),
  ),
  details: Type.Optional(
    Type.Boolean({
      description: 'Add the definition, the number of attempts and `task_metas`',
      default: false,
    }),
  ),
  ...CREDENTIALS,
});
const CreateStreamBody = Type.Object({ tasks, ...CREDENTIALS });

/** `/v1/create` and `/v1/create_stream`. */
export const createPaths = (publicUrl: string): Paths => ({
  '/v1/create': { post: create(publicUrl) },
  '/v1/create_stream': { post: CREATE_STREAM },
});

const create = (publicUrl: string): Operation => ({
  operationId: 'create',
  tags: ['Create'],
  summary: 'Queue one or more tasks',
  description:
    'Stores all tasks or none. A task whose parameters do not fit is stored too: it ends at once in `error` and ' +
    'says what does not fit, while its neighbours run. An unknown `task_name` refuses the whole request.',
  security: BY_HEADER,
  parameters: [flagBeside('block'), flagBeside('details'), IDEMPOTENCY_KEY, REFERER],
  requestBody: requestBody('The tasks', CreateBody, createBodies(publicUrl)),
  responses: {
    200: {
      description: 'The statuses, in the order of `tasks`; always a list',
      content: json(STATUS_LISTS, createAnswers(publicUrl)),
    },
    ...answers('Invalid', 'Refused', 'Forgotten', 'TooLarge', 'OtherBody', 'LogOutOfReach'),
  },
});

const CREATE_STREAM: Operation = {
  operationId: 'createStream',
  tags: ['Create'],
  summary: 'Queue one or more tasks and follow them',
  description:
    'As `/v1/create`; the answer is a feed of statuses, the first line telling which task has which key.',
  security: BY_HEADER,
  parameters: [IDEMPOTENCY_KEY, REFERER],
  requestBody: requestBody('The tasks', CreateStreamBody, createStreamBody),
  responses: {
    200: FEED,
    ...answers('Invalid', 'Refused', 'Forgotten', 'TooLarge', 'OtherBody', 'LogOutOfReach'),
  },
};
