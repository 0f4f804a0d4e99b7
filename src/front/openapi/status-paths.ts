import Type from 'typebox';
import { DETAILS, STATUS_LISTS } from './answer-schemas.ts';
import { answers, FEED, OVER } from './answers.ts';
import { CREDENTIALS, requestBody } from './create-paths.ts';
import { cancelAnswer, KEY, OTHER_KEY, statusAnswers, statusBody } from './examples.ts';
import {
  type Answer,
  flag,
  flagBeside,
  json,
  type Operation,
  only,
  type Parameter,
  type Paths,
  schemaRef,
} from './parts.ts';
import { BY_SECRET_IN_HEADER, OPEN } from './security.ts';

const keyRef = Type.Ref(schemaRef('Key').$ref);

const BLOCK = 'Answer when all tasks have ended';
const AT =
  'What the statuses were when the log ended there: the sequence of an event, or an ISO 8601 date. Not with `block`';

const KEYS: Parameter = {
  name: 'tasks',
  in: 'query',
  description: 'One or more keys, each as a `tasks` of its own; at most `MAX_TASKS`',
  required: true,
  style: 'form',
  explode: true,
  schema: Type.Array(keyRef, { minItems: 1 }),
  example: [KEY, OTHER_KEY],
};

/** One key as a query parameter. */
export const ONE_KEY: Parameter = {
  name: 'task',
  in: 'query',
  description: 'The key of the task',
  required: true,
  schema: keyRef,
  example: KEY,
};

const keysInBody = Type.Union([keyRef, Type.Array(keyRef, { minItems: 1 })], {
  description: 'One key, or a list of them: at most `MAX_TASKS`',
});
const StatusBody = Type.Object({
  tasks: keysInBody,
  block: Type.Optional(Type.Boolean({ description: BLOCK, default: false })),
  details: Type.Optional(Type.Boolean({ description: DETAILS, default: false })),
  at: Type.Optional(Type.Union([Type.Integer({ minimum: 0 }), Type.String()], { description: AT })),
});
const FollowBody = Type.Object({ tasks: keysInBody });
const CancelBody = Type.Object({
  tasks: keysInBody,
  details: Type.Optional(Type.Boolean({ description: DETAILS, default: false })),
  secret: CREDENTIALS.secret,
});
const twoKeys = only('Two tasks', { tasks: [KEY, OTHER_KEY] });

const STATUSES: Answer = {
  description: 'The statuses, in the order asked',
  content: json(STATUS_LISTS, statusAnswers),
};
const WHO = 'Needs no credentials: who knows a key may ask.';

const STATUS = {
  tags: ['Follow'],
  summary: 'The statuses of tasks',
  description: WHO,
  security: OPEN,
} as const;

const follow = (path: string, operationId: string, description: string): Paths => {
  const shared = {
    tags: ['Follow'],
    summary: 'Follow tasks until they end',
    description,
    security: OPEN,
  } as const;
  const get: Operation = {
    ...shared,
    operationId: `${operationId}ByGet`,
    parameters: [KEYS],
    responses: { 200: FEED, 204: OVER, ...answers('Invalid', 'UnknownTask', 'LogOutOfReach') },
  };
  const post: Operation = {
    ...shared,
    operationId: `${operationId}ByPost`,
    requestBody: requestBody('The keys', FollowBody, twoKeys),
    responses: { 200: FEED, ...answers('Invalid', 'UnknownTask', 'TooLarge', 'LogOutOfReach') },
  };
  return { [path]: { get, post } };
};

const CANCEL: Operation = {
  operationId: 'cancel',
  tags: ['Follow'],
  summary: 'End tasks',
  description:
    'Ends those of these tasks that have not ended, and stops what runs of them: they are in `error` with the result ' +
    '`canceled`. A task that has ended stays as it is, so it is safe to ask again. If one of the keys is unknown, or ' +
    "is another account's, none is canceled.",
  security: BY_SECRET_IN_HEADER,
  parameters: [flagBeside('details')],
  requestBody: requestBody('The keys', CancelBody, twoKeys),
  responses: {
    200: {
      description: 'The statuses, in the order asked; all have ended',
      content: json(STATUS_LISTS, cancelAnswer),
    },
    ...answers('Invalid', 'SecretRefused', 'UnknownTask', 'TooLarge', 'LogOutOfReach'),
  },
};

/** Statuses, feeds of existing tasks, and their cancellation. */
export const STATUS_PATHS: Paths = {
  '/v1/status': {
    get: {
      ...STATUS,
      operationId: 'statusByGet',
      parameters: [
        KEYS,
        flag('block', BLOCK),
        flag('details', DETAILS),
        { name: 'at', in: 'query', description: AT, schema: { type: 'string' }, example: '42' },
      ],
      responses: { 200: STATUSES, ...answers('Invalid', 'UnknownTask', 'LogOutOfReach') },
    },
    post: {
      ...STATUS,
      operationId: 'statusByPost',
      parameters: [
        flagBeside('block'),
        flagBeside('details'),
        {
          name: 'at',
          in: 'query',
          description: 'In place of the `at` of the body',
          schema: { type: 'string' },
        },
      ],
      requestBody: requestBody('The keys', StatusBody, statusBody),
      responses: { 200: STATUSES, ...answers('Invalid', 'UnknownTask', 'TooLarge', 'LogOutOfReach') },
    },
  },
  ...follow(
    '/v1/status_stream',
    'statusStream',
    `A feed of statuses; tasks that have ended stand in the first line only. ${WHO}`,
  ),
  ...follow('/v1/stream', 'stream', 'Another name of `/v1/status_stream`.'),
  '/v1/cancel': { post: CANCEL },
};
